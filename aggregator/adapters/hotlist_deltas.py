"""Deltas of hotlists in the database: made with each new snapshot, from each of the last few of its city.

A box that holds one of those fetches some hundred bytes where it would fetch the whole list. A delta that would not be
much shorter than the whole is not kept. Deltas are artefacts like snapshots: boxes fetch both by their hash, and both
go when no box can be fetching them any more.

Of a snapshot its contents are kept, not its bytes: making a delta reads nothing but the new one.
"""

import asyncio
import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from protocol.hotlist import DeltaName
from protocol.hotlist_delta import Contents, Span, contents_of, make_delta

BASES: Final = 16
"""From how many snapshots back there is a delta. All of them have to fit into the manifest."""
WORTH: Final = 4
"""A delta is kept if it has at most this part of the whole's bytes."""
_SPAN: Final = struct.Struct(">32sQQ")


async def keep_deltas(
    connection: Connection, city: str, list_version: int, artefact: bytes, *, now: datetime
) -> list[DeltaName]:
    """Make and keep the deltas to a new snapshot, and its contents for the next; what was kept."""
    rows = await connection.fetch(_sql("last_contents"), city, BASES)
    bases = [Contents(row["sha256"], _unpacked(row["spans"])) for row in rows]
    contents, deltas = await asyncio.to_thread(_made, bases, artefact)
    for name, delta in deltas:
        await connection.execute(statements("hotlist")["add_artefact"], name.sha256, delta, name.size_bytes, now)
        await connection.execute(_sql("add_delta"), contents.sha256, name.base, name.sha256, name.size_bytes)
    await connection.execute(_sql("add_contents"), city, list_version, contents.sha256, _packed(contents))
    await connection.execute(_sql("drop_contents"), city, BASES)
    return [name for name, _ in deltas]


async def deltas_to(connection: Connection, sha256: bytes) -> tuple[DeltaName, ...]:
    """What a manifest says of the ways to a snapshot."""
    rows = await connection.fetch(_sql("deltas_to"), sha256, BASES)
    return tuple(DeltaName(base=row["base"], sha256=row["sha256"], size_bytes=row["size_bytes"]) for row in rows)


def _made(bases: Sequence[Contents], artefact: bytes) -> tuple[Contents, list[tuple[DeltaName, bytes]]]:
    """Contents of a snapshot, and the deltas to it that are worth it."""
    contents = contents_of(artefact)
    made = [(base, make_delta(base, artefact, contents)) for base in bases if base.sha256 != contents.sha256]
    deltas = [
        (DeltaName(base=base.sha256, sha256=hashlib.sha256(delta).digest(), size_bytes=len(delta)), delta)
        for base, delta in made
        if delta is not None and WORTH * len(delta) <= len(artefact)
    ]
    return contents, deltas


def _packed(contents: Contents) -> bytes:
    return b"".join(_SPAN.pack(*span) for span in contents.spans)


def _unpacked(spans: bytes) -> tuple[Span, ...]:
    return tuple(Span(*each) for each in _SPAN.iter_unpack(spans))


def _sql(name: str) -> str:
    return statements("hotlist_delta")[name]
