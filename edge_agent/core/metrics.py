"""What a box tells Prometheus: each metric, what it means, and where among the figures it stands.

1. Names follow the Prometheus naming practice: base units, `_total` for what only rises, a time as
   `_timestamp_seconds`, so that an age is `time() - it`.
2. Labels are the box's own cameras and words of closed lists. No plate, no person, no address of a camera, and no text
   of an error is among them: what went wrong is in the log, and in `edge-agent status`.
3. A figure that is not known is left out, not nought.

`docs/metrics.md` lists every one; a test holds it to the table below.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from edge_agent.core.figures import CameraFigures, Figures
from edge_agent.core.report import CameraCounts
from protocol.messages import CameraState

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


def _one(value: Callable[[Figures], float | None]) -> Callable[[Figures], Samples]:
    def read(figures: Figures) -> Samples:
        found = value(figures)
        return [] if found is None else [((), found)]

    return read


def _by_camera(value: Callable[[CameraCounts], float]) -> Callable[[Figures], Samples]:
    return lambda figures: [((name,), value(each.counts)) for name, each in figures.cameras.items()]


def _of_camera(value: Callable[[CameraFigures], float]) -> Callable[[Figures], Samples]:
    return lambda figures: [((name,), value(each)) for name, each in figures.cameras.items()]


def _by_word(value: Callable[[Figures], Mapping[str, int]]) -> Callable[[Figures], Samples]:
    return lambda figures: [((word,), count) for word, count in value(figures).items()]


def _conditions(figures: Figures) -> Samples:
    return [((name, word), 1) for name, each in figures.cameras.items() for word in each.conditions]


def _by_stage(
    detect: Callable[[CameraCounts], float], read: Callable[[CameraCounts], float]
) -> Callable[[Figures], Samples]:
    def samples(figures: Figures) -> Samples:
        for name, each in figures.cameras.items():
            yield (name, "detect"), detect(each.counts)
            yield (name, "read"), read(each.counts)

    return samples


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


_CAMERA: Final = ("camera",)
METRICS: Final = (
    Metric("atalaya_agent_build_info", "1, under the release that runs.", lambda f: [((f.release,), 1)], ("version",)),
    Metric(
        "atalaya_agent_camera_live", "1 if new pictures keep coming.",
        _of_camera(lambda c: c.state is CameraState.LIVE), _CAMERA,
    ),
    Metric(
        "atalaya_agent_camera_condition",
        "1 for what is wrong with a camera's picture: blocked, moved, blurred, dark, frozen.",
        _conditions, ("camera", "condition"),
    ),
    Metric(
        "atalaya_agent_camera_frames_per_second", "Frames a second that come in.",
        _of_camera(lambda c: c.frames_per_s), _CAMERA,
    ),
    Metric(
        "atalaya_agent_camera_live_seconds_total", "How long a camera was live.",
        _by_camera(lambda c: c.live_ms / 1000), _CAMERA,
    ),
    Metric("atalaya_agent_frames_in_total", "Frames that came in.", _by_camera(lambda c: c.frames_in), _CAMERA),
    Metric(
        "atalaya_agent_frames_processed_total", "Frames that were looked at.",
        _by_camera(lambda c: c.processed), _CAMERA,
    ),
    Metric(
        "atalaya_agent_frames_sampled_out_total", "Frames left out by plan (`frames_per_s`).",
        _by_camera(lambda c: c.sampled_out), _CAMERA,
    ),
    Metric(
        "atalaya_agent_frames_dropped_total", "Frames that should have been looked at, and were too many.",
        _by_camera(lambda c: c.dropped), _CAMERA,
    ),
    Metric(
        "atalaya_agent_frames_face_counted_total", "Frames on which faces were counted.",
        _by_camera(lambda c: c.frames_face_counted), _CAMERA,
    ),
    Metric(
        "atalaya_agent_decode_errors_total", "Frames that could not be decoded.",
        _by_camera(lambda c: c.decode_errors), _CAMERA,
    ),
    Metric(
        "atalaya_agent_reconnects_total", "Times a camera was connected again.",
        _by_camera(lambda c: c.reconnects), _CAMERA,
    ),
    Metric("atalaya_agent_stalls_total", "Times a camera stalled.", _by_camera(lambda c: c.stalls), _CAMERA),
    Metric("atalaya_agent_vehicles_total", "Vehicles that passed.", _by_camera(lambda c: c.vehicles), _CAMERA),
    Metric("atalaya_agent_reads_total", "Plates read.", _by_camera(lambda c: c.reads), _CAMERA),
    Metric(
        "atalaya_agent_unreadable_total", "Plates found that could not be read.",
        _by_camera(lambda c: c.unreadable), _CAMERA,
    ),
    Metric("atalaya_agent_hits_total", "Reads that matched an entry.", _by_camera(lambda c: c.hits), _CAMERA),
    Metric(
        "atalaya_agent_inference_seconds_total", "Seconds that models worked: detect plates, read them.",
        _by_stage(lambda c: c.detect_us / 1e6, lambda c: c.read_us / 1e6), ("camera", "stage"),
    ),
    Metric(
        "atalaya_agent_inferences_total", "Times that models worked: over them, the seconds give the mean.",
        _by_stage(lambda c: c.detections, lambda c: c.looks), ("camera", "stage"),
    ),
    Metric("atalaya_agent_hits_lost_total", "Hits that the outbox had no room for.", _one(lambda f: f.hits_lost)),
    Metric(
        "atalaya_agent_pictures_pending", "Pictures of hits that wait to be redacted.",
        _one(lambda f: f.pictures_pending),
    ),
    Metric(
        "atalaya_agent_lookback_since_timestamp_seconds", "Since when reads that matched nothing are remembered.",
        _one(lambda f: _seconds(f.lookback_since)),
    ),
    Metric("atalaya_agent_outbox_messages", "Messages that wait for a receipt.", _one(lambda f: f.outbox.rows)),
    Metric("atalaya_agent_outbox_bytes", "Their bytes.", _one(lambda f: f.outbox.size_bytes)),
    Metric(
        "atalaya_agent_outbox_oldest_timestamp_seconds", "When the oldest of them was made.",
        _one(lambda f: _seconds(f.outbox.oldest_at)),
    ),
    Metric("atalaya_agent_dead_letters", "Messages that were refused for good.", _one(lambda f: f.outbox.dead_letters)),
    Metric(
        "atalaya_agent_outbox_write_failures_total", "Times the outbox could not be written.",
        _one(lambda f: f.outbox.write_failures),
    ),
    Metric("atalaya_agent_connected", "1 if the line to the command centre stands.", _one(lambda f: f.is_connected)),
    Metric(
        "atalaya_agent_connections_total", "Connections made since the outbox was.",
        _one(lambda f: f.connections),
    ),
    Metric("atalaya_agent_messages_sent_total", "Messages sent, resends too.", _one(lambda f: f.sent)),
    Metric(
        "atalaya_agent_messages_receipted_total", "Messages that a receipt said are stored.",
        _one(lambda f: f.receipted),
    ),
    Metric(
        "atalaya_agent_refused_downlinks_total", "What came down and did not verify.",
        _one(lambda f: f.refused_downlinks),
    ),
    Metric("atalaya_agent_clock_good", "1 if the clock is held to be right.", _one(lambda f: f.is_clock_good)),
    Metric(
        "atalaya_agent_clock_offset_seconds", "What the clock is off by, as the last receipt showed.",
        _one(lambda f: f.clock_offset_s),
    ),
    Metric(
        "atalaya_agent_certificate_end_timestamp_seconds", "When the box's certificate ends.",
        _one(lambda f: _seconds(f.certificate_ends_at)),
    ),
    Metric("atalaya_agent_hotlist_version", "The hotlist in force; 0: none.", _one(lambda f: f.hotlist_version)),
    Metric("atalaya_agent_hotlist_entries", "Its entries.", _one(lambda f: f.hotlist_entries)),
    Metric(
        "atalaya_agent_hotlist_expires_timestamp_seconds", "When it expires.",
        _one(lambda f: _seconds(f.hotlist_expires_at)),
    ),
    Metric(
        "atalaya_agent_hotlists_fetched_total", "Hotlists that came, whole or by delta.",
        _by_word(lambda f: f.hotlists_fetched), ("way",),
    ),
    Metric(
        "atalaya_agent_hotlist_deltas_useless_total", "Deltas that did not do, so that the whole was fetched.",
        _by_word(lambda f: f.useless_deltas), ("reason",),
    ),
    Metric("atalaya_agent_temperature_celsius", "The hottest sensor.", _one(lambda f: f.temperature_c)),
    Metric("atalaya_agent_disk_free_bytes", "Room left where the outbox lies.", _one(lambda f: f.disk_free_bytes)),
)  # fmt: skip
