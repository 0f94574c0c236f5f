"""Rosters in the database: a city's own made and signed; a city's taken into the region's registry.

Taking one is a handful of statements over arrays, whatever its size, in the caller's transaction. Ingest hears of it as
of any other change of the registry. What the roster says is judged in `protocol.roster`, and whose a name is in
`aggregator.core.roster`.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby

import asyncpg

from aggregator.adapters import city_trust, keyfiles
from aggregator.adapters.database import Connection
from aggregator.adapters.registry_files import time_zones
from aggregator.adapters.statements import statements
from aggregator.core.roster import E7, NO_MORE, REVOKED, Holders, content_hash, is_fit, left_out, next_number
from aggregator.errors import NotThere
from aggregator.settings import Settings
from protocol.clock import from_ms, to_ms
from protocol.keys import key_id
from protocol.refusals import Refusal
from protocol.revocations import RevocationList, accept_list
from protocol.roster import (
    Past,
    Roster,
    RosterCamera,
    RosterDevice,
    RosterPoint,
    accept_roster,
    make_roster,
    sign_roster,
)


@dataclass(frozen=True, slots=True)
class TakenRoster:
    """A roster that the region has, what of it was left out, and how many keys it took out of service."""

    number: int
    left_out: tuple[str, ...]
    revoked: int


async def current(connection: Connection, settings: Settings, *, now: datetime) -> bytes:
    """This city's roster, signed: the one made last, if it still says how things are."""
    fresh = await _of_registry(connection, settings.city)
    made = await connection.fetchrow(_sql("made"))
    content = content_hash(fresh)
    if made is not None and made["content"] == content:
        envelope: bytes = made["envelope"]
        return envelope
    number = next_number(made["number"] if made else 0, now)
    signer = keyfiles.read_signer(settings.keys.server_key)
    roster = make_roster(
        settings.city,
        number=number,
        created_ms=to_ms(now),
        name=fresh.name,
        time_zone=fresh.time_zone,
        points=fresh.points,
        devices=fresh.devices,
    )
    envelope = sign_roster(roster, signer)
    await connection.execute(_sql("keep_made"), number, content, envelope, now)
    return envelope


async def take(connection: Connection, city: str, raw: bytes, *, now: datetime) -> TakenRoster | Refusal:
    """Register what a linked city says of itself; raises `NotThere` for a city that never joined."""
    trust = await city_trust.of(connection, city)
    stands = await connection.fetchrow(_sql("stands"), city)
    if stands is None:
        raise NotThere(f"{city} has not joined this region")
    roster = accept_roster(raw, trust, city=city, last_number=stands["roster_number"])
    if isinstance(roster, Refusal):
        return roster
    if not is_fit(roster, time_zones()):
        return Refusal.BAD_FORM
    name = sha256(raw).digest()
    if roster.number == stands["roster_number"]:
        return TakenRoster(roster.number, (), 0) if stands["roster_sha256"] == name else Refusal.EQUIVOCATION
    strange = left_out(roster, await _holders(connection, roster))
    await _register(connection, roster)
    revoked = await _revoke(connection, roster, now)
    await connection.execute(_sql("note_roster"), city, roster.number, from_ms(roster.created_ms), name, list(strange))
    return TakenRoster(roster.number, strange, revoked)


async def take_revocations(connection: Connection, city: str, raw: bytes, *, now: datetime) -> int | Refusal:
    """Take the keys that a city has revoked out of service here; how many were not yet."""
    found = accept_list(raw, await city_trust.of(connection, city), city=city)
    if not isinstance(found, RevocationList):
        return found
    gone = await connection.fetch(_sql("revoke_keys"), city, [each.key_id for each in found.keys], now, REVOKED)
    await connection.execute(_sql("revoke_devices"), city)
    return len(gone)


async def _of_registry(connection: Connection, city: str) -> Roster:
    """What the registry says of our own city, under number 1 and at no time."""
    own = await connection.fetchrow(_sql("city"), city)
    if own is None:
        raise NotThere(f"the city {city} is not registered here; register it with: aggregator city add {city} ...")
    cameras = await connection.fetch(_sql("cameras"), city)
    past = await connection.fetch(_sql("past"), city)
    at_point = {point: tuple(map(_camera, rows)) for point, rows in groupby(cameras, key=lambda row: row["point_id"])}
    stood = {device: tuple(map(_past, rows)) for device, rows in groupby(past, key=lambda row: row["device_id"])}
    points = await connection.fetch(_sql("points"), city)
    keys = await connection.fetch(_sql("keys"), city)
    return make_roster(
        city,
        number=1,
        created_ms=0,
        name=own["name"],
        time_zone=own["time_zone"],
        points=[_point(row, at_point.get(row["point_id"], ())) for row in points],
        devices=[_device(row, stood.get(row["device_id"], ())) for row in keys],
    )


def _camera(row: asyncpg.Record) -> RosterCamera:
    return RosterCamera(camera=row["camera_id"], heading_deg=row["heading_deg"], name=row["name"])


def _past(row: asyncpg.Record) -> Past:
    return Past(city=row["city_id"], point=row["point_id"], until_ms=to_ms(row["until"]))


def _point(row: asyncpg.Record, cameras: tuple[RosterCamera, ...]) -> RosterPoint:
    return RosterPoint(
        point=row["point_id"],
        name=row["name"],
        latitude_e7=round(row["latitude"] * E7),
        longitude_e7=round(row["longitude"] * E7),
        cameras=cameras,
        time_zone=row["time_zone"],
    )


def _device(row: asyncpg.Record, past: tuple[Past, ...]) -> RosterDevice:
    return RosterDevice(
        device=row["device_id"],
        point=row["point_id"],
        spki=row["spki"],
        is_revoked=row["is_revoked"],
        past=past,
        profile=row["profile"],
        settings_number=row["settings_number"],
    )


async def _holders(connection: Connection, roster: Roster) -> Holders:
    devices = list({each.device for each in roster.devices})
    keys = [bytes(key_id(each.spki)) for each in roster.devices]
    points = await connection.fetch(_sql("point_holders"), [each.point for each in roster.points])
    return Holders(
        points={row["point_id"]: row["city_id"] for row in points},
        devices={row["device_id"]: row["city_id"] for row in await connection.fetch(_sql("device_holders"), devices)},
        keys={row["key_id"]: row["device_id"] for row in await connection.fetch(_sql("key_holders"), keys)},
    )


async def _register(connection: Connection, roster: Roster) -> None:
    city, points, devices = roster.city, roster.points, roster.devices
    cameras = [(p.point, each) for p in points for each in p.cameras]
    past = [(d.device, each) for d in devices for each in d.past]
    await connection.execute(_sql("take_city"), city, roster.name, roster.time_zone)
    await connection.execute(
        _sql("take_points"),
        city,
        [each.point for each in points],
        [each.name for each in points],
        [each.latitude_e7 / E7 for each in points],
        [each.longitude_e7 / E7 for each in points],
        [each.time_zone for each in points],
    )
    await connection.execute(
        _sql("take_cameras"),
        city,
        [point for point, _ in cameras],
        [each.camera for _, each in cameras],
        [each.heading_deg or 0 for _, each in cameras],
        [each.name for _, each in cameras],
    )
    await connection.execute(
        _sql("take_devices"),
        city,
        [each.device for each in devices],
        [each.point for each in devices],
        [each.profile for each in devices],
        [each.settings_number for each in devices],
    )
    await connection.execute(
        _sql("take_keys"),
        city,
        [bytes(key_id(each.spki)) for each in devices],
        [each.device for each in devices],
        [each.spki for each in devices],
        [int(each.algorithm) for each in devices],
    )
    await connection.execute(
        _sql("take_past"),
        city,
        [device for device, _ in past],
        [each.point for _, each in past],
        [each.city for _, each in past],
        [from_ms(each.until_ms) for _, each in past],
    )


async def _revoke(connection: Connection, roster: Roster, now: datetime) -> int:
    named = [bytes(key_id(each.spki)) for each in roster.devices]
    revoked = [bytes(key_id(each.spki)) for each in roster.devices if each.is_revoked]
    gone = await connection.fetch(_sql("revoke_keys"), roster.city, revoked, now, REVOKED)
    gone += await connection.fetch(_sql("revoke_keys_but"), roster.city, named, now, NO_MORE)
    await connection.execute(_sql("revoke_devices"), roster.city)
    return len(gone)


def _sql(name: str) -> str:
    return statements("roster")[name]
