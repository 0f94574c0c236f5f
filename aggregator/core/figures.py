"""What the aggregator knows of itself at a moment, for Prometheus: the figures, before any metric has a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator.core.link_standing import LinkStanding
from aggregator.core.workers import News


@dataclass(frozen=True, slots=True, kw_only=True)
class CityFigures:
    """One city's boxes, cameras and alerts. What no box told is None."""

    online: int = 0
    offline: int = 0
    never_seen: int = 0
    silent: int = 0
    clock_off: int = 0
    outbox_rows: int = 0
    dead_letters: int = 0
    hotlist_expired: int = 0
    disk_free_mb: int | None = None  # the least
    temperature_mc: int | None = None  # the highest
    oldest_unreceipted_at: datetime | None = None
    cameras: int = 0
    blind: int = 0
    missing: int = 0
    lost: int = 0
    alerts: Mapping[str, int] | None = None  # open ones, by state
    oldest_new_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFigures:
    """One receiver."""

    delivered: int
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the database says."""

    cities: Mapping[str, CityFigures]
    webhooks: Mapping[str, WebhookFigures]
    alert_events_due: int
    alert_events_stuck: int
    notice_hits_due: int
    notice_hits_stuck: int
    notices_open: int
    counts_due: int
    retention_ran_at: datetime | None
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardFigures:
    """A linked city's way up to its region."""

    is_connected: bool
    sent: int
    stored: int
    refused: Mapping[str, int]
    waiting: Mapping[str, int]  # alerts and the rest; these and what follows are of the last look
    untold: int
    dead: int
    oldest_at: datetime | None
    clock_ahead_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where a folder lies."""

    free_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that is told at a moment."""

    release: str
    problems: int
    warnings: int
    workers: Mapping[str, News]
    workers_wanted: int
    queue_bound: int
    granted: Mapping[str, int]
    refused: Mapping[str, int]
    api_answers: Mapping[str, int]
    api_problems: Mapping[str, int]
    ends: Mapping[str, datetime]  # the next of each kind
    disks: Mapping[str, Disk]
    stored: Stored | None  # None while the database is away
    link: LinkStanding | None = None  # None without a link to a region
    forward: ForwardFigures | None = None  # the same
