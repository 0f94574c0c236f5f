"""The cities of a region in the database: invitations, links and their certificates, how each stands.

Each function is one statement, on a connection whose transaction is the caller's. Whoever keeps link keys in memory
listens for `federation_changed`, which the database says by itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from aggregator.adapters import pki
from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.contact import Standing
from aggregator.core.joining import CityInvitation
from protocol.clock import from_ms

CHANNEL: Final = "federation_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedCity:
    """A city that has joined, and how it stood when it was last heard. `left_at`: it is linked no more."""

    city: str
    name: str
    joined_at: datetime
    left_at: datetime | None
    log_id: bytes
    roster_number: int
    roster_at: datetime | None
    roster_left_out: tuple[str, ...]
    contact_at: datetime | None
    release: str
    clock_offset_ms: int | None
    backlog: int | None
    backlog_since: datetime | None
    list_version: int | None
    log_number: int | None

    @property
    def is_linked(self) -> bool:
        """Whether it is linked now."""
        return self.left_at is None

    @property
    def heard_at(self) -> datetime:
        """When it last said something, if only that it joins."""
        return max(self.joined_at, self.contact_at or self.joined_at)


async def add_invitation(connection: Connection, made: CityInvitation) -> None:
    """Keep a new invitation."""
    await connection.execute(
        _sql("add_invitation"),
        *(made.invitation, made.spki, made.city, made.invited_at, made.invited_by, made.expires_at),
    )


async def cancel_invitations(connection: Connection, city: str, *, by: str, now: datetime) -> list[bytes]:
    """Cancel whatever invitation a city has in force; which that was."""
    rows = await connection.fetch(_sql("cancel_invitations_of_city"), city, now, by)
    return [row["invitation_id"] for row in rows]


async def invitations(connection: Connection) -> list[CityInvitation]:
    """All invitations, the oldest first."""
    return [_invitation(row) for row in await connection.fetch(_sql("invitations"))]


async def invitation(connection: Connection, name: bytes) -> CityInvitation | None:
    """An invitation, held until the transaction ends."""
    row = await connection.fetchrow(_sql("invitation"), name)
    return None if row is None else _invitation(row)


async def join(connection: Connection, found: CityInvitation, key: bytes, *, log_id: bytes, now: datetime) -> None:
    """The city of an invitation is linked from now on, under a key and with a new log."""
    await connection.execute(_sql("join_city"), found.city, now, log_id)
    await connection.execute(_sql("note_joined"), found.invitation, key, now)


async def leave(connection: Connection, city: str, *, by: str, reason: str, now: datetime) -> bool:
    """The city is linked no more; false if it was not."""
    return bool(await connection.fetchval(_sql("leave_city"), city, now, by, reason))


async def city(connection: Connection, name: str) -> FederatedCity | None:
    """A city that has joined, whether or not it has left."""
    row = await connection.fetchrow(_sql("federated_city"), name)
    return None if row is None else _city(row)


async def cities(connection: Connection) -> list[FederatedCity]:
    """Every city that has joined, by its id."""
    return [_city(row) for row in await connection.fetch(_sql("federated_cities"))]


async def add_certificate(
    connection: Connection, name: str, key: bytes, leaf: x509.Certificate, *, now: datetime
) -> None:
    """Keep the certificate of a link, for the key that it was issued for."""
    der = leaf.public_bytes(Encoding.DER)
    values = (pki.serial_text(leaf), name, key, der, leaf.not_valid_after_utc, now)
    await connection.execute(_sql("add_certificate"), *values)


async def certificate_of(connection: Connection, name: str, key: bytes) -> x509.Certificate | None:
    """The certificate of a city's link key; none if it holds no more."""
    der: bytes | None = await connection.fetchval(_sql("certificate_of_key"), name, key)
    return None if der is None else x509.load_der_x509_certificate(der)


async def owner_of_key(connection: Connection, key: bytes) -> str | None:
    """Whose link a key is, or once was."""
    found: str | None = await connection.fetchval(_sql("city_of_key"), key)
    return found


async def revoke_certificates(connection: Connection, name: str, *, but: bytes = b"", now: datetime) -> int:
    """What was issued for a city's link holds no more, but for one key; how many certificates that are."""
    return len(await connection.fetch(_sql("revoke_certificates"), name, now, but))


async def live_certificates(connection: Connection) -> dict[str, x509.Certificate]:
    """The certificate of each linked city's link."""
    rows = await connection.fetch(_sql("live_certificates"))
    return {row["city_id"]: x509.load_der_x509_certificate(row["certificate_der"]) for row in rows}


async def link_keys(connection: Connection) -> dict[bytes, str]:
    """The cities that may come in over a link now, by their links' keys."""
    return {row["key_id"]: row["city_id"] for row in await connection.fetch(_sql("link_keys"))}


async def note_contact(
    connection: Connection, name: str, said: Standing, *, clock_offset_ms: int, now: datetime
) -> None:
    """How a city says that it stands."""
    since = None if said.backlog_since_ms is None else from_ms(said.backlog_since_ms)
    await connection.execute(
        _sql("note_contact"),
        *(name, now, clock_offset_ms, said.release, said.backlog, since, said.list_version, said.log_number),
    )


async def log_end(connection: Connection, name: str) -> int | None:
    """How far the log of a city goes; none if it is not open."""
    found: int | None = await connection.fetchval(_sql("log_end"), name)
    return found


async def log_ends(connection: Connection) -> dict[str, int]:
    """How far each city's log goes."""
    return {row["city_id"]: row["number"] for row in await connection.fetch(_sql("log_ends"))}


def _invitation(row: asyncpg.Record) -> CityInvitation:
    return CityInvitation(
        invitation=row["invitation_id"],
        spki=row["spki"],
        city=row["city_id"],
        invited_at=row["invited_at"],
        invited_by=row["invited_by"],
        expires_at=row["expires_at"],
        key=row["key_id"],
        joined_at=row["joined_at"],
        cancelled_at=row["cancelled_at"],
    )


def _city(row: asyncpg.Record) -> FederatedCity:
    same = ("name", "joined_at", "left_at", "log_id", "roster_number", "roster_at", "contact_at", "release")
    more = ("clock_offset_ms", "backlog", "backlog_since", "list_version", "log_number")
    return FederatedCity(
        city=row["city_id"],
        roster_left_out=tuple(row["roster_left_out"]),
        **{name: row[name] for name in (*same, *more)},
    )


def _sql(name: str) -> str:
    return statements("federated")[name]
