"""The hotlists of one city's light boxes: judged by each, verified once.

Each box hears its own manifest, judges it against what it had before, and fetches the bytes over its own connection:
the delta from what it holds, where the manifest names one, else the whole. What takes a box of its own a core (two
signatures to a batch, an index of 200,000 plates) is done here once for all boxes of a city that come to the same list
under the same trust bundle: they are one process, and hold one index.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from load.fleet import now_ms

from edge_agent.core.matching import HotlistIndex
from protocol import hotlist_steps
from protocol.hotlist import ListRefusal, Manifest, check_manifest
from protocol.hotlist_delta import apply_delta
from protocol.hotlist_steps import take_snapshot
from protocol.messages import Quality
from protocol.trust import TrustStore


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A list that boxes hold: what was verified of it, and the index of what they arm."""

    city: str
    sha256: bytes
    index: HotlistIndex
    verified: hotlist_steps.Held | None = field(default=None, repr=False)
    plates: tuple[str, ...] = field(default=(), repr=False)

    def arms(self, plate: str, at_ms: int) -> bool:
        """Whether a read of just this plate would be an exact hit."""
        return any(match.quality is Quality.EXACT for match in self.index.match(plate, at_ms, self.city))


_KEPT: Final = 3  # lists that boxes may still be on, or on the way to


@dataclass(slots=True)
class CityLists:
    """What the boxes of a city hold in common."""

    city: str
    trust: TrustStore
    refused: int = 0
    _made: dict[tuple[bytes, int], "asyncio.Task[Held | None]"] = field(default_factory=dict)

    @property
    def nothing(self) -> Held:
        """What a box holds that was told nothing yet."""
        return Held(self.city, b"", HotlistIndex(expires_ms=0))

    def take_trust(self, raw: bytes) -> None:
        """A bundle has come down to one of the boxes; the first to hear has it judged for all."""
        accepted = self.trust.accept(raw)
        if isinstance(accepted, TrustStore):
            self.trust = accepted
        else:
            self.refused += 1

    def judge(self, raw: bytes, *, last_version: int) -> Manifest | None:
        """A manifest that a box is to follow; none if it is refused, which is counted."""
        manifest = check_manifest(raw, self.trust, city=self.city, last_version=last_version, now_ms=now_ms())
        if isinstance(manifest, Manifest):
            return manifest
        self.refused += 1
        return None

    async def by_delta(self, delta: bytes, base: Held, manifest: Manifest) -> Held | None:
        """The manifest's list, made of the one that a box holds; none if the delta does not give it."""
        return await self._once(manifest, lambda: _stepped(_patched(delta, base, manifest), manifest, self.trust, base))

    async def whole(self, artefact: bytes, base: Held, manifest: Manifest) -> Held | None:
        """The manifest's list of a snapshot's bytes; none if they are refused, which is counted."""
        return await self._once(manifest, lambda: _stepped(artefact, manifest, self.trust, base))

    async def _once(self, manifest: Manifest, make: Callable[[], Held | None]) -> Held | None:
        key = (manifest.sha256, self.trust.number)
        making = self._made.get(key)
        if making is None:
            making = asyncio.create_task(asyncio.to_thread(make), name=f"{self.city} list {manifest.list_version}")
            self._made[key] = making
            for old in list(self._made)[:-_KEPT]:
                del self._made[old]
        held = await asyncio.shield(making)
        if held is None:
            self.refused += 1
            self._made.pop(key, None)  # another box may come to it another way
        return held


def _patched(delta: bytes, base: Held, manifest: Manifest) -> bytes | None:
    if base.verified is None:
        return None
    made = apply_delta(
        delta, base.verified.artefact, base_sha256=base.sha256, sha256=manifest.sha256, size_bytes=manifest.size_bytes
    )
    return made if isinstance(made, bytes) else None


def _stepped(artefact: bytes | None, manifest: Manifest, trust: TrustStore, base: Held) -> Held | None:
    if artefact is None:
        return None
    step = take_snapshot(artefact, manifest, trust, now_ms=now_ms(), held=base.verified)
    if isinstance(step, ListRefusal):
        return None
    before = HotlistIndex() if step.is_whole else base.index
    index = before.changed(
        added=step.added, gone=step.gone, list_version=manifest.list_version, expires_ms=manifest.expires_ms
    )
    plates = tuple(plate for plate in step.held.plates.values() if plate)  # what is listed and not armed has none
    return Held(manifest.city, manifest.sha256, index, step.held, plates)
