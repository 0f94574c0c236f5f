"""What a box knows of itself at a moment, for Prometheus: the figures, before any metric has a name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from edge_agent.core.report import CameraCounts
from protocol.messages import CameraState


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFigures:
    """One camera."""

    state: CameraState
    frames_per_s: float
    counts: CameraCounts
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """What waits on the disk."""

    rows: int
    size_bytes: int
    oldest_at: datetime | None
    dead_letters: int
    write_failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that is told at a moment."""

    release: str
    cameras: Mapping[str, CameraFigures]
    outbox: Outbox
    is_connected: bool
    connections: int
    sent: int
    receipted: int
    refused_downlinks: int
    is_clock_good: bool
    clock_offset_s: float | None
    certificate_ends_at: datetime
    hotlist_version: int
    hotlist_entries: int
    hotlist_expires_at: datetime | None
    hits_lost: int
    pictures_pending: int
    lookback_since: datetime | None
    temperature_c: float | None
    disk_free_bytes: int | None
    hotlists_fetched: Mapping[str, int] = field(default_factory=dict)
    useless_deltas: Mapping[str, int] = field(default_factory=dict)
