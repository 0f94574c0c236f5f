"""Tokens, requests and answers of an enrolment."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.armour import armour, compact, unarmour
from protocol.enrolment import (
    AnswerRefusal,
    Believed,
    EnrolmentAnswer,
    Parcel,
    Place,
    Token,
    check_parcel,
    decode_request,
    invitation_signer,
    read_token,
    sign_answer,
    sign_request,
    token_text,
)
from protocol.envelope import Context, parse
from protocol.errors import DecodeError
from protocol.keys import KeySigner
from protocol.refusals import Refusal
from protocol.trust import Grant, Role, sign_bundle
from protocol.wire import from_versioned, to_bytes

ROOT, SERVER, BOX = KeySigner.generate(), KeySigner.generate(), KeySigner.generate()
NOW_MS = 1_795_000_000_000


def make_token(**changed: object) -> Token:
    fields = {
        "version": 1,
        "host": "c4.example",
        "port": 8444,
        "server_name": "c4.example",
        "device": "box-1",
        "expires_ms": NOW_MS,
        "root_sha256": hashlib.sha256(ROOT.public_key.spki).digest(),
        "secret": bytes(range(16)),
    }
    return Token(**(fields | changed))  # type: ignore[arg-type]  # the test's own values


def make_parcel(
    root: KeySigner = ROOT,
    signer: KeySigner = SERVER,
    role: Role = Role.RECEIPT,
    granted: tuple[int, int] = (0, 2 * NOW_MS),
    cities: tuple[str, ...] = ("saltillo",),
    **changed: object,
) -> bytes:
    grant = Grant(
        role=role, spki=SERVER.public_key.spki, subject="server", not_before_ms=granted[0], not_after_ms=granted[1],
        cities=cities,
    )  # fmt: skip
    place = Place(
        broker_host="c4.example", broker_port=8883, server_name="c4.example", artefacts_url="https://c4.example:8443",
        enrolment_url="https://c4.example:8444",
    )  # fmt: skip
    fields = {
        "version": 1,
        "invitation": bytes(make_token().signer.public_key.key_id),
        "key": bytes(BOX.public_key.key_id),
        "device": "box-1",
        "city": "saltillo",
        "point": "p-1",
        "created_ms": NOW_MS,
        "place": place,
        "chain": (b"leaf",),
        "authorities": (b"ca",),
    }
    answer = EnrolmentAnswer(**(fields | changed))  # type: ignore[arg-type]  # the test's own values
    trust = sign_bundle(1, (grant,), root, created_ms=1)
    return to_bytes(Parcel(version=1, root_spki=root.public_key.spki, trust=trust, answer=sign_answer(answer, signer)))


def test_a_token_survives_what_people_do_to_it() -> None:
    text = token_text(make_token())
    in_groups = "\n  ".join(text[at : at + 7] for at in range(0, len(text), 7)).lower()
    assert read_token(in_groups) == make_token()


def test_a_token_fits_the_small_alphabet_of_qr_codes() -> None:
    text = token_text(make_token())
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:")
    assert len(text) < 220


@given(at=st.integers(8, 100), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_letter_typed_wrongly_is_noticed(at: int, letter: str) -> None:
    text = token_text(make_token())
    wrong = text[:at] + letter + text[at + 1 :]
    if wrong != text:
        with pytest.raises(DecodeError):
            read_token(wrong)


@given(cut=st.integers(0, 180))
def test_a_token_cut_short_is_noticed(cut: int) -> None:
    text = token_text(make_token())
    with pytest.raises(DecodeError):
        read_token(text[: min(cut, len(text) - 1)])


@pytest.mark.parametrize("text", ["", "https://c4.example/", "ATALAYA:", "ATALAYA:1", "ATALAYA:" + "A" * 4_000])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        read_token(text)


def test_a_token_of_a_later_release_is_told_apart() -> None:
    with pytest.raises(DecodeError) as caught:
        read_token(token_text(make_token(version=2)))
    assert caught.value.refusal is Refusal.UNKNOWN_VERSION


def test_the_bytes_of_tokens_and_requests_never_change() -> None:
    token = make_token(root_sha256=bytes(range(32)))
    assert token_text(token) == (
        "ATALAYA:VAAACALKMM2C4ZLYMFWXA3DFAIMSB7ADNJRTILTFPBQW24DMMUCGKYTPPAWTCBI3AAAADIPOKZPAABSYEAAACAQDAQCQMBYIBEFAWDANBYHR"
        "AEISCMKBKFQXDAMRUGY4DUPB6B2QAAAQEAYEAUDAOCAJBIFQYDIOB6WM6JVV"
    )
    assert sign_request(b"csr", token.signer).hex() == (
        "d28455a2013204500c5fe887819d8a2ca015aed74f9993e1a048a2000101436373725840a7b2def40e586c37afc88f2712f0d76b86f99609"
        "10d6a5949b5104739cfdea42563b491c2540450e007bc7fe91a577177dde20abc0ff7c27db7c74b843181d0b"
    )


@given(text=st.one_of(st.text(max_size=60), st.text("ATALY:234567=", max_size=60)), head=st.booleans())
def test_no_text_breaks_the_reader_of_tokens(text: str, head: bool) -> None:
    with contextlib.suppress(DecodeError):
        read_token(f"ATALAYA:{text}" if head else text)


@given(at=st.integers(0, 900), bit=st.integers(0, 7))
def test_no_damaged_parcel_is_believed_as_another(at: int, bit: int) -> None:
    raw = bytearray(make_parcel())
    raw[at % len(raw)] ^= 1 << bit
    assert isinstance(check_parcel(bytes(raw), make_token().pin, BOX.public_key), AnswerRefusal)


def test_a_token_does_not_show_its_secret() -> None:
    token = make_token(secret=b"S3CR3TS3CR3TS3CR")
    assert "S3CR3T" not in f"{token!r} {token}"
    assert "S3CR3T" not in repr(token.pin)


def test_a_request_is_bound_to_its_token() -> None:
    token = make_token()
    envelope = parse(sign_request(b"csr", token.signer))
    assert envelope.check(token.signer.public_key, Context.ENROLMENT) is None
    assert decode_request(envelope.payload).csr == b"csr"
    other = invitation_signer(bytes(16)).public_key
    assert envelope.check(other, Context.ENROLMENT) is not None
    assert token.secret not in envelope.raw


def test_an_answer_is_believed_by_the_token_alone() -> None:
    found = check_parcel(make_parcel(), make_token().pin, BOX.public_key)
    assert isinstance(found, Believed)
    assert (found.answer.point, found.trust.number) == ("p-1", 1)


STRANGER = KeySigner.generate()


@pytest.mark.parametrize(
    ("parcel", "refusal"),
    [
        (b"", AnswerRefusal.BAD_FORM),
        (make_parcel()[:-1], AnswerRefusal.BAD_FORM),
        (make_parcel(root=STRANGER), AnswerRefusal.OTHER_ROOT),
        (make_parcel(signer=STRANGER), AnswerRefusal.BAD_SIGNATURE),
        (make_parcel(role=Role.MANIFEST), AnswerRefusal.BAD_SIGNATURE),
        (make_parcel(cities=("torreon",)), AnswerRefusal.BAD_SIGNATURE),
        (make_parcel(granted=(0, NOW_MS - 1)), AnswerRefusal.BAD_SIGNATURE),
        (make_parcel(device="box-2"), AnswerRefusal.OTHER_REQUEST),
        (make_parcel(key=bytes(16)), AnswerRefusal.OTHER_REQUEST),
        (make_parcel(invitation=bytes(16)), AnswerRefusal.OTHER_REQUEST),
    ],
)
def test_an_answer_that_the_pinned_root_does_not_stand_behind_is_refused(parcel: bytes, refusal: AnswerRefusal) -> None:
    assert check_parcel(parcel, make_token().pin, BOX.public_key) is refusal


def test_a_trust_bundle_of_another_root_is_refused() -> None:
    ours, theirs = make_parcel(), make_parcel(root=STRANGER)
    swapped = ours.replace(_trust(ours), _trust(theirs))
    assert check_parcel(swapped, make_token().pin, BOX.public_key) is AnswerRefusal.BAD_TRUST


def _trust(parcel: bytes) -> bytes:
    return from_versioned(parcel, Parcel, max_bytes=10_000).trust


@given(raw=st.binary(max_size=600), around=st.text(alphabet="> abc\n", max_size=20))
def test_armoured_bytes_survive_a_letter(raw: bytes, around: str) -> None:
    assert unarmour("THING", around + armour("THING", raw).replace("\n", "\r\n") + around) == raw


@given(raw=st.binary(max_size=600), around=st.text(alphabet="> abc\n", max_size=20))
def test_compact_bytes_survive_a_scanner(raw: bytes, around: str) -> None:
    line = compact("THING", raw)
    assert set(line) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 :")
    in_lines = "\n".join(line[at : at + 40] for at in range(0, len(line), 40))
    assert unarmour("THING", f"{around}\n{line}\n{around}") == raw
    assert unarmour("THING", in_lines) == raw


def test_compact_bytes_unpack_to_no_more_than_was_allowed() -> None:
    line = compact("THING", bytes(1_000_000))
    assert len(line) < 2_000
    with pytest.raises(DecodeError):
        unarmour("THING", line, max_bytes=999_999)
    assert unarmour("THING", line, max_bytes=1_000_000) == bytes(1_000_000)


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_compact_line_that_was_cut_is_refused(cut: int) -> None:
    with pytest.raises(DecodeError):
        unarmour("THING", compact("THING", bytes(range(200)))[:-cut])


@pytest.mark.parametrize("text", ["", "-----BEGIN ATALAYA THING-----\nAAAA\n", armour("OTHER", b"a"), "\x00"])
def test_text_without_the_whole_of_it_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        unarmour("THING", text)


def test_armoured_bytes_that_were_damaged_are_refused() -> None:
    with pytest.raises(DecodeError):
        unarmour("THING", armour("THING", bytes(100)).replace("AAAA", "A!AA", 1))
