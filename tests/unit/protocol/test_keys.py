"""Keys: one form each, one signature each, and no point that signs everything."""

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import DecodeError
from protocol.keys import Algorithm, KeySigner, PublicKey, p256_raw, spki_of

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_HEAD = bytes.fromhex("302a300506032b6570032100")
SIGNERS = [KeySigner.generate(), KeySigner(ec.generate_private_key(ec.SECP256R1()))]


@pytest.mark.parametrize("signer", SIGNERS, ids=["ed25519", "p256"])
def test_a_signature_verifies_under_its_key_and_data_alone(signer: KeySigner) -> None:
    signature = signer.sign(b"data")
    assert len(signature) == 64
    assert signer.public_key.verifies(signature, b"data")
    assert not signer.public_key.verifies(signature, b"Data")
    for other in (*SIGNERS, KeySigner.generate()):
        assert other is signer or not other.public_key.verifies(signature, b"data")


@pytest.mark.parametrize("signer", SIGNERS, ids=["ed25519", "p256"])
def test_no_other_bytes_pass_for_a_signature(signer: KeySigner) -> None:
    signature = signer.sign(b"data")
    for bit in range(512):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not signer.public_key.verifies(bytes(changed), b"data")
    for other in (b"", signature[:-1], signature + b"\x00", bytes(64), b"\xff" * 64):
        assert not signer.public_key.verifies(other, b"data")


@given(st.binary(min_size=64, max_size=64))
def test_any_64_bytes_are_judged_without_a_crash(signature: bytes) -> None:
    assert not any(signer.public_key.verifies(signature, b"data") for signer in SIGNERS)


def test_the_high_twin_of_an_ecdsa_signature_is_refused() -> None:
    signer = SIGNERS[1]
    signature = signer.sign(b"data")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    assert s <= ORDER // 2
    twin = signature[:32] + (ORDER - s).to_bytes(32, "big")
    assert not signer.public_key.verifies(twin, b"data")
    assert p256_raw(encode_dss_signature(r, ORDER - s)) == signature


def test_the_unreduced_twin_of_an_ed25519_signature_is_refused() -> None:
    signer, order = SIGNERS[0], 2**252 + 27742317777372353535851937790883648493
    signature = signer.sign(b"data")
    s = int.from_bytes(signature[32:], "little") + order
    assert not signer.public_key.verifies(signature[:32] + s.to_bytes(32, "little"), b"data")


def test_a_der_signature_keeps_its_leading_zeros() -> None:
    raw = p256_raw(encode_dss_signature(1, 2))
    assert (len(raw), decode_dss_signature(encode_dss_signature(1, 2))) == (64, (1, 2))
    assert (raw[31], raw[63]) == (1, 2)


P = 2**255 - 19
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", [0, 1, P - 1, ORDER_8, P - ORDER_8, P, P + 1, 2**255 - 1], ids=hex)
def test_a_point_under_which_one_signature_holds_for_everything_is_no_key(y: int, sign: int) -> None:
    with pytest.raises(DecodeError):
        PublicKey.from_spki(ED25519_HEAD + (y | sign << 255).to_bytes(32, "little"))


def test_such_a_point_would_let_one_signature_hold_for_everything() -> None:
    """What the rule above is for: the neutral point takes R = S = 0 for any data."""
    neutral = ed25519.Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    for data in (b"one batch", b"another"):
        neutral.verify((1).to_bytes(32, "little") + bytes(32), data)


def test_a_key_has_one_form() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    head = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    compressed = head + point
    assert serialization.load_der_public_key(compressed) == key
    with pytest.raises(DecodeError):
        PublicKey.from_spki(compressed)
    PublicKey.from_spki(spki_of(key))


@pytest.mark.parametrize(
    "spki",
    [
        b"",
        b"not DER",
        ED25519_HEAD + bytes(31),
        spki_of(SIGNERS[0].private_key.public_key()) + b"\x00",
        spki_of(ec.generate_private_key(ec.SECP384R1()).public_key()),
        *(
            key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            for key in (
                x25519.X25519PrivateKey.generate().public_key(),
                rsa.generate_private_key(65537, 2048).public_key(),
            )
        ),
    ],
    ids=["nothing", "noise", "short", "tail", "p384", "x25519", "rsa"],
)
def test_what_is_no_signing_key_is_refused(spki: bytes) -> None:
    with pytest.raises(DecodeError):
        PublicKey.from_spki(spki)


def test_a_key_cannot_be_named_by_another_algorithm() -> None:
    with pytest.raises(DecodeError):
        PublicKey(Algorithm.ESP256, SIGNERS[0].public_key.spki)


def test_a_key_id_is_the_head_of_the_hash_of_the_spki() -> None:
    key = SIGNERS[0].public_key
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.spki)
    assert key.key_id == digest.finalize()[:16]
