"""From stored events to alerts: a follower that loses none and makes none twice.

    event stored, `alert_due` written by its trigger            one transaction: ingest's
    due events read, book filled, alerts written, due deleted   one transaction: ours

A crash before our commit repeats the work, one after it finds it done; an event that comes again is known by its hash.
Ingest waits for none of it. Events are taken many at a time: what they may touch is read in a few statements, the rules
(aggregator/core/alert_book.py) work on it in memory, and what changed is written in a few statements. A batch that
fails because of a row is done again event by event; an event that fails by itself is counted, left, and told by health.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from aggregator.adapters.alert_rows import (
    EVER,
    alarm_sighting,
    alert_of,
    columns_of,
    hit_sighting,
    new_cells,
    quality_of,
    saved_cells,
    sighting_cells,
)
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.due_notes import DueNotes
from aggregator.adapters.statements import statements
from aggregator.core.alert_book import PROVISIONAL, AlertId, Book, Known, Line, Sighting, Span
from aggregator.core.alerts import SERVICE, Act, Alert, Kind
from aggregator.core.rows import Row
from protocol.steps import Step, no_step

STEPS: Final = ("alerts.read", "alerts.written", "alerts.committed")
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event, and the row that tells of it."""

    sighting: Sighting
    row: asyncpg.Record


class AlertMaker:
    """Makes alerts of what is due."""

    def __init__(self, pool: Pool, window: timedelta, step: Step = no_step) -> None:
        """`window` is how far apart hits of one vehicle may lie; `step` names the crash points."""
        self._pool, self._window, self._step = pool, window, step
        self._sql = statements("alerts")
        self._notes = DueNotes(pool, "alerts", self._take_in, lambda: step("alerts.committed"))

    async def make(self, now: datetime, *, batch: int = BATCH) -> int:
        """Take in what is due, so many events at a time; how many there were."""
        return await self._notes.take(now, batch=batch)

    async def stuck(self) -> int:
        """How many events could not become alerts."""
        return await self._notes.stuck()

    async def _take_in(self, connection: Connection, due: Sequence[asyncpg.Record], now: datetime) -> None:
        events = await self._events(connection, due)
        if events:
            writing = await self._opened(connection, events, now)
            self._step("alerts.read")
            for event in events:
                writing.book.take(event.sighting)
            await writing.write()
        await connection.execute(self._sql["done"], [row["number"] for row in due])
        self._step("alerts.written")

    async def _events(self, connection: Connection, due: Iterable[asyncpg.Record]) -> list[Event]:
        """What the due events say now, in the order in which they happened. A hit that is gone says nothing."""
        wanted: dict[str, set[bytes]] = {"hit": set(), "alarm": set()}
        for row in due:
            wanted[row["what"]].add(row["event"])
        hits = await connection.fetch(self._sql["hits_now"], list(wanted["hit"]))
        alarms = await connection.fetch(self._sql["alarms_now"], list(wanted["alarm"]))
        found = [
            *(Event(hit_sighting(row), row) for row in hits),
            *(Event(alarm_sighting(row), row) for row in alarms),
        ]
        return sorted(found, key=lambda event: (event.sighting.happened_at, event.sighting.event))

    async def _opened(self, connection: Connection, events: Sequence[Event], now: datetime) -> "Writing":
        """A book with whatever the events may touch."""
        places = [
            (event.sighting.city, key, *self._reach(event.sighting)) for event in events for key in event.sighting.keys
        ]
        rows = await connection.fetch(self._sql["spans"], *columns_of(places, 4))
        spans = frozenset(Span(*row.values()) for row in rows)
        known = await connection.fetch(self._sql["known"], [event.sighting.event for event in events])
        touched = {span.alert for span in spans} | {row["alert_id"] for row in known}
        alerts = await connection.fetch(self._sql["alerts"], sorted(touched))
        book = Book(self._window)
        book.alerts = {row["alert_id"]: alert_of(row) for row in alerts}
        book.times = {row["alert_id"]: (row["first_at"], row["last_at"]) for row in alerts}
        book.known = {row["event"]: Known(row["alert_id"], quality_of(row["quality"])) for row in known}
        book.add_spans(spans)
        return Writing(connection, book, events, spans, dict(book.alerts), dict(book.times), now)

    def _reach(self, sighting: Sighting) -> tuple[datetime, datetime]:
        if sighting.kind is not Kind.HIT:
            return EVER
        return (sighting.happened_at - self._window, sighting.happened_at + self._window)


@dataclass(frozen=True, slots=True)
class Writing:
    """A book, what it held at first, and the way back to the tables."""

    connection: Connection
    book: Book
    events: Sequence[Event]
    spans: frozenset[Span]
    alerts: dict[AlertId, Alert]
    times: dict[AlertId, tuple[datetime, datetime]]
    now: datetime

    async def write(self) -> None:
        """Write what changed: alerts first, then what belongs to them."""
        numbers = await self._numbers()
        await self._many("add_alert", list(self._new(numbers)))
        await self._many("save_alerts", list(self._changed(numbers)))
        sql = statements("alerts")
        for other, into in self.book.merges.items():
            if other in numbers:
                for move in ("move_sightings", "move_spans"):
                    await self.connection.execute(sql[move], numbers[other], numbers[self.book.home(into)])
        await self._many("save_sighting", [self._sighting(event, numbers) for event in self.events])
        await self._write_spans(numbers)
        await self._many("add_history", [cells for line in self.book.lines for cells in self._line(line, numbers)])

    async def _numbers(self) -> dict[AlertId, int]:
        """The stored number of each alert. One that was new, and became part of another, never gets one."""
        numbers = {alert: alert for alert in self.alerts}
        new = [each for each in self.book.alerts if each >= PROVISIONAL and each not in self.book.merges]
        rows = await self.connection.fetch(statements("alerts")["numbers"], len(new))
        return numbers | {alert: row["alert_id"] for alert, row in zip(new, rows, strict=True)}

    def _new(self, numbers: dict[AlertId, int]) -> Iterator[Row]:
        rows = {event.sighting.event: event.row for event in self.events}
        for line in self.book.lines:
            if line.act is Act.RAISE and line.alert in numbers and line.event is not None:
                alert, times = self.book.alerts[line.alert], self.book.times[line.alert]
                yield new_cells(rows[line.event], numbers[line.alert], alert, times, self.now)

    def _changed(self, numbers: dict[AlertId, int]) -> Iterator[Row]:
        for number, before in self.alerts.items():
            after, times = self.book.alerts[number], self.book.times[number]
            if (after, times) != (before, self.times[number]):
                home = self.book.home(number)
                yield saved_cells(number, after, times, self.now, None if home == number else numbers[home])

    def _sighting(self, event: Event, numbers: dict[AlertId, int]) -> Row:
        home = self.book.home(self.book.known[event.sighting.event].alert)
        return sighting_cells(event.row, event.sighting, numbers[home], self.now)

    async def _write_spans(self, numbers: dict[AlertId, int]) -> None:
        """Those that changed. What was moved by a merge has its new alert already."""
        moved = {self._stored(span, numbers) for span in self.spans}
        whole = {self._stored(span, numbers) for spans in self.book.spans.values() for span in spans}
        for statement, changed in (("drop_span", moved - whole), ("add_span", whole - moved)):
            cells: list[Row] = [(s.city, s.key, s.alert, s.first_at, s.last_at) for s in changed]
            await self._many(statement, cells)

    def _stored(self, span: Span, numbers: dict[AlertId, int]) -> Span:
        return Span(span.city, span.key, numbers[self.book.home(span.alert)], span.first_at, span.last_at)

    def _line(self, line: Line, numbers: dict[AlertId, int]) -> Iterator[Row]:
        if line.alert in numbers and (line.other is None or line.other in numbers):
            other = None if line.other is None else numbers[line.other]
            yield (numbers[line.alert], self.now, line.act, line.state, SERVICE, line.event, other)

    async def _many(self, statement: str, rows: Sequence[Row]) -> None:
        if rows:
            await self.connection.execute(statements("alerts")[statement], *columns_of(rows, 0))
