"""The rules of ingest: every reason to refuse, and that nothing else refuses."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.ingest import (
    MOVING_MS,
    Header,
    PastPlace,
    Payload,
    RegisteredKey,
    Spoken,
    TimeRules,
    judge_times,
    read_header,
    usable,
    verify,
)
from protocol import cbor
from protocol.clock import to_ms
from protocol.envelope import MAX_ENVELOPE_BYTES, Context, sign
from protocol.keys import KeySigner
from protocol.messages import Alarm, Body, Clock, Kind
from protocol.order import Identity, Position, seal_message
from protocol.presence import Life, Presence, sign_presence
from protocol.refusals import Refusal
from protocol.topics import PRESENCE, Topic, device_topic, message_topic

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHO = Identity(device="box-1", city="saltillo", point="p-1")
SIGNER = KeySigner.generate()
KEY = RegisteredKey(SIGNER.public_key, "box-1", "saltillo", "p-1")
ALARM = Alarm(alarm="panic_button", started_ms=to_ms(NOW))
RULES = TimeRules()


def make_raw(body: Body = ALARM, *, who: Identity = WHO, signer: KeySigner = SIGNER) -> bytes:
    """A signed message, the first of its outbox."""
    return seal_message(body, Position.first(bytes(16)).restarted(), who, signer, created_ms=to_ms(NOW))


def judge(raw: bytes, *, topic: str | None = None, key: RegisteredKey | None = KEY) -> Payload | Refusal:
    """All of ingest's rules, as the worker applies them."""
    header = read_header(topic or str(message_topic(WHO, Kind.ALARM)), raw)
    if isinstance(header, Refusal):
        return header
    usable_key = usable(key)
    return usable_key if isinstance(usable_key, Refusal) else verify(header, usable_key)


def altered(raw: bytes, change: Callable[[dict[int, cbor.Value]], object]) -> bytes:
    """A message with a changed payload, signed again by its device."""
    header = read_header(str(message_topic(WHO, Kind.ALARM)), raw)
    assert isinstance(header, Header)
    tree = cbor.decode(header.envelope.payload, max_bytes=10_000)
    assert isinstance(tree, dict)
    change(tree)
    return sign(cbor.encode(tree), SIGNER, Context.MESSAGE)


def test_a_good_message_is_taken() -> None:
    taken = judge(make_raw())
    assert isinstance(taken, Spoken)
    assert (taken.message.device, taken.body) == ("box-1", ALARM)


def test_a_good_birth_is_taken() -> None:
    raw = sign_presence(Life.BIRTH, WHO, SIGNER, connection=1, time_ms=to_ms(NOW))
    assert isinstance(judge(raw, topic=str(device_topic(WHO, PRESENCE))), Presence)


@pytest.mark.parametrize(
    ("refusal", "given_key"),
    [
        (Refusal.UNKNOWN_KEY, None),
        (Refusal.REVOKED_KEY, replace(KEY, is_revoked=True)),
        (Refusal.WRONG_ALGORITHM, replace(KEY, key=KeySigner(ec.generate_private_key(ec.SECP256R1())).public_key)),
        (Refusal.NOT_YOUR_TOPIC, replace(KEY, device="box-2")),
        (Refusal.NOT_YOUR_PLACE, replace(KEY, point="p-2")),
        (Refusal.NOT_YOUR_PLACE, replace(KEY, city="torreon")),
    ],
)
def test_the_registry_decides_who_may_speak_and_from_where(refusal: Refusal, given_key: RegisteredKey | None) -> None:
    assert judge(make_raw(), key=given_key) is refusal


@pytest.mark.parametrize(
    ("refusal", "topic"),
    [
        (Refusal.NOT_YOUR_TOPIC, "atalaya/v1/saltillo/p-1/box-2/alarm"),
        (Refusal.NOT_YOUR_TOPIC, "atalaya/v1/saltillo/p-1/box-1/hit"),
        (Refusal.NOT_YOUR_TOPIC, "atalaya/v1/saltillo/p-1/box-1/receipt"),
        (Refusal.NOT_YOUR_TOPIC, "atalaya/v2/saltillo/p-1/box-1/alarm"),
        (Refusal.NOT_YOUR_PLACE, "atalaya/v1/saltillo/p-2/box-1/alarm"),
        (Refusal.NOT_YOUR_PLACE, "atalaya/v1/torreon/p-1/box-1/alarm"),
        (Refusal.BAD_SIGNATURE, "atalaya/v1/saltillo/p-1/box-1/presence"),
    ],
)
def test_a_valid_signature_under_a_topic_of_another_is_refused(refusal: Refusal, topic: str) -> None:
    assert judge(make_raw(), topic=topic) is refusal


@pytest.mark.parametrize(
    ("refusal", "raw"),
    [
        (Refusal.TOO_LARGE, bytes(MAX_ENVELOPE_BYTES + 1)),
        (Refusal.BAD_SIGNATURE, make_raw()[:-1] + bytes([make_raw()[-1] ^ 1])),
        (Refusal.BAD_FORM, b""),
        (Refusal.BAD_FORM, b"not an envelope"),
        (Refusal.BAD_FORM, sign(b"not a message", SIGNER, Context.MESSAGE)),
        (Refusal.BAD_FORM, altered(make_raw(), lambda tree: tree.pop(5))),
        (Refusal.BAD_FORM, altered(make_raw(), lambda tree: tree.update({11: {}}))),
        (Refusal.UNKNOWN_VERSION, altered(make_raw(), lambda tree: tree.update({0: 2}))),
        (Refusal.UNKNOWN_VERSION, sign(cbor.encode({0: 2, 1: "of another shape"}), SIGNER, Context.MESSAGE)),
        (Refusal.UNKNOWN_KIND, altered(make_raw(), lambda tree: tree.update({1: 77}))),
    ],
)
def test_what_is_not_a_message_of_ours_is_refused_for_what_it_is(refusal: Refusal, raw: bytes) -> None:
    assert judge(raw) is refusal


@given(st.binary(max_size=300), st.text(max_size=60))
def test_no_bytes_and_no_topic_crash_ingest(raw: bytes, topic: str) -> None:
    assert isinstance(judge(raw, topic=topic or "x"), Refusal)


@given(st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_never_taken(at: int, flip: int) -> None:
    raw = bytearray(make_raw())
    raw[at % len(raw)] ^= flip
    assert isinstance(judge(bytes(raw)), Refusal)


@given(
    st.integers(1, 2**31 - 1),
    st.integers(1, 2**53),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 4_102_444_800_000),
)
def test_sequence_chain_and_age_never_refuse(epoch: int, sequence: int, previous: bytes, created_ms: int) -> None:
    at = Position(bytes(16), epoch, sequence, previous)
    assert isinstance(judge(seal_message(ALARM, at, WHO, SIGNER, created_ms=created_ms)), Spoken)


def test_a_message_of_now_counts_at_its_own_time_and_has_no_mark() -> None:
    times = judge_times(to_ms(NOW), to_ms(NOW - timedelta(seconds=3)), Clock.GOOD, NOW + timedelta(seconds=1), RULES)
    assert times.counted_at == NOW - timedelta(seconds=3)
    assert (times.is_historical, times.is_clock_suspect) == (False, False)


def test_an_old_message_is_historical_and_counts_at_its_own_time() -> None:
    times = judge_times(to_ms(NOW), to_ms(NOW), Clock.GOOD, NOW + timedelta(days=1), RULES)
    assert (times.counted_at, times.is_historical, times.is_clock_suspect) == (NOW, True, False)


@pytest.mark.parametrize(
    ("created_at", "clock"), [(NOW + timedelta(hours=1), Clock.GOOD), (NOW - timedelta(days=400), Clock.BELOW_FLOOR)]
)
def test_a_wrong_clock_is_suspect_and_counts_at_the_time_of_receipt(created_at: datetime, clock: Clock) -> None:
    times = judge_times(to_ms(created_at), to_ms(created_at), clock, NOW, RULES)
    assert (times.created_at, times.received_at, times.counted_at) == (created_at, NOW, NOW)
    assert (times.is_historical, times.is_clock_suspect) == (False, True)


def test_a_message_that_tells_of_1970_counts_at_the_time_it_was_made() -> None:
    times = judge_times(to_ms(NOW), 0, Clock.GOOD, NOW, RULES)
    assert (times.counted_at, times.is_historical, times.is_clock_suspect) == (NOW, False, False)


MOVED_MS = to_ms(NOW)
OLD_PLACE = Identity(device="box-1", city="saltillo", point="p-0")
MOVED = replace(KEY, past=(PastPlace("saltillo", "p-0", MOVED_MS),))


def of_old_place(created_ms: int) -> bytes:
    """What the box wrote under its old identity."""
    return seal_message(ALARM, Position.first(bytes(16)).restarted(), OLD_PLACE, SIGNER, created_ms=created_ms)


@pytest.mark.parametrize("topic", [message_topic(WHO, Kind.ALARM), message_topic(OLD_PLACE, Kind.ALARM)], ids=str)
def test_what_a_box_wrote_before_it_was_moved_is_taken_from_either_topic(topic: Topic) -> None:
    taken = judge(of_old_place(MOVED_MS - 1), topic=str(topic), key=MOVED)
    assert isinstance(taken, Spoken)
    assert taken.message.point == "p-0", "and is of the old place"


def test_what_a_box_says_of_its_old_place_after_it_was_moved_is_refused() -> None:
    late = MOVED_MS + MOVING_MS + 1
    assert (
        judge(of_old_place(late), topic=str(message_topic(OLD_PLACE, Kind.ALARM)), key=MOVED) is Refusal.NOT_YOUR_PLACE
    )


def test_a_place_where_a_box_never_stood_is_refused_as_ever() -> None:
    elsewhere = Identity(device="box-1", city="saltillo", point="p-9")
    raw = seal_message(ALARM, Position.first(bytes(16)).restarted(), elsewhere, SIGNER, created_ms=0)
    for who in (WHO, OLD_PLACE, elsewhere):
        assert judge(raw, topic=str(message_topic(who, Kind.ALARM)), key=MOVED) is Refusal.NOT_YOUR_PLACE
