"""What a box believes of what comes down: receipts and requests to send again.

1. The key must be granted for receipts in the box's city by the trust bundle in force, and have made the signature.
2. The time written in it must lie within the grant's dates. It is not judged by the box's clock, which may be
   wrong either way and would then let nothing in; a key is taken back by the next bundle, not by its dates.
3. It must be for this device. A broker may deliver it to anybody.
"""

from protocol.delivery import accept_receipt
from protocol.envelope import Context, Envelope, parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.keys import PublicKey
from protocol.order import Identity
from protocol.receipts import MAX_RECEIPT_BYTES, Receipt, Resend, decode_resend
from protocol.refusals import Refusal
from protocol.trust import Grant, Role, TrustStore


def read_receipt(raw: bytes, trust: TrustStore, who: Identity) -> Receipt | Refusal:
    """A receipt to obey, or why not."""
    return accept_receipt(raw, trust, city=who.city, device=who.device)


def read_resend(raw: bytes, trust: TrustStore, who: Identity) -> Resend | Refusal:
    """A request to obey, or why not."""
    found = _verified(raw, Context.RESEND, trust, who.city)
    if isinstance(found, Refusal):
        return found
    envelope, grant = found
    try:
        resend = decode_resend(envelope)
    except DecodeError as exc:
        return exc.refusal
    if resend.device != who.device:
        return Refusal.NOT_YOUR_PLACE
    return resend if grant.is_current(resend.time_ms) else Refusal.REVOKED_KEY


def _verified(raw: bytes, context: Context, trust: TrustStore, city: str) -> tuple[Envelope, Grant] | Refusal:
    try:
        envelope = parse(raw, max_bytes=MAX_RECEIPT_BYTES)
    except BadEnvelope as exc:
        return exc.refusal
    granted = (g for g in trust.grants if g.role is Role.RECEIPT and g.covers(city) and g.key_id == envelope.key_id)
    grant = next(granted, None)
    if grant is None:
        return Refusal.UNKNOWN_KEY
    refusal = envelope.check(PublicKey.from_spki(grant.spki), context)
    return (envelope, grant) if refusal is None else refusal
