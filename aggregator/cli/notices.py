"""`aggregator notices`: what the region told this city of hits elsewhere; at the region what it told, and by what.

Lists show no plate. `show` asks for a reason, and shows one where the notice came with it and still holds. Every look
is audited. A notice changes no matching: whoever wants a vehicle looked for puts it on the hotlist.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

import msgspec
from cyclopts import App, Parameter

from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.notice_desk import WHY, NoticeDesk
from aggregator.adapters.policy_file import policy_of
from aggregator.cli.console import AsJson, Cell, Config, say, settings_of, show_object, show_rows
from aggregator.cli.operator import actor
from aggregator.cli.queries import Limit
from aggregator.core.visibility import matrix, named_cities
from aggregator.errors import BadInput
from aggregator.settings import Settings

app = App(name="notices", help="What cities are told of hits in others.")
T = TypeVar("T")
_TAKEN: Final = ("notice", "state", "why", "reason", "corridor", "city", "point", "camera", "captured_at", "until_at",
                 "taken_at", "changed_at", "has_plate", "entries")  # fmt: skip
_SENT: Final = ("to", "state", "why", "reason", "corridor", "city", "point", "camera", "captured_at", "until_at",
                "sent_at", "has_plate", "entries", "hit")  # fmt: skip
_POLICY: Final = ("viewer", "owner", "what", "sight")
_POLICIES: Final = ("sha256", "since", "until", "is_built_in")
_NOT_NARROW: Final = frozenset({"taken_at", "changed_at", "hit", "entries"})
_OF_HIT: Final = ("plate", "observed", "confidence", "track", "looks", "format", "hotlist_version", "is_from_lookback")


@app.command(name="list")
def list_notices(
    *,
    why: Annotated[str | None, Parameter(help="Only those told for this: " + ", ".join(WHY) + ".")] = None,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Those that are over as well.")] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Notices that hold now, the newest first; in a city what it was told, at a region what it told."""
    if why is not None and why not in WHY:
        raise BadInput(f"--why {why!r}: want one of {', '.join(WHY)}")
    settings, who = settings_of(config), actor()
    is_region = settings.role == "region"
    rows = _at_desk(
        settings,
        lambda desk: (desk.sent if is_region else desk.listed)(why, everything=everything, limit=limit, actor=who),
    )
    columns = _SENT if is_region else _TAKEN
    shown = columns if as_json else tuple(each for each in columns if each not in _NOT_NARROW)
    show_rows(shown, [[row[column] for column in shown] for row in rows], as_json=as_json)


@app.command
def show(
    number: Annotated[int, Parameter(help="The notice's number.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why you look: the case, the entry. Kept in the audit; no plates.")],
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """One notice, with the plate if it came with one and still holds."""
    who, why = actor(), checked_reason(reason)
    shown = _at_desk(settings_of(config), lambda desk: desk.show(number, actor=who, reason=why))
    fields: dict[str, object] = {**shown.notice}
    fields.pop("envelope")
    fields |= {name: None if shown.hit is None else getattr(shown.hit, name) for name in _OF_HIT}
    fields |= {"key_revoked_at": shown.key_revoked_at}
    if shown.key_revoked_at is not None:
        since = f"{shown.key_revoked_at:%Y-%m-%d %H:%M} UTC"
        say(f"not proven: {shown.notice['city']} revoked the key that signed this, on {since}. Ask them before acting")
    # Through JSON once, so that people see what programs do.
    show_object(msgspec.json.decode(msgspec.json.encode(fields)), as_json=as_json)


@app.command
def policy(*, as_json: AsJson = False, config: Config = None) -> None:
    """What each city that this region's policy names sees of each other one."""
    found = policy_of(settings_of(config)).policy
    cities = sorted(named_cities(found)) or ["any-city", "any-other"]
    cells: list[list[Cell]] = [[getattr(cell, name) for name in _POLICY] for cell in matrix(found, cities)]
    show_rows(_POLICY, [[str(cell) for cell in row] for row in cells], as_json=as_json)


@app.command
def policies(*, limit: Limit = 20, as_json: AsJson = False, config: Config = None) -> None:
    """At the region: which policy was in force since when, by its file's SHA-256; the first still is."""
    settings = settings_of(config)
    if settings.role != "region":
        raise BadInput("policies are the region's; run this there")
    rows = _at_desk(settings, lambda desk: desk.policies(limit))
    show_rows(_POLICIES, [[row[column] for column in _POLICIES] for row in rows], as_json=as_json)
    if rows and rows[0]["sha256"] != policy_of(settings).sha256.hex():
        say("the file says something else by now: the service takes it within seconds, or /healthz says why not")


def _at_desk(settings: Settings, work: Callable[[NoticeDesk], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await work(NoticeDesk(database.pool))

    return asyncio.run(ask())
