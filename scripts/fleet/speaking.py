"""What a light box's messages hold, where a real one has cameras and a machine to ask."""

from random import Random
from typing import Final

from edge_agent.core.matching import HotlistIndex
from fleet.outbox import Outbox
from protocol.messages import CameraMinute, Health, Hit, Match, Report

VERSIONS: Final = ("light agent",)
_BOX: Final = (411, 320, 530, 380)
_FRAME: Final = (1920, 1080)


def hit_of(
    text: str, matches: tuple[Match, ...], *, camera: str, track: int, list_version: int, captured_ms: int, rng: Random
) -> Hit:
    """The hit of a read that matched."""
    return Hit(
        camera=camera, track=track, plate=text, observed=text, confidence=rng.randint(870, 999), matches=matches,
        hotlist_version=list_version, captured_ms=captured_ms, box=_BOX, frame_size=_FRAME, looks=rng.randint(3, 12),
    )  # fmt: skip


def minute_of(
    counted: tuple[CameraMinute, ...], outbox: Outbox, index: HotlistIndex, *, from_ms: int, to_ms: int, rng: Random
) -> Report:
    """The report of an interval."""
    health = Health(
        temperature_mc=rng.randint(48_000, 66_000), disk_free_mb=101_000, memory_mb=1_900,
        cpu_permille=rng.randint(350, 800), outbox_rows=len(outbox), oldest_unreceipted_ms=outbox.oldest_ms,
        dead_letters=outbox.buried, hotlist_version=index.list_version, hotlist_entries=len(index),
        hotlist_expires_ms=index.expires_ms,
    )  # fmt: skip
    return Report(from_ms=from_ms, to_ms=to_ms, cameras=counted, health=health, versions=VERSIONS)
