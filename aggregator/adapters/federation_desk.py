"""The region's desk: cities invited and sent away, each deed with its row in the audit; and the broker told of it.

The broker reads whose links it lets in from certificates that lie beside those of our own clients (`link.CITY.crt.pem`)
and from the list of revoked ones. `settle` makes both what the database says, and may be called at any time.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from cryptography import x509

from aggregator.adapters import federated_store as store
from aggregator.adapters import founding, keyfiles, mosquitto
from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.installation import write_crl
from aggregator.adapters.invitation_desk import make_token
from aggregator.core.access import link_client
from aggregator.core.joining import CityInvitation
from aggregator.errors import BadInput, BrokerUnwell, NotThere
from aggregator.settings import Settings
from protocol.enrolment import SECRET_BYTES, Token, invitation_signer

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation: its token, which is nowhere else, and the ones that it took the place of."""

    token: Token = field(repr=False)
    invitation: CityInvitation
    replaced: tuple[bytes, ...]


async def invite(pool: Pool, settings: Settings, city: str, *, valid: timedelta, actor: str, now: datetime) -> Invited:
    """Invite a city to join this region, in the place of an invitation that it has not used; raises `BadInput`."""
    if settings.role != "region":
        raise BadInput("only a region invites cities; one is founded with: aggregator init --role region")
    if city == settings.city:
        raise BadInput(f"{city} is this region itself")
    secret = secrets.token_bytes(SECRET_BYTES)
    key = invitation_signer(secret).public_key
    made = CityInvitation(
        invitation=bytes(key.key_id),
        spki=key.spki,
        city=city,
        invited_at=now,
        invited_by=actor,
        expires_at=now + valid,
    )
    async with transaction(pool) as connection:
        replaced = await store.cancel_invitations(connection, city, by=actor, now=now)
        await store.add_invitation(connection, made)
        reason = f"invitation {made.invitation.hex()}"
        await audit_city(connection, city, actor=actor, action="federation.invite", reason=reason)
    token = make_token(settings, city, expires_at=made.expires_at, secret=secret)
    return Invited(token, made, tuple(replaced))


async def leave(pool: Pool, settings: Settings, city: str, *, actor: str, reason: str, now: datetime) -> str | None:
    """End a city's link; what the broker did not do, if anything. Raises `NotThere`.

    What the city has brought stays, and so do its devices' keys: its messages of yesterday verify against them.
    """
    async with transaction(pool) as connection:
        is_linked = await store.leave(connection, city, by=actor, reason=reason, now=now)
        gone = await store.cancel_invitations(connection, city, by=actor, now=now)
        if not is_linked and not gone:
            raise NotThere(f"{city} is not linked to this region; see: aggregator federation status")
        await store.revoke_certificates(connection, city, now=now)
        await audit_city(connection, city, actor=actor, action="federation.leave", reason=reason)
    return await settle(pool, settings, gone=city, now=now)


async def settle(pool: Pool, settings: Settings, *, gone: str | None = None, now: datetime) -> str | None:
    """Have the broker let in the links that hold, and end that of a city; what it did not do, if anything."""
    async with transaction(pool) as connection:
        certificates = await store.live_certificates(connection)
        await write_crl(connection, settings, now=now)
    try:
        await asyncio.to_thread(_tell_broker, settings, certificates, gone, now)
    except BrokerUnwell as exc:
        log.warning("broker_not_told", problem=str(exc))
        return str(exc)
    return None


async def audit_city(connection: Connection, city: str, *, actor: str, action: str, reason: str) -> None:
    """What was done with a city, in the caller's transaction."""
    await audit(connection, actor=actor, action=action, subject=f"city:{city}", reason=reason)


def _tell_broker(
    settings: Settings, certificates: dict[str, x509.Certificate], gone: str | None, now: datetime
) -> None:
    for city in set(mosquitto.linked_cities(settings)) - set(certificates):
        settings.broker.certificate_of(link_client(city)).unlink(missing_ok=True)
    for city, certificate in certificates.items():
        keyfiles.replace(settings.broker.certificate_of(link_client(city)), keyfiles.pem_of(certificate))
    mosquitto.write(settings)
    mosquitto.reload(settings)
    if gone is not None:
        mosquitto.drop_session(settings, link_client(gone), founding.read_issuing(settings), now=now)
