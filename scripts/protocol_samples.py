"""One valid example of everything that crosses the wire, from fixed keys: for the golden vectors and for fuzzing.

The private keys here are test keys, known to all. Ed25519 is deterministic, ECDSA is made so (RFC 6979); the ephemeral
key of HPKE is not ours to choose: the sealed example is kept as once made. The rest comes out the same each time.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol import messages as m
from protocol.cosign import CoSigned
from protocol.enrolment import AnswerRefusal
from protocol.envelope import Context, envelope_hash, parse, sign
from protocol.federation import HeadRefusal
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
from protocol.keys import KeySigner, PublicKey, Signer, p256_raw, spki_of
from protocol.order import Identity, Position, seal_message
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
from protocol.settings import SettingsRefusal
from protocol.terms import TermsRefusal
from protocol.trust import Grant, Role, TrustBundle, TrustRefusal, TrustStore, sign_bundle
from protocol.wire import WireStruct, from_bytes

NOW_MS: Final = 1_795_000_000_000
YEAR_MS: Final = 31_536_000_000
WHO: Final = Identity(device="box-17", city="saltillo", point="p-204")
OUTBOX: Final = bytes(range(16))
SALT: Final = bytes(range(16, 32))
_P256_SHA256: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)

Refused = Refusal | ListRefusal | TrustRefusal | SettingsRefusal | TermsRefusal | HeadRefusal | AnswerRefusal


@dataclass(frozen=True, slots=True)
class RepeatingP256:
    """A P-256 key in memory whose signatures repeat (RFC 6979)."""

    private_key: ec.EllipticCurvePrivateKey

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signs."""
        return PublicKey.from_spki(spki_of(self.private_key.public_key()))

    def sign(self, data: bytes) -> bytes:
        """A signature of 64 bytes over the data."""
        return p256_raw(self.private_key.sign(data, _P256_SHA256))


def seed(name: str) -> bytes:
    """The private bytes of a test key: SHA-256 of its name."""
    return hashlib.sha256(f"atalaya test key {name}".encode()).digest()


@cache
def key(name: str) -> Signer:
    """A test key: P-256 if the name ends so, else Ed25519."""
    if name.endswith("p256"):
        return RepeatingP256(ec.derive_private_key(int.from_bytes(seed(name), "big"), ec.SECP256R1()))
    return KeySigner(ed25519.Ed25519PrivateKey.from_private_bytes(seed(name)))


@cache
def evidence_key() -> X25519PrivateKey:
    """The evidence authority's test key."""
    return X25519PrivateKey.from_private_bytes(seed("evidence"))


SIGNERS: Final = ("root", "device", "device-p256", "server", "officer-ana", "officer-luis-p256", "stranger")


@dataclass(frozen=True, slots=True)
class Sample:
    """Valid bytes, who signed them in which context, and the whole way in: parse, verify, decode, judge."""

    name: str
    raw: bytes
    signers: tuple[str, ...]
    context: Context
    take: Callable[[bytes], WireStruct | Refused]


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


# --- what command centre, root and officers say -------------------------------------------------------------


def evidence_spki() -> bytes:
    """SubjectPublicKeyInfo of the evidence authority's test key."""
    return evidence_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def grant_of(role: Role, spki: bytes, subject: str, cities: tuple[str, ...] = ()) -> Grant:
    """A grant that holds a year either way."""
    return Grant(
        role=role,
        spki=spki,
        subject=subject,
        not_before_ms=NOW_MS - YEAR_MS,
        not_after_ms=NOW_MS + YEAR_MS,
        cities=cities,
    )


def grants() -> tuple[Grant, ...]:
    """Whom the test root trusts."""
    server = key("server").public_key.spki
    return (
        grant_of(Role.RECEIPT, server, "saltillo-c4", ("saltillo",)),
        grant_of(Role.MANIFEST, server, "saltillo-c4", ("saltillo",)),
        grant_of(Role.OFFICER, key("officer-ana").public_key.spki, "ana"),
        grant_of(Role.OFFICER, key("officer-luis-p256").public_key.spki, "luis"),
        grant_of(Role.EVIDENCE, evidence_spki(), "fge-coahuila"),
    )


def bundle() -> bytes:
    """The test root's bundle."""
    return sign_bundle(7, grants(), key("root"), created_ms=NOW_MS)


@cache
def trust() -> TrustStore:
    """What a box believes that took the test bundle."""
    store = TrustStore(key("root").public_key).accept(bundle())
    if isinstance(store, TrustRefusal):
        raise TypeError(f"the test bundle is refused: {store.name}")
    return store


def take_bundle(raw: bytes) -> TrustBundle | TrustRefusal:
    """A bundle that a fresh box accepts, or why not."""
    store = TrustStore(key("root").public_key).accept(raw)
    return store if isinstance(store, TrustRefusal) else from_bytes(parse(raw).payload, TrustBundle, max_bytes=len(raw))


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


def signed_payload(payload: bytes, signer: str = "device", context: Context = Context.MESSAGE) -> bytes:
    """An envelope around any payload, however unfit."""
    return sign(payload, key(signer), context)
