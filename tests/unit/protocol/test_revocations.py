"""A city's list of revoked keys: who may sign it, and that it only grows."""

from dataclasses import replace

import pytest

from protocol.envelope import Context, sign
from protocol.keys import KeySigner
from protocol.messages import VERSION
from protocol.refusals import Refusal
from protocol.revocations import RevocationList, RevokedKey, accept_list, sign_list
from protocol.trust import Grant, Role, TrustStore
from protocol.wire import to_bytes

SERVER, ROOT = KeySigner.generate(), KeySigner.generate()
NOW_MS = 1_795_000_000_000
GRANT = Grant(
    role=Role.RECEIPT, spki=SERVER.public_key.spki, subject="server", not_before_ms=0, not_after_ms=2 * NOW_MS,
    cities=("saltillo",),
)  # fmt: skip
TRUST = TrustStore(ROOT.public_key, 1, 0, (GRANT,))
UNREADABLE = sign(b"\xff", SERVER, Context.REVOCATIONS)


def key(number: int) -> RevokedKey:
    return RevokedKey(key_id=bytes(15) + bytes([number]), device=f"box-{number}", revoked_ms=NOW_MS)


def made(*numbers: int, signer: KeySigner = SERVER, city: str = "saltillo") -> bytes:
    return sign_list(city, [key(number) for number in numbers], signer, created_ms=NOW_MS)


def altered(raw: bytes) -> bytes:
    """The same but for the last bit of its signature."""
    return raw[:-1] + bytes([raw[-1] ^ 1])


def test_a_list_of_the_citys_server_is_believed_in_whatever_order_it_was_given() -> None:
    found = accept_list(made(2, 1), TRUST, city="saltillo")
    assert isinstance(found, RevocationList)
    assert (found.number, [each.device for each in found.keys]) == (2, ["box-1", "box-2"])


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (made(1, signer=KeySigner.generate()), Refusal.UNKNOWN_KEY),
        (made(1, city="monclova"), Refusal.BAD_FORM),
        (b"nonsense", Refusal.BAD_FORM),
        (altered(made(1)), Refusal.BAD_SIGNATURE),
        (UNREADABLE, Refusal.BAD_FORM),
        (altered(UNREADABLE), Refusal.BAD_SIGNATURE),  # before the payload is looked at
        (sign_list("saltillo", [key(1)], SERVER, created_ms=2 * NOW_MS + 1), Refusal.UNKNOWN_KEY),
    ],
    ids=["a stranger's", "another city's", "no envelope", "altered", "no list", "no list, altered", "after the grant"],
)
def test_any_other_is_refused(raw: bytes, refusal: Refusal) -> None:
    assert accept_list(raw, TRUST, city="saltillo") is refusal


def test_a_server_of_another_city_says_nothing_of_ours() -> None:
    elsewhere = replace(TRUST, grants=())
    assert accept_list(made(1), elsewhere, city="saltillo") is Refusal.UNKNOWN_KEY


def test_a_list_that_lost_a_key_is_refused_whatever_its_number() -> None:
    known = accept_list(made(1, 2), TRUST, city="saltillo")
    assert isinstance(known, RevocationList)
    assert accept_list(made(1), TRUST, city="saltillo", known=known) is Refusal.EQUIVOCATION
    assert accept_list(made(1, 3, 4), TRUST, city="saltillo", known=known) is Refusal.EQUIVOCATION
    assert isinstance(accept_list(made(1, 2, 3), TRUST, city="saltillo", known=known), RevocationList)


@pytest.mark.parametrize("keys", [(key(2), key(1)), (key(1), key(1)), (key(1),)])
def test_a_number_that_does_not_count_or_keys_out_of_order_are_refused(keys: tuple[RevokedKey, ...]) -> None:
    claim = RevocationList(version=VERSION, number=2, city="saltillo", created_ms=NOW_MS, keys=keys)
    raw = sign(to_bytes(claim), SERVER, Context.REVOCATIONS)
    assert accept_list(raw, TRUST, city="saltillo") is Refusal.BAD_FORM
