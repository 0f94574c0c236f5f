"""From a taken message to rows: which tables it fills, and with what.

A row is a tuple in the column order of the statement of its name in `sql/ingest.sql`. The contract's own bounds (no
control characters in a label, integers within 2^53) make every value one that PostgreSQL takes. What one message says
twice (an entry of a hit, a camera of a report) is one row, the first.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, Final, TypeAlias

from aggregator.core.ingest import TimeRules, Times, judge_times
from protocol.clock import from_ms
from protocol.messages import (
    Alarm,
    Body,
    Dropped,
    Evidence,
    EvidenceUnavailable,
    Hit,
    HitAmended,
    Message,
    Piece,
    Report,
)
from protocol.point_messages import Acceptance, CameraCondition, SceneFigures, SettingsResult

# Minutes are kept as four-byte integers. What honest cameras count in one stays far below.
_MOST: Final = 2**31 - 1

Cell: TypeAlias = int | str | bytes | bool | datetime | tuple[str, ...] | None
Row: TypeAlias = tuple[Cell, ...]


@unique
class Table(StrEnum):
    """Where rows go, in the order in which they are written."""

    HIT = "hit"
    HIT_AMENDMENT = "hit_amendment"
    HIT_MATCH = "hit_match"
    ALARM = "alarm"
    REPORT = "report"
    CAMERA_MINUTE = "camera_minute"
    EVIDENCE = "evidence"
    EVIDENCE_UNAVAILABLE = "evidence_unavailable"
    PIECE = "piece"
    DROPPED = "dropped"
    TOMBSTONE = "tombstone"
    CAMERA_CONDITION = "camera_condition"
    ACCEPTANCE = "acceptance"
    ACCEPTANCE_CHECK = "acceptance_check"
    SETTINGS_RESULT = "settings_result"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was verified, with the bytes it came in."""

    message: Message
    body: Body
    raw: bytes
    hash: bytes
    received_at: datetime


def ledger_row(taken: Taken) -> Row:
    """The message's line in the ledger."""
    message = taken.message
    return (
        *(message.device, message.outbox, message.sequence, message.epoch),
        *(taken.hash, message.previous, message.kind, taken.received_at),
    )


def rows_of(taken: Taken, rules: TimeRules) -> Iterator[tuple[Table, Row]]:
    """All rows of a new message."""
    message, body = taken.message, taken.body
    times = judge_times(message.created_ms, _event_ms(message, body), message.clock, taken.received_at, rules)
    if type(body) is Piece:  # part of a picture: it has no row of its own kind
        place = (message.device, body.sha256, body.offset, body.total_bytes)
        yield Table.PIECE, (*place, body.data, taken.received_at)
        return
    table, columns = _COLUMNS[type(body)]
    yield table, _origin(taken, times) + columns(body)
    related = _RELATED.get(type(body))
    if related is not None:
        yield from related(taken, body, times)


def _event_ms(message: Message, body: Body) -> int:
    """When what a message tells of happened."""
    field = _EVENT_TIME.get(type(body))
    return message.created_ms if field is None else int(getattr(body, field))


def _origin(taken: Taken, times: Times) -> Row:
    message = taken.message
    return (
        *(taken.hash, message.device, message.city, message.point, message.outbox, message.epoch, message.sequence),
        *(times.created_at, times.received_at, times.counted_at, times.is_historical, times.is_clock_suspect),
        taken.raw,
    )


def _hit(hit: Hit) -> Row:
    return (
        *(hit.camera, hit.track, hit.plate, hit.observed, hit.confidence, hit.hotlist_version),
        *(from_ms(hit.captured_ms), *hit.box, *hit.frame_size, hit.looks, hit.format, hit.is_from_lookback),
    )


def _amendment(amended: HitAmended) -> Row:
    captured_at = from_ms(amended.captured_ms) if amended.captured_ms else None
    said = (amended.plate, amended.observed, amended.confidence)
    return (amended.hit.hash, *said, captured_at, not amended.matches)


def _matches(taken: Taken, said: Hit | HitAmended, _times: Times) -> Iterator[tuple[Table, Row]]:
    for match in {each.entry: each for each in reversed(said.matches)}.values():
        yield Table.HIT_MATCH, (taken.hash, match.entry, int(match.quality), match.reason)


def _alarm(alarm: Alarm) -> Row:
    return (alarm.camera, alarm.alarm, from_ms(alarm.started_ms), alarm.is_active, alarm.note)


def _unavailable(unavailable: EvidenceUnavailable) -> Row:
    return (unavailable.hit.hash, unavailable.reason)


def _dropped(dropped: Dropped) -> Row:
    return (dropped.reason, len(dropped.tombstones))


def _report(report: Report) -> Row:
    health = report.health
    return (
        *(from_ms(report.from_ms), from_ms(report.to_ms), health.temperature_mc, health.disk_free_mb),
        *(health.memory_mb, health.cpu_permille, health.clock_offset_ms),
        *(health.outbox_rows, health.outbox_bytes, _instant(health.oldest_unreceipted_ms), health.dead_letters),
        *(_instant(health.lookback_since_ms), health.hotlist_version, health.hotlist_entries),
        *(_instant(health.hotlist_expires_ms), health.refused_downlinks, health.uptime_s),
        report.versions,
    )


def _minutes(taken: Taken, report: Report, times: Times) -> Iterator[tuple[Table, Row]]:
    message, interval_ms = taken.message, max(report.to_ms - report.from_ms, 0)
    counted_at = times.counted_at.replace(second=0, microsecond=0)
    for minute in {each.camera: each for each in reversed(report.cameras)}.values():
        counts: tuple[int, ...] = (
            *(interval_ms, minute.frames_in, minute.frames_processed, minute.sampled_out),
            *(minute.dropped, minute.reconnects, minute.decode_errors, minute.vehicles, minute.reads),
            *(minute.unreadable, minute.hits, minute.faces, minute.frames_face_counted),
            *(minute.detect_us, minute.read_us, minute.live_ms, minute.stalls),
        )
        if max(counts) > _MOST:
            counts = tuple(min(count, _MOST) for count in counts)
        whose = (counted_at, message.point, minute.camera, taken.hash, message.city, message.device)
        yield Table.CAMERA_MINUTE, (*whose, int(minute.state), *counts)


def _evidence(evidence: Evidence) -> Row:
    return (
        *(evidence.hit.hash, evidence.camera, from_ms(evidence.captured_ms)),
        *(evidence.redacted_sha256, evidence.redacted_bytes, evidence.sealed_sha256, evidence.sealed_bytes),
        *(evidence.original_sha256, evidence.sealed_to, evidence.faces_filled, evidence.plates_filled),
        evidence.versions,
    )


def _tombstones(taken: Taken, dropped: Dropped, _times: Times) -> Iterator[tuple[Table, Row]]:
    message = taken.message
    for stone in dropped.tombstones:
        place = (message.device, message.outbox, stone.sequence, stone.epoch)
        yield Table.TOMBSTONE, (*place, stone.hash, int(stone.kind), taken.hash)


def _condition(told: CameraCondition) -> Row:
    return (
        *(told.camera, int(told.condition), told.is_active, from_ms(told.since_ms)),
        *(*_figures(told.before), *_figures(told.after), told.before_jpeg, told.after_jpeg),
    )


def _figures(scene: SceneFigures) -> Row:
    return (scene.sharpness, scene.brightness, scene.contrast, scene.edges, scene.shift_px, scene.still_ms)


def _acceptance(acceptance: Acceptance) -> Row:
    said = (from_ms(acceptance.accepted_ms), acceptance.technician, acceptance.profile, int(acceptance.verdict))
    return (*said, len(acceptance.checks), acceptance.is_drift, acceptance.versions)


def _checks(taken: Taken, acceptance: Acceptance, _times: Times) -> Iterator[tuple[Table, Row]]:
    for number, check in enumerate(acceptance.checks, start=1):
        yield Table.ACCEPTANCE_CHECK, (taken.hash, number, check.check, int(check.verdict), check.value, check.camera)


def _settings_result(result: SettingsResult) -> Row:
    return (result.number, result.rollout, int(result.state), result.reason, result.note)


# By exact type, since a `match` over message classes asks each of them in turn, at a price that ingest would feel.
# `Any`: mypy cannot tie a class to the function that takes it.
_COLUMNS: Final[dict[type[Body], tuple[Table, Callable[[Any], Row]]]] = {
    Hit: (Table.HIT, _hit),
    HitAmended: (Table.HIT_AMENDMENT, _amendment),
    Alarm: (Table.ALARM, _alarm),
    Report: (Table.REPORT, _report),
    Evidence: (Table.EVIDENCE, _evidence),
    EvidenceUnavailable: (Table.EVIDENCE_UNAVAILABLE, _unavailable),
    Dropped: (Table.DROPPED, _dropped),
    CameraCondition: (Table.CAMERA_CONDITION, _condition),
    Acceptance: (Table.ACCEPTANCE, _acceptance),
    SettingsResult: (Table.SETTINGS_RESULT, _settings_result),
}
_EVENT_TIME: Final[dict[type[Body], str]] = {
    Hit: "captured_ms",
    Evidence: "captured_ms",
    Alarm: "started_ms",
    Report: "from_ms",
    CameraCondition: "since_ms",
}
_RELATED: Final[dict[type[Body], Callable[[Taken, Any, Times], Iterator[tuple[Table, Row]]]]] = {
    Hit: _matches,
    HitAmended: _matches,
    Report: _minutes,
    Dropped: _tombstones,
    Acceptance: _checks,
}


def _instant(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
