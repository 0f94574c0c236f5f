"""A city's request to join, judged and answered.

The city's row, its root and bundle, its link's certificate and the note that the invitation is used are committed
together, before the answer leaves; then the broker is told. Whatever is cut off on the way is made good when the city
asks again under the same key: it gets the same certificate, and the broker is told again.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aggregator.adapters import city_trust, founding, keyfiles, pki
from aggregator.adapters import federated_store as store
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.federation_desk import audit_city, settle
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.registry_files import time_zones
from aggregator.adapters.registry_store import Registry
from aggregator.core import joining as rules
from aggregator.core.access import link_client
from aggregator.core.contact import is_due
from aggregator.core.joining import CityInvitation, Course, Refusal
from aggregator.core.registry import City
from aggregator.errors import BadKey
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.enrolment import Parcel
from protocol.joining import Asked, JoinAnswer, invitation_of, sign_join_answer
from protocol.keys import PublicKey
from protocol.messages import VERSION
from protocol.refusals import Refusal as WireRefusal
from protocol.steps import Step, no_step
from protocol.trust import TrustRefusal
from protocol.wire import to_bytes

STEPS: Final = ("joining.committed", "joining.settled")
_LOG_ID_BYTES: Final = 16

log = structlog.get_logger(__name__)


class _Undone(Exception):
    """What was begun is rolled back, and the city refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class _Let:
    """A city that has joined: under which invitation and key, with which certificate and log, and the region's name."""

    invitation: CityInvitation
    key: PublicKey
    certificate: x509.Certificate
    log_id: bytes
    region_name: str


async def answer(pool: Pool, settings: Settings, raw: bytes, *, now: datetime, step: Step = no_step) -> bytes | Refusal:
    """The parcel for a city's request, or why not; raises `DatabaseUnwell`."""
    issuing = founding.read_issuing(settings)
    try:
        async with transaction(pool) as connection:
            let = await _Turn(connection, settings, issuing, now).let_in(raw)
    except _Undone as exc:
        return exc.refusal
    if isinstance(let, Refusal):
        return let
    step("joining.committed")
    await settle(pool, settings, now=now)
    step("joining.settled")
    return _parcel(settings, let, issuing.certificate, now)


async def renewed(pool: Pool, settings: Settings, city: str, key: bytes, *, now: datetime) -> x509.Certificate | None:
    """The certificate for a key that a link has: a new one if it is due; none for a key that holds no more."""
    issuing = founding.read_issuing(settings)
    async with transaction(pool) as connection:
        held = await store.certificate_of(connection, city, key)
        if held is None or not (_is_of_other(held, issuing) or _is_due(held, now)):
            return held
        spki = held.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        leaf = await _Turn(connection, settings, issuing, now).certify(city, PublicKey.from_spki(spki))
        reason = f"certificate {pki.serial_text(leaf)}"
        await audit_city(connection, city, actor=f"city:{city}", action="federation.renew", reason=reason)
    await settle(pool, settings, now=now)
    return leaf


@dataclass(frozen=True, slots=True)
class _Turn:
    """One request being answered: in whose transaction, under which CA, when."""

    connection: Connection
    settings: Settings
    issuing: pki.Authority
    now: datetime

    async def let_in(self, raw: bytes) -> _Let | Refusal:
        """Judge the request, and do what follows; raises `_Undone`."""
        name = invitation_of(raw)
        if isinstance(name, WireRefusal):
            return Refusal.BAD_REQUEST
        found = await store.invitation(self.connection, bytes(name))
        if found is None:
            return Refusal.UNKNOWN
        asked = rules.read(raw, found)
        if isinstance(asked, Refusal):
            return asked
        key = _key(asked, found.city)
        if key is None or asked.request.time_zone not in time_zones():
            return Refusal.BAD_REQUEST
        course = rules.judge(found, bytes(key.key_id), now=self.now)
        if isinstance(course, Refusal):
            log.warning("joining_refused", word=course.value, city=found.city, invitation=found.invitation.hex())
            return course
        return await (self._again(found, key) if course is Course.REPEAT else self._join(found, asked, key))

    async def _join(self, found: CityInvitation, asked: Asked, key: PublicKey) -> _Let | Refusal:
        city, name, request, now = found.city, bytes(key.key_id), asked.request, self.now
        if not rules.has_server(asked.trust, city, at_ms=to_ms(now)):
            return Refusal.BAD_TRUST
        if await store.owner_of_key(self.connection, name) not in (None, city):
            return Refusal.BAD_REQUEST
        row = City(city_id=city, name=request.name, time_zone=request.time_zone)
        await Registry(self.connection).add("city", row, replace=True)
        trust = await city_trust.learn(self.connection, city, asked.trust.root, request.trust, now=now)
        if isinstance(trust, TrustRefusal):
            raise _Undone(Refusal.ROLLED_BACK)
        log_id = secrets.token_bytes(_LOG_ID_BYTES)
        await store.join(self.connection, found, name, log_id=log_id, now=now)
        await store.revoke_certificates(self.connection, city, now=now)
        leaf = await self.certify(city, key)
        reason = f"root {hashlib.sha256(request.root_spki).hexdigest()}"
        await audit_city(self.connection, city, actor=f"city:{city}", action="federation.join", reason=reason)
        return _Let(found, key, leaf, log_id, await self._region_name())

    async def _again(self, found: CityInvitation, key: PublicKey) -> _Let | Refusal:
        """The certificate that the link has; a new one if the issuing CA has changed since."""
        city = await store.city(self.connection, found.city)
        leaf = await store.certificate_of(self.connection, found.city, bytes(key.key_id))
        if city is None or not city.is_linked or leaf is None:
            return Refusal.LEFT
        if _is_of_other(leaf, self.issuing):
            leaf = await self.certify(found.city, key)
        return _Let(found, key, leaf, city.log_id, await self._region_name())

    async def certify(self, city: str, key: PublicKey) -> x509.Certificate:
        """A new certificate for a city's link."""
        valid = timedelta(days=pki.CLIENT_DAYS)
        leaf = pki.issue(self.issuing, link_client(city), key.spki, pki.Use.CLIENT, now=self.now, valid=valid)
        await store.add_certificate(self.connection, city, bytes(key.key_id), leaf, now=self.now)
        return leaf

    async def _region_name(self) -> str:
        row = await Registry(self.connection).show("city", self.settings.city)
        return row.name if isinstance(row, City) else self.settings.city


def _is_of_other(leaf: x509.Certificate, issuing: pki.Authority) -> bool:
    """Whether another CA issued a certificate than the one that signs now."""
    try:
        leaf.verify_directly_issued_by(issuing.certificate)
    except (InvalidSignature, ValueError):
        return True
    return False


def _is_due(leaf: x509.Certificate, now: datetime) -> bool:
    return is_due(leaf.not_valid_before_utc, leaf.not_valid_after_utc, now=now)


def _key(asked: Asked, city: str) -> PublicKey | None:
    """The key that a city asks a certificate for, if the request is for its own link and sound."""
    try:
        pem = x509.load_der_x509_csr(asked.request.csr).public_bytes(Encoding.PEM)
        return pki.read_request(pem, link_client(city))
    except (ValueError, BadKey):
        return None


def _parcel(settings: Settings, let: _Let, issuing: x509.Certificate, now: datetime) -> bytes:
    boxes, server = settings.boxes, keyfiles.read_signer(settings.keys.server_key)
    authorities = x509.load_pem_x509_certificates(keyfiles.read_file(settings.broker.ca))
    body = JoinAnswer(
        version=VERSION,
        invitation=let.invitation.invitation,
        key=bytes(let.key.key_id),
        city=let.invitation.city,
        region=settings.city,
        region_name=let.region_name,
        created_ms=to_ms(now),
        broker_host=boxes.broker_host,
        broker_port=boxes.broker_port,
        server_name=boxes.server_name,
        artefacts_url=boxes.artefacts_url,
        log=let.log_id,
        chain=tuple(each.public_bytes(Encoding.DER) for each in (let.certificate, issuing)),
        authorities=tuple(each.public_bytes(Encoding.DER) for each in authorities),
    )
    root, trust = keyfiles.read_file(settings.keys.root_spki), keyfiles.read_file(settings.keys.trust_bundle)
    return to_bytes(Parcel(version=VERSION, root_spki=root, trust=trust, answer=sign_join_answer(body, server)))
