"""Messages: what devices say, and what they cannot say."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples import samples
from protocol_samples_minor import minor_samples
from protocol_samples_world import WHO, key, signed_payload

from protocol import cbor, fields
from protocol import messages as m
from protocol.envelope import MAX_ENVELOPE_BYTES, Context, parse
from protocol.errors import DecodeError, EncodeError
from protocol.order import Position, seal_message
from protocol.refusals import Refusal

EVERY = [*samples(), *minor_samples()]
MESSAGES = [m.decode_message(parse(s.raw).payload) for s in EVERY if s.context is Context.MESSAGE]
HIT = m.body_of(MESSAGES[0])
KEY = m.HitKey(outbox=bytes(16), epoch=1, sequence=1, hash=bytes(32))


def change(body: m.Body, **fields: object) -> m.Body:
    return msgspec.structs.replace(body, **fields)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: m.Kind(message.kind).slug)
def test_a_message_is_read_as_it_was_written(message: m.Message) -> None:
    assert m.decode_message(m.encode_message(message)) == message
    assert m.body_of(message) == m.body_of(msgspec.structs.replace(message, body=m.body_tree(m.body_of(message))))


def test_every_kind_has_a_body_and_an_example() -> None:
    assert set(m.BODIES) == set(m.Kind) == {m.Kind(message.kind) for message in MESSAGES}
    assert {m.KINDS[body]: body for body in m.KINDS} == m.BODIES


@given(
    st.builds(
        m.CameraMinute,
        camera=st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True),
        state=st.sampled_from(m.CameraState),
        **{name: st.integers(0, 2**53) for name in m.CameraMinute.__struct_fields__[2:]},
    )
)
def test_any_counts_survive(minute: m.CameraMinute) -> None:
    report = m.Report(from_ms=0, to_ms=1, cameras=(minute,), health=m.Health())
    message = msgspec.structs.replace(MESSAGES[0], kind=m.Kind.REPORT, body=m.body_tree(report))
    assert m.body_of(m.decode_message(m.encode_message(message))) == report


@pytest.mark.parametrize(
    "body",
    [
        change(HIT, plate="FAB-123-C"),
        change(HIT, matches=()),
        change(HIT, box=(-1, 0, 1, 1)),
        change(HIT, confidence=1001),
        change(HIT, camera="Cam 1"),
        m.Alarm(alarm="Line crossing", started_ms=0),
        m.Alarm(alarm="x", started_ms=4_102_444_800_001),
        m.Piece(sha256=bytes(32), total_bytes=0, offset=0, data=b""),
        m.Dropped(reason="full", tombstones=()),
    ],
    ids=lambda body: type(body).__name__,
)
def test_what_would_be_refused_is_not_said(body: m.Body) -> None:
    with pytest.raises(EncodeError):
        seal_message(body, Position.first(bytes(16)).restarted(), WHO, key("device"), created_ms=0)


def test_an_amended_read_that_matches_nothing_carries_no_text() -> None:
    m.HitAmended(hit=KEY)
    for plate, observed in (("FAB123C", None), (None, "FAB123C")):
        with pytest.raises(ValueError, match="no text") as caught:
            m.HitAmended(hit=KEY, plate=plate, observed=observed)
        assert "FAB" not in str(caught.value)


def test_a_piece_ends_within_its_picture() -> None:
    m.Piece(sha256=bytes(32), total_bytes=8, offset=4, data=bytes(4))
    with pytest.raises(ValueError, match="past the end"):
        m.Piece(sha256=bytes(32), total_bytes=8, offset=5, data=bytes(4))


def test_the_largest_piece_and_the_longest_dropped_fit_an_envelope() -> None:
    at = Position.first(bytes(16)).restarted()
    gone = m.Tombstone(epoch=2**31 - 1, sequence=2**53, kind=m.Kind.PIECE, hash=bytes(32))
    bodies = (
        m.Piece(sha256=bytes(32), total_bytes=fields.MAX_PICTURE_BYTES, offset=2**20, data=bytes(m.PIECE_BYTES)),
        m.Dropped(reason="x" * 48, tombstones=(gone,) * 256),
        m.Report(from_ms=0, to_ms=1, cameras=(full_minute(),) * 32, health=m.Health(), versions=("ñ" * 120,) * 32),
    )
    for body in bodies:
        assert len(seal_message(body, at, WHO, key("device"), created_ms=0)) <= MAX_ENVELOPE_BYTES


def full_minute() -> m.CameraMinute:
    counts = dict.fromkeys(m.CameraMinute.__struct_fields__[2:], 2**53)
    return m.CameraMinute(camera="c" * 32, state=m.CameraState.LIVE, **counts)


def test_unknown_version_and_kind_are_told_apart_from_bad_form() -> None:
    tree = cbor.decode(m.encode_message(MESSAGES[0]), max_bytes=10_000)
    assert isinstance(tree, dict)
    for changes, refusal in (
        ({0: 2, 2: 7}, Refusal.UNKNOWN_VERSION),
        ({1: 99}, Refusal.UNKNOWN_KIND),
        ({2: 7}, Refusal.BAD_FORM),
    ):
        with pytest.raises(DecodeError) as caught:
            m.body_of(m.decode_message(cbor.encode({**tree, **changes})))
        assert caught.value.refusal is refusal


def test_fields_of_a_newer_minor_are_passed_over_everywhere() -> None:
    tree = cbor.decode(m.encode_message(MESSAGES[0]), max_bytes=10_000)
    assert isinstance(tree, dict)
    body = tree[11]
    assert isinstance(body, dict)
    newer = cbor.encode({**tree, 11: {**body, 22: "new"}, 23: [{0: b"new"}]})
    assert m.body_of(m.decode_message(parse(signed_payload(newer)).payload)) == HIT


def test_slugs_are_words_of_topics() -> None:
    assert [kind.slug for kind in m.Kind] == [
        "hit",
        "hit-amended",
        "alarm",
        "report",
        "evidence",
        "piece",
        "evidence-unavailable",
        "dropped",
        "camera-condition",
        "acceptance",
        "settings-result",
    ]
