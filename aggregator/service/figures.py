"""What Prometheus is told, gathered from the parts of the running service and from the database."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from aggregator.adapters.figure_store import FigureStore
from aggregator.core.figures import Disk, Figures
from aggregator.service.api import ApiPort
from aggregator.service.health import HealthCheck
from aggregator.settings import Settings


@dataclass(frozen=True, slots=True)
class Instruments:
    """Reads everything off the same parts that health looks at."""

    check: HealthCheck
    store: FigureStore
    settings: Settings
    api: ApiPort | None = None

    async def __call__(self) -> Figures:
        """The figures of this moment."""
        check, workers = self.check, self.check.workers
        health, found = await check(), await self.store.read(datetime.now(UTC))
        return Figures(
            release=version("atalaya"),
            problems=len(health.problems),
            warnings=len(health.warnings),
            workers={self.settings.broker.worker: check.intake.news(), **workers.named()},
            workers_wanted=1 + workers.wanted,
            queue_bound=check.queue_bound,
            granted=dict(check.tally.granted),
            refused=dict(check.tally.refused),
            api_answers=dict(self.api.tally.answers) if self.api else {},
            api_problems=dict(self.api.tally.problems) if self.api else {},
            ends={kind.name.lower(): at for kind, at in check.dates.ends.items()},
            disks=await asyncio.to_thread(lambda: dict(self._disks())),
            stored=found,
            link=check.federation.standing,
            forward=check.federation.forward,
        )

    def _disks(self) -> Iterator[tuple[str, Disk]]:
        """The disks that fill up under us; those of a server or of a bucket are not ours to watch."""
        folders = {"evidence": self.settings.evidence_dir if self.settings.evidence.store == "disk" else None}
        folders["database"] = self.settings.database.data_dir if self.settings.database.dsn is None else None
        for name, folder in folders.items():
            if folder is not None and (existing := _existing(folder)) is not None:
                found = shutil.disk_usage(existing)
                yield name, Disk(free_bytes=found.free, size_bytes=found.total)


def _existing(folder: Path) -> Path | None:
    """The folder, or the one it will be made in."""
    return next((each for each in (folder, *folder.parents) if each.exists()), None)
