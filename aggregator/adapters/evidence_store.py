"""Pictures that became whole: from the database's pieces to a file, with no moment in which neither has them.

    pieces committed -> file on the disk -> `picture` says so and the pieces go, in one transaction

A crash before the last step repeats it: the file is there already, and writing it again changes nothing. While one is
written none is removed (retention_store.py), or a row could name a file that is gone. What is wrong with a picture is
kept in `picture` and logged; the pieces of a wrong one stay for whoever looks into it.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aggregator.adapters.database import Pool
from aggregator.adapters.picture_store import PictureStore
from aggregator.adapters.statements import statements
from aggregator.core.evidence import MAX_PICTURE_BYTES, Part, State, assemble
from protocol.steps import Step, no_step

STEPS: Final = ("evidence.assembled", "evidence.file_durable", "evidence.settled")
# States whose pieces are of no more use: one lies in a file, one is not kept.
_DONE_WITH: Final = frozenset({State.STORED, State.TOO_LARGE})


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a picture."""

    device: str
    sha256: bytes
    state: State


class EvidenceStore:
    """Assembles and settles."""

    def __init__(self, pool: Pool, files: PictureStore, step: Step = no_step) -> None:
        """`step` names the crash points."""
        self._pool, self._files, self._step = pool, files, step
        self._sql = statements("evidence")

    async def settle_all(self, now: datetime) -> list[Settled]:
        """Settle every picture that can be settled."""
        async with self._pool.acquire() as connection:
            candidates = await connection.fetch(self._sql["candidates"], MAX_PICTURE_BYTES)
        settled = []
        for row in candidates:
            if row["state"] is not None:
                await self._forget(row["device_id"], row["sha256"])
            elif (done := await self._settle(row["device_id"], row["sha256"], now)) is not None:
                settled.append(done)
        return settled

    async def _settle(self, device: str, sha256: bytes, now: datetime) -> Settled | None:
        parts = await self._parts(device, sha256)
        whole = await asyncio.to_thread(assemble, parts, sha256)
        if whole is None:
            return None
        state = State.STORED if isinstance(whole, bytes) else whole
        self._step("evidence.assembled")
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["share_files"])
            if isinstance(whole, bytes):
                await asyncio.to_thread(self._files.write, sha256, whole)
            self._step("evidence.file_durable")
            total = max(part.total_bytes for part in parts)
            await connection.execute(self._sql["settle"], device, sha256, state, total, now)
            if state in _DONE_WITH:
                await connection.execute(self._sql["forget_parts"], device, sha256)
        self._step("evidence.settled")
        return Settled(device, sha256, state)

    async def _parts(self, device: str, sha256: bytes) -> list[Part]:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(self._sql["parts"], device, sha256)
        return [Part(row["at_byte"], row["total_bytes"], row["data"]) for row in rows]

    async def _forget(self, device: str, sha256: bytes) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute(self._sql["forget_parts"], device, sha256)
