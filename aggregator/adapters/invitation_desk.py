"""Invitations at the desk: made, approved, cancelled; each deed in one transaction, with its row in the audit.

The token is given out once, to whoever invites. Its secret is kept nowhere: a lost token is made good by a new
invitation, which cancels the one before.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aggregator.adapters import enrolment_store as store
from aggregator.adapters import keyfiles
from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.partner_desk import check_may_connect
from aggregator.adapters.profile_texts import profile_text
from aggregator.adapters.registry_store import Registry
from aggregator.core.invitation import Invitation, State, fingerprint, free_device_id
from aggregator.core.registry import Device, Point
from aggregator.errors import BadInput, NotThere
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.enrolment import SECRET_BYTES, Token, invitation_signer
from protocol.messages import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an invitation is asked to be."""

    city: str
    point: str
    profile: str
    device: str | None
    settings_toml: str
    needs_approval: bool
    valid: timedelta


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation: its token, which is nowhere else, and the ones that it took the place of."""

    token: Token = field(repr=False)
    invitation: Invitation
    replaced: tuple[bytes, ...]


async def invite(pool: Pool, settings: Settings, wish: Wish, *, actor: str, now: datetime) -> Invited:
    """Register the device if it is new, and make its invitation; raises `BadInput`, `NotThere`."""
    secret = secrets.token_bytes(SECRET_BYTES)
    key = invitation_signer(secret).public_key
    async with transaction(pool) as connection:
        device = await _device(connection, wish, now)
        replaced = await store.cancel_of_device(connection, device.device_id, by=actor, now=now)
        made = Invitation(
            invitation=bytes(key.key_id),
            spki=key.spki,
            device=device.device_id,
            city=wish.city,
            point=wish.point,
            profile=wish.profile,
            settings_toml=wish.settings_toml,
            needs_approval=wish.needs_approval,
            invited_at=now,
            invited_by=actor,
            expires_at=now + wish.valid,
        )
        await store.add(connection, made)
        await audit_invitation(connection, made, actor=actor, action="device.invite", reason=f"profile {wish.profile}")
    token = make_token(settings, made.device, expires_at=made.expires_at, secret=secret)
    return Invited(token, made, tuple(replaced))


async def approve(pool: Pool, name: str, *, key: str | None, actor: str, now: datetime) -> Invitation:
    """Approve the key that waits for a device (or invitation); `key` must be its fingerprint, if it is given."""
    async with transaction(pool) as connection:
        found = await _in_force(connection, name)
        if found.state(now) is not State.WAITING or found.key is None:
            raise BadInput(f"nothing waits for approval: the invitation of {found.device} is {found.state(now).value}")
        if key is not None and key.replace(":", "").lower() != found.key.hex():
            raise BadInput(
                f"another key waits: {fingerprint(found.key)}. Cancel the invitation and find out whose it is"
            )
        await store.approve(connection, found.invitation, by=actor, now=now)
        await audit_invitation(
            connection, found, actor=actor, action="device.approve", reason=f"key {fingerprint(found.key)}"
        )
    return found


async def cancel(pool: Pool, name: str, *, actor: str, reason: str, now: datetime) -> Invitation:
    """Let nobody use an invitation any more; raises `NotThere`."""
    async with transaction(pool) as connection:
        found = await _in_force(connection, name)
        await store.cancel(connection, found.invitation, by=actor, now=now)
        await audit_invitation(connection, found, actor=actor, action="device.uninvite", reason=reason)
    return found


async def audit_invitation(connection: Connection, about: Invitation, *, actor: str, action: str, reason: str) -> None:
    """What was done with an invitation, in the caller's transaction."""
    subject = f"device:{about.device} invitation:{about.invitation.hex()}"
    await audit(connection, actor=actor, action=action, subject=subject, reason=reason)


def make_token(settings: Settings, whom: str, *, expires_at: datetime, secret: bytes) -> Token:
    """The token of an invitation, for a box or for a city; raises `BadInput`."""
    url = urlsplit(settings.boxes.enrolment_url)
    if url.scheme != "https" or not url.hostname:
        raise BadInput("boxes.enrolment_url must be https://HOST:PORT for a token to name it")
    return Token(
        version=VERSION,
        host=url.hostname,
        port=url.port or 443,
        server_name=settings.boxes.server_name,
        device=whom,
        expires_ms=to_ms(expires_at),
        root_sha256=hashlib.sha256(keyfiles.read_file(settings.keys.root_spki)).digest(),
        secret=secret,
    )


async def _device(connection: Connection, wish: Wish, now: datetime) -> Device:
    """The device that is invited, registered now unless it was; raises `BadInput`, `NotThere`."""
    profile_text(wish.profile)
    registry = Registry(connection)
    point = await registry.show("point", wish.point)
    if isinstance(point, Point) and point.city_id != wish.city:
        raise BadInput(f"point {wish.point} is in {point.city_id}, not in {wish.city}")
    await check_may_connect(connection, wish.city, wish.point, now)
    name = wish.device or free_device_id(wish.point, await store.device_ids_at(connection, wish.point))
    device = Device(device_id=name, point_id=wish.point, profile=wish.profile)
    await registry.add("device", device, replace=True)
    if (await registry.place(name)).is_revoked:
        raise BadInput(f"{name} was revoked; name another device, or none to have one named")
    if await store.has_live_key(connection, name):
        raise BadInput(f"{name} is enrolled already; a broken box gets its successor by: aggregator device replace")
    return device


async def _in_force(connection: Connection, name: str) -> Invitation:
    found = await store.in_force(connection, name)
    if found is None:
        raise NotThere(f"no invitation is in force for {name!r}; see: aggregator device invitations")
    return found
