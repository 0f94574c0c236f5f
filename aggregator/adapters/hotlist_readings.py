"""Readings of batches in the database (`aggregator.core.hotlist_reading`), by the SHA-256 of the signed bytes."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.hotlist_reading import Reading, from_kept, to_kept


@dataclass(frozen=True, slots=True)
class Readings:
    """What is known of the batches that a list is composed of: their hashes, and the readings there are, by name."""

    hashes: dict[str, bytes]
    known: dict[str, Reading]


async def readings_of(connection: Connection, batches: Mapping[str, bytes]) -> Readings:
    """The readings of some batches, as far as there are any."""
    hashes = await asyncio.to_thread(lambda: {name: hashlib.sha256(raw).digest() for name, raw in batches.items()})
    rows = await connection.fetch(_sql("readings"), list(hashes.values()))
    kept = {row["sha256"]: row["reading"] for row in rows}
    found = await asyncio.to_thread(
        lambda: {name: from_kept(kept[sha256]) for name, sha256 in hashes.items() if sha256 in kept}
    )
    return Readings(hashes, {name: reading for name, reading in found.items() if reading is not None})


async def keep_readings(connection: Connection, readings: Readings, read: Mapping[str, Reading]) -> None:
    """Keep what was read by the way, and nothing of batches that are not in the list any more."""
    new = {readings.hashes[name]: to_kept(reading) for name, reading in read.items() if name not in readings.known}
    await connection.execute(_sql("drop_readings"), list(readings.hashes.values()))
    await connection.execute(_sql("add_readings"), list(new.keys()), list(new.values()))


def _sql(name: str) -> str:
    return statements("hotlist_delta")[name]
