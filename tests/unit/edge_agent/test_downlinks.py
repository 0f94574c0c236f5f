"""What a box believes of receipts and requests to send again."""

import pytest

from edge_agent.core.downlinks import read_receipt, read_resend
from protocol.keys import KeySigner
from protocol.order import Identity
from protocol.receipts import Range, Receipt, ReceiptItem, Resend, Status, sign_receipt, sign_resend
from protocol.refusals import Refusal
from protocol.trust import Grant, Role, TrustStore, sign_bundle

WHO = Identity(device="box-1", city="saltillo", point="p-1")
ROOT, SERVER = KeySigner.generate(), KeySigner.generate()
BEGIN_MS, END_MS = 1_800_000_000_000, 1_900_000_000_000
NOW_MS = 1_850_000_000_000
ITEM = ReceiptItem(hash=bytes(32), status=Status.STORED)


def make_trust(role: Role = Role.RECEIPT, cities: tuple[str, ...] = ()) -> TrustStore:
    grant = Grant(
        role=role, spki=SERVER.public_key.spki, subject="server", not_before_ms=BEGIN_MS, not_after_ms=END_MS,
        cities=cities,
    )  # fmt: skip
    store = TrustStore(ROOT.public_key).accept(sign_bundle(1, (grant,), ROOT, created_ms=1))
    assert isinstance(store, TrustStore)
    return store


def make_receipt(device: str = "box-1", *, signer: KeySigner = SERVER, time_ms: int = NOW_MS) -> bytes:
    return sign_receipt(device, (ITEM,), signer, time_ms=time_ms)


def altered(raw: bytes) -> bytes:
    """The same with one bit of the signature turned."""
    return raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:]


def test_a_receipt_under_a_granted_key_is_believed() -> None:
    receipt = read_receipt(make_receipt(), make_trust(), WHO)
    assert isinstance(receipt, Receipt)
    assert receipt.items == (ITEM,)


@pytest.mark.parametrize(
    ("raw", "trust", "why"),
    [
        (b"", make_trust(), Refusal.BAD_FORM),
        (altered(make_receipt()), make_trust(), Refusal.BAD_SIGNATURE),
        (make_receipt(signer=KeySigner.generate()), make_trust(), Refusal.UNKNOWN_KEY),
        (make_receipt(), make_trust(Role.MANIFEST), Refusal.UNKNOWN_KEY),
        (make_receipt(), make_trust(cities=("monclova",)), Refusal.UNKNOWN_KEY),
        (make_receipt("box-2"), make_trust(), Refusal.NOT_YOUR_PLACE),
        (make_receipt(time_ms=BEGIN_MS - 1), make_trust(), Refusal.REVOKED_KEY),
        (make_receipt(time_ms=END_MS + 1), make_trust(), Refusal.REVOKED_KEY),
    ],
)
def test_other_receipts_are_refused_with_a_reason(raw: bytes, trust: TrustStore, why: Refusal) -> None:
    assert read_receipt(raw, trust, WHO) is why


def test_a_receipt_is_not_a_request_nor_a_request_a_receipt() -> None:
    resend = sign_resend("box-1", bytes(16), (Range(first=1, last=2),), SERVER, time_ms=NOW_MS)
    assert isinstance(read_resend(resend, make_trust(), WHO), Resend)
    assert read_receipt(resend, make_trust(), WHO) is Refusal.BAD_SIGNATURE
    assert read_resend(make_receipt(), make_trust(), WHO) is Refusal.BAD_SIGNATURE


def test_a_request_for_another_device_is_refused() -> None:
    resend = sign_resend("box-2", bytes(16), (Range(first=1, last=2),), SERVER, time_ms=NOW_MS)
    assert read_resend(resend, make_trust(), WHO) is Refusal.NOT_YOUR_PLACE
    assert read_resend(b"", make_trust(), WHO) is Refusal.BAD_FORM
