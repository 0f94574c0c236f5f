"""One valid example of everything that crosses the wire, from fixed keys: for the golden vectors and for fuzzing.

The ephemeral key of HPKE is not ours to choose: the sealed example is kept as once made. The rest comes out the same
each time.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from protocol_samples_world import (
    NOW_MS,
    OUTBOX,
    SALT,
    WHO,
    YEAR_MS,
    Refused,
    Sample,
    bundle,
    evidence_spki,
    key,
    trust,
)

from protocol import messages as m
from protocol.cosign import CoSigned
from protocol.envelope import Context, envelope_hash, parse
from protocol.hotlist import (
    Assembled,
    Batch,
    Entry,
    ListRefusal,
    Manifest,
    Withdrawal,
    approve,
    assemble,
    check_batch,
    check_manifest,
    check_withdrawal,
    commit_case,
    encode_batch,
    encode_snapshot,
    sign_manifest,
    withdraw,
)
from protocol.order import Position, seal_message
from protocol.presence import Life, Presence, decode_presence, sign_presence
from protocol.receipts import (
    Range,
    Receipt,
    ReceiptItem,
    Resend,
    Status,
    decode_receipt,
    decode_resend,
    sign_receipt,
    sign_resend,
)
from protocol.refusals import Refusal
from protocol.trust import Role, TrustBundle, TrustRefusal, TrustStore
from protocol.wire import WireStruct, from_bytes

# --- what a device says -----------------------------------------------------------------------------------

_MATCH = m.Match(entry="e-0001", quality=m.Quality.EXACT, reason="stolen")
_HIT = m.Hit(
    camera="cam-1",
    track=4711,
    plate="FAB123C",
    observed="FAB123C",
    confidence=987,
    matches=(_MATCH,),
    hotlist_version=12,
    captured_ms=NOW_MS - 180,
    box=(612, 404, 771, 470),
    frame_size=(1920, 1080),
    looks=5,
    format="private-car",
)
_REPORT = m.Report(
    from_ms=NOW_MS - 60_000,
    to_ms=NOW_MS,
    cameras=(
        m.CameraMinute(
            camera="cam-1", state=m.CameraState.LIVE, frames_in=1500, frames_processed=600, sampled_out=900, reads=31
        ),
        m.CameraMinute(camera="cam-2", state=m.CameraState.STALLED, reconnects=3, stalls=1),
    ),
    health=m.Health(temperature_mc=-2500, disk_free_mb=51200, clock_offset_ms=-12, outbox_rows=2, uptime_s=86_400),
    versions=("edge-agent 0.1.0",),
)


def _bodies(hit: m.HitKey, gone: m.Tombstone) -> tuple[m.Body, ...]:
    picture, original, sealed = (hashlib.sha256(word).digest() for word in (b"redacted", b"original", b"sealed"))
    return (
        m.HitAmended(hit=hit, matches=(_MATCH,), plate="FAB123C", observed="FA8123C", confidence=991),
        m.Alarm(
            camera="cam-2", alarm="line_crossing", started_ms=NOW_MS - 900, is_active=False, note="Puente sur, carril ñ"
        ),
        _REPORT,
        m.Evidence(
            hit=hit,
            camera="cam-1",
            captured_ms=NOW_MS - 180,
            redacted_sha256=picture,
            redacted_bytes=8,
            sealed_sha256=sealed,
            sealed_bytes=56,
            original_sha256=original,
            sealed_to=hashlib.sha256(evidence_spki()).digest()[:16],
            faces_filled=2,
        ),
        m.Piece(sha256=picture, total_bytes=8, offset=0, data=b"redacted"),
        m.EvidenceUnavailable(hit=hit, reason="redaction_failed"),
        m.Dropped(reason="outbox_full", tombstones=(gone,)),
    )


def _message_samples(signer: str) -> list[Sample]:
    at = Position.first(OUTBOX).restarted()
    raws: list[tuple[m.Body, bytes]] = []

    def say(body: m.Body) -> None:
        nonlocal at
        raw = seal_message(body, at, WHO, key(signer), created_ms=NOW_MS)
        raws.append((body, raw))
        at = at.after(raw)

    say(_HIT)
    named = m.HitKey(outbox=OUTBOX, epoch=1, sequence=1, hash=envelope_hash(raws[0][1]))
    gone = m.Tombstone(epoch=1, sequence=9, kind=m.Kind.REPORT, hash=hashlib.sha256(b"gone").digest())
    for body in _bodies(named, gone):
        say(body)
    return [
        Sample(f"{m.KINDS[type(body)].slug} ({signer})", raw, (signer,), Context.MESSAGE, _taker_of_messages(signer))
        for body, raw in raws
    ]


def _taker_of_messages(signer: str) -> Callable[[bytes], WireStruct | Refused]:
    def take(raw: bytes) -> WireStruct | Refused:
        envelope = parse(raw)
        refusal = envelope.check(key(signer).public_key, Context.MESSAGE)
        if refusal is not None:
            return refusal
        message = m.decode_message(envelope.payload)
        m.body_of(message)
        return message

    return take


def take_message(raw: bytes) -> WireStruct | Refused:
    """A message of the test device, or why not."""
    return _taker_of_messages("device")(raw)


def _presence(name: str, life: Life, connection: int, versions: tuple[str, ...]) -> Sample:
    raw = sign_presence(
        life, WHO, key("device"), connection=connection, time_ms=NOW_MS, versions=versions, outbox=OUTBOX
    )
    return Sample(name, raw, ("device",), Context.PRESENCE, take_presence)


def take_presence(raw: bytes) -> Presence | Refusal:
    """A presence of the test device, or why not."""
    envelope = parse(raw)
    return envelope.check(key("device").public_key, Context.PRESENCE) or decode_presence(envelope)


def take_bundle(raw: bytes) -> TrustBundle | TrustRefusal:
    """A bundle that a fresh box accepts, or why not."""
    store = TrustStore(key("root").public_key).accept(raw)
    return store if isinstance(store, TrustRefusal) else from_bytes(parse(raw).payload, TrustBundle, max_bytes=len(raw))


# --- what command centre, root and officers say -------------------------------------------------------------


def _receipt() -> bytes:
    items = (
        ReceiptItem(hash=hashlib.sha256(b"one").digest(), status=Status.STORED),
        ReceiptItem(
            hash=hashlib.sha256(b"two").digest(), status=Status.REFUSED, reason=Refusal.BAD_FORM, is_final=True
        ),
        ReceiptItem(hash=hashlib.sha256(b"three").digest(), status=Status.REFUSED, reason=Refusal.BUSY),
    )
    return sign_receipt(WHO.device, items, key("server"), time_ms=NOW_MS)


def take_receipt(raw: bytes) -> Receipt | Refusal:
    """A receipt by a server that the bundle names, or why not."""
    envelope = parse(raw)
    refusal = trust().check(envelope, Context.RECEIPT, Role.RECEIPT, city=WHO.city, at_ms=NOW_MS)
    return refusal or decode_receipt(envelope)


def take_resend(raw: bytes) -> Resend | Refusal:
    """A resend by a server that the bundle names, or why not."""
    envelope = parse(raw)
    refusal = trust().check(envelope, Context.RESEND, Role.RECEIPT, city=WHO.city, at_ms=NOW_MS)
    return refusal or decode_resend(envelope)


ENTRIES: Final = (
    Entry(
        entry="e-0001",
        plate="FAB123C",
        reason="stolen",
        expires_ms=NOW_MS + YEAR_MS,
        case_commitment=commit_case("FGE-COAH-1234/2026", SALT),
        scope=("saltillo", "torreon"),
    ),
    Entry(
        entry="e-0002",
        plate="XYZ987",
        reason="amber-alert",
        expires_ms=NOW_MS + YEAR_MS,
        case_commitment=commit_case("FGE-COAH-99/2026", SALT),
    ),
)


def batch() -> bytes:
    """A batch that both test officers signed."""
    payload = encode_batch("b-0001", ENTRIES, created_ms=NOW_MS - 5000)
    signed = CoSigned(payload)
    for name in ("officer-ana", "officer-luis-p256"):
        signed = signed.with_signature(approve(payload, key(name)))
    return signed.to_bytes()


def withdrawal() -> bytes:
    """A withdrawal of the second entry by one officer."""
    return withdraw(["e-0002"], key("officer-ana"), created_ms=NOW_MS - 1000)


def snapshot() -> bytes:
    """The list with the batch and the withdrawal: one entry of two is armed."""
    return encode_snapshot(12, [batch()], [withdrawal()])


def manifest_of(artefact: bytes) -> Manifest:
    """The manifest that names an artefact as list 12 of the test city."""
    return Manifest(
        version=1,
        list_version=12,
        city=WHO.city,
        sha256=hashlib.sha256(artefact).digest(),
        size_bytes=len(artefact),
        created_ms=NOW_MS,
        expires_ms=NOW_MS + 86_400_000,
    )


def manifest() -> bytes:
    """The signed manifest of the test list."""
    return sign_manifest(manifest_of(snapshot()), key("server"))


def take_batch(raw: bytes) -> Batch | ListRefusal:
    """A batch by two officers of the bundle, or why not."""
    return check_batch(raw, trust(), now_ms=NOW_MS)


def take_withdrawal(raw: bytes) -> Withdrawal | ListRefusal:
    """A withdrawal by an officer of the bundle, or why not."""
    return check_withdrawal(raw, trust(), city=WHO.city, now_ms=NOW_MS)


def take_manifest(raw: bytes) -> Manifest | ListRefusal:
    """A manifest by a server of the bundle, or why not."""
    return check_manifest(raw, trust(), city=WHO.city, last_version=11, now_ms=NOW_MS)


def arm(artefact: bytes) -> Assembled | ListRefusal:
    """What a box arms of an artefact that some manifest names by its true hash."""
    return assemble(artefact, manifest_of(artefact), trust(), now_ms=NOW_MS)


def samples() -> list[Sample]:
    """Every signed structure."""
    resend = sign_resend(
        WHO.device, OUTBOX, (Range(first=3, last=5), Range(first=9, last=9)), key("server"), time_ms=NOW_MS
    )
    return [
        *_message_samples("device"),
        _message_samples("device-p256")[0],
        _presence("birth", Life.BIRTH, 42, ("edge-agent 0.1.0", "plates 3")),
        _presence("death", Life.DEATH, 42, ()),
        Sample("receipt", _receipt(), ("server",), Context.RECEIPT, take_receipt),
        Sample("resend", resend, ("server",), Context.RESEND, take_resend),
        Sample("trust bundle", bundle(), ("root",), Context.TRUST, take_bundle),
        Sample("hotlist batch", batch(), ("officer-ana", "officer-luis-p256"), Context.BATCH, take_batch),
        Sample("hotlist withdrawal", withdrawal(), ("officer-ana",), Context.WITHDRAWAL, take_withdrawal),
        Sample("hotlist manifest", manifest(), ("server",), Context.MANIFEST, take_manifest),
    ]
