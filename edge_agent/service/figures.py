"""What Prometheus is told of a box, gathered from the parts of the running agent."""

import asyncio
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from typing import Final

from edge_agent.adapters.health import disk_free_mb, temperature_mc
from edge_agent.core.figures import CameraFigures, Figures, Outbox
from edge_agent.service.status import Box
from protocol.clock import from_ms
from protocol.terms import Shown

_MB: Final = 1_000_000


async def figures_of(box: Box) -> Figures:
    """The figures of this moment. Nothing is measured anew that a report measures from one to the next."""
    listed, link, time, since_ms = box.hotlist.status, box.delivery.state, box.writer.time, box.lookback_since_ms()
    heat_mc, free_mb = await asyncio.to_thread(lambda: (temperature_mc(), disk_free_mb(box.data_dir)))
    return Figures(
        release=version("atalaya"),
        cameras=_cameras(box),
        outbox=await _outbox(box),
        is_connected=link.is_connected,
        connections=link.connection,
        sent=link.sent,
        receipted=link.stored,
        refused_downlinks=link.refused_downlinks,
        is_clock_good=time.is_clock_good,
        clock_offset_s=None if time.offset_ms is None else time.offset_ms / 1000,
        certificate_ends_at=box.renewer.term.ends,
        hotlist_version=listed.list_version,
        hotlist_entries=listed.entries if listed.list_version else 0,
        hotlist_expires_at=_moment(listed.expires_ms),
        hotlists_fetched=listed.brought,
        useless_deltas=listed.useless_deltas,
        hits_lost=box.hits.lost if box.terms.shows(Shown.HIT_COUNTS) else 0,
        pictures_pending=box.desk.held if box.terms.shows(Shown.HIT_COUNTS) else 0,
        lookback_since=_moment(since_ms),
        temperature_c=None if heat_mc is None else heat_mc / 1000,
        disk_free_bytes=None if free_mb is None else free_mb * _MB,
    )


def _cameras(box: Box) -> dict[str, CameraFigures]:
    counted = {camera: counts for camera, (_, counts) in box.cameras.snapshot().cameras.items()}
    if not box.terms.shows(Shown.HIT_COUNTS):  # what a company's people could read here is not theirs to see
        counted = {camera: replace(counts, hits=0) for camera, counts in counted.items()}
    return {
        camera: CameraFigures(
            state=found.state,
            frames_per_s=found.fps_in,
            counts=counted[camera],
            conditions=tuple(each.name.lower() for each in box.scenes.active(camera)),
        )
        for camera, found in box.cameras.stats().items()
    }


async def _outbox(box: Box) -> Outbox:
    held = await box.writer.holdings()
    return Outbox(
        rows=held.rows,
        size_bytes=held.size_bytes,
        oldest_at=_moment(held.oldest_ms),
        dead_letters=held.dead_letters,
        write_failures=box.writer.failures,
    )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
