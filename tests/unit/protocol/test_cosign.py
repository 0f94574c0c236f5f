"""COSE_Sign: the halves in one order, each over the same payload."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples_world import key

from protocol.cosign import MAX_SIGNATURES, CoSigned, cosign, cosign_structure, parse_cosigned
from protocol.envelope import Context
from protocol.errors import BadEnvelope
from protocol.keys import KeySigner
from protocol.refusals import Refusal

SIGNERS = [key("officer-ana"), key("officer-luis-p256"), key("stranger")]
HALVES = [cosign(b"payload", signer, Context.BATCH) for signer in SIGNERS]


def together(*indices: int) -> CoSigned:
    signed = CoSigned(b"payload")
    for index in indices:
        signed = signed.with_signature(HALVES[index])
    return signed


@given(st.permutations([0, 1, 2]))
def test_the_halves_make_the_same_bytes_in_whatever_order_they_came(order: list[int]) -> None:
    raw = together(*order).to_bytes()
    assert raw == together(0, 1, 2).to_bytes()
    parsed = parse_cosigned(raw, max_bytes=1000)
    assert set(parsed.signatures) == set(HALVES)
    assert parsed.to_bytes() == raw


def test_each_half_holds_for_its_key_payload_and_context() -> None:
    signed = together(0, 1)
    for signer, half in zip(SIGNERS, HALVES, strict=True):
        assert signed.is_signed_by(half, signer.public_key, Context.BATCH)
        assert not signed.is_signed_by(half, signer.public_key, Context.WITHDRAWAL)
        assert not CoSigned(b"Payload").is_signed_by(half, signer.public_key, Context.BATCH)
        assert not signed.is_signed_by(half, KeySigner.generate().public_key, Context.BATCH)


def test_signatures_out_of_order_are_refused() -> None:
    halves = sorted(HALVES[:2], key=lambda half: half.key_id, reverse=True)
    raw = b"\xd8\x62" + cbor2.dumps([b"", {}, b"payload", [[h.protected, {}, h.signature] for h in halves]])
    with pytest.raises(BadEnvelope, match="order"):
        parse_cosigned(raw, max_bytes=1000)


@pytest.mark.parametrize(
    "value",
    [
        [b"", {}, b"p"],
        [b"", {}, b"p", [], 1],
        [b"", {1: 1}, b"p", []],
        [b"\xa0", {}, b"p", []],
        [b"", {}, "p", []],
        [b"", {}, b"p", {}],
        [b"", {}, b"p", [[HALVES[0].protected, {}, HALVES[0].signature]] * (MAX_SIGNATURES + 1)],
        [b"", {}, b"p", [[HALVES[0].protected, {}, HALVES[0].signature[:-1]]]],
        [b"", {}, b"p", [[HALVES[0].protected, {1: 1}, HALVES[0].signature]]],
        [b"", {}, b"p", [[b"", {}, HALVES[0].signature]]],
        [b"", {}, b"p", [[]]],
        [b"", {}, b"p", [1]],
        1,
    ],
    ids=str,
)
def test_what_is_not_our_cose_sign_is_refused(value: object) -> None:
    with pytest.raises(BadEnvelope):
        parse_cosigned(b"\xd8\x62" + cbor2.dumps(value), max_bytes=10_000)


def test_size_and_tag_are_judged_first() -> None:
    raw = together(0, 1).to_bytes()
    with pytest.raises(BadEnvelope) as caught:
        parse_cosigned(raw, max_bytes=len(raw) - 1)
    assert caught.value.refusal is Refusal.TOO_LARGE
    for other in (raw[2:], b"\xd2" + raw[2:], b""):
        with pytest.raises(BadEnvelope):
            parse_cosigned(other, max_bytes=1000)


def test_the_signed_structure_is_that_of_rfc_9052() -> None:
    expected = cbor2.dumps(["Signature", b"", b"header", Context.BATCH.value, b"payload"], canonical=True)
    assert cosign_structure(b"header", b"payload", Context.BATCH) == expected
