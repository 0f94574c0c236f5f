"""Rosters: when a city makes a new one, and what its region takes of one.

1. A city makes a roster when something in it has changed. Its number is the second it was made in, or the last number
   and one: so numbers rise even in a city whose database was brought back from a backup.
2. At the region ids of points and devices are the region's: the first city that brought one has it. What a later roster
   says of a name that is another city's is left out, and told (`aggregator federation status`); the rest is taken.
3. A key that its city revoked, or has no more, is revoked here too, for good. Rows are never deleted: what the device
   signed before verifies against them.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from protocol.clock import to_ms
from protocol.keys import key_id
from protocol.roster import Roster
from protocol.wire import to_bytes

E7: Final = 10_000_000
"""A degree, as rosters count them."""
NO_MORE: Final = "no longer in its city's roster"
REVOKED: Final = "revoked by its city"
_POLE_DEG: Final = 90


@dataclass(frozen=True, slots=True)
class Holders:
    """Which city has a name at the region: of points and devices, by their ids; and which device has a key."""

    points: dict[str, str]
    devices: dict[str, str]
    keys: dict[bytes, str]


def content_hash(roster: Roster) -> bytes:
    """What a roster says, whatever its number and time."""
    return hashlib.sha256(to_bytes(msgspec.structs.replace(roster, number=1, created_ms=0))).digest()


def next_number(last: int, now: datetime) -> int:
    """The number of a roster that is made now."""
    return max(last + 1, to_ms(now) // 1000)


def is_fit(roster: Roster, time_zones: Collection[str]) -> bool:
    """Whether every place is on the globe, and every time zone one that the caller's list knows."""
    zones = {roster.time_zone, *(each.time_zone for each in roster.points if each.time_zone)}
    places = all(
        abs(p.latitude_e7) <= _POLE_DEG * E7 and abs(p.longitude_e7) <= 2 * _POLE_DEG * E7 for p in roster.points
    )
    return places and zones <= set(time_zones)


def left_out(roster: Roster, holders: Holders) -> tuple[str, ...]:
    """What of a roster is another's at the region already, in words for an operator."""
    city = roster.city
    points = sorted(p.point for p in roster.points if holders.points.get(p.point, city) != city)
    devices = sorted({d.device for d in roster.devices if holders.devices.get(d.device, city) != city})
    strays = sorted({(d.device, d.point) for d in roster.devices if d.point in points and d.device not in devices})
    keys = [(key_id(d.spki), d.device) for d in roster.devices]
    return (
        *(f"point {each} is {holders.points[each]}'s" for each in points),
        *(f"device {each} is {holders.devices[each]}'s" for each in devices),
        *(f"device {device} stands at {point}, which is not {city}'s" for device, point in strays),
        *(f"key {each.hex()} is {holders.keys[each]}'s" for each, who in keys if holders.keys.get(each, who) != who),
    )
