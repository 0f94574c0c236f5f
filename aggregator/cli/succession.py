"""`aggregator device revoke|revocations|replace|move`: boxes that leave service, make way, or stand elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter

from aggregator.adapters import installation, keyfiles, succession
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import Connection, opened
from aggregator.adapters.installation import Revocation
from aggregator.cli import invite as invitations
from aggregator.cli.console import Config, say, settings_of
from aggregator.cli.operator import actor
from aggregator.errors import BadInput, BrokerUnwell
from aggregator.settings import Settings

T = TypeVar("T")


def revoke(
    device_id: str, /, *, reason: Annotated[str, Parameter(help="Why; it is kept.")], config: Config = None
) -> None:
    """Take a device out of service: its keys, its certificates, its live session. Safe to repeat."""
    settings, why, who = settings_of(config), checked_reason(reason), actor()

    def work(connection: Connection) -> Awaitable[Revocation]:
        return installation.revoke(connection, settings, device_id, why, actor=who, now=datetime.now(UTC))

    _tell(device_id, _with(settings, work), again=f"device revoke {device_id}")


def replace(
    old: str,
    /,
    *,
    with_: Annotated[str | None, Parameter(name="--with", help="Id of the new box; one is named if none.")] = None,
    invite: Annotated[bool, Parameter(negative="", help="Invite the new box at once, and print its token.")] = False,
    config: Config = None,
) -> None:
    """Put a new box in the place of a broken one: the point keeps its history, the old key is refused.

    Parameters
    ----------
    old
        The box that is replaced. It is out of service from now on, and what it still sends is refused.
    """
    settings, who = settings_of(config), actor()
    if with_ is None and not invite:
        raise BadInput("give --with ID of the new box, or --invite to have one named and invited")

    def work(connection: Connection) -> Awaitable[succession.Succession]:
        return succession.replace(connection, settings, old, with_, actor=who, now=datetime.now(UTC))

    done = _with(settings, work)
    new = done.new
    say(f"{new.device_id} takes over from {old} at {done.city}/{new.point_id}; what {old} said stays under its name")
    if invite:
        invitations.invite(city=done.city, point=new.point_id, profile=new.profile, device=new.device_id, config=config)
    _tell(old, done.revocation, again=f"device replace {old} --with {new.device_id}")


def move(
    device_id: str, /, *, point: Annotated[str, Parameter(help="Where it stands from now on.")], config: Config = None
) -> None:
    """Have a box stand at another point: what it wrote before stays of the old one, and is taken also late.

    The box learns of it at its next renewal, which `edge-agent identity renew` brings about at once.
    """
    settings, who = settings_of(config), actor()
    _with(settings, lambda one: succession.move(one, device_id, point, actor=who, now=datetime.now(UTC)))
    say(f"{device_id} stands at {point} from now on. On the box: edge-agent identity renew")


def revocations(*, out: Path, config: Config = None) -> None:
    """Write every revoked key of the city into one signed list, for other command centres.

    Parameters
    ----------
    out
        The file; one that is there is replaced.
    """
    settings = settings_of(config)
    keyfiles.replace(out, _with(settings, lambda one: succession.revocations(one, settings, now=datetime.now(UTC))))
    say(f"{out} is written; docs/certificates.md says what is in it")


def _tell(device_id: str, done: Revocation, *, again: str) -> None:
    say(f"{device_id} is revoked ({done.keys} keys taken out of service now); its messages are refused from here on")
    if done.broker_trouble is not None:
        raise BrokerUnwell(
            f"the broker may still let {device_id} connect: {done.broker_trouble}. "
            f"Reload it, then run this command again: aggregator {again}; it ends the live session"
        )
    say("the broker refuses its certificate and has dropped its session")


def _with(settings: Settings, work: Callable[[Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
            return await work(connection)

    return asyncio.run(run())
