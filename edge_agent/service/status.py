"""What the agent says of itself: to the command centre in each report's health, to the operator through `status`."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.adapters.hardening import Hardening
from edge_agent.adapters.health import Processor, disk_free_mb, memory_mb, temperature_mc
from edge_agent.adapters.hotlist import HotlistReceiver
from edge_agent.service.acceptance import AcceptanceKeeper
from edge_agent.service.alarm_sources import AlarmSources
from edge_agent.service.cameras import Cameras
from edge_agent.service.delivery import Delivery
from edge_agent.service.hits import HitPath
from edge_agent.service.pictures import PictureDesk
from edge_agent.service.renewal import Renewer
from edge_agent.service.rollout import Rollout
from edge_agent.service.scenes import SceneWatch
from edge_agent.service.terms import TermsKeeper
from edge_agent.service.writer import Writer
from protocol.messages import Health
from protocol.terms import Shown


@dataclass(slots=True)
class Box:
    """The parts of a running agent that have something to say."""

    data_dir: Path
    writer: Writer
    delivery: Delivery
    hotlist: HotlistReceiver
    hits: HitPath
    desk: PictureDesk
    cameras: Cameras
    versions: tuple[str, ...]
    hardening: Hardening
    renewer: Renewer
    scenes: SceneWatch
    alarms: AlarmSources
    acceptances: AcceptanceKeeper
    terms: TermsKeeper
    processor: Processor = field(default_factory=Processor)
    started_s: float = field(default_factory=time.monotonic)
    rollout: Rollout | None = None

    @property
    def uptime_s(self) -> int:
        """Seconds since the start."""
        return int(time.monotonic() - self.started_s)

    async def health(self) -> Health:
        """What a report says."""
        held = await self.writer.holdings()
        listed = self.hotlist.status
        return Health(
            temperature_mc=temperature_mc(),
            disk_free_mb=disk_free_mb(self.data_dir),
            memory_mb=memory_mb(),
            cpu_permille=self.processor.busy_permille(),
            clock_offset_ms=self.writer.time.offset_ms,
            outbox_rows=held.rows,
            outbox_bytes=held.size_bytes,
            oldest_unreceipted_ms=held.oldest_ms,
            dead_letters=held.dead_letters,
            lookback_since_ms=self.lookback_since_ms(),
            hotlist_version=listed.list_version or None,
            hotlist_entries=listed.entries if listed.list_version else None,
            hotlist_expires_ms=listed.expires_ms,
            refused_downlinks=self.delivery.state.refused_downlinks,
            uptime_s=self.uptime_s,
        )

    async def status(self) -> dict[str, Any]:
        """What `edge-agent status` shows. No plate, and no address of a camera, which may hold a password."""
        held, listed, link = await self.writer.holdings(), self.hotlist.status, self.delivery.state
        who = self.delivery.enrolment.who
        return {
            "device": who.device,
            "city": who.city,
            "point": who.point,
            "uptime_s": self.uptime_s,
            "versions": list(self.versions),
            "presence": {
                "is_connected": link.is_connected,
                "connection": link.connection,
                "why_not": "" if link.is_connected else link.why_not,
                "refused_downlinks": link.refused_downlinks,
                "clock_is_good": self.writer.time.is_clock_good,
                "clock_offset_ms": self.writer.time.offset_ms,
                "trust_bundle": self.delivery.trust.store.number,
            },
            "certificate": self.renewer.status(),
            "outbox": {
                "outbox": self.writer.outbox_id.hex(),
                "rows": held.rows,
                "bytes": held.size_bytes,
                "oldest_ms": held.oldest_ms,
                "dead_letters": held.dead_letters,
                "write_failures": self.writer.failures,
                "sent": link.sent,
                "receipted": link.stored,
            },
            "hotlist": {
                "version": listed.list_version,
                "entries": listed.entries,
                "expires_ms": listed.expires_ms,
                "refused": listed.refused,
                "fetch_problems": listed.fetch_problems,
                "at_rest": listed.at_rest,
                "brought": listed.brought,
                "useless_deltas": listed.useless_deltas,
            },
            "hits": self._hits(),
            "settings": self.rollout.status() if self.rollout else {},
            "terms": self.terms.status(),
            "lookback_since_ms": self.lookback_since_ms(),
            "memory_is_locked": self.hardening.memory_locked,
            "alarms": self.alarms.status(),
            "cameras": self._cameras(),
        }

    def _hits(self) -> dict[str, Any]:
        latencies_ms = self.hits.latencies_ms if self._shows_hits else ()
        return {
            "lost": self.hits.lost if self._shows_hits else None,
            "pictures_pending": self.desk.held if self._shows_hits else None,
            "latency_ms_p50": _share(latencies_ms, 0.5),
            "latency_ms_p99": _share(latencies_ms, 0.99),
        }

    @property
    def _shows_hits(self) -> bool:
        """Whether whoever stands at the box may learn of hits: on a company's box its terms say so."""
        return self.terms.shows(Shown.HIT_COUNTS)

    def _cameras(self) -> list[dict[str, Any]]:
        counted = self.cameras.snapshot().cameras
        return [
            {
                "camera": camera,
                "state": found.state.name.lower(),
                "since": found.state_since.isoformat(),
                "fault": found.fault,
                "conditions": [each.name.lower() for each in self.scenes.active(camera)],
                "frames_per_s": round(found.fps_in, 1),
                "frames_in": found.frames_in,
                "processed": counted[camera][1].processed,
                "sampled_out": found.sampled_out,
                "dropped": found.dropped,
                "reconnects": found.reconnects,
                "reads": counted[camera][1].reads,
                "hits": counted[camera][1].hits if self._shows_hits else None,
            }
            for camera, found in self.cameras.stats().items()
        ]

    def lookback_since_ms(self) -> int | None:
        """Since when reads that matched nothing are remembered, in the time written down."""
        covers_s = self.hits.lookback.covers_s(time.monotonic())
        return None if covers_s is None else self.writer.time.now_ms() - int(covers_s * 1000)


def _share(values: Iterable[float], share: float) -> float | None:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None
