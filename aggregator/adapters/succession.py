"""Boxes that are replaced or moved, each in one transaction with its row in the audit; the list of those revoked."""

from dataclasses import dataclass
from datetime import datetime

from aggregator.adapters import installation, keyfiles
from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection
from aggregator.adapters.installation import Revocation
from aggregator.adapters.partner_desk import partner_of
from aggregator.adapters.registry_store import Registry
from aggregator.adapters.statements import statements
from aggregator.core.registry import Device
from aggregator.core.succession import successor_name
from aggregator.errors import AlreadyThere, BadInput, NotThere
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.revocations import RevokedKey, sign_list


@dataclass(frozen=True, slots=True)
class Succession:
    """Who took over from whom, where, and what became of the old one."""

    old: str
    new: Device
    city: str
    revocation: Revocation


async def replace(
    connection: Connection, settings: Settings, old: str, new: str | None, *, actor: str, now: datetime
) -> Succession:
    """Register a box's successor at its point and take the old one out of service; raises `BadInput`, `NotThere`.

    Done again for the same pair it changes nothing, and takes the old one out of the broker again.
    """
    async with connection.transaction():
        registry = Registry(connection)
        place = await registry.place(old)
        successor = await _successor(connection, registry, old, place.point, new)
        await connection.execute(_sql("name_successor"), successor.device_id, old)
        subject = f"device:{old} successor:{successor.device_id}"
        await audit(connection, actor=actor, action="device.replace", subject=subject, reason="replaced")
    reason = f"replaced by {successor.device_id}"
    done = await installation.revoke(connection, settings, old, reason, actor=actor, now=now)
    return Succession(old, successor, place.city, done)


async def move(connection: Connection, device: str, point: str, *, actor: str, now: datetime) -> None:
    """Have a device stand at another point from now on; raises `BadInput`, `NotThere`."""
    async with connection.transaction():
        registry = Registry(connection)
        place = await registry.place(device)
        if place.is_revoked:
            raise BadInput(f"{device} was revoked; it stands nowhere any more")
        if place.point == point:
            raise AlreadyThere(f"{device} stands at {point} already")
        if await partner_of(connection, place.point) != await partner_of(connection, point):
            raise BadInput(f"{point} is another owner's than {place.point}: a box changes hands by being enrolled anew")
        await connection.execute(_sql("keep_place"), device, now)
        if await connection.fetchval(_sql("move_device"), device, point) is None:
            raise NotThere(f"no point {point} is registered; register it with: aggregator point add {point} ...")
        subject = f"device:{device} from:{place.point} to:{point}"
        await audit(connection, actor=actor, action="device.move", subject=subject, reason="moved")


async def revocations(connection: Connection, settings: Settings, *, now: datetime) -> bytes:
    """Every revoked key of the city in one signed list, for other command centres."""
    rows = await connection.fetch(_sql("revoked_keys"), settings.city)
    keys = [
        RevokedKey(key_id=row["key_id"], device=row["device_id"], revoked_ms=to_ms(row["revoked_at"])) for row in rows
    ]
    signer = keyfiles.read_signer(settings.keys.server_key)
    return sign_list(settings.city, keys, signer, created_ms=to_ms(now))


async def _successor(connection: Connection, registry: Registry, old: str, point: str, new: str | None) -> Device:
    """The device that takes over, registered at the point if it is new."""
    known = await connection.fetchval(_sql("successor_of"), old)
    if known is not None and new not in (None, known):
        raise AlreadyThere(
            f"{old} was replaced by {known} already; replace that one: aggregator device replace {known}"
        )
    former = await registry.show("device", old)
    profile = former.profile if isinstance(former, Device) else ""
    taken = [row["device_id"] for row in await registry.rows("device")]
    name = known or new or successor_name(old, taken)
    if name == old:
        raise BadInput("a box is not its own successor: a new box has a key of its own, and an id of its own")
    if name not in taken:
        await registry.add("device", Device(device_id=name, point_id=point, profile=profile))
    stands = await registry.place(name)
    if stands.is_revoked or stands.point != point:
        where = "was revoked" if stands.is_revoked else f"stands at {stands.point}, not at {point}"
        raise BadInput(f"{name} {where}; name another, or none to have one named")
    return Device(device_id=name, point_id=point, profile=profile)


def _sql(name: str) -> str:
    return statements("certificates")[name]
