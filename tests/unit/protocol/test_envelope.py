"""Envelopes: one encoding, the key's own algorithm, one context each."""

import os

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples_world import key

from protocol.envelope import (
    MAX_ENVELOPE_BYTES,
    OVERHEAD_BYTES,
    Context,
    Envelope,
    envelope_hash,
    is_known_algorithm,
    parse,
    sig_structure,
    sign,
)
from protocol.errors import BadEnvelope
from protocol.keys import Algorithm, KeySigner, PublicKey
from protocol.refusals import Refusal

DEVICE = key("device")
SIZES = [0, 1, 23, 24, 255, 256, 65_535, 65_536]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_signed_is_parsed_back_and_is_plain_cose(size: int) -> None:
    payload = os.urandom(size)
    raw = sign(payload, DEVICE, Context.MESSAGE)
    envelope = parse(raw)
    assert envelope.payload == payload
    assert envelope.raw == raw
    assert envelope.check(DEVICE.public_key, Context.MESSAGE) is None
    assert cbor2.dumps(cbor2.loads(raw), canonical=True) == raw
    tagged = cbor2.loads(raw)
    assert (tagged.tag, list(tagged.value)) == (18, [envelope.protected, {}, payload, envelope.signature])


@pytest.mark.parametrize("signer", ["device", "device-p256"])
@pytest.mark.parametrize("size", SIZES)
def test_an_envelope_adds_no_more_than_it_says(size: int, signer: str) -> None:
    assert size < len(sign(bytes(size), key(signer), Context.MESSAGE)) <= size + OVERHEAD_BYTES


@pytest.mark.parametrize("size", SIZES)
def test_the_signed_structure_is_that_of_rfc_9052(size: int) -> None:
    payload, protected = bytes(size), bytes(21)
    expected = cbor2.dumps(["Signature1", protected, Context.TRUST.value, payload], canonical=True)
    assert sig_structure(protected, payload, Context.TRUST) == expected


@pytest.mark.parametrize("context", list(Context))
def test_a_signature_holds_in_its_context_alone(context: Context) -> None:
    envelope = parse(sign(b"x", DEVICE, context))
    for other in Context:
        assert envelope.check(DEVICE.public_key, other) is (None if other is context else Refusal.BAD_SIGNATURE)


def test_no_context_is_the_head_of_another_in_confusion() -> None:
    assert len({context.value for context in Context}) == len(Context)
    assert all(context.value.startswith(b"atalaya/v1/") for context in Context)


def test_the_algorithm_is_the_registered_keys_not_the_headers() -> None:
    p256 = KeySigner(ec.generate_private_key(ec.SECP256R1()))
    envelope = parse(sign(b"x", DEVICE, Context.MESSAGE))
    assert envelope.check(p256.public_key, Context.MESSAGE) is Refusal.WRONG_ALGORITHM
    assert envelope.check(KeySigner.generate().public_key, Context.MESSAGE) is Refusal.UNKNOWN_KEY
    assert [is_known_algorithm(number) for number in (-19, -9, -8, -7, 1, True)] == [True, True] + [False] * 4
    assert set(Algorithm) == {Algorithm.ED25519, Algorithm.ESP256}


def test_an_envelope_over_its_bound_is_too_large() -> None:
    raw = sign(bytes(MAX_ENVELOPE_BYTES), DEVICE, Context.MESSAGE)
    with pytest.raises(BadEnvelope) as caught:
        parse(raw)
    assert caught.value.refusal is Refusal.TOO_LARGE
    assert parse(raw, max_bytes=len(raw)).payload == bytes(MAX_ENVELOPE_BYTES)


@given(st.binary(max_size=100))
def test_any_bytes_are_parsed_or_refused_and_what_is_parsed_is_the_one_encoding(raw: bytes) -> None:
    for candidate in (raw, b"\xd2\x84" + raw):
        try:
            envelope = parse(candidate)
        except BadEnvelope:
            continue
        assert rebuilt(envelope) == candidate


def rebuilt(envelope: Envelope) -> bytes:
    return b"\xd2" + cbor2.dumps([envelope.protected, {}, envelope.payload, envelope.signature])


def test_the_hash_is_over_all_received_bytes() -> None:
    raw = sign(b"x", DEVICE, Context.MESSAGE)
    assert parse(raw).hash == envelope_hash(raw) != envelope_hash(raw[:-1])


def test_a_signer_and_its_registered_key_agree() -> None:
    registered = PublicKey.from_spki(DEVICE.public_key.spki)
    assert parse(sign(b"", DEVICE, Context.MESSAGE)).check(registered, Context.MESSAGE) is None
