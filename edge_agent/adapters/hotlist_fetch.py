"""Brings the snapshot that a manifest names: by a delta where one starts from what the box holds, else whole.

1. A download that broke off goes on where it was cut, at the next attempt; one that was superseded is dropped.
2. A delta that cannot be had, or does not give the manifest's snapshot, is not tried again for that manifest: the whole
   snapshot is fetched at once, and why is counted. A delta that is cut goes on like any download, `MOST_CUTS` times.
3. A box that is off line keeps its delta: without a network the whole would come no better.

What is brought has the manifest's hash if it came by a delta; of a whole one the caller finds that out.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from edge_agent.adapters.artefacts import ArtefactServer, Download, Problem
from protocol.hotlist import DeltaName, Manifest
from protocol.hotlist_delta import DeltaRefusal, apply_delta

MOST_CUTS: Final = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Base:
    """The snapshot that a box holds, by its hash."""

    sha256: bytes
    artefact: bytes = field(repr=False)


class SnapshotFetcher:
    """Downloads of one box, one at a time. Counts how snapshots came and why deltas did not do."""

    def __init__(self, server: ArtefactServer) -> None:
        """Nothing is on its way."""
        self._server = server
        self._download: Download | None = None
        self._cuts = 0
        self._whole_only: bytes | None = None
        self.brought: Counter[str] = Counter()
        self.useless_deltas: Counter[str] = Counter()

    async def bring(self, manifest: Manifest, base: Base | None, *, is_wanted: Callable[[], bool]) -> bytes | Problem:
        """One attempt at the manifest's snapshot; why it is not there yet, if it is not."""
        name = None if self._whole_only == manifest.sha256 else _delta_from(base, manifest)
        if base is not None and name is not None:
            found = await self._by_delta(name, base, manifest, is_wanted)
            if isinstance(found, bytes) or (isinstance(found, Problem) and self._may_still_come(found)):
                return found
            self._give_up_deltas(manifest, found)
        whole = await self._fetched(manifest.sha256, manifest.size_bytes, is_wanted)
        if isinstance(whole, bytes):
            self.brought["whole"] += 1
        return whole

    async def _by_delta(
        self, name: DeltaName, base: Base, manifest: Manifest, is_wanted: Callable[[], bool]
    ) -> bytes | Problem | DeltaRefusal:
        raw = await self._fetched(name.sha256, name.size_bytes, is_wanted)
        if isinstance(raw, Problem):
            return raw
        artefact = await asyncio.to_thread(
            apply_delta,
            raw,
            base.artefact,
            base_sha256=base.sha256,
            sha256=manifest.sha256,
            size_bytes=manifest.size_bytes,
        )
        if isinstance(artefact, bytes):
            self.brought["delta"] += 1
        return artefact

    async def _fetched(self, sha256: bytes, size_bytes: int, is_wanted: Callable[[], bool]) -> bytes | Problem:
        download = self._download
        if download is None or (download.sha256, download.size_bytes) != (sha256, size_bytes):
            download, self._cuts = Download(sha256, size_bytes), 0
            self._download = download
        problem = await self._server.fetch(download, is_wanted=is_wanted)
        if problem is not None:
            return problem
        self._download = None
        return bytes(download.arrived)

    def _may_still_come(self, why: Problem) -> bool:
        """Whether a delta that did not come this time is to be tried again."""
        if why is Problem.CUT:
            self._cuts += 1
            return self._cuts < MOST_CUTS
        return why in (Problem.UNREACHABLE, Problem.SUPERSEDED)

    def _give_up_deltas(self, manifest: Manifest, why: Problem | DeltaRefusal) -> None:
        self._whole_only = manifest.sha256
        self.useless_deltas[why.value] += 1
        log.warning("hotlist_delta_useless", reason=why.value, list_version=manifest.list_version)


def _delta_from(base: Base | None, manifest: Manifest) -> DeltaName | None:
    """The delta of a manifest that starts from what is held, if it is the shorter way."""
    if base is None:
        return None
    found = (name for name in manifest.deltas if name.base == base.sha256)
    return next((name for name in found if name.size_bytes < manifest.size_bytes), None)
