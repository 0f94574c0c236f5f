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
from aggregator.adapters.partner_desk import partner_of
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
    partner: str | None


async def answer(
    pool: Pool, settings: Settings, raw: bytes, *, actor: str | None = None, now: datetime, step: Step = no_step
) -> bytes | Waiting | Refusal:
    """The parcel for a request; or that it must wait, or why not. `actor` is who carries it, if not the box itself."""
    issuing = founding.read_issuing(settings)
    try:
        async with transaction(pool) as connection:
            granted = await _Turn(connection, settings, issuing, actor, now, step).grant(raw)
    except (BadKey, DecodeError):
        return Refusal.BAD_REQUEST
    if not isinstance(granted, Granted):
        return granted
    step("enrolment.committed")
    parcel = _parcel(settings, granted, issuing.certificate, now)
    step("enrolment.answered")
    return parcel


@dataclass(frozen=True, slots=True)
class _Turn:
    """One request being answered: in whose transaction, under which CA, carried by whom, when."""

    connection: Connection
    settings: Settings
    issuing: pki.Authority
    actor: str | None
    now: datetime
    step: Step

    async def grant(self, raw: bytes) -> Granted | Waiting | Refusal:
        """Judge the request, and do what follows; raises `BadKey`, `DecodeError` for what is none."""
        envelope = rules.read(raw)
        if isinstance(envelope, Refusal):
            return envelope
        found = await store.find(self.connection, bytes(envelope.key_id))
        if found is None or not rules.is_signed(envelope, found):
            return Refusal.UNKNOWN
        key = _key(envelope.payload, found.device)
        course = rules.judge(found, bytes(key.key_id), now=self.now)
        if isinstance(course, Refusal):
            _note_refusal(course, found)
            return course
        return await self._follow(course, found, key)

    async def _follow(self, course: Course, found: Invitation, key: PublicKey) -> Granted | Waiting | Refusal:
        name = bytes(key.key_id)
        if course is Course.REPEAT:
            return await self._again(found, key)
        if course is Course.CLAIM:
            await store.claim(self.connection, found.invitation, name, now=self.now)
            self.step("enrolment.claimed")
        if course is Course.WAIT or (course is Course.CLAIM and found.needs_approval):
            return Waiting(found.device, fingerprint(name))
        leaf = await self._certify(found, key)
        await store.note_certified(self.connection, found.invitation, now=self.now)
        document = await self._document(found)
        who, reason = self.actor or f"device:{found.device}", f"key {fingerprint(name)}"
        await audit_invitation(self.connection, found, actor=who, action="device.enrol", reason=reason)
        self.step("enrolment.certified")
        return Granted(found, key, leaf, document, await partner_of(self.connection, found.point))

    async def _certify(self, found: Invitation, key: PublicKey) -> x509.Certificate:
        valid = timedelta(days=pki.DEVICE_DAYS)
        leaf = pki.issue(self.issuing, found.device, key.spki, pki.Use.CLIENT, now=self.now, valid=valid)
        pem = keyfiles.pem_of(leaf).decode()
        certified = Certified(key, pem, pki.serial_text(leaf), leaf.not_valid_after_utc)
        await Registry(self.connection).keep_key(found.device, certified)
        return leaf

    async def _again(self, found: Invitation, key: PublicKey) -> Granted | Refusal:
        """The certificate that the key has; a new one if the issuing CA has changed since."""
        pem = await store.certificate_of(self.connection, bytes(key.key_id), found.device)
        if pem is None:
            return Refusal.REVOKED
        leaf = x509.load_pem_x509_certificate(pem.encode())
        try:
            leaf.verify_directly_issued_by(self.issuing.certificate)
        except (InvalidSignature, ValueError):
            leaf = await self._certify(found, key)
        document, partner = await self._document(found), await partner_of(self.connection, found.point)
        return Granted(found, key, leaf, document, partner)

    async def _document(self, found: Invitation) -> bytes:
        """What the box is to run at first: the region's word, if the root lets this server speak it."""
        who = Identity(device=found.device, city=found.city, point=found.point)
        profile = (found.profile, profile_text(found.profile) if found.profile else "")
        try:
            return await first_settings(
                self.connection, self.settings, who, profile=profile, settings_toml=found.settings_toml, now=self.now
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


def _parcel(settings: Settings, granted: Granted, issuing: x509.Certificate, now: datetime) -> bytes:
    found = granted.invitation
    boxes, server = settings.boxes, keyfiles.read_signer(settings.keys.server_key)
    authorities = x509.load_pem_x509_certificates(keyfiles.read_file(settings.broker.ca))
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
        partner=granted.partner,
    )
    root, trust = keyfiles.read_file(settings.keys.root_spki), keyfiles.read_file(settings.keys.trust_bundle)
    return to_bytes(Parcel(version=VERSION, root_spki=root, trust=trust, answer=sign_answer(body, server)))


def _note_refusal(refusal: Refusal, found: Invitation) -> None:
    """Whoever is refused here holds the secret: that is worth a line."""
    log.warning("enrolment_refused", word=refusal.value, device=found.device, invitation=found.invitation.hex())
