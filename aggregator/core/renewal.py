"""Renewal: which request for another term is granted.

A request is judged in this order, and the first that fails decides:

    form        one of our envelopes, and in it a request                    bad_form
    key         registered                                                   unknown_key
                of a device and a key that are not revoked                   revoked_key
    signature   this key's, in the context of renewals                       bad_signature
    owner       the key's own device                                         not_your_key
    time        within MAX_OFF of ours                                       wrong_time
                past the last request of this key that was granted           replayed
    rate        at most MAX_A_DAY certificates a day for one key             too_often

The form is not told apart from the payload's: nobody but a box of ours has a reason to ask.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import Final, TypeAlias

from aggregator.core.ingest import RegisteredKey
from protocol.clock import from_ms
from protocol.envelope import Context, Envelope, parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.renewal import MAX_OFF, MAX_REQUEST_BYTES, RenewalRequest, decode_request

MAX_A_DAY: Final = 24


@unique
class Refusal(Enum):
    """Why a request is not granted; the value is the word of the answer."""

    BAD_FORM = "bad_form"
    UNKNOWN_KEY = "unknown_key"
    REVOKED_KEY = "revoked_key"
    BAD_SIGNATURE = "bad_signature"
    NOT_YOUR_KEY = "not_your_key"
    WRONG_TIME = "wrong_time"
    REPLAYED = "replayed"
    TOO_OFTEN = "too_often"


TEXTS: Final = {
    Refusal.BAD_FORM: "not a request for renewal",
    Refusal.UNKNOWN_KEY: "no device is registered with this key; enrol the box",
    Refusal.REVOKED_KEY: "this key was revoked; enrol the box anew, under the id that the command centre gives it",
    Refusal.BAD_SIGNATURE: "the signature is not this key's",
    Refusal.NOT_YOUR_KEY: "the key is another device's",
    Refusal.WRONG_TIME: f"the time is more than {MAX_OFF.total_seconds() / 60:.0f} minutes off; see the header Date",
    Refusal.REPLAYED: "a request of this time or a later one was granted already",
    Refusal.TOO_OFTEN: f"{MAX_A_DAY} certificates were issued for this key within a day; ask again tomorrow",
}


@dataclass(frozen=True, slots=True)
class Holder:
    """What the registry knows of the key that asks."""

    key: RegisteredKey
    last_ms: int
    issued_today: int


Judgement: TypeAlias = RenewalRequest | Refusal


def read(raw: bytes) -> Envelope | Refusal:
    """The envelope of a request, not yet believed."""
    try:
        return parse(raw, max_bytes=MAX_REQUEST_BYTES)
    except BadEnvelope:
        return Refusal.BAD_FORM


def judge(envelope: Envelope, holder: Holder | None, *, now: datetime) -> Judgement:
    """The request, if it is to be granted."""
    if holder is None:
        return Refusal.UNKNOWN_KEY
    if holder.key.is_revoked:
        return Refusal.REVOKED_KEY
    if envelope.check(holder.key.key, Context.RENEWAL) is not None:
        return Refusal.BAD_SIGNATURE
    try:
        request = decode_request(envelope)
    except DecodeError:
        return Refusal.BAD_FORM
    return _judge_claims(request, holder, now) or request


def _judge_claims(request: RenewalRequest, holder: Holder, now: datetime) -> Refusal | None:
    if request.device != holder.key.device:
        return Refusal.NOT_YOUR_KEY
    if abs(from_ms(request.time_ms) - now) > MAX_OFF:
        return Refusal.WRONG_TIME
    if request.time_ms <= holder.last_ms:
        return Refusal.REPLAYED
    return Refusal.TOO_OFTEN if holder.issued_today >= MAX_A_DAY else None
