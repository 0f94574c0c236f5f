"""Exports: one question's whole answer into one file or stream.

1. Every export is audited before its first row: who took what out of the house. Plates need a reason, and each hit is
   audited before it is handed out, so they go row by row through `Asker.stream`.
2. All else goes by PostgreSQL's COPY: one statement, one snapshot, the same city limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from aggregator.adapters.asker import Asker, Look, statement_of
from aggregator.adapters.audit_log import Deed
from aggregator.adapters.export_copy import Told, copy_out
from aggregator.adapters.export_landing import Landing
from aggregator.adapters.export_writers import Form, Writer, writer_for
from aggregator.core.asking.compiling import described, resource_of
from aggregator.core.asking.question import Column, Question
from aggregator.errors import BadInput

TIMEOUT_S: Final = 6 * 3600.0
ACTION: Final = "export"
_ROWS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be exported, and how. No `cities`: every one. `time_zone`: of buckets, else the cities' own."""

    question: Question
    look: Look
    form: Form
    cities: tuple[str, ...] | None = None
    time_zone: str | None = None
    has_bom: bool = False
    release: str = ""

    @property
    def shows_plates(self) -> bool:
        """Whether plates are in it."""
        return resource_of(self.question.resource).reason_needed


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of it."""

    rows: int
    columns: tuple[str, ...]


class Exporter:
    """Exports; raises `BadInput`, `DatabaseUnwell`, `NotThere`, `NotWritten`, `TooLong`."""

    def __init__(self, asker: Asker) -> None:
        """Nothing is held between exports."""
        self._asker = asker

    async def export(self, order: Order, landing: Landing, told: Told) -> Exported:
        """Write the whole answer; `told` hears how far it is."""
        columns = await self._asker.columns(order.question)
        if order.has_bom and order.form.format != "csv":
            raise BadInput("--bom is for CSV")
        await self._asker.check(order.cities)
        await self._asker.audit([Deed(ACTION, described(order.question))], order.look)
        writer = writer_for(order.form, landing, columns, facts=facts_of(order), has_bom=order.has_bom)
        way = self._by_row if order.shows_plates else self._by_copy
        rows = await way(order, columns, writer, told)
        writer.finish()
        told(rows)
        return Exported(rows, tuple(column.name for column in columns))

    async def _by_copy(self, order: Order, columns: Sequence[Column], writer: Writer, told: Told) -> int:
        async with self._asker.asking(order.cities, timeout_s=TIMEOUT_S) as connection:
            statement = await statement_of(connection, order.question, order.time_zone)
            return await copy_out(
                connection, statement.sql, statement.parameters, columns, writer, timeout_s=TIMEOUT_S, told=told
            )

    async def _by_row(self, order: Order, columns: Sequence[Column], writer: Writer, told: Told) -> int:
        count, gathered = 0, list[tuple[object, ...]]()
        names = [column.name for column in columns]
        stream = self._asker.stream(
            order.question, order.cities, look=order.look, time_zone=order.time_zone, timeout_s=TIMEOUT_S
        )
        async for row in stream:
            gathered.append(tuple(row[name] for name in names))
            if len(gathered) == _ROWS:
                writer.rows(gathered)
                count += len(gathered)
                gathered.clear()
                told(count)
        writer.rows(gathered)
        return count + len(gathered)


def facts_of(order: Order) -> dict[str, str]:
    """What a Parquet file says of itself: the question as it may be kept, and the release."""
    return {"atalaya.question": msgspec.json.encode(asked(order)).decode(), "atalaya.release": order.release}


def asked(order: Order) -> dict[str, object]:
    """The question as the manifest tells it; the value of a filter on a plate is not in it."""
    question, secret = order.question, resource_of(order.question.resource).secret
    return {
        "resource": question.resource,
        "from": question.from_at,
        "to": question.to_at,
        "cities": "every" if order.cities is None else list(order.cities),
        "bucket": question.bucket,
        "group_by": list(question.group_by),
        "filters": [f"{name} {'...' if name.startswith(secret) else value}" for name, value in question.filters],
    }
