"""The evidence of hits, made behind their backs: redact, seal, cut in pieces, commit.

1. It runs after the hit is committed, in a thread of its own with low priority, so that neither reading nor the next
   hit waits for it.
2. Frames wait in memory only, `max_pending` of them; a hit that finds no place goes without a picture and says so.
3. If the redactor fails, or nobody holds an evidence key, no picture leaves: `evidence_unavailable` says why. What is
   still pending when the agent dies is said to be lost at its next start.
"""

import asyncio
import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import structlog
from numpy.typing import NDArray

from edge_agent.adapters.keystore import TrustFile
from edge_agent.adapters.pictures import encode_picture, encode_thumbnail
from edge_agent.adapters.progress import Progress
from edge_agent.core.boxes import Xyxy
from edge_agent.core.evidence import Pictures, evidence_bodies
from edge_agent.core.redaction import Redactor
from edge_agent.errors import BadPicture, OutboxFailed, OutboxFull, RedactionFailed
from edge_agent.service.writer import Writer
from edge_agent.settings import EvidenceSettings
from protocol.errors import SealError
from protocol.fields import THUMBNAIL_BYTES
from protocol.messages import Body, EvidenceUnavailable, HitKey
from protocol.order import Identity
from protocol.sealing import Purpose, seal
from protocol.steps import Step
from protocol.trust import Grant

STEPS: Final = ("picture.made", "picture.committed")
NICENESS: Final = 10
RETRY_S: Final = 5.0
TRIES: Final = 3
THUMBNAIL_WIDTH_PX: Final = 320

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PictureJob:
    """A committed hit, and the frame that shows it."""

    hit: HitKey
    camera: str
    captured_ms: int
    image: NDArray[np.uint8] = field(repr=False)
    keep_xyxy: Xyxy = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """There will be no picture, and the word for why."""

    reason: str


class PictureDesk:
    """One per agent. `reserve` a place before a frame is kept, then `offer` the job or `release` the place."""

    def __init__(
        self,
        writer: Writer,
        trust: TrustFile,
        who: Identity,
        redactor: Redactor,
        settings: EvidenceSettings,
        *,
        versions: tuple[str, ...],
        progress: Progress,
        step: Step,
    ) -> None:
        """Nothing runs yet."""
        self._writer, self._trust, self._who, self._redactor = writer, trust, who, redactor
        self._settings, self._versions, self._progress, self._step = settings, versions, progress, step
        self._jobs: asyncio.Queue[PictureJob] = asyncio.Queue()  # bounded by the places
        self._held = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures", initializer=_be_nice)

    async def __aenter__(self) -> Self:
        """Say of the hits of earlier runs whose picture was pending that it is lost."""
        for hit in await self._writer.pictures_owed():
            await self.say_unavailable(hit, Unavailable("lost_in_restart"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread after the picture it is making."""
        await asyncio.to_thread(self._thread.shutdown)

    @property
    def held(self) -> int:
        """How many places are taken."""
        return self._held

    def reserve(self) -> bool:
        """Take a place for a frame, if there is one."""
        if self._held >= self._settings.max_pending:
            return False
        self._held += 1
        return True

    def release(self) -> None:
        """Give a place back."""
        self._held -= 1

    def offer(self, job: PictureJob) -> None:
        """Hand a job over, with its place."""
        self._jobs.put_nowait(job)

    async def run(self) -> None:
        """Make pictures until cancelled."""
        while True:
            job = await self._jobs.get()
            try:
                await self._settle(job)
            finally:
                self.release()
                self._jobs.task_done()

    async def settled(self) -> None:
        """Wait until every job offered so far is done."""
        await self._jobs.join()

    async def thumbnail(self, image: NDArray[np.uint8]) -> bytes | None:
        """A small picture of a frame with all faces and plates covered; None if that cannot be done."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._small(image))

    async def say_unavailable(self, hit: HitKey, why: Unavailable) -> None:
        """Commit that a hit goes without a picture."""
        log.warning("evidence_unavailable", reason=why.reason, sequence=hit.sequence)
        await self._append([EvidenceUnavailable(hit=hit, reason=why.reason)], hit)

    async def _settle(self, job: PictureJob) -> None:
        grant = self._trust.store.evidence_key(city=self._who.city, at_ms=self._writer.time.now_ms())
        if grant is None:
            await self.say_unavailable(job.hit, Unavailable("no_evidence_key"))
            return
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._thread, lambda: self._make(job, grant))
        if isinstance(made, Unavailable):
            await self.say_unavailable(job.hit, made)
            return
        self._step("picture.made")
        bodies = evidence_bodies(job.hit, job.camera, job.captured_ms, made, self._versions)
        if await self._append(bodies, job.hit):
            self._step("picture.committed")
            self._tell(job, made, await asyncio.to_thread(self._keep, job, made))
        else:
            await self.say_unavailable(job.hit, Unavailable("disk_full"))

    def _make(self, job: PictureJob, grant: Grant) -> Pictures | Unavailable:
        """In the pictures' thread. Whatever cannot be redacted or sealed does not leave."""
        try:
            redacted = self._redactor.redact_and_count(job.image, job.keep_xyxy)
            shown = encode_picture(redacted.image, quality=self._settings.redacted_quality)
            original = encode_picture(job.image, quality=self._settings.original_quality)
            sha256 = hashlib.sha256(original).digest()
            sealed = seal(original, grant.spki, Purpose.ORIGINAL, device=self._who.device, sha256=sha256)
        except RedactionFailed:
            return Unavailable("redaction_failed")
        except BadPicture:
            return Unavailable("encoding_failed")
        except SealError:
            return Unavailable("sealing_failed")
        return Pictures(shown, sealed, sha256, bytes(grant.key_id), redacted.faces_filled, redacted.plates_filled)

    def _small(self, image: NDArray[np.uint8]) -> bytes | None:
        """In the pictures' thread: redacted at full resolution, and only then made small."""
        try:
            redacted = self._redactor.redact(image)
            return encode_thumbnail(redacted, width_px=THUMBNAIL_WIDTH_PX, max_bytes=THUMBNAIL_BYTES)
        except (RedactionFailed, BadPicture) as exc:
            log.warning("thumbnail_unavailable", why=str(exc))
            return None

    async def _append(self, bodies: list[Body] | tuple[Body, ...], hit: HitKey) -> bool:
        """Whether the outbox took them, after a few tries on a disk that may be full for a moment."""
        for _ in range(TRIES):
            try:
                await self._writer.append(bodies, settles=hit)
            except OutboxFull:
                return False
            except OutboxFailed as exc:
                log.warning("outbox_failed", what="evidence", why=str(exc))
                await asyncio.sleep(RETRY_S)
            else:
                return True
        return False

    def _keep(self, job: PictureJob, made: Pictures) -> Path | None:
        """For demonstrations: leave the redacted picture where the settings say."""
        folder = self._settings.keep_redacted_dir
        if folder is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{job.camera}-{job.hit.epoch}-{job.hit.sequence}.jpg"
        path.write_bytes(made.redacted)
        return path

    def _tell(self, job: PictureJob, made: Pictures, path: Path | None) -> None:
        self._progress(
            "picture",
            camera=job.camera,
            hit=job.hit.hash.hex(),
            sequence=job.hit.sequence,
            redacted_bytes=len(made.redacted),
            sealed_bytes=len(made.sealed),
            faces_filled=made.faces_filled,
            plates_filled=made.plates_filled,
            path=str(path) if path else None,
        )


def _be_nice() -> None:
    """Lower this thread's priority; Linux schedules threads, not processes."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
