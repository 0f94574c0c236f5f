"""How a light box follows its city's hotlist: the newest manifest it was told of, fetched until it is there.

A fetch that fails is tried again at a growing, jittered pace, as the agent does. Each box fetches for itself; what is
verified and indexed is its city's (`fleet.lists`).
"""

import asyncio
import ssl
from collections.abc import Callable
from random import Random
from typing import Final

from fleet.fetch import NotFetched, fetched
from fleet.lists import CityLists, Held
from protocol.delivery import Pace
from protocol.hotlist import Manifest

_PACE: Final = Pace(first_s=1.0, most_s=300.0)


class Follower:
    """One box's list. `armed` is called with each new one."""

    def __init__(
        self, lists: CityLists, artefacts_url: str, context: ssl.SSLContext, rng: Random, armed: Callable[[Held], None]
    ) -> None:
        """Nothing is held yet."""
        self.held = lists.nothing
        self._lists, self._url, self._context = lists, artefacts_url, context
        self._rng, self._armed = rng, armed
        self.by_delta = self.whole = 0
        self._last_version = 0
        self._wanted: Manifest | None = None
        self._news = asyncio.Event()

    def hold(self, held: Held) -> None:
        """Begin with a list, as a box does that kept it on its disk."""
        self.held, self._last_version = held, held.index.list_version

    def take_manifest(self, raw: bytes) -> None:
        """A manifest has come down."""
        manifest = self._lists.judge(raw, last_version=self._last_version)
        if manifest is not None:
            self._wanted, self._last_version = manifest, manifest.list_version
            self._news.set()

    async def run(self) -> None:
        """Bring the box to what it was told, until cancelled."""
        failed = 0
        while True:
            await self._news.wait()
            self._news.clear()
            manifest = self._wanted
            if manifest is None or manifest.sha256 == self.held.sha256:
                continue
            try:
                held = await self._brought(manifest)
                failed = 0
            except NotFetched:
                failed += 1
                self._news.set()
                await asyncio.sleep(_PACE.wait_s(failed, self._rng))
                continue
            if held is not None:
                self.held = held
                self._armed(held)

    async def _brought(self, manifest: Manifest) -> Held | None:
        base = self.held
        name = next((each for each in manifest.deltas if each.base == base.sha256), None)
        if name is not None and name.size_bytes < manifest.size_bytes:
            delta = await fetched(self._url, self._context, name.sha256)
            held = await self._lists.by_delta(delta, base, manifest)
            if held is not None:
                self.by_delta += 1
                return held
        artefact = await fetched(self._url, self._context, manifest.sha256)
        self.whole += 1
        return await self._lists.whole(artefact, base, manifest)
