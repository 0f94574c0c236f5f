"""Which request for another term is granted, and which is refused by what word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.core.ingest import RegisteredKey
from aggregator.core.renewal import MAX_A_DAY, TEXTS, Holder, Refusal, judge, read
from protocol.clock import to_ms
from protocol.envelope import Context, Envelope, sign
from protocol.keys import KeySigner
from protocol.messages import VERSION
from protocol.renewal import MAX_REQUEST_BYTES, RenewalRequest, sign_request
from protocol.wire import to_bytes

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BOX = KeySigner.generate()
KEY = RegisteredKey(key=BOX.public_key, device="box-1", city="saltillo", point="p-1")
HOLDER = Holder(KEY, last_ms=0, issued_today=0)


def request(*, device: str = "box-1", at: datetime = NOW, signer: KeySigner = BOX) -> Envelope:
    envelope = read(sign_request(device, signer, time_ms=to_ms(at)))
    assert isinstance(envelope, Envelope)
    return envelope


def test_a_sound_request_of_a_registered_key_is_granted() -> None:
    assert judge(request(), HOLDER, now=NOW) == RenewalRequest(version=VERSION, device="box-1", time_ms=to_ms(NOW))


@pytest.mark.parametrize(
    ("envelope", "holder", "refusal"),
    [
        (request(), None, Refusal.UNKNOWN_KEY),
        (request(), replace(HOLDER, key=replace(KEY, is_revoked=True)), Refusal.REVOKED_KEY),
        (request(signer=KeySigner.generate()), HOLDER, Refusal.BAD_SIGNATURE),
        (request(device="box-2"), HOLDER, Refusal.NOT_YOUR_KEY),
        (request(at=NOW - timedelta(minutes=6)), HOLDER, Refusal.WRONG_TIME),
        (request(at=NOW + timedelta(minutes=6)), HOLDER, Refusal.WRONG_TIME),
        (request(), replace(HOLDER, last_ms=to_ms(NOW)), Refusal.REPLAYED),
        (request(at=NOW - timedelta(minutes=1)), replace(HOLDER, last_ms=to_ms(NOW)), Refusal.REPLAYED),
        (request(), replace(HOLDER, issued_today=MAX_A_DAY), Refusal.TOO_OFTEN),
    ],
)
def test_what_is_wrong_decides_the_word(envelope: Envelope, holder: Holder | None, refusal: Refusal) -> None:
    assert judge(envelope, holder, now=NOW) is refusal


def test_an_envelope_of_another_context_is_no_request() -> None:
    payload = to_bytes(RenewalRequest(version=VERSION, device="box-1", time_ms=to_ms(NOW)))
    envelope = read(sign(payload, BOX, Context.MESSAGE))
    assert isinstance(envelope, Envelope)
    assert judge(envelope, HOLDER, now=NOW) is Refusal.BAD_SIGNATURE


def test_bytes_that_are_no_request_are_refused_unread() -> None:
    assert read(b"") is Refusal.BAD_FORM
    assert read(sign(bytes(MAX_REQUEST_BYTES), BOX, Context.RENEWAL)) is Refusal.BAD_FORM
    signed_nonsense = read(sign(b"\xa0", BOX, Context.RENEWAL))
    assert isinstance(signed_nonsense, Envelope)
    assert judge(signed_nonsense, HOLDER, now=NOW) is Refusal.BAD_FORM


def test_every_refusal_has_a_text_for_people() -> None:
    assert set(TEXTS) == set(Refusal)
