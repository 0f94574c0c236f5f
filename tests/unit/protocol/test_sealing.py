"""Sealing: opened by one key, for one use, one device and one original."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples_world import evidence_key, evidence_spki, key

from protocol.errors import SealError
from protocol.sealing import OVERHEAD_BYTES, Purpose, check_evidence_key, seal, unseal

X25519_HEAD = bytes.fromhex("302a300506032b656e032100")
PLAIN = b"a picture"
DIGEST = hashlib.sha256(PLAIN).digest()


def sealed(plain: bytes = PLAIN) -> bytes:
    return seal(plain, evidence_spki(), Purpose.ORIGINAL, device="box-17", sha256=DIGEST)


def opened(data: bytes, **changes: object) -> bytes:
    given = {"purpose": Purpose.ORIGINAL, "device": "box-17", "sha256": DIGEST, "key": evidence_key(), **changes}
    return unseal(data, **given)  # type: ignore[arg-type]


@given(st.binary(max_size=500))
def test_what_was_sealed_is_opened(plain: bytes) -> None:
    data = sealed(plain)
    assert len(data) == len(plain) + OVERHEAD_BYTES
    assert opened(data) == plain


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": Purpose.REFUSED},
        {"device": "box-18"},
        {"sha256": bytes(32)},
        {"key": X25519PrivateKey.generate()},
        {"device": "box-17\x00"},
        {"sha256": b""},
    ],
    ids=["purpose", "device", "original", "key", "device-with-a-nul", "no-original"],
)
def test_another_use_owner_original_or_key_does_not_open(changes: dict[str, object]) -> None:
    with pytest.raises(SealError):
        opened(sealed(), **changes)


def test_no_altered_and_no_cut_bytes_open() -> None:
    data = sealed()
    for at in range(len(data)):
        for other in (data[:at], data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :], data[at + 1 :]):
            with pytest.raises(SealError):
                opened(other)


@pytest.mark.parametrize(
    "spki",
    [b"", b"noise", X25519_HEAD + bytes(31), key("device").public_key.spki, evidence_spki() + b"\x00"],
    ids=["nothing", "noise", "short", "ed25519", "tail"],
)
def test_what_is_no_evidence_key_is_not_sealed_to(spki: bytes) -> None:
    with pytest.raises(SealError):
        check_evidence_key(spki)
    with pytest.raises(SealError):
        seal(PLAIN, spki, Purpose.ORIGINAL, device="box-17", sha256=DIGEST)


@pytest.mark.parametrize("point", [0, 1, 2**255 - 19 - 1], ids=hex)
def test_a_point_that_gives_no_secret_is_not_sealed_to(point: int) -> None:
    with pytest.raises(SealError):
        seal(PLAIN, X25519_HEAD + point.to_bytes(32, "little"), Purpose.ORIGINAL, device="a", sha256=DIGEST)
