"""The minute report: what changed since the last one that was committed.

Everything is counted upwards from the agent's start and never reset. A report is the difference of two snapshots; the
later one becomes the base of the next only when the report lies in the outbox, so that a report which could not be
written loses nothing: the next one covers its time too.
"""

from dataclasses import dataclass, fields
from typing import Final

from protocol.messages import CameraMinute, CameraState, Health, Report

MAX_CAMERAS: Final = 32


@dataclass(slots=True)
class Tally:
    """What the agent itself counts of one camera, from its start. Times are microseconds, summed."""

    processed: int = 0
    vehicles: int = 0
    reads: int = 0
    unreadable: int = 0
    hits: int = 0
    faces: int = 0
    frames_face_counted: int = 0
    detections: int = 0
    detect_us: int = 0
    looks: int = 0
    read_us: int = 0


@dataclass(frozen=True, slots=True)
class CameraCounts:
    """One camera's counts from the agent's start: of the capture, and of what was made of it."""

    frames_in: int = 0
    sampled_out: int = 0
    dropped: int = 0
    reconnects: int = 0
    decode_errors: int = 0
    stalls: int = 0
    live_ms: int = 0
    processed: int = 0
    vehicles: int = 0
    reads: int = 0
    unreadable: int = 0
    hits: int = 0
    faces: int = 0
    frames_face_counted: int = 0
    detections: int = 0
    detect_us: int = 0
    looks: int = 0
    read_us: int = 0

    def minus(self, earlier: "CameraCounts") -> "CameraCounts":
        """What was counted since an earlier snapshot."""
        return CameraCounts(**{f.name: getattr(self, f.name) - getattr(earlier, f.name) for f in fields(CameraCounts)})


def camera_minute(camera: str, state: CameraState, counted: CameraCounts) -> CameraMinute:
    """One camera's line of a report."""
    return CameraMinute(
        camera=camera,
        state=state,
        frames_in=counted.frames_in,
        frames_processed=counted.processed,
        sampled_out=counted.sampled_out,
        dropped=counted.dropped,
        reconnects=counted.reconnects,
        decode_errors=counted.decode_errors,
        vehicles=counted.vehicles,
        reads=counted.reads,
        unreadable=counted.unreadable,
        hits=counted.hits,
        faces=counted.faces,
        frames_face_counted=counted.frames_face_counted,
        detect_us=counted.detect_us // max(counted.detections, 1),
        read_us=counted.read_us // max(counted.looks, 1),
        live_ms=counted.live_ms,
        stalls=counted.stalls,
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All cameras' states and counts at an instant."""

    at_ms: int
    cameras: dict[str, tuple[CameraState, CameraCounts]]


def report_of(base: Snapshot, now: Snapshot, health: Health, versions: tuple[str, ...]) -> Report:
    """The report of what lies between two snapshots. A clock set back in between makes it an instant."""
    none = (CameraState.CONNECTING, CameraCounts())
    return Report(
        from_ms=min(base.at_ms, now.at_ms),
        to_ms=now.at_ms,
        cameras=tuple(
            camera_minute(camera, state, counted.minus(base.cameras.get(camera, none)[1]))
            for camera, (state, counted) in sorted(now.cameras.items())
        )[:MAX_CAMERAS],
        health=health,
        versions=versions,
    )
