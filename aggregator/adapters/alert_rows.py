"""Alerts and their events as rows, and back."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import asyncpg

from aggregator.core.alert_book import Sighting
from aggregator.core.alert_precision import reader_of
from aggregator.core.alerts import Alert, Kind, Outcome, State
from aggregator.core.rows import Cell, Row
from protocol.messages import Quality

EVER: Final = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


def alert_of(row: asyncpg.Record) -> Alert:
    """An alert from its row."""
    return Alert(
        kind=Kind(row["kind"]),
        state=State(row["state"]),
        exact=row["exact"],
        possible=row["possible"],
        withdrawn=row["withdrawn"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        is_true=row["is_true"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        ended_at=row["ended_at"],
        unit=row["unit"],
        is_erased=row["is_erased"],
    )


def quality_of(number: int | None) -> Quality | None:
    """A quality from its column."""
    return None if number is None else Quality(number)


def hit_sighting(row: asyncpg.Record) -> Sighting:
    """A hit as alerts see it, from `hits_now`."""
    return Sighting(
        event=row["event"],
        kind=Kind.HIT,
        city=row["city_id"],
        keys=frozenset(row["keys"]),
        happened_at=row["happened_at"],
        quality=quality_of(row["quality"]),
    )


def alarm_sighting(row: asyncpg.Record) -> Sighting:
    """An alarm's start or end, from `alarms_now`. What tells alarms apart is in the key; no entry's id has a slash."""
    began_us = int(row["started_at"].timestamp() * 1_000_000)
    return Sighting(
        event=row["event"],
        kind=Kind.PANIC if row["alarm"].startswith(Kind.PANIC) else Kind.ALARM,
        city=row["city_id"],
        keys=frozenset({f"{row['device_id']}/{row['camera_id'] or ''}/{row['alarm']}/{began_us}"}),
        happened_at=row["happened_at"],
        over_at=None if row["is_active"] else row["created_at"],
    )


def new_cells(row: asyncpg.Record, number: int, alert: Alert, times: tuple[datetime, datetime], now: datetime) -> Row:
    """A new alert for `add_alert`, from its first event."""
    is_alarm = alert.kind is not Kind.HIT
    said = (row["alarm"], row["note"]) if is_alarm else ("", "")
    return (
        *(number, row["city_id"], row["point_id"], row["camera_id"], alert.kind, *said, row["is_historical"], now),
        *(alert.state, alert.exact, alert.possible, alert.withdrawn, *times, now, alert.ended_at, alert.outcome),
    )


def saved_cells(
    number: int, alert: Alert, times: tuple[datetime, datetime], now: datetime, merged_into: int | None
) -> Row:
    """A stored alert for `save_alerts`."""
    decided = (alert.is_true, alert.was_right, alert.decided_at, alert.decided_by, alert.is_erased)
    counts = (alert.exact, alert.possible, alert.withdrawn)
    return (number, alert.state, *counts, *times, now, alert.ended_at, alert.outcome, *decided, merged_into, alert.unit)


def sighting_cells(row: asyncpg.Record, sighting: Sighting, number: int, now: datetime) -> Row:
    """An event of an alert for `save_sighting`. Lists are lines of one text, since arrays of arrays do not unnest."""
    if sighting.kind is Kind.HIT:
        told = (_lines(row["entries"]), _lines(row["lists"]), _lines(row["reasons"]), reader_of(row["versions"]))
    else:
        told = ("", "", "", "")
    quality = None if sighting.quality is None else int(sighting.quality)
    return (
        *(sighting.event, number, sighting.kind, row["city_id"], row["point_id"], row["device_id"], row["camera_id"]),
        *(sighting.happened_at, now, quality, *told, row["is_historical"]),
    )


def columns_of(rows: Iterable[Row], width: int) -> list[tuple[Cell, ...]]:
    """Rows as columns; of no rows so many empty ones."""
    return list(zip(*rows, strict=True)) or [()] * width


def _lines(texts: Iterable[str] | None) -> str:
    return "\n".join(texts or ())
