"""Bytes that must be refused, each with its reason: for the golden vectors and their tests.

Most payloads here are unfit and yet correctly signed: a signature makes nothing well-formed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import cbor2
import msgspec
from protocol_samples import (
    ENTRIES,
    arm,
    manifest_of,
    samples,
    snapshot,
    take_batch,
    take_bundle,
    take_manifest,
    take_presence,
    take_receipt,
    take_resend,
    take_withdrawal,
)
from protocol_samples_world import NOW_MS, WHO, Refused, key, signed_payload

from protocol import cbor, errors
from protocol.cosign import CoSignature, CoSigned, cosign
from protocol.envelope import Context, parse, seal_header, sig_structure
from protocol.hotlist import ListRefusal, approve, encode_batch, encode_snapshot, sign_manifest, withdraw
from protocol.receipts import sign_receipt
from protocol.refusals import Refusal
from protocol.trust import TrustRefusal, sign_bundle

SAMPLES: Final = {sample.name: sample for sample in samples()}
TAKERS: Final[dict[str, Callable[[bytes], object]]] = {
    "message": SAMPLES["hit (device)"].take,
    "message of the P-256 device": SAMPLES["hit (device-p256)"].take,
    "presence": take_presence,
    "receipt": take_receipt,
    "resend": take_resend,
    "trust bundle": take_bundle,
    "hotlist batch": take_batch,
    "hotlist withdrawal": take_withdrawal,
    "hotlist manifest": take_manifest,
    "hotlist snapshot": arm,
}
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Negative:
    """Bytes given as one structure, and the refusal that they must meet."""

    name: str
    structure: str
    raw: bytes
    refusal: Refused


def outcome(structure: str, raw: bytes, takers: dict[str, Callable[[bytes], object]] = TAKERS) -> object:
    """What becomes of bytes: what was read, or the refusal, raised or returned."""
    try:
        return takers[structure](raw)
    except errors.Refused as exc:
        return exc.refusal


def negatives() -> list[Negative]:
    """All of them, in a fixed order."""
    found = [Negative(name, "message", raw, Refusal.BAD_FORM) for name, raw in _unfit_envelopes()]
    found += _unfit_signatures()
    found += [Negative(name, "message", signed_payload(raw), Refusal.BAD_FORM) for name, raw in _unfit_cbor()]
    found += [Negative(name, "message", signed_payload(raw), Refusal.BAD_FORM) for name, raw in _unfit_messages()]
    return [*found, *_unknown(), *_unfit_downlinks(), *_unfit_batches(), *_unfit_lists()]


# --- the envelope itself ------------------------------------------------------------------------------------


def _unfit_envelopes() -> Iterator[tuple[str, bytes]]:
    hit = parse(SAMPLES["hit (device)"].raw)
    raw, protected, payload, signature = hit.raw, hit.protected, hit.payload, hit.signature
    yield "nothing", b""
    yield "truncated by one byte", raw[:-1]
    yield "one byte behind", raw + b"\x00"
    yield "untagged", raw[1:]
    yield "tagged as COSE_Sign", b"\xd8\x62" + raw[1:]
    yield "tag in two bytes", b"\xd8\x12" + raw[1:]
    yield "array of five", b"\xd2\x85" + raw[2:] + b"\x00"
    yield "array of indefinite length", b"\xd2\x9f" + raw[2:] + b"\xff"

    def built(protected: object, unprotected: object, payload: object, signature: object) -> bytes:
        return b"\xd2" + cbor2.dumps([protected, unprotected, payload, signature])

    yield "unprotected header not empty", built(protected, {4: hit.key_id}, payload, signature)
    yield "detached payload", built(protected, {}, None, signature)
    yield "payload as text", built(protected, {}, "text", signature)
    yield "signature of 63 bytes", built(protected, {}, payload, signature[:-1])
    yield "signature of 65 bytes", built(protected, {}, payload, signature + b"\x00")
    yield "protected header empty", built(b"", {}, payload, signature)
    yield "protected header a map, not bytes", built({1: -19, 4: hit.key_id}, {}, payload, signature)
    yield "header length not shortest", raw[:2] + b"\x59\x00" + raw[3:]
    for name, header in (
        ("header without key id", {1: -19}),
        ("header without algorithm", {4: hit.key_id}),
        ("header with a third field", {1: -19, 3: 0, 4: hit.key_id}),
        ("header with a critical field", {1: -19, 2: [1], 4: hit.key_id}),
        ("header with its keys falling", {4: hit.key_id, 1: -19}),
        ("key id of 15 bytes", {1: -19, 4: hit.key_id[:15]}),
        ("key id as text", {1: -19, 4: "0123456789abcdef"}),
        ("algorithm true", {1: True, 4: hit.key_id}),
        ("algorithm as text", {1: "EdDSA", 4: hit.key_id}),
    ):
        encoded = cbor2.dumps(header)
        signed = key("device").sign(sig_structure(encoded, payload, Context.MESSAGE))
        yield name, built(encoded, {}, payload, signed)


def _unfit_signatures() -> list[Negative]:
    hit, p256 = parse(SAMPLES["hit (device)"].raw), parse(SAMPLES["hit (device-p256)"].raw)
    high = _P256_ORDER - int.from_bytes(p256.signature[32:], "big")
    order = 2**252 + 27742317777372353535851937790883648493
    unreduced = int.from_bytes(hit.signature[32:], "little") + order

    def under(name: str, signer: str, algorithm: int) -> bytes:
        header = cbor.encode({1: algorithm, 4: bytes(key(name).public_key.key_id)})
        signature = key(signer).sign(sig_structure(header, hit.payload, Context.MESSAGE))
        return b"\xd2" + cbor2.dumps([header, {}, hit.payload, signature])

    bad, wrong = Refusal.BAD_SIGNATURE, Refusal.WRONG_ALGORITHM
    device, tpm = "message", "message of the P-256 device"
    return [
        Negative("last bit of the signature", device, hit.raw[:-1] + bytes((hit.raw[-1] ^ 1,)), bad),
        Negative("last bit of the payload", device, hit.raw[:-67] + bytes((hit.raw[-67] ^ 1,)) + hit.raw[-66:], bad),
        Negative("Ed25519 signature with S not reduced", device, hit.raw[:-32] + unreduced.to_bytes(32, "little"), bad),
        Negative("ECDSA signature with high s", tpm, p256.raw[:-32] + high.to_bytes(32, "big"), bad),
        Negative("signature of zeros", tpm, p256.raw[:-64] + bytes(64), bad),
        Negative(
            "signed in the context of presence", device, signed_payload(hit.payload, "device", Context.PRESENCE), bad
        ),
        Negative("another signer under the device's key id", device, under("device", "stranger", -19), bad),
        Negative("the device's key under ESP256", device, under("device", "device", -9), wrong),
        Negative("the device's key under the old EdDSA", device, under("device", "device", -8), wrong),
        Negative("the P-256 key under the old ES256", tpm, under("device-p256", "device-p256", -7), wrong),
        Negative("another key", device, signed_payload(hit.payload, "stranger"), Refusal.UNKNOWN_KEY),
    ]


# --- payloads, correctly signed -----------------------------------------------------------------------------


def _hit_tree() -> dict[int, Any]:
    tree = cbor.decode(parse(SAMPLES["hit (device)"].raw).payload, max_bytes=10_000)
    if not isinstance(tree, dict):
        raise TypeError("the hit is no map")
    return tree


def _unfit_cbor() -> Iterator[tuple[str, bytes]]:
    payload = parse(SAMPLES["hit (device)"].raw).payload
    head, rest = payload[:1], payload[1:]  # a map of 11; its first field is 00 01, the version

    def more(extra: bytes) -> bytes:
        return bytes((head[0] + 1,)) + rest + extra

    yield "version not shortest", head + b"\x00\x18\x01" + rest[2:]
    yield "map head not shortest", bytes((0xB8, head[0] & 31)) + rest
    yield "a key twice", bytes((head[0] + 1,)) + rest[:2] + rest
    yield "keys falling", head + rest[2:] + rest[:2]
    yield "map of indefinite length", b"\xbf" + rest + b"\xff"
    yield "bytes behind the map", payload + b"\x00"
    yield "truncated", payload[:-1]
    yield "empty", b""
    for name, item in (
        ("a float", "f93c00"),
        ("a tag", "c11a00000000"),
        ("a bignum", "c24101"),
        ("a shared reference", "d81c8100"),
        ("null", "f6"),
        ("undefined", "f7"),
        ("an unassigned simple value", "f0"),
        ("text that is not UTF-8", "61ff"),
        ("text of indefinite length", "7f6161ff"),
        ("an array of indefinite length", "9fff"),
        ("a length past the end", "5affffffff"),
        ("an array of 2^64-1 items", "9bffffffffffffffff"),
        ("nested nine deep", "81" * 8 + "00"),
    ):
        yield f"{name} in an unknown field", more(b"\x17" + bytes.fromhex(item))
    for name, field in (
        ("a text key", "617800"),
        ("key 24", "181800"),
        ("a negative key", "2000"),
        ("a key of true", "f500"),
    ):
        yield name, more(bytes.fromhex(field))


def _unfit_messages() -> Iterator[tuple[str, bytes]]:
    tree = _hit_tree()
    body = tree[11]

    def changed(**fields: object) -> bytes:
        return cbor2.dumps({**tree, **{int(name[1:]): value for name, value in fields.items()}}, canonical=True)

    def hit(**fields: object) -> bytes:
        return changed(_11={**body, **{int(name[1:]): value for name, value in fields.items()}})

    yield "an array, not a map", cbor2.dumps([1, 2])
    yield "version true", changed(_0=True)
    yield "kind as text", changed(_1="hit")
    yield "device in capitals", changed(_2="BOX-17")
    yield "device of 33 characters", changed(_2="b" * 33)
    yield "device with a final newline", changed(_2="box-17\n")
    yield "outbox id of 15 bytes", changed(_5=bytes(15))
    yield "outbox id as text", changed(_5="0123456789abcdef")
    yield "epoch 0", changed(_6=0)
    yield "epoch 2^31", changed(_6=2**31)
    yield "sequence 0", changed(_7=0)
    yield "sequence 2^53+1", changed(_7=2**53 + 1)
    yield "previous of 31 bytes", changed(_8=bytes(31))
    yield "time before 1970", changed(_9=-1)
    yield "time past 2100", changed(_9=4_102_444_800_001)
    yield "clock of an unknown word", changed(_10=9)
    yield "no body", cbor2.dumps({k: v for k, v in tree.items() if k != 11}, canonical=True)
    yield "body as an array", changed(_11=[1])
    yield "plate in small letters", hit(_2="fab123c")
    yield "plate with a hyphen", hit(_2="FAB-123-C")
    yield "plate with a final newline", hit(_2="FAB123C\n")
    yield "plate of 13 characters", hit(_2="A" * 13)
    yield "confidence of 1001", hit(_4=1001)
    yield "no match", hit(_5=[])
    yield "nine matches", hit(_5=body[5] * 9)
    yield "match of unknown quality", hit(_5=[{**body[5][0], 1: 3}])
    yield "box of three", hit(_8=[1, 2, 3])
    yield "box with a negative side", hit(_8=[-1, 2, 3, 4])
    yield "format with a line break", hit(_11="private\ncar")
    yield "format with a zero byte", hit(_11="private\x00car")
    yield "lookback as 1", hit(_12=1)
    amended = {0: {0: bytes(16), 1: 1, 2: 1, 3: bytes(32)}, 2: "FAB123C"}
    yield "an amended read with a plate and no match", changed(_1=2, _11=amended)
    yield "a piece past its picture", changed(_1=6, _11={0: bytes(32), 1: 8, 2: 4, 3: bytes(5)})
    yield "a piece of nothing", changed(_1=6, _11={0: bytes(32), 1: 8, 2: 4, 3: b""})
    yield "a tombstone of an unknown kind", changed(_1=8, _11={0: "full", 1: [{0: 1, 1: 1, 2: 99, 3: bytes(32)}]})


def _unknown() -> list[Negative]:
    tree = _hit_tree()
    newer = signed_payload(cbor2.dumps({**tree, 0: 2, 11: "of another form"}, canonical=True))
    other = signed_payload(cbor2.dumps({**tree, 1: 99}, canonical=True))
    return [
        Negative("version 2, of another form", "message", newer, Refusal.UNKNOWN_VERSION),
        Negative("kind 99", "message", other, Refusal.UNKNOWN_KIND),
    ]


# --- what goes down -----------------------------------------------------------------------------------------


def _unfit_downlinks() -> list[Negative]:
    resend, receipt = SAMPLES["resend"].raw, SAMPLES["receipt"].raw
    backwards = cbor.encode({0: 1, 1: WHO.device, 2: NOW_MS, 3: bytes(16), 4: [{0: 5, 1: 4}]})
    forged = sign_receipt(WHO.device, (), key("device"), time_ms=NOW_MS)
    bundle = parse(SAMPLES["trust bundle"].raw).payload
    return [
        Negative("a receipt by a device", "receipt", forged, Refusal.UNKNOWN_KEY),
        Negative("a resend passed off as a receipt", "receipt", resend, Refusal.BAD_SIGNATURE),
        Negative("a receipt passed off as a resend", "resend", receipt, Refusal.BAD_SIGNATURE),
        Negative(
            "a range that runs backwards",
            "resend",
            signed_payload(backwards, "server", Context.RESEND),
            Refusal.BAD_FORM,
        ),
        Negative("a message passed off as presence", "presence", SAMPLES["hit (device)"].raw, Refusal.BAD_SIGNATURE),
        Negative(
            "a bundle by a server",
            "trust bundle",
            sign_bundle(8, (), key("server"), created_ms=NOW_MS),
            TrustRefusal.BAD_SIGNATURE,
        ),
        Negative(
            "a bundle in the context of a manifest",
            "trust bundle",
            signed_payload(bundle, "root", Context.MANIFEST),
            TrustRefusal.BAD_SIGNATURE,
        ),
        Negative(
            "a bundle with a key that cannot sign", "trust bundle", _bundle_with_unfit_key(), TrustRefusal.BAD_FORM
        ),
        Negative(
            "a bundle of version 2",
            "trust bundle",
            signed_payload(cbor.encode({0: 2}), "root", Context.TRUST),
            TrustRefusal.UNKNOWN_VERSION,
        ),
    ]


def _bundle_with_unfit_key() -> bytes:
    neutral = bytes.fromhex("302a300506032b6570032100") + (1).to_bytes(32, "little")
    grant: dict[int, cbor.Value] = {0: 3, 1: neutral, 2: "ana", 3: 0, 4: NOW_MS}
    return signed_payload(cbor.encode({0: 1, 1: 8, 2: NOW_MS, 3: [grant]}), "root", Context.TRUST)


def _unfit_batches() -> list[Negative]:
    payload = encode_batch("b-0002", ENTRIES, created_ms=NOW_MS)
    ana, luis = (approve(payload, key(name)) for name in ("officer-ana", "officer-luis-p256"))

    def together(*signatures: CoSignature) -> bytes:
        return CoSigned(payload, signatures).to_bytes()

    ordered = sorted((ana, luis), key=lambda signature: signature.key_id)
    falling: list[cbor.Value] = [[s.protected, {}, s.signature] for s in reversed(ordered)]
    stranger = approve(payload, key("stranger"))
    elsewhere = cosign(payload, key("officer-luis-p256"), Context.WITHDRAWAL)
    header = seal_header(key("officer-ana").public_key)
    return [
        Negative("one officer", "hotlist batch", together(ana), ListRefusal.ONE_OFFICER),
        Negative("one officer twice", "hotlist batch", together(ana, ana), ListRefusal.ONE_OFFICER),
        Negative("no officer", "hotlist batch", together(), ListRefusal.ONE_OFFICER),
        Negative("an officer and a stranger", "hotlist batch", together(ana, stranger), ListRefusal.UNKNOWN_OFFICER),
        Negative("a signature for another use", "hotlist batch", together(ana, elsewhere), ListRefusal.BAD_SIGNATURE),
        Negative(
            "signatures out of order",
            "hotlist batch",
            b"\xd8\x62" + cbor.encode([b"", {}, payload, falling]),
            ListRefusal.BAD_FORM,
        ),
        Negative(
            "a body header",
            "hotlist batch",
            b"\xd8\x62" + cbor.encode([header, {}, payload, falling[::-1]]),
            ListRefusal.BAD_FORM,
        ),
        Negative("an envelope, not a batch", "hotlist batch", SAMPLES["hotlist withdrawal"].raw, ListRefusal.BAD_FORM),
    ]


def _unfit_lists() -> list[Negative]:
    server, named = key("server"), manifest_of(snapshot())

    def told(**changes: object) -> bytes:
        return sign_manifest(msgspec.structs.replace(named, **changes), server)

    return [
        Negative(
            "a manifest by an officer",
            "hotlist manifest",
            sign_manifest(named, key("officer-ana")),
            ListRefusal.UNKNOWN_KEY,
        ),
        Negative("list 10 after list 11", "hotlist manifest", told(list_version=10), ListRefusal.ROLLED_BACK),
        Negative("a manifest of another city", "hotlist manifest", told(city="torreon"), ListRefusal.OTHER_CITY),
        Negative("a manifest that has expired", "hotlist manifest", told(expires_ms=NOW_MS), ListRefusal.EXPIRED),
        Negative(
            "a withdrawal by a server",
            "hotlist withdrawal",
            withdraw(["e-0001"], server, created_ms=NOW_MS),
            ListRefusal.UNKNOWN_OFFICER,
        ),
        Negative("a snapshot of another list", "hotlist snapshot", encode_snapshot(11, [], []), ListRefusal.BAD_FORM),
        Negative("a snapshot cut short", "hotlist snapshot", snapshot()[:-1], ListRefusal.BAD_FORM),
    ]
