"""An independent COSE library (`cwt`) verifies what we sign, and we verify what it signs.

It knows the algorithm numbers of RFC 9864 (Ed25519 -19, ESP256 -9), COSE_Sign1, COSE_Sign and external_aad,
so nothing is translated on the way. Two things are ours and not COSE's: of the two twins of an ECDSA signature we
take the one with the low s, and of the orders of a COSE_Sign's signatures the one by key id. The library
knows neither, so what it signs is brought to that form here, and the other form is shown to be refused.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from interop_env import interop_python
from protocol_samples import samples
from protocol_samples_world import RepeatingP256, Sample, key

from protocol.cosign import CoSigned, parse_cosigned
from protocol.envelope import Context, Envelope, parse
from protocol.errors import BadEnvelope
from protocol.keys import Algorithm, KeySigner, Signer
from protocol.refusals import Refusal

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NAMES = {Algorithm.ED25519: "Ed25519", Algorithm.ESP256: "ESP256"}
SAMPLES = {sample.name: sample for sample in samples()}


class Ask(Protocol):
    """Asks the peer for a deed."""

    def __call__(self, do: str, **request: object) -> dict[str, Any]:
        """The peer's answer."""
        ...


@pytest.fixture(scope="module")
def peer() -> Iterator[Ask]:
    """The library, in a process of its own."""
    script = Path(__file__).with_name("cose_peer.py")
    with subprocess.Popen(
        [interop_python(), script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(do: str, **request: object) -> dict[str, Any]:
            print(json.dumps({"do": do, **request}), file=stdin, flush=True)
            return dict(json.loads(stdout.readline()))

        yield ask


def private(signer: Signer) -> ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey:
    assert isinstance(signer, KeySigner | RepeatingP256)
    return signer.private_key


def told(name: str, *, is_private: bool = False) -> dict[str, object]:
    """A test key as the peer takes it."""
    public = key(name).public_key
    secret = private(key(name))
    pem = (
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        if is_private
        else secret.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return {
        "pem": pem.decode(),
        "kid": public.key_id.hex(),
        "alg": NAMES[public.algorithm],
        "alg_number": int(public.algorithm),
    }


def ask_to_verify(peer: Ask, raw: bytes, sample: Sample, context: Context) -> dict[str, Any]:
    keys = [told(name) for name in sample.signers]
    return peer("verify", raw=raw.hex(), aad=context.value.hex(), keys=keys)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_peer_verifies_what_we_sign(peer: Ask, name: str) -> None:
    sample = SAMPLES[name]
    payload = (
        parse_cosigned(sample.raw, max_bytes=10**6).payload if len(sample.signers) > 1 else parse(sample.raw).payload
    )
    assert ask_to_verify(peer, sample.raw, sample, sample.context) == {"payload": payload.hex()}


@pytest.mark.parametrize("name", ["hit (device)", "hit (device-p256)", "hotlist batch"])
def test_the_peer_refuses_what_we_refuse(peer: Ask, name: str) -> None:
    sample = SAMPLES[name]
    last = len(sample.raw) - 1
    for raw, context in (
        (sample.raw, Context.RECEIPT),
        (sample.raw[:last] + bytes((sample.raw[last] ^ 1,)), sample.context),
        (sample.raw[:100] + bytes((sample.raw[100] ^ 1,)) + sample.raw[101:], sample.context),
    ):
        assert "refused" in ask_to_verify(peer, raw, sample, context)


def ask_to_sign(peer: Ask, *names: str, context: Context) -> bytes:
    keys = [told(name, is_private=True) for name in names]
    answer = peer("sign", several=len(names) > 1, payload=b"a payload".hex(), aad=context.value.hex(), keys=keys)
    return bytes.fromhex(answer["raw"])


@pytest.mark.parametrize("name", ["device", "device-p256"])
def test_we_verify_what_the_peer_signs(peer: Ask, name: str) -> None:
    envelope = parse(with_low_s(ask_to_sign(peer, name, context=Context.MESSAGE)))
    assert envelope.payload == b"a payload"
    assert envelope.check(key(name).public_key, Context.MESSAGE) is None
    assert envelope.check(key(name).public_key, Context.RECEIPT) is Refusal.BAD_SIGNATURE


def with_low_s(raw: bytes) -> bytes:
    """The envelope with the low twin of its signature; the high one is refused."""
    envelope = parse(raw)
    s = int.from_bytes(envelope.signature[32:], "big")
    if envelope.algorithm != Algorithm.ESP256 or s <= ORDER // 2:
        return raw
    assert_refused(envelope)
    return raw[:-32] + (ORDER - s).to_bytes(32, "big")


def assert_refused(envelope: Envelope) -> None:
    assert envelope.check(key("device-p256").public_key, Context.MESSAGE) is Refusal.BAD_SIGNATURE


def test_we_verify_a_batch_that_the_peer_signs_with_two_keys(peer: Ask) -> None:
    names = ("officer-ana", "officer-luis-p256")
    raws = [ask_to_sign(peer, *order, context=Context.BATCH) for order in (names, names[::-1])]
    signed = [taken for raw in raws if (taken := parsed(raw)) is not None]
    assert len(signed) == 1  # the other has its signatures out of order
    (batch,) = signed
    by_id = {key(name).public_key.key_id: key(name).public_key for name in names}
    assert batch.payload == b"a payload"
    for signature in batch.signatures:
        is_high = int.from_bytes(signature.signature[32:], "big") > ORDER // 2
        expected = not (is_high and signature.algorithm == Algorithm.ESP256)
        assert batch.is_signed_by(signature, by_id[signature.key_id], Context.BATCH) is expected
        assert not batch.is_signed_by(signature, by_id[signature.key_id], Context.WITHDRAWAL)


def parsed(raw: bytes) -> CoSigned | None:
    try:
        return parse_cosigned(raw, max_bytes=10_000)
    except BadEnvelope:
        return None
