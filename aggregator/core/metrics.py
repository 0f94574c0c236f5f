"""What the aggregator tells Prometheus: each metric, what it means, and where among the figures it stands.

1. Names follow the Prometheus naming practice: base units, `_total` for what only rises, a time as
   `_timestamp_seconds`, so that an age is `time() - it` and needs no clock here.
2. Labels are few and bounded: workers, cities, registered webhooks, words of closed lists. No box, no camera, no plate
   and no person is ever a label: what is wrong with which box is asked of the database, where looks are limited.
3. A figure that is not known is left out, not nought: while the database is away its figures are absent.

`docs/metrics.md` lists every one; a test holds it to the table below.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from aggregator.core.figures import CityFigures, Disk, Figures, ForwardFigures, Stored, WebhookFigures
from aggregator.core.link_standing import LinkStanding
from aggregator.core.workers import News

Samples: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""Values of a metric, each under the values of its labels."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. A name in `_total` is a counter, any other a gauge."""

    name: str
    about: str
    read: Callable[[Figures], Samples]
    labels: tuple[str, ...] = ()

    @property
    def is_counter(self) -> bool:
        """Whether it only rises, until the program starts again."""
        return self.name.endswith("_total")


def _one(value: Callable[[Figures], float]) -> Callable[[Figures], Samples]:
    return lambda figures: [((), value(figures))]


def _by_worker(value: Callable[[News], float]) -> Callable[[Figures], Samples]:
    return lambda figures: [((name,), value(news)) for name, news in figures.workers.items()]


def _counted(count: Callable[[Figures], Mapping[str, int]]) -> Callable[[Figures], Samples]:
    return lambda figures: [((word,), number) for word, number in count(figures).items()]


def _refusals(figures: Figures) -> Samples:
    return [
        ((name, reason), count) for name, news in figures.workers.items() for reason, count in news.refusals.items()
    ]


def _stored(value: Callable[[Stored], float | None]) -> Callable[[Figures], Samples]:
    def read(figures: Figures) -> Samples:
        found = None if figures.stored is None else value(figures.stored)
        return [] if found is None else [((), found)]

    return read


def _by_city(value: Callable[[CityFigures], float | None]) -> Callable[[Figures], Samples]:
    def read(figures: Figures) -> Samples:
        cities = figures.stored.cities if figures.stored else {}
        return [((city,), found) for city, each in cities.items() if (found := value(each)) is not None]

    return read


def _forward(value: Callable[[ForwardFigures], float | None]) -> Callable[[Figures], Samples]:
    def read(figures: Figures) -> Samples:
        found = None if figures.forward is None else value(figures.forward)
        return [] if found is None else [((), found)]

    return read


def _forward_by(count: Callable[[ForwardFigures], Mapping[str, int]]) -> Callable[[Figures], Samples]:
    return _counted(lambda figures: {} if figures.forward is None else count(figures.forward))


def _lines(figures: Figures) -> Samples:
    for city, each in (figures.stored.cities if figures.stored else {}).items():
        yield (city, "online"), each.online
        yield (city, "offline"), each.offline
        yield (city, "never_seen"), each.never_seen


def _open_alerts(figures: Figures) -> Samples:
    for city, each in (figures.stored.cities if figures.stored else {}).items():
        for state, count in (each.alerts or {}).items():
            yield (city, state), count


def _linked(value: Callable[[LinkStanding], float | None]) -> Callable[[Figures], Samples]:
    def read(figures: Figures) -> Samples:
        found = None if figures.link is None else value(figures.link)
        return [] if found is None else [((), found)]

    return read


def _left_out(figures: Figures) -> Samples:
    return [] if figures.link is None else list(figures.link.left_out.items())


def _by_webhook(value: Callable[[WebhookFigures], float]) -> Callable[[Figures], Samples]:
    return lambda figures: [
        ((name,), value(each)) for name, each in (figures.stored.webhooks if figures.stored else {}).items()
    ]


def _by_disk(value: Callable[[Disk], float]) -> Callable[[Figures], Samples]:
    return lambda figures: [((folder,), value(disk)) for folder, disk in figures.disks.items()]


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


_CITY: Final = ("city",)
_WORKER: Final = ("worker",)
METRICS: Final = (
    Metric("atalaya_build_info", "1, under the release that runs.", lambda f: [((f.release,), 1)], ("version",)),
    Metric("atalaya_problems", "Problems that `/healthz` tells of; 0 when all is well.", _one(lambda f: f.problems)),
    Metric("atalaya_warnings", "Warnings that `/healthz` tells of.", _one(lambda f: f.warnings)),
    Metric("atalaya_database_up", "1 if the database answered this scrape.", _one(lambda f: f.stored is not None)),
    Metric("atalaya_database_size_bytes", "Size of the database on its disk.", _stored(lambda s: s.size_bytes)),
    Metric(
        "atalaya_disk_free_bytes", "Room left on the disk of a folder.",
        _by_disk(lambda d: d.free_bytes), ("folder",),
    ),
    Metric("atalaya_disk_size_bytes", "Size of the disk of a folder.", _by_disk(lambda d: d.size_bytes), ("folder",)),
    Metric("atalaya_ingest_workers", "Ingest workers that answer.", _one(lambda f: len(f.workers))),
    Metric("atalaya_ingest_workers_wanted", "Ingest workers that should.", _one(lambda f: f.workers_wanted)),
    Metric(
        "atalaya_ingest_connected", "1 if a worker is subscribed at the broker.",
        _by_worker(lambda n: n.is_subscribed), _WORKER,
    ),
    Metric("atalaya_ingest_stored_total", "Messages stored.", _by_worker(lambda n: n.stored), _WORKER),
    Metric(
        "atalaya_ingest_redelivered_total", "Messages that came again, counted and receipted, not stored.",
        _by_worker(lambda n: n.redelivered), _WORKER,
    ),
    Metric(
        "atalaya_ingest_refused_total", "Messages refused, by the reason of the receipt.",
        _refusals, ("worker", "reason"),
    ),
    Metric(
        "atalaya_ingest_store_retries_total", "Times a batch was tried again since the database failed.",
        _by_worker(lambda n: n.store_retries), _WORKER,
    ),
    Metric(
        "atalaya_ingest_dropped_unacknowledged_total", "Deliveries left to the broker for want of room.",
        _by_worker(lambda n: n.dropped_unacknowledged), _WORKER,
    ),
    Metric(
        "atalaya_ingest_queue_messages", "Deliveries that wait in a worker.",
        _by_worker(lambda n: n.waiting), _WORKER,
    ),
    Metric("atalaya_ingest_queue_limit_messages", "So many may wait in a worker.", _one(lambda f: f.queue_bound)),
    Metric(
        "atalaya_ingest_lag_seconds", "How long the oldest delivery in hand has waited.",
        _by_worker(lambda n: n.lag_s), _WORKER,
    ),
    Metric(
        "atalaya_open_port_granted_total", "What the enrolment port gave, by kind.",
        _counted(lambda f: f.granted), ("kind",),
    ),
    Metric(
        "atalaya_open_port_refused_total", "What the enrolment port refused, by its word.",
        _counted(lambda f: f.refused), ("reason",),
    ),
    Metric(
        "atalaya_api_answers_total", "What the API answered, by resource; live streams once they end.",
        _counted(lambda f: f.api_answers), ("resource",),
    ),
    Metric(
        "atalaya_api_problems_total", "What the API refused or could not do, by its word.",
        _counted(lambda f: f.api_problems), ("reason",),
    ),
    Metric(
        "atalaya_validity_end_timestamp_seconds",
        "When the next of its kind ends: certificates, revocation lists, grants; a file that cannot be read, in 1970.",
        lambda f: [((kind,), at.timestamp()) for kind, at in f.ends.items()], ("kind",),
    ),
    Metric(
        "atalaya_retention_last_run_timestamp_seconds", "When retention last ran.",
        _stored(lambda s: _seconds(s.retention_ran_at)),
    ),
    Metric(
        "atalaya_alert_events_due", "Stored events that are still to become alerts.",
        _stored(lambda s: s.alert_events_due),
    ),
    Metric(
        "atalaya_alert_events_stuck", "Stored events that could not become alerts.",
        _stored(lambda s: s.alert_events_stuck),
    ),
    Metric(
        "atalaya_notice_hits_due", "Stored hits of which a region has still to tell other cities.",
        _stored(lambda s: s.notice_hits_due),
    ),
    Metric(
        "atalaya_notice_hits_stuck", "Stored hits of which it could not tell them.",
        _stored(lambda s: s.notice_hits_stuck),
    ),
    Metric("atalaya_notices_open", "Notices of other cities' hits that hold now.", _stored(lambda s: s.notices_open)),
    Metric(
        "atalaya_counts_due", "Notes of hours that are still to be summed; whoever asks gets them summed on the spot.",
        _stored(lambda s: s.counts_due),
    ),
    Metric("atalaya_alerts_open", "Alerts that nobody has ended, by state.", _open_alerts, ("city", "state")),
    Metric(
        "atalaya_alerts_oldest_new_timestamp_seconds", "When the oldest alert that nobody has seen was raised.",
        _by_city(lambda c: _seconds(c.oldest_new_at)), _CITY,
    ),
    Metric(
        "atalaya_webhook_delivered_total", "Messages a webhook took.",
        _by_webhook(lambda w: w.delivered), ("webhook",),
    ),
    Metric(
        "atalaya_webhook_waiting", "Messages a webhook is still to get.",
        _by_webhook(lambda w: w.waiting), ("webhook",),
    ),
    Metric(
        "atalaya_webhook_dead_letters", "Messages a webhook did not take in time.",
        _by_webhook(lambda w: w.dead), ("webhook",),
    ),
    Metric("atalaya_devices", "Boxes in service, by how their line stands.", _lines, ("city", "line")),
    Metric("atalaya_devices_silent", "Boxes without a report for five minutes.", _by_city(lambda c: c.silent), _CITY),
    Metric(
        "atalaya_devices_clock_off", "Boxes whose clock was off by more than five seconds.",
        _by_city(lambda c: c.clock_off), _CITY,
    ),
    Metric(
        "atalaya_devices_outbox_messages", "Messages that waited on the boxes for a receipt.",
        _by_city(lambda c: c.outbox_rows), _CITY,
    ),
    Metric(
        "atalaya_devices_oldest_unreceipted_timestamp_seconds", "When the oldest of them was made.",
        _by_city(lambda c: _seconds(c.oldest_unreceipted_at)), _CITY,
    ),
    Metric(
        "atalaya_devices_dead_letters", "Messages of boxes that were refused for good.",
        _by_city(lambda c: c.dead_letters), _CITY,
    ),
    Metric(
        "atalaya_devices_hotlist_expired", "Boxes whose hotlist is past its date.",
        _by_city(lambda c: c.hotlist_expired), _CITY,
    ),
    Metric(
        "atalaya_devices_disk_free_lowest_bytes", "The least room that a box has left.",
        _by_city(lambda c: None if c.disk_free_mb is None else c.disk_free_mb * 1_000_000), _CITY,
    ),
    Metric(
        "atalaya_devices_temperature_highest_celsius", "The temperature of the hottest box.",
        _by_city(lambda c: None if c.temperature_mc is None else c.temperature_mc / 1000), _CITY,
    ),
    Metric("atalaya_cameras", "Registered cameras of boxes in service.", _by_city(lambda c: c.cameras), _CITY),
    Metric("atalaya_cameras_blind", "Those not live for a moment in five minutes.", _by_city(lambda c: c.blind), _CITY),
    Metric(
        "atalaya_region_lists_as_of_timestamp_seconds", "When other cities' lists were last known to be all there is.",
        _linked(lambda s: _seconds(s.as_of)),
    ),
    Metric(
        "atalaya_region_log_items", "How far this city has taken the region's log.",
        _linked(lambda s: s.number),
    ),
    Metric(
        "atalaya_region_log_followed", "1 unless the newest head of the region's log was refused.",
        _linked(lambda s: s.problem is None),
    ),
    Metric("atalaya_foreign_batches", "Hotlist batches of other cities.", _linked(lambda s: s.batches)),
    Metric(
        "atalaya_foreign_batches_left_out", "Those left out of this city's list, by the reason.",
        _left_out, ("city", "reason"),
    ),
    Metric(
        "atalaya_messages_missing", "Messages in gaps that are being asked for.",
        _by_city(lambda c: c.missing), _CITY,
    ),
    Metric("atalaya_messages_lost", "Messages in gaps that were given up.", _by_city(lambda c: c.lost), _CITY),
    Metric("atalaya_forward_connected", "1 if the line to the region is up.", _forward(lambda f: f.is_connected)),
    Metric(
        "atalaya_forward_waiting_messages", "Messages that wait for the region: alerts, and the rest.",
        _forward_by(lambda f: f.waiting), ("kind",),
    ),
    Metric(
        "atalaya_forward_oldest_timestamp_seconds", "When the oldest of them was stored.",
        _forward(lambda f: _seconds(f.oldest_at)),
    ),
    Metric("atalaya_forward_sent_total", "Messages sent to the region, again ones too.", _forward(lambda f: f.sent)),
    Metric("atalaya_forward_stored_total", "Messages that the region took.", _forward(lambda f: f.stored)),
    Metric(
        "atalaya_forward_refused_total", "Messages that the region did not take, by the reason of its receipt.",
        _forward_by(lambda f: f.refused), ("reason",),
    ),
    Metric("atalaya_forward_dead_letters", "Messages that the region refused for good.", _forward(lambda f: f.dead)),
    Metric(
        "atalaya_forward_untold_messages", "Messages whose transit the region is still to be told.",
        _forward(lambda f: f.untold),
    ),
    Metric(
        "atalaya_forward_region_clock_ahead_seconds", "How far the region's clock is ahead of ours.",
        _forward(lambda f: None if f.clock_ahead_ms is None else f.clock_ahead_ms / 1000),
    ),
    Metric(
        "atalaya_transit_stored_total", "Lines of cities' transit records stored.",
        _by_worker(lambda n: n.transits), _WORKER,
    ),
    Metric(
        "atalaya_transit_refused_total", "Transit records refused.",
        _by_worker(lambda n: n.transits_refused), _WORKER,
    ),
)  # fmt: skip
