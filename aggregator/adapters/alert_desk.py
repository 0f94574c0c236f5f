"""Alerts at the desk: listed, shown, stepped through their states, reported; every look and every step is audited.

Whoever writes takes the turn that the maker takes as well: two people's steps follow one another, the second is judged
by what the first made of the alert, and is told who that was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NoReturn

import asyncpg

from aggregator.adapters.alert_rows import EVER, alert_of
from aggregator.adapters.audit_log import Deed, audit, audit_all
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.queries import Filter, Found, stored_pictures
from aggregator.adapters.statements import statements
from aggregator.core.alert_precision import Precision
from aggregator.core.alerts import OUTCOMES, PEOPLES, Act, Alert, Denied, Outcome, State, may, stepped
from aggregator.errors import BadInput, NotAllowed, NotThere, Overtaken

NO_PLATES: Final = "without plates"
LONGEST_NOTE: Final = 300
# Two kinds of lines share one order of numbers: read one after the other, a line between the two would be passed over.
_ONE_INSTANT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
BY_WHAT: Final = ("camera", "list", "reason", "reader", "quality")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A step that somebody wants to take."""

    act: Act
    outcome: Outcome | None = None
    unit: str | None = None
    is_correction: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert with its events, plates with them, and its history."""

    alert: asyncpg.Record
    sightings: Found = field(repr=False)
    history: Found


class AlertDesk:
    """All that people do with alerts. Raises `DatabaseUnwell` and what each says."""

    def __init__(self, pool: Pool, dispatchers: Sequence[str] = ()) -> None:
        """Nothing is held between calls."""
        self._pool, self._dispatchers = pool, dispatchers
        self._sql = statements("alerts")

    async def step(self, number: int, wish: Wish, *, actor: str, reason: str, now: datetime) -> State:
        """Take a step; the state after it. Raises `Overtaken`, `NotAllowed`, `NotThere` or `BadInput`."""
        if not may(actor, wish.act, self._dispatchers):
            raise NotAllowed(f"{actor} may not {wish.act} alerts: alerts.dispatchers of the settings says who may")
        async with transaction(self._pool) as connection:
            await connection.execute(self._sql["take_turn"])
            before = await self._alert(connection, number)
            after = stepped(before, wish.act, by=actor, at=now, outcome=wish.outcome, is_correction=wish.is_correction)
            if isinstance(after, Denied):
                await self._tell(connection, number, before, after, wish)
            decided = (after.is_true, after.was_right, after.decided_at, after.decided_by)
            await connection.execute(
                self._sql["take_step"], number, after.state, after.outcome, *decided, wish.unit, now
            )
            line = (number, now, wish.act, after.state, actor, reason, after.outcome, wish.unit)
            await connection.execute(self._sql["add_step"], *line)
            await audit(connection, actor=actor, action=f"alert.{wish.act}", subject=_subject(number), reason=reason)
        return after.state

    async def report(
        self, point: str, camera: str | None, note: str, *, actor: str, happened_at: datetime, now: datetime
    ) -> int:
        """Raise an alert of a person's own; its number. Raises `NotThere` or `BadInput`."""
        if not note.strip() or len(note) > LONGEST_NOTE:
            raise BadInput(f"say what happened, in at most {LONGEST_NOTE} characters")
        if happened_at > now:
            raise BadInput("what is reported has happened already: --at lies ahead")
        async with transaction(self._pool) as connection:
            if not await connection.fetchval(self._sql["is_camera"], point, camera):
                what = point if camera is None else f"{point}/{camera}"
                raise NotThere(f"{what} is not registered; see: aggregator camera list")
            await connection.execute(self._sql["take_turn"])
            number: int = await connection.fetchval(self._sql["report"], point, camera, note, happened_at, now)
            await connection.execute(self._sql["add_step"], number, now, Act.RAISE, State.NEW, actor, note, None, None)
            await audit(connection, actor=actor, action="alert.report", subject=_subject(number), reason=note)
        return number

    async def listed(
        self, wanted: Filter, states: Sequence[State], kind: str | None, *, actor: str, reason: str | None
    ) -> list[dict[str, object]]:
        """Alerts, the most urgent first; with a reason their plates as well."""
        place = (wanted.from_at, wanted.to_at, wanted.city, wanted.point, wanted.camera)
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(self._sql["list"], *place, list(states), kind, None, wanted.limit)
            plates: dict[int, list[str]] = {}
            deeds = [Deed("alerts.list", str(wanted))]
            if reason is not None:
                for row in await connection.fetch(self._sql["plates"], [row["alert"] for row in rows]):
                    plates.setdefault(row["alert"], []).append(row["plate"])
                    deeds.append(Deed("hit.show", f"hit:{row['hit']}"))
                deeds += [Deed("alert.show", _subject(number)) for number in plates]
            await audit_all(connection, deeds, actor=actor, reason=reason or NO_PLATES)
        return [{**row, "plates": ", ".join(sorted(set(plates.get(row["alert"], []))))} for row in rows]

    async def show(self, number: int, *, actor: str, reason: str, with_pictures: bool = False) -> Shown:
        """One alert with its plates; raises `NotThere`."""
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(self._sql["list"], *EVER, None, None, None, list(State), None, number, 1)
            if not rows:
                raise NotThere(_absent(number))
            sightings = await connection.fetch(self._sql["sightings"], [number])
            history = await connection.fetch(self._sql["history"], number)
            deeds = [Deed("alert.show", _subject(number))]
            deeds += [Deed("hit.show", f"hit:{row['hit']}") for row in sightings if row["kind"] == "hit"]
            if with_pictures:
                deeds += [Deed("picture.copy", f"picture:{each}") for each in stored_pictures(sightings)]
            await audit_all(connection, deeds, actor=actor, reason=reason)
        return Shown(rows[0], sightings, history)

    async def begin_watch(self, *, actor: str) -> int:
        """The number of the newest line; from there on somebody watches, and the audit knows."""
        async with transaction(self._pool) as connection:
            newest: int = await connection.fetchval(self._sql["newest_number"])
            await audit(connection, actor=actor, action="alerts.watch", subject=f"alerts:{newest}", reason=NO_PLATES)
        return newest

    async def happened(self, after: int, city: str | None, limit: int) -> Found:
        """What happened since a line, to alerts and by notices, without plates, oldest first."""
        async with transaction(self._pool) as connection:
            await connection.execute(_ONE_INSTANT)
            lines = await connection.fetch(self._sql["happened"], after, city, limit)
            return in_order(limit, lines, await connection.fetch(statements("notices")["happened"], after, city, limit))

    async def precision(self, by: str, city: str | None) -> list[tuple[asyncpg.Record, Precision]]:
        """Errors out of n by camera, list, reason, reader or quality."""
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(self._sql["precision"], by, city)
        return [(row, Precision(row["n"], row["errors"])) for row in rows]

    async def _alert(self, connection: Connection, number: int) -> Alert:
        row = await connection.fetchrow(self._sql["alert"], number)
        if row is None:
            raise NotThere(_absent(number))
        if row["merged_into"] is not None:
            raise Overtaken(f"alert {number} turned out to be of the same vehicle as {row['merged_into']}: go on there")
        return alert_of(row)

    async def _tell(self, connection: Connection, number: int, alert: Alert, denied: Denied, wish: Wish) -> NoReturn:
        """Say why a step is not taken, and who was first."""
        if denied is Denied.NO_OUTCOME:
            allowed = ", ".join(sorted(OUTCOMES[alert.kind]))
            raise BadInput(f"alert {number} tells of a {alert.kind}; it ends with one of: {allowed}")
        last = await connection.fetchrow(self._sql["last_step"], number, list(PEOPLES))
        by = f" ({last['act']} by {last['actor']}, {last['at']:%Y-%m-%d %H:%M:%S} UTC)" if last else ""
        where = f"alert {number} is {alert.state.replace('_', ' ')}{by}"
        raise Overtaken(f"{where}: {_REMEDY[denied].format(act=wish.act)}")


_REMEDY: Final = {
    Denied.NOT_FROM_HERE: "{act} does not follow from there",
    Denied.TAKES_BACK: "to take that back, say so with --correct",
    Denied.NOT_CONFIRMED: "a hit is no fact until somebody confirms it: aggregator alerts confirm",
    Denied.ERASED: "its plate was erased a day after the rejection, which therefore stays",
}


def in_order(limit: int, *kinds: Found) -> Found:
    """Lines of several kinds, read at one instant, by their numbers; what is left out has higher ones than these."""
    return sorted((row for rows in kinds for row in rows), key=lambda row: int(row["number"]))[:limit]


def _subject(number: int) -> str:
    return f"alert:{number}"


def _absent(number: int) -> str:
    return f"there is no alert {number}; see: aggregator alerts list --all"
