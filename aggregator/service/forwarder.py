"""The forwarder: what the city stores goes on to its region, for as long as there is a link, whatever the region does.

    noted (ingest's trigger) -> read -> published -> receipt verified -> settled -> told in a transit record

Without a link nothing is noted. A city that joins or leaves while this runs is noticed within a moment. A connection
that is lost, or a database that is away, ends what is in memory (`Passage`); the next one begins from the queue.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import structlog

from aggregator.adapters import federation_link, forward_queue
from aggregator.adapters.database import AWAY, unwell
from aggregator.adapters.federation_link import Link
from aggregator.adapters.region_line import connected
from aggregator.core.contact import AGAIN
from aggregator.core.figures import ForwardFigures
from aggregator.core.forwarding import MOST_UNTOLD, Standing
from aggregator.errors import AggregatorError, RegionAway
from aggregator.service import passage
from aggregator.service.passage import Means, Passage
from aggregator.settings import Settings

STEPS: Final = (*forward_queue.STEPS, *passage.STEPS)
_LOOK_EVERY_S: Final = 1.0
_WATCH_EVERY_S: Final = 5.0
_LAG_LIMIT_S: Final = 120.0
_UNTOLD_LIMIT: Final = 10_000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Forwarder:
    """One per city. `run` never returns by itself."""

    means: Means
    settings: Settings
    is_linked: bool = False
    is_connected: bool = False
    standing: Standing | None = None
    warnings: tuple[str, ...] = field(default=())
    _noted: tuple[str, ...] | None = None  # not known yet

    async def run(self) -> None:
        """Pass on what is noted, whenever there is a link."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_connected(), name="region-connection")
            group.create_task(self._watch(), name="forward-watch")

    def figures(self) -> ForwardFigures | None:
        """What Prometheus is told; nothing without a link."""
        counts, seen = self.means.counts, self.standing
        if not self.is_linked or seen is None:
            return None
        return ForwardFigures(
            is_connected=self.is_connected,
            sent=counts.sent,
            stored=counts.stored,
            refused=dict(counts.refusals),
            waiting={"alerts": seen.alerts, "rest": seen.waiting - seen.alerts},
            untold=seen.untold,
            dead=seen.dead,
            oldest_at=seen.oldest_at,
            clock_ahead_ms=seen.clock_ahead_ms,
        )

    async def _keep_connected(self) -> None:
        failed = 0
        while True:
            try:
                await self._connection()
                failed = 0
            except* (AggregatorError, *AWAY, asyncpg.PostgresError) as group:
                failed = 1 if self.is_connected else failed + 1
                await self._went_down(_problem(group))
            await asyncio.sleep(AGAIN.wait_s(failed, self.means.rng) if failed else _LOOK_EVERY_S)

    async def _connection(self) -> None:
        """One connection, until it is lost or there is another link; nothing without one."""
        found, was_linked = await asyncio.to_thread(self._link), self.is_linked
        self.is_linked = found is not None
        if found is None:
            if not was_linked and self._noted != ():  # twice in a row: joining again takes the link away for a moment
                await self._note(())
            return
        await self._note(self.settings.federation.forward)
        link, trust = found.link, await asyncio.to_thread(found.link.trust)
        async with connected(link) as line:
            await self.means.queue.hurry()
            await self.means.queue.line_is(is_connected=True)
            self.is_connected = True
            log.info("region_connected", region=link.facts.region)
            passage = Passage(self.means, trust, line)
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(work, name=name) for name, work in passage.tasks().items()]
                while await asyncio.to_thread(self._link) == found:  # noqa: ASYNC110  files tell nobody
                    await asyncio.sleep(_LOOK_EVERY_S)
                for task in running:
                    task.cancel()
        self.is_connected = False

    async def _note(self, kinds: tuple[str, ...]) -> None:
        """Have these kinds noted from now on."""
        await self.means.queue.obey(kinds)
        self._noted = kinds

    def _link(self) -> "_Found | None":
        """The link, and when its files were last written; blocks."""
        link = federation_link.read(self.settings)
        if link is None:
            return None
        try:
            written = tuple(path.stat().st_mtime_ns for path in (link.certificate, link.bundle))
        except OSError as exc:  # the city leaves at this very moment
            raise RegionAway(f"the link's files in {link.folder} cannot be used: {exc}") from exc
        return _Found(link, written)

    async def _went_down(self, problem: str) -> None:
        self.is_connected = False
        log.warning("region_away", problem=problem)
        with suppress(*AWAY, asyncpg.PostgresError):  # the database may be what is away
            await self.means.queue.line_is(is_connected=False, problem=problem)

    async def _watch(self) -> None:
        """See now and then how the queue stands."""
        while True:
            try:
                self.standing = await self.means.queue.standing()
                self.warnings = tuple(self.told(self.standing)) if self.is_linked else ()
                if self.standing.untold > MOST_UNTOLD:
                    await self.means.queue.bound()
            except (*AWAY, asyncpg.PostgresError) as exc:
                log.warning("forward_not_watched", problem=str(unwell(exc)))
            await asyncio.sleep(_WATCH_EVERY_S)

    def told(self, standing: Standing) -> Iterator[str]:
        """What health warns of."""
        if not self.is_connected and standing.problem:
            yield f"nothing goes on to the region: {standing.problem}"
        if standing.lag_s > _LAG_LIMIT_S:
            yield f"{standing.waiting} messages wait for the region, the oldest for {standing.lag_s:.0f} s"
        if standing.untold > _UNTOLD_LIMIT:
            yield f"the region has not taken our records of {standing.untold} messages that it has; the log says why"
        if standing.dead:
            yield f"{standing.dead} messages were refused by the region for good; see: aggregator federation dead"


@dataclass(frozen=True, slots=True)
class _Found:
    """A link as it is now: another certificate or bundle makes another."""

    link: Link
    written_ns: tuple[int, ...]


def _problem(group: BaseExceptionGroup[BaseException]) -> str:
    """The first thing that went wrong; errors of the database without the values that they carry."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first) if isinstance(first, AggregatorError) or not isinstance(first, Exception) else str(unwell(first))
