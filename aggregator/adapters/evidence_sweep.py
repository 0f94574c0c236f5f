"""Files in the evidence folder that no row names: found folder by folder, removed by hand only.

Removing is not left to the schedule: where a database was restored from a backup, it is the rows that are missing.
"""

import asyncio
from pathlib import Path

from aggregator.adapters.audit_log import Deed, audit_all
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.statements import statements

_DIGITS = frozenset("0123456789abcdef")


async def sweep(pool: Pool, files: EvidenceFiles, *, remove_for: tuple[str, str] | None = None) -> list[Path]:
    """Stray files; removed, if an actor and his reason are given."""
    strays: list[Path] = []
    for folder in await asyncio.to_thread(lambda: list(files.folders())):
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(statements("retention")["files_alone"])
            found = await _strays_in(connection, folder)
            if found and remove_for is not None:
                actor, reason = remove_for
                deeds = [Deed("retention.sweep", f"file:{path.name}") for path in found]
                await audit_all(connection, deeds, actor=actor, reason=reason)
                await asyncio.to_thread(_remove, found)
        strays += found
    return strays


async def _strays_in(connection: Connection, folder: Path) -> list[Path]:
    """What neither a row nor a note names, and what writers that were killed left."""
    names = sorted(path.name for path in await asyncio.to_thread(lambda: list(folder.iterdir())))
    pictures = [bytes.fromhex(name) for name in names if _is_picture(name)]
    unknown = {row["sha256"].hex() for row in await connection.fetch(statements("retention")["stray"], pictures)}
    return [folder / name for name in names if name in unknown or not _is_picture(name)]


def _is_picture(name: str) -> bool:
    return len(name) == 64 and _DIGITS.issuperset(name)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
