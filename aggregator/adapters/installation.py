"""An installation founded whole or not at all, and devices enrolled in it.

`establish` works in a folder beside the one that was asked for and renames it at the end; if anything fails, the half
is removed. Only a kill leaves one, under its own name, which the next attempt points at.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aggregator.adapters import enrolment_store, founding, keyfiles, mosquitto, pki, rotation
from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, opened
from aggregator.adapters.registry_store import Certified, Place, Registry
from aggregator.adapters.statements import statements
from aggregator.core.enrolment import identity_text
from aggregator.core.founding import Plan
from aggregator.core.registry import City
from aggregator.errors import AggregatorError, AlreadyThere, BadKey, BrokerUnwell
from aggregator.settings import Settings, load

UNFINISHED: Final = ".unfinished"


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a revocation did: keys taken out of service, and what the broker did not do, if anything."""

    keys: int
    broker_trouble: str | None


async def establish(folder: Path, plan: Plan, passphrases: founding.Passphrases, *, now: datetime) -> Settings:
    """Found an installation in a folder that is not there yet, or empty; its settings."""
    unfinished = _unfinished(folder)
    try:
        settings = founding.found(unfinished, plan, passphrases, now=now)
        async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
            await Registry(connection).add("city", City(city_id=plan.city, name=plan.name, time_zone=plan.time_zone))
        unfinished.replace(folder)
    except BaseException:  # cancellation and Ctrl-C too: a half-made installation must not stay; raised again
        shutil.rmtree(unfinished)
        raise
    settings = load(folder / founding.SETTINGS_NAME)
    mosquitto.write(settings)
    return settings


async def issue(
    connection: Connection, settings: Settings, device: str, request_pem: bytes, out: Path, *, now: datetime
) -> Certified:
    """Certify a device's own key, keep it, and write our half of its identity folder; raises `BadKey`, `NotThere`."""
    key = pki.read_request(request_pem, device)
    issuing, valid = founding.read_issuing(settings), timedelta(days=pki.DEVICE_DAYS)
    async with connection.transaction():
        registry = Registry(connection)
        place = await registry.place(device)
        if place.is_revoked:
            raise BadKey(f"{device} was revoked; register what replaces it under another id")
        leaf = pki.issue(issuing, device, key.spki, pki.Use.CLIENT, now=now, valid=valid)
        pem = keyfiles.pem_of(leaf).decode()
        certified = Certified(key, pem, pki.serial_text(leaf), leaf.not_valid_after_utc)
        await registry.keep_key(device, certified)
    _write_identity(out, settings, place, pem + keyfiles.pem_of(issuing.certificate).decode())
    return certified


async def revoke(
    connection: Connection, settings: Settings, device: str, reason: str, *, actor: str, now: datetime
) -> Revocation:
    """Take a device out of service everywhere: registry first (ingest refuses at once), CRL, broker, live session.

    Its will, which the broker publishes as the session ends, is of a revoked key and refused: presence is set here.
    """
    async with connection.transaction():
        registry = Registry(connection)
        await registry.place(device)
        keys = await registry.revoke(device, reason, now=now)
        await connection.execute(statements("certificates")["take_off_line"], device, now)
        await enrolment_store.cancel_of_device(connection, device, by=actor, now=now)
        await audit(connection, actor=actor, action="device.revoke", subject=f"device:{device}", reason=reason)
    await write_crl(connection, settings, now=now)
    try:
        mosquitto.reload(settings)
        mosquitto.drop_session(settings, device, founding.read_issuing(settings), now=now)
    except BrokerUnwell as exc:
        return Revocation(keys, str(exc))
    return Revocation(keys, None)


async def write_crl(connection: Connection, settings: Settings, *, now: datetime) -> int:
    """Put every revoked certificate on the list that the broker reads; how many. The lists' numbers rise by one."""
    async with connection.transaction():
        revoked = [pki.Revoked(*one) for one in await Registry(connection).revoked_serials()]
        keyfiles.replace(settings.keys.crl, rotation.lists(settings, revoked, now=now))
    return len(revoked)


def _unfinished(folder: Path) -> Path:
    """A new folder to work in, beside the one that was asked for; raises `AlreadyThere`."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyThere(f"{folder} is there and not empty; an installation is never written over")
    unfinished = folder.with_name(folder.name + UNFINISHED)
    try:
        unfinished.mkdir(mode=0o700, parents=True)
    except FileExistsError as exc:
        raise AlreadyThere(f"{unfinished} was left by an init that was killed; look into it, then remove it") from exc
    except OSError as exc:
        raise AggregatorError(f"{unfinished} cannot be made: {exc.strerror}") from exc
    return unfinished


def _write_identity(out: Path, settings: Settings, place: Place, chain_pem: str) -> None:
    keyfiles.replace(out / "device.crt.pem", chain_pem.encode())
    keyfiles.replace(out / "ca.crt.pem", keyfiles.read_file(settings.broker.ca))
    keyfiles.replace(out / "root.spki", keyfiles.read_file(settings.keys.root_spki))
    keyfiles.replace(out / "trust.cbor", keyfiles.read_file(settings.keys.trust_bundle))
    keyfiles.replace(out / "identity.toml", identity_text(place.device, place.city, place.point, settings).encode())
