"""Enrolment at the desk: a box's request judged, its key certified, its parcel made up.

The certificate, the registered key and the note that the invitation is used are committed together, before the answer
leaves. A request whose answer was lost is answered again, under the same key with the same certificate.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from aggregator.adapters import enrolment_store as store
from aggregator.adapters import founding, keyfiles, pki
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.invitation_desk import audit_invitation
from aggregator.adapters.profile_texts import profile_text
from aggregator.adapters.registry_store import Certified, Registry
from aggregator.adapters.settings_store import first_settings
from aggregator.core import invitation as rules
from aggregator.core.invitation import Course, Invitation, Refusal, fingerprint
from aggregator.errors import BadKey
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.enrolment import (
    EnrolmentAnswer,
    Parcel,
    Place,
    decode_request,
    sign_answer,
)
from protocol.errors import DecodeError
from protocol.keys import PublicKey
from protocol.messages import VERSION
from protocol.order import Identity
from protocol.steps import Step, no_step
from protocol.wire import to_bytes

STEPS: Final = ("enrolment.claimed", "enrolment.certified", "enrolment.committed", "enrolment.answered")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that a person has to approve first."""

    device: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Granted:
    """A key that has its certificate, under an invitation."""

    invitation: Invitation
    key: PublicKey
    certificate: x509.Certificate
    document: bytes


async def answer(
    pool: Pool, settings: Settings, raw: bytes, *, actor: str | None = None, now: datetime, step: Step = no_step
) -> bytes | Waiting | Refusal:
    """The parcel for a request; or that it must wait, or why not. `actor` is who carries it, if not the box itself."""
    try:
        async with transaction(pool) as connection:
            granted = await _grant(connection, settings, raw, actor=actor, now=now, step=step)
    except (BadKey, DecodeError):
        return Refusal.BAD_REQUEST
    if not isinstance(granted, Granted):
        return granted
    step("enrolment.committed")
    parcel = _parcel(settings, granted, now)
    step("enrolment.answered")
    return parcel


async def _grant(
    connection: Connection, settings: Settings, raw: bytes, *, actor: str | None, now: datetime, step: Step
) -> Granted | Waiting | Refusal:
    envelope = rules.read(raw)
    if isinstance(envelope, Refusal):
        return envelope
    found = await store.find(connection, bytes(envelope.key_id))
    if found is None or not rules.is_signed(envelope, found):
        return Refusal.UNKNOWN
    key = _key(envelope.payload, found.device)
    course = rules.judge(found, bytes(key.key_id), now=now)
    if isinstance(course, Refusal):
        _note_refusal(course, found)
        return course
    leaf = await _follow(connection, settings, found, key, course, actor=actor, now=now, step=step)
    if leaf is None:
        return Waiting(found.device, fingerprint(bytes(key.key_id)))
    return (
        leaf
        if isinstance(leaf, Refusal)
        else Granted(found, key, leaf, await _document(connection, settings, found, now))
    )


async def _follow(
    connection: Connection,
    settings: Settings,
    found: Invitation,
    key: PublicKey,
    course: Course,
    *,
    actor: str | None,
    now: datetime,
    step: Step,
) -> x509.Certificate | Refusal | None:
    """Do what the rules say; the certificate, or None if a person has to approve first."""
    if course is Course.REPEAT:
        return await _again(connection, settings, found, key, now)
    if course is Course.CLAIM:
        await store.claim(connection, found.invitation, bytes(key.key_id), now=now)
        step("enrolment.claimed")
    if course is Course.WAIT or (course is Course.CLAIM and found.needs_approval):
        return None
    leaf = await _certify(connection, settings, found, key, now)
    await store.note_certified(connection, found.invitation, now=now)
    who, reason = actor or f"device:{found.device}", f"key {fingerprint(bytes(key.key_id))}"
    await audit_invitation(connection, found, actor=who, action="device.enrol", reason=reason)
    step("enrolment.certified")
    return leaf


async def _certify(
    connection: Connection, settings: Settings, found: Invitation, key: PublicKey, now: datetime
) -> x509.Certificate:
    issuing, valid = founding.read_issuing(settings), timedelta(days=pki.DEVICE_DAYS)
    leaf = pki.issue(issuing, found.device, key.spki, pki.Use.CLIENT, now=now, valid=valid)
    pem = keyfiles.pem_of(leaf).decode()
    certified = Certified(key, pem, pki.serial_text(leaf), leaf.not_valid_after_utc)
    await Registry(connection).keep_key(found.device, certified)
    return leaf


async def _again(
    connection: Connection, settings: Settings, found: Invitation, key: PublicKey, now: datetime
) -> x509.Certificate | Refusal:
    """The certificate that the key has; a new one if the issuing CA has changed since."""
    pem = await store.certificate_of(connection, bytes(key.key_id), found.device)
    if pem is None:
        return Refusal.REVOKED
    leaf = x509.load_pem_x509_certificate(pem.encode())
    try:
        leaf.verify_directly_issued_by(keyfiles.read_certificate(settings.keys.issuing_certificate))
    except (InvalidSignature, ValueError):
        return await _certify(connection, settings, found, key, now)
    return leaf


async def _document(connection: Connection, settings: Settings, found: Invitation, now: datetime) -> bytes:
    """What the box is to run at first: the region's word, if the root lets this server speak it."""
    who = Identity(device=found.device, city=found.city, point=found.point)
    profile = (found.profile, profile_text(found.profile) if found.profile else "")
    try:
        return await first_settings(
            connection, settings, who, profile=profile, settings_toml=found.settings_toml, now=now
        )
    except BadKey as exc:
        log.warning("enrolled_without_settings", device=found.device, problem=str(exc))
        return b""


def _key(payload: bytes, device: str) -> PublicKey:
    """The key that a verified request asks a certificate for; raises `BadKey`, `DecodeError`."""
    csr = decode_request(payload).csr
    try:
        pem = x509.load_der_x509_csr(csr).public_bytes(Encoding.PEM)
    except ValueError as exc:
        raise BadKey("not a certificate request (DER, PKCS#10)") from exc
    return pki.read_request(pem, device)


def _parcel(settings: Settings, granted: Granted, now: datetime) -> bytes:
    found = granted.invitation
    boxes, server = settings.boxes, keyfiles.read_signer(settings.keys.server_key)
    authorities = x509.load_pem_x509_certificates(keyfiles.read_file(settings.broker.ca))
    issuing = keyfiles.read_certificate(settings.keys.issuing_certificate)
    body = EnrolmentAnswer(
        version=VERSION,
        invitation=found.invitation,
        key=bytes(granted.key.key_id),
        device=found.device,
        city=found.city,
        point=found.point,
        created_ms=to_ms(now),
        place=Place(
            broker_host=boxes.broker_host,
            broker_port=boxes.broker_port,
            server_name=boxes.server_name,
            artefacts_url=boxes.artefacts_url,
            enrolment_url=boxes.enrolment_url,
        ),
        chain=tuple(each.public_bytes(Encoding.DER) for each in (granted.certificate, issuing)),
        authorities=tuple(each.public_bytes(Encoding.DER) for each in authorities),
        settings=granted.document,
    )
    root, trust = keyfiles.read_file(settings.keys.root_spki), keyfiles.read_file(settings.keys.trust_bundle)
    return to_bytes(Parcel(version=VERSION, root_spki=root, trust=trust, answer=sign_answer(body, server)))


def _note_refusal(refusal: Refusal, found: Invitation) -> None:
    """Whoever is refused here holds the secret: that is worth a line."""
    log.warning("enrolment_refused", word=refusal.value, device=found.device, invitation=found.invitation.hex())
