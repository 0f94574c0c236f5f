"""What minor 1.2 added to hotlists: a delta, and the manifest that names it, in the world of `protocol_samples`.

A box of the test city holds list 12, the snapshot of v1. List 13 has a second batch.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import cbor2
import msgspec
from protocol_samples import ENTRIES, batch, manifest_of, snapshot, withdrawal
from protocol_samples_world import NOW_MS, WHO, Sample, key, trust

from protocol import cbor
from protocol.cosign import CoSigned
from protocol.envelope import Context
from protocol.hotlist import (
    DeltaName,
    ListRefusal,
    Manifest,
    approve,
    check_manifest,
    encode_batch,
    encode_snapshot,
    sign_manifest,
)
from protocol.hotlist_delta import DeltaRefusal, apply_delta, contents_of, make_delta

LAST_VERSION: Final = 12


def second_batch() -> bytes:
    """A batch of one entry that both test officers signed."""
    entry = msgspec.structs.replace(ENTRIES[0], entry="e-0003", plate="EUA1234")
    payload = encode_batch("b-0002", [entry], created_ms=NOW_MS - 500)
    signed = CoSigned(payload)
    for name in ("officer-ana", "officer-luis-p256"):
        signed = signed.with_signature(approve(payload, key(name)))
    return signed.to_bytes()


def next_snapshot() -> bytes:
    """List 13."""
    return encode_snapshot(LAST_VERSION + 1, [batch(), second_batch()], [withdrawal()])


def delta() -> bytes:
    """From list 12 to list 13."""
    made = make_delta(contents_of(snapshot()), next_snapshot(), contents_of(next_snapshot()))
    if made is None:
        raise TypeError("the test lists have no delta")
    return made


def delta_manifest() -> bytes:
    """The signed manifest of list 13."""
    name = DeltaName(base=digest(snapshot()), sha256=digest(delta()), size_bytes=len(delta()))
    named = msgspec.structs.replace(manifest_of(next_snapshot()), list_version=LAST_VERSION + 1, deltas=(name,))
    return sign_manifest(named, key("server"))


def take_delta_manifest(raw: bytes) -> Manifest | ListRefusal:
    """A manifest by a server of the bundle that a box takes which has list 12, or why not."""
    return check_manifest(raw, trust(), city=WHO.city, last_version=LAST_VERSION, now_ms=NOW_MS)


def take_delta(raw: bytes) -> bytes | DeltaRefusal:
    """What a box that holds list 12 and that manifest makes of a delta."""
    target = next_snapshot()
    return apply_delta(raw, snapshot(), base_sha256=digest(snapshot()), sha256=digest(target), size_bytes=len(target))


def delta_samples() -> list[Sample]:
    """What is signed of it."""
    raw = delta_manifest()
    return [Sample("hotlist manifest with a delta", raw, ("server",), Context.MANIFEST, take_delta_manifest)]


def useless_deltas() -> Iterator[tuple[str, bytes, DeltaRefusal]]:
    """Deltas that do not give list 13, each with its reason."""
    # `Any`: the tree of a delta, whose form is known here.
    tree: Any = cbor.decode(delta(), max_bytes=100_000)
    first, *others = tree[3]
    for name, changes, refusal in (
        ("version 2", {0: 2}, DeltaRefusal.UNKNOWN_VERSION),
        ("no parts at all", {3: None}, DeltaRefusal.BAD_FORM),
        ("a hash of 31 bytes", {1: bytes(31)}, DeltaRefusal.BAD_FORM),
        ("a piece from beyond the base", {3: [first, {1: len(snapshot()), 2: 1}, *others]}, DeltaRefusal.BAD_FORM),
        ("from another list", {1: digest(b"another list")}, DeltaRefusal.OTHER_BASE),
        ("to another list", {2: digest(b"another list")}, DeltaRefusal.OTHER_TARGET),
        ("a part too few", {3: others}, DeltaRefusal.WRONG_SIZE),
        ("a part too many", {3: [first, *others, {0: b"\x00"}]}, DeltaRefusal.WRONG_SIZE),
        ("another byte", {3: [{0: bytes(len(first[0]))}, *others]}, DeltaRefusal.WRONG_HASH),
    ):
        kept = {number: value for number, value in {**tree, **changes}.items() if value is not None}
        yield name, cbor2.dumps(kept, canonical=True), refusal
    yield "cut by a byte", delta()[:-1], DeltaRefusal.BAD_FORM


def digest(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()
