"""Renewal at the desk: a request judged, a certificate issued and kept, all in one transaction."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from aggregator.adapters import founding, keyfiles, pki
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.registry_store import Certified, Registry
from aggregator.adapters.statements import statements
from aggregator.core import renewal
from aggregator.core.ingest import RegisteredKey
from aggregator.core.renewal import Holder, Refusal
from aggregator.settings import Settings
from protocol.keys import Algorithm, PublicKey
from protocol.messages import VERSION
from protocol.renewal import RenewalAnswer


async def renew(pool: Pool, settings: Settings, raw: bytes, *, now: datetime) -> RenewalAnswer | Refusal:
    """Grant a request for renewal, or say why not; raises `DatabaseUnwell`. `renewed_ms` moves only with a grant."""
    envelope = renewal.read(raw)
    if isinstance(envelope, Refusal):
        return envelope
    async with transaction(pool) as connection:
        holder = await _holder(connection, envelope.key_id)
        request = renewal.judge(envelope, holder, now=now)
        if isinstance(request, Refusal) or holder is None:
            return request if isinstance(request, Refusal) else Refusal.UNKNOWN_KEY
        await connection.execute(statements("renewal")["note_renewal"], bytes(envelope.key_id), request.time_ms)
        return await _issue(connection, settings, holder.key, now)


async def _holder(connection: Connection, key_id: bytes) -> Holder | None:
    row = await connection.fetchrow(statements("renewal")["renewal_key"], bytes(key_id))
    if row is None:
        return None
    key = RegisteredKey(
        key=PublicKey(Algorithm(row["algorithm"]), row["spki"]),
        device=row["device_id"],
        city=row["city_id"],
        point=row["point_id"],
        is_revoked=row["is_revoked"],
    )
    return Holder(key, row["renewed_ms"], row["issued_today"])


async def _issue(connection: Connection, settings: Settings, key: RegisteredKey, now: datetime) -> RenewalAnswer:
    issuing, valid = founding.read_issuing(settings), timedelta(days=pki.DEVICE_DAYS)
    leaf = pki.issue(issuing, key.device, key.key.spki, pki.Use.CLIENT, now=now, valid=valid)
    pem = keyfiles.pem_of(leaf).decode()
    certified = Certified(key.key, pem, pki.serial_text(leaf), leaf.not_valid_after_utc)
    await Registry(connection).keep_key(key.device, certified)
    authorities = x509.load_pem_x509_certificates(keyfiles.read_file(settings.broker.ca))
    return RenewalAnswer(
        version=VERSION,
        device=key.device,
        city=key.city,
        point=key.point,
        chain=tuple(each.public_bytes(Encoding.DER) for each in (leaf, issuing.certificate)),
        authorities=tuple(each.public_bytes(Encoding.DER) for each in authorities),
    )
