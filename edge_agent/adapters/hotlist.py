"""The box's hotlist: from the manifest on the broker to an index in memory.

The uplink hands over the retained manifest (`take_manifest`) and the trust store after each new bundle
(`take_trust`), in any order and as often as they come. `run` brings the box to what they say:

1. A manifest is judged (`protocol.hotlist.check_manifest`) against the trust store, the city, and the last version that
   this box accepted, which outlives restarts. Refusals are counted by reason; a refused manifest changes nothing.
2. The snapshot it names is fetched (`hotlist_fetch`), by a delta if it can be, with pauses that grow while that fails,
   and resumed where it was cut. A newer manifest ends the fetch of an older one.
3. What is new in the snapshot is verified (`protocol.hotlist_steps`), and the index changed by it, in a thread. Then
   the version is kept, then the list is armed. After a new trust bundle the whole armed snapshot is verified again,
   before anything else: an officer whose grant is gone takes his batches along, whoever signs manifests now.
4. Entries that were seen withdrawn stay withdrawn until a restart, whatever becomes of the officer who did it.

What was armed is put on the shelf (`hotlist_shelf`), and at the start what lies there is judged as if it had just come
in, so that a box without a network has its last list until that expires. Where nothing may lie at rest the list is in
memory only. It expires by itself with its manifest, even if nothing is ever heard again, and is then taken from the
shelf. Nothing of it is logged but numbers.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from edge_agent.adapters.artefacts import ArtefactServer, Problem
from edge_agent.adapters.hotlist_fetch import Base, SnapshotFetcher
from edge_agent.adapters.hotlist_shelf import HotlistShelf, KeptList, NoShelf, Place
from edge_agent.core.matching import HotlistIndex
from protocol.delivery import Pace
from protocol.hotlist import MAX_SNAPSHOT_BYTES, ListRefusal, Manifest, check_manifest
from protocol.hotlist_steps import Held, Step, take_snapshot
from protocol.trust import TrustStore

PACE: Final = Pace(first_s=1.0, most_s=300.0)
REJUDGE_S: Final = 60.0
"""A manifest may be refused only because the clock is still wrong: it is looked at again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HotlistStatus:
    """What health says of the list: version and entries armed (0 for none), its end, and what was refused, why.

    `brought` counts snapshots that came by `delta` and `whole`; `useless_deltas` why a delta did not do.
    """

    list_version: int
    entries: int
    expires_ms: int | None
    refused: dict[str, int]
    fetch_problems: dict[str, int]
    at_rest: Place
    brought: dict[str, int]
    useless_deltas: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Said:
    """What the box has been told last."""

    manifest: bytes | None
    trust: TrustStore


@dataclass(frozen=True, slots=True)
class _Armed:
    """What the armed index was made of."""

    said: _Said
    manifest: Manifest
    held: Held = field(repr=False)


class HotlistReceiver:
    """Follows the manifests of one city. `arm` is called in the event loop with each new index."""

    def __init__(
        self,
        *,
        city: str,
        trust: TrustStore,
        last_version: int,
        server: ArtefactServer,
        arm: Callable[[HotlistIndex], None],
        keep_version: Callable[[int], Awaitable[None]],
        vouch: Callable[[int], None],
        now_ms: Callable[[], int],
        shelf: HotlistShelf | None = None,
        pace: Pace = PACE,
        may_hold: Callable[[], bool] = lambda: True,
    ) -> None:
        """`vouch` gets the time in each accepted manifest, for the time floor; `now_ms` is above that floor.

        While `may_hold` says no, there is no list, in memory or at rest; `look_again` has it asked anew.
        """
        self._may_hold = may_hold
        self._city, self._now_ms, self._pace = city, now_ms, pace
        self._fetcher = SnapshotFetcher(server)
        self._arm, self._keep_version, self._vouch = arm, keep_version, vouch
        self._shelf = shelf or NoShelf()
        self._said = _Said(None, trust)
        self._armed: _Armed | None = None
        self._woken = asyncio.Event()
        self._last_version = last_version
        self._withdrawn: frozenset[str] = frozenset()
        self._attempts = 0
        self._counted: tuple[_Said, ListRefusal] | None = None
        self._refused: Counter[ListRefusal] = Counter()
        self._problems: Counter[Problem] = Counter()
        self._index = HotlistIndex(expires_ms=0)

    def take_manifest(self, raw: bytes) -> None:
        """A manifest has come in on the retained topic."""
        self._hear(_Said(raw, self._said.trust))

    def take_trust(self, trust: TrustStore) -> None:
        """The root has said anew whom to trust."""
        self._hear(_Said(self._said.manifest, trust))

    def look_again(self) -> None:
        """Whether a list may be held has changed, or may have."""
        self._woken.set()

    @property
    def status(self) -> HotlistStatus:
        """What health and `status` show."""
        return HotlistStatus(
            self._index.list_version,
            len(self._index),
            self._index.expires_ms or None,
            {why.value: count for why, count in self._refused.items()},
            {problem.value: count for problem, count in self._problems.items()},
            self._shelf.place,
            dict(self._fetcher.brought),
            dict(self._fetcher.useless_deltas),
        )

    async def run(self) -> None:
        """Follow what is said until cancelled."""
        await self._start_from_shelf()
        while True:
            self._woken.clear()
            pause_s = await self._settle(self._said)
            try:
                async with asyncio.timeout(self._until_expiry(pause_s)):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _hear(self, said: _Said) -> None:
        if said != self._said:
            self._attempts = 0
        self._said = said
        self._woken.set()

    async def _start_from_shelf(self) -> None:
        """Arm the list at rest, if it would be taken from the broker now; else keep it no longer."""
        if not self._may_hold():
            await asyncio.to_thread(self._shelf.clear)
            return
        kept = await asyncio.to_thread(self._shelf.take)
        if kept is None:
            return
        said = _Said(kept.manifest, self._said.trust)
        manifest = self._judge(said)
        if isinstance(manifest, ListRefusal):
            self._refuse(said, manifest)
        elif await self._arm_with(said, manifest, kept.artefact):
            return
        await asyncio.to_thread(self._shelf.clear)

    def _until_expiry(self, pause_s: float | None) -> float | None:
        """The pause, cut short at the end of the armed list."""
        if self._armed is None:
            return pause_s
        left_s = max(0.0, (self._armed.manifest.expires_ms - self._now_ms()) / 1000) + 1.0
        return left_s if pause_s is None else min(pause_s, left_s)

    def _judge(self, said: _Said) -> Manifest | ListRefusal:
        return check_manifest(
            said.manifest or b"", said.trust, city=self._city, last_version=self._last_version, now_ms=self._now_ms()
        )

    async def _settle(self, said: _Said) -> float | None:
        """Bring the box to what was said. Seconds until another try is due; None if none is."""
        if not self._may_hold():
            await self._disarm()
            return None
        if self._armed is not None and self._armed.manifest.expires_ms <= self._now_ms():
            await self._disarm()
        if self._armed is not None and said.trust != self._armed.said.trust:
            await self._verify_again(self._armed, said.trust)
        if said.manifest is None or (self._armed is not None and said == self._armed.said):
            return None
        manifest = self._judge(said)
        if isinstance(manifest, ListRefusal):
            self._refuse(said, manifest)
            return REJUDGE_S
        self._vouch(manifest.created_ms)
        if manifest.size_bytes > MAX_SNAPSHOT_BYTES:
            self._refuse(said, ListRefusal.TOO_MANY)
            return None
        return await self._follow(manifest, said)

    async def _verify_again(self, armed: _Armed, trust: TrustStore) -> None:
        if not await self._arm_with(_Said(armed.said.manifest, trust), armed.manifest, armed.held.artefact):
            await self._disarm()

    async def _disarm(self) -> None:
        self._armed, self._index = None, HotlistIndex(expires_ms=0)
        self._arm(self._index)
        await asyncio.to_thread(self._shelf.clear)

    async def _follow(self, manifest: Manifest, said: _Said) -> float | None:
        """Fetch what an accepted manifest names, unless it is what is armed, and arm it."""
        armed = self._armed
        base = None if armed is None else Base(armed.manifest.sha256, armed.held.artefact)
        if base is not None and base.sha256 == manifest.sha256:
            artefact = base.artefact
        else:
            found = await self._fetcher.bring(manifest, base, is_wanted=lambda: self._said.manifest == said.manifest)
            if isinstance(found, Problem):
                return self._try_again(found)
            artefact = found
        if not await self._arm_with(said, manifest, artefact):
            return self._try_again(None)
        if said.manifest is not None:
            await asyncio.to_thread(self._shelf.keep, KeptList(said.manifest, artefact))
        return None

    async def _arm_with(self, said: _Said, manifest: Manifest, artefact: bytes) -> bool:
        """Verify what is new in a snapshot under what was said, and arm it; False if it is refused."""
        held = None if self._armed is None else self._armed.held
        build = _Build(artefact, manifest, said.trust, held, self._withdrawn, self._index)
        built = await asyncio.to_thread(build.run, self._now_ms())
        if isinstance(built, ListRefusal):
            self._refuse(said, built)
            return False
        step, index = built
        await self._keep_version(manifest.list_version)
        self._last_version = manifest.list_version
        self._withdrawn = step.held.withdrawn
        self._refused.update(step.refused)
        self._armed, self._attempts, self._index = _Armed(said, manifest, step.held), 0, index
        self._arm(index)
        log.info(
            "hotlist_armed",
            list_version=index.list_version,
            entries=len(index),
            added=len(step.added),
            gone=len(step.gone),
            refused=sum(step.refused.values()),
        )
        return True

    def _refuse(self, said: _Said, why: ListRefusal) -> None:
        """Count a refusal once for each manifest and trust store, however often they are judged again."""
        if self._counted == (said, why):
            return
        self._counted = (said, why)
        self._refused[why] += 1
        log.warning("hotlist_refused", reason=why.value)

    def _try_again(self, problem: Problem | None) -> float:
        self._attempts += 1
        if problem is not None:
            self._problems[problem] += 1
            log.info("hotlist_fetch_failed", problem=problem.value, attempts=self._attempts)
        if problem is Problem.SUPERSEDED:
            return 0.0
        return self._pace.wait_s(self._attempts, random.Random())  # noqa: S311  jitter, no secret


@dataclass(frozen=True, slots=True)
class _Build:
    """A snapshot to be verified and indexed: seconds of work for a full list that is new, so not in the event loop."""

    artefact: bytes = field(repr=False)
    manifest: Manifest
    trust: TrustStore
    held: Held | None
    withdrawn: frozenset[str]
    index: HotlistIndex

    def run(self, now_ms: int) -> tuple[Step, HotlistIndex] | ListRefusal:
        """What changed, and the next index."""
        manifest = self.manifest
        step = take_snapshot(
            self.artefact, manifest, self.trust, now_ms=now_ms, held=self.held, withdrawn=self.withdrawn
        )
        if isinstance(step, ListRefusal):
            return step
        # What is built anew shares nothing with what it replaces.
        before = HotlistIndex() if step.is_whole else self.index
        index = before.changed(
            added=step.added, gone=step.gone, list_version=manifest.list_version, expires_ms=manifest.expires_ms
        )
        return step, index
