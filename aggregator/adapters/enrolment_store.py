"""Invitations in the database. Each function is one statement, on a connection whose transaction is the caller's."""

from datetime import datetime
from typing import Final

import asyncpg

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.invitation import Invitation

_COLUMNS: Final = {
    "invitation": "invitation_id",
    "device": "device_id",
    "city": "city_id",
    "point": "point_id",
    "key": "key_id",
}


async def add(connection: Connection, invitation: Invitation) -> None:
    """Keep a new invitation."""
    await connection.execute(
        _sql("add_invitation"),
        *(invitation.invitation, invitation.spki, invitation.device, invitation.settings_toml),
        *(invitation.needs_approval, invitation.invited_at, invitation.invited_by, invitation.expires_at),
    )


async def cancel_of_device(connection: Connection, device: str, *, by: str, now: datetime) -> list[bytes]:
    """Cancel whatever invitation a device has in force; which that was."""
    rows = await connection.fetch(_sql("cancel_invitations_of_device"), device, now, by)
    return [row["invitation_id"] for row in rows]


async def every(connection: Connection) -> list[Invitation]:
    """All invitations, the oldest first."""
    return [_invitation(row) for row in await connection.fetch(_sql("invitations"))]


async def find(connection: Connection, invitation: bytes) -> Invitation | None:
    """An invitation, held until the transaction ends."""
    row = await connection.fetchrow(_sql("invitation"), invitation)
    return None if row is None else _invitation(row)


async def in_force(connection: Connection, name: str) -> Invitation | None:
    """The invitation in force of a device, or of that name (hexadecimal), held until the transaction ends."""
    row = await connection.fetchrow(_sql("invitations_named"), name)
    return None if row is None else await find(connection, row["invitation_id"])


async def claim(connection: Connection, invitation: bytes, key: bytes, *, now: datetime) -> None:
    """Bind an invitation to the first key that asked."""
    await connection.execute(_sql("claim"), invitation, key, now)


async def approve(connection: Connection, invitation: bytes, *, by: str, now: datetime) -> None:
    """A person has compared the key with the box's."""
    await connection.execute(_sql("approve"), invitation, now, by)


async def cancel(connection: Connection, invitation: bytes, *, by: str, now: datetime) -> None:
    """Let nobody use an invitation any more."""
    await connection.execute(_sql("cancel"), invitation, now, by)


async def note_certified(connection: Connection, invitation: bytes, *, now: datetime) -> None:
    """The key has its certificate."""
    await connection.execute(_sql("note_certified"), invitation, now)


async def certificate_of(connection: Connection, key: bytes, device: str) -> str | None:
    """The certificate of a device's key, PEM; None if the key was revoked."""
    found: str | None = await connection.fetchval(_sql("certificate_of_key"), key, device)
    return found


async def has_live_key(connection: Connection, device: str) -> bool:
    """Whether a device has a key that is not revoked."""
    return bool(await connection.fetchval(_sql("live_keys_of_device"), device))


async def device_ids_at(connection: Connection, point: str) -> set[str]:
    """The ids that begin like those of a point's own boxes."""
    return {row["device_id"] for row in await connection.fetch(_sql("device_ids_at"), point)}


def _invitation(row: asyncpg.Record) -> Invitation:
    fields = Invitation.__dataclass_fields__
    return Invitation(**{name: row[_COLUMNS.get(name, name)] for name in fields})


def _sql(name: str) -> str:
    return statements("enrolment")[name]
