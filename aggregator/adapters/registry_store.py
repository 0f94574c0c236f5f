"""The registry in the database: rows added, replaced, shown, listed, imported; keys of devices kept and revoked.

Whoever listens for `registry_changed` is told by the database's own triggers, whatever wrote.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
import msgspec

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.registry import KINDS, Line, Outcome, Row, left_out, name_of
from aggregator.errors import AggregatorError, AlreadyThere, BadKey, NotThere
from protocol.keys import PublicKey

# What a row refers to, by the constraint that misses it.
_REFERENCES: Final = {
    "point_city_id_fkey": "city_id: no such city is registered",
    "point_partner_id_fkey": "partner_id: no such partner is registered",
    "camera_point_id_fkey": "point_id: no such point is registered",
    "city_id": "point_id: no such point is registered",  # a device's city is its point's
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands, and whether it may speak."""

    device: str
    city: str
    point: str
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class Certified:
    """A device's key and the certificate issued for it."""

    key: PublicKey
    certificate_pem: str
    serial: str
    not_after: datetime


class Registry:
    """The registry through one connection."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection; whoever opened it closes it."""
        self._connection = connection
        self._sql = statements("registry")

    async def add(self, noun: str, row: Row, *, replace: bool = False) -> Outcome:
        """Register a row; raises `NotThere` for what it refers to, `AlreadyThere` for another under its name."""
        values = msgspec.structs.astuple(row)
        try:
            if await self._connection.fetchval(self._sql[f"add_{noun}"], *values):
                return Outcome.ADDED
        except (asyncpg.ForeignKeyViolationError, asyncpg.NotNullViolationError) as exc:
            raise NotThere(_REFERENCES[exc.constraint_name or exc.column_name or ""]) from None
        if await self.find(noun, row) == row:
            return Outcome.UNCHANGED
        if not replace:
            raise AlreadyThere(f"{noun} {name_of(row)} is registered otherwise; --replace overwrites it")
        if not await self._replace(noun, values):
            raise AlreadyThere(f"{noun} {name_of(row)} belongs elsewhere, which --replace does not change")
        return Outcome.REPLACED

    async def find(self, noun: str, named_like: Row) -> Row | None:
        """The registered row of the same name."""
        key = name_of(named_like).split("/")
        record = await self._connection.fetchrow(self._sql[f"show_{noun}"], *key)
        return None if record is None else msgspec.convert(dict(record), KINDS[noun])

    async def show(self, noun: str, *key: str) -> Row:
        """A registered row by its name; raises `NotThere`."""
        record = await self._connection.fetchrow(self._sql[f"show_{noun}"], *key)
        if record is None:
            raise NotThere(f"no {noun} {'/'.join(key)} is registered")
        return msgspec.convert(dict(record), KINDS[noun])

    async def rows(self, noun: str) -> list[asyncpg.Record]:
        """Every row of a noun, with what belongs to it counted."""
        return await self._connection.fetch(self._sql[f"list_{noun}"])

    async def columns(self, noun: str) -> list[str]:
        """The columns that `rows` gives for a noun, also when there are none."""
        statement = await self._connection.prepare(self._sql[f"list_{noun}"])
        return [attribute.name for attribute in statement.get_attributes()]

    async def import_rows(
        self, noun: str, rows: Iterable[tuple[int, Row | str]], *, replace: bool, keep_going: bool
    ) -> list[Line]:
        """Register numbered rows (or take the reason why one is none), all or nothing unless `keep_going`."""
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            lines = [await self._import(noun, number, row, replace=replace) for number, row in rows]
        except BaseException:  # cancellation too: the connection goes back without an open transaction; raised again
            await transaction.rollback()
            raise
        if keep_going or all(line.outcome is not Outcome.REFUSED for line in lines):
            await transaction.commit()
            return lines
        await transaction.rollback()
        return left_out(lines)

    async def place(self, device: str) -> Place:
        """Where a device stands, its row locked until the transaction ends; raises `NotThere`."""
        record = await self._connection.fetchrow(self._sql["device_place"], device)
        if record is None:
            raise NotThere(f"no device {device} is registered; register it with: aggregator device add {device} ...")
        return Place(record["device_id"], record["city_id"], record["point_id"], record["state"] == "revoked")

    async def keys(self, device: str) -> list[asyncpg.Record]:
        """A device's keys, the oldest first."""
        return await self._connection.fetch(self._sql["device_keys"], device)

    async def kin(self, device: str) -> asyncpg.Record:
        """Whom a device replaces, and who replaced it; raises `NotThere`."""
        record = await self._connection.fetchrow(self._sql["device_kin"], device)
        if record is None:
            raise NotThere(f"no device {device} is registered")
        return record

    async def places(self, device: str) -> list[asyncpg.Record]:
        """Where a device stood before it was moved, the first place first."""
        return await self._connection.fetch(self._sql["device_places"], device)

    async def keep_key(self, device: str, certified: Certified) -> None:
        """Store a device's certified key, or its new certificate; raises `BadKey` for a revoked or another's key."""
        key, facts = certified.key, (certified.certificate_pem, certified.serial, certified.not_after)
        values = (bytes(key.key_id), device, key.spki, int(key.algorithm), *facts)
        if not await self._connection.fetchval(self._sql["add_device_key"], *values):
            renewed = await self._connection.fetchval(self._sql["renew_device_key"], bytes(key.key_id), device, *facts)
            if not renewed:
                raise BadKey(await self._why_not(bytes(key.key_id), device))
        await self._connection.execute(
            self._sql["add_device_certificate"], certified.serial, bytes(key.key_id), certified.not_after
        )

    async def revoke(self, device: str, reason: str, *, now: datetime) -> int:
        """Take a device and all its keys out of service; how many keys that were. Doing it again does nothing."""
        await self._connection.execute(self._sql["revoke_device"], device)
        return len(await self._connection.fetch(self._sql["revoke_device_keys"], device, now, reason))

    async def revoked_serials(self) -> Sequence[tuple[int, datetime]]:
        """Every certificate of a revoked key, held until the transaction ends: one process at a time writes the CRL."""
        await self._connection.execute(self._sql["hold_certificates"])
        records = await self._connection.fetch(self._sql["revoked_serials"])
        return [(int(record["serial"], 16), record["revoked_at"]) for record in records]

    async def _replace(self, noun: str, values: tuple[object, ...]) -> bool:
        try:
            return bool(await self._connection.fetchval(self._sql[f"replace_{noun}"], *values))
        except asyncpg.ForeignKeyViolationError as exc:
            raise NotThere(_REFERENCES[exc.constraint_name or ""]) from None

    async def _import(self, noun: str, number: int, row: Row | str, *, replace: bool) -> Line:
        if isinstance(row, str):
            return Line(number, Outcome.REFUSED, "", row)
        try:
            async with self._connection.transaction():
                return Line(number, await self.add(noun, row, replace=replace), name_of(row))
        except AggregatorError as exc:
            return Line(number, Outcome.REFUSED, name_of(row), str(exc))

    async def _why_not(self, key_id: bytes, device: str) -> str:
        record = await self._connection.fetchrow(self._sql["holder_of_key"], key_id)
        if record is not None and record["device_id"] != device:
            return f"this key is {record['device_id']}'s; each device makes its own"
        if record is not None and record["is_elsewhere"]:
            return f"{device} is certified by its own city's command centre, and only there"
        return "this key was revoked and cannot be certified again; make a new one on the box"
