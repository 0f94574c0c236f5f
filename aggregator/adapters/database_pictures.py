"""Pictures beside a backup: listed by their SHA-256, looked for in their store, and taken along on request."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from aggregator.adapters.database import Connection
from aggregator.adapters.database_archive import PICTURES, ArchiveWriter, PartWriter
from aggregator.adapters.picture_store import PictureStore
from aggregator.adapters.statements import statements
from aggregator.core.database_manifest import Pictures
from aggregator.errors import NotThere

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Taking:
    """Which store the pictures lie in, and whether they come along or are only looked for."""

    store: PictureStore
    is_included: bool = False


async def take(
    connection: Connection, archive: ArchiveWriter, taking: Taking, tell: Callable[[str, int], None]
) -> Pictures:
    """List every picture that the snapshot names; add those that are there, or see that they are."""
    lists, found = PartWriter(archive, "pictures/list-{}.txt"), Pictures(is_included=taking.is_included)
    lines: list[str] = []
    async for row in connection.cursor(statements("copying")["pictures"], prefetch=_AT_ONCE):
        sha256, size = bytes(row["sha256"]), int(row["total_bytes"])
        is_there = await asyncio.to_thread(_take_one, archive, taking, sha256, size)
        lines.append(f"{sha256.hex()}  {size}  {'there' if is_there else 'missing'}\n")
        found = _with(found, size, is_there=is_there)
        tell("pictures", size if taking.is_included else 0)
    lists.put("".join(lines).encode())
    return msgspec.structs.replace(found, lists=lists.finish())


def _take_one(archive: ArchiveWriter, taking: Taking, sha256: bytes, size: int) -> bool:
    if not taking.is_included:
        return taking.store.has(sha256, size)
    try:
        data = taking.store.read(sha256)  # holds it to its hash
    except NotThere:
        return False
    digits = sha256.hex()
    archive.add(f"{PICTURES}{digits[:2]}/{digits}", data)
    return True


def _with(found: Pictures, size: int, *, is_there: bool) -> Pictures:
    return msgspec.structs.replace(
        found, count=found.count + 1, bytes=found.bytes + size, missing=found.missing + (not is_there)
    )
