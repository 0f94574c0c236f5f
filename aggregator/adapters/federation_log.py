"""The region's logs: one for each linked city, numbered and chained (`protocol.federation`).

1. An item is appended in the transaction of what it tells: what is stored is told, and what is told is stored.
2. Whoever appends takes the turn of all logs and holds it until his transaction ends: numbers rise as they are
   committed, and the database tells the publisher (`federation_log_changed`). Append late in a transaction.
3. A body is kept once, however many logs name it, and a city is given only bodies that its own log names.
4. What a city said that it has taken is dropped after `KEPT`. Whoever asks for what is not kept any more must join
   again: nothing is left out in silence.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final

import asyncpg
import msgspec

from aggregator.adapters.database import Connection
from aggregator.adapters.foreign_lists import keep_body
from aggregator.adapters.statements import statements
from protocol.clock import to_ms
from protocol.federation import (
    MAX_INLINE_BYTES,
    MAX_PAGE_ITEMS,
    Head,
    ItemKind,
    LogItem,
    chained,
    encode_item,
    make_item,
)
from protocol.messages import VERSION

CHANNEL: Final = "federation_log_changed"
KEPT: Final = timedelta(days=7)
MOST_BYTES: Final = 32 * 1024 * 1024
"""Bodies of one page, those too that are fetched by their hash."""


@dataclass(frozen=True, slots=True)
class End:
    """Where a log ends, or a page of it."""

    city: str
    log: bytes
    number: int
    hash: bytes

    def head(self, now: datetime) -> Head:
        """What is signed of it."""
        return Head(
            version=VERSION, city=self.city, log=self.log, number=self.number, hash=self.hash, created_ms=to_ms(now)
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """Items after a number, encoded, and where they end."""

    end: End
    items: tuple[bytes, ...] = field(repr=False)


async def append(
    connection: Connection, city: str, kind: ItemKind, origin: str, body: bytes, *, now: datetime | None = None
) -> int | None:
    """Append an item to a city's log, in the caller's transaction; its number, or None if no such city is linked."""
    return (await append_to(connection, (city,), kind, origin, body, now=now)).get(city)


async def append_to(
    connection: Connection,
    cities: Collection[str],
    kind: ItemKind,
    origin: str,
    body: bytes,
    *,
    now: datetime | None = None,
) -> dict[str, int]:
    """The same for several cities: the number in each linked one's log."""
    sql, at = statements("federation_log"), now or datetime.now(UTC)
    await connection.execute(sql["take_turn"])
    ends = await connection.fetch(sql["ends"], list(cities))
    if ends:
        await keep_body(connection, body, now=at)
    line = await asyncio.to_thread(make_item, 1, kind, origin, body, created_ms=to_ms(at))
    return {row["city_id"]: await _add(connection, row, line) for row in ends}


async def ends(connection: Connection) -> list[End]:
    """Where every log ends."""
    rows = await connection.fetch(statements("federation_log")["all_ends"])
    return [_end(row) for row in rows]


async def stretch_after(connection: Connection, city: str, number: int) -> Stretch | None:
    """What follows a number in a city's log, as much as fits a page; None if that is not kept, or there is no log."""
    sql = statements("federation_log")
    row = await connection.fetchrow(sql["ends"], [city])
    if row is None:
        return None
    rows = _fitting(await connection.fetch(sql["items"], city, number, MAX_PAGE_ITEMS, MAX_INLINE_BYTES))
    if not rows:
        return Stretch(_end(row), ()) if row["number"] <= number else None
    if rows[0]["number"] != number + 1:
        return None
    end = End(city, row["log"], rows[-1]["number"], rows[-1]["hash"])
    return Stretch(end, tuple(encode_item(_item(each)) for each in rows))


async def size_for(connection: Connection, city: str, sha256: bytes) -> int | None:
    """How many bytes a body has, if the city's log names it."""
    size: int | None = await connection.fetchval(statements("federation_log")["size_for"], city, sha256)
    return size


async def part(connection: Connection, sha256: bytes, offset: int, length: int) -> bytes | None:
    """Some of a body's bytes; None if it is gone."""
    found: bytes | None = await connection.fetchval(statements("federation_log")["part"], sha256, offset, length)
    return found


async def linked(connection: Connection, *, but: str) -> list[str]:
    """The linked cities, but for one."""
    return [row["city_id"] for row in await connection.fetch(statements("federation_log")["linked"], but)]


async def open_new(connection: Connection, *, now: datetime) -> list[str]:
    """Open the logs of cities that have joined since; the cities that are to be told all that is shared."""
    sql = statements("federation_log")
    if not await connection.fetch(sql["to_open"]):
        return []
    await connection.execute(sql["take_turn"])
    new = await connection.fetch(sql["to_open"])
    for row in new:
        await connection.execute(sql["drop_other"], row["city_id"], row["log_id"])
        await connection.execute(sql["open"], row["city_id"], row["log_id"], now)
    return [row["city_id"] for row in new]


async def trim(connection: Connection, *, now: datetime) -> None:
    """Drop the items that their cities have had for long."""
    await connection.execute(statements("federation_log")["trim"], to_ms(now - KEPT))


async def _add(connection: Connection, end: asyncpg.Record, line: LogItem) -> int:
    sql = statements("federation_log")
    item = msgspec.structs.replace(line, number=end["number"] + 1)
    at = chained(end["hash"], encode_item(item))
    values = (end["city_id"], item.number, item.kind, item.origin, item.created_ms, item.sha256, at)
    await connection.execute(sql["add_item"], *values)
    await connection.execute(sql["advance"], end["city_id"], item.number, at)
    return item.number


def _fitting(rows: list[asyncpg.Record]) -> list[asyncpg.Record]:
    """The first items: one at least, and no more than whoever takes them should hold at once."""
    sizes = accumulate(row["size_bytes"] for row in rows)
    return [row for place, (row, size) in enumerate(zip(rows, sizes, strict=True)) if place == 0 or size <= MOST_BYTES]


def _item(row: asyncpg.Record) -> LogItem:
    """A line as it was chained."""
    return LogItem(
        version=VERSION,
        number=row["number"],
        kind=row["kind"],
        origin=row["origin"],
        created_ms=row["created_ms"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        body=row["body"],
    )


def _end(row: asyncpg.Record) -> End:
    return End(row["city_id"], row["log"], row["number"], row["hash"])
