"""Two cities with a week in them, for whoever tests what is asked: every number in it can be counted by hand.

Saltillo (UTC-6 all year) has the points p-1 (cameras cam-1, cam-2) and p-2 (cam-1), Acuña (as the US side) a-1 (cam-1).
On MONDAY from 12:00 to 18:00 UTC every camera reports each minute; p-2/cam-1 is blind from 15:00 on. a-1/cam-1 also
reports one minute of each hour of the SUNDAY before, on which Acuña's clocks went back: a day of 25 hours.

    camera       vehicles a minute  reads  hits
    p-1/cam-1    2                  1      0
    p-1/cam-2    1                  1      0
    p-2/cam-1    3 until 15:00      2      0
    a-1/cam-1    1                  0      0
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from aggregator.adapters.database import Connection

SUNDAY: Final = datetime(2026, 11, 1, 5, tzinfo=UTC)  # midnight in Acuña, the last hours of daylight saving
MONDAY: Final = datetime(2026, 11, 2, 6, tzinfo=UTC)  # midnight in Saltillo and in Acuña
FIRST: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
BLIND: Final = datetime(2026, 11, 2, 15, tzinfo=UTC)
LAST: Final = datetime(2026, 11, 2, 18, tzinfo=UTC)
CITIES: Final = ("acuna", "saltillo")

_PLACES: Final = """
INSERT INTO city (city_id, name, time_zone) VALUES
    ('saltillo', 'Saltillo', 'America/Monterrey'), ('acuna', 'Ciudad Acuña', 'America/Matamoros');
INSERT INTO partner (partner_id, name, terms, signed_on) VALUES ('market', 'Market', 'terms', '2026-01-01');
INSERT INTO point (point_id, city_id, name, latitude, longitude, partner_id) VALUES
    ('p-1', 'saltillo', 'Plaza', 25.42, -101.0, NULL), ('p-2', 'saltillo', 'Market', 25.44, -100.98, 'market'),
    ('a-1', 'acuna', 'Bridge', 29.32, -100.93, NULL);
INSERT INTO camera (point_id, camera_id, name, heading_deg, registered_at) VALUES
    ('p-1', 'cam-1', 'north', 0, '2026-10-01Z'), ('p-1', 'cam-2', 'south', 180, '2026-10-01Z'),
    ('p-2', 'cam-1', 'gate', 90, '2026-10-01Z'), ('a-1', 'cam-1', 'bridge', 270, '2026-10-01Z');
INSERT INTO device (device_id, point_id, city_id, profile) VALUES
    ('box-1', 'p-1', 'saltillo', 'nuc'), ('box-2', 'p-2', 'saltillo', 'nuc'), ('box-a', 'a-1', 'acuna', 'jetson');
INSERT INTO presence (device_id, connection, is_online, since, device_time, versions, envelope) VALUES
    ('box-1', 1, true, '2026-11-02T12:00Z', '2026-11-02T12:00Z', '{}', ''),
    ('box-2', 1, false, '2026-11-02T15:00Z', '2026-11-02T15:00Z', '{}', '');
"""
_REPORTS: Final = """
INSERT INTO report (envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at,
                    counted_at, is_historical, is_clock_suspect, envelope, from_at, to_at, temperature_mc,
                    disk_free_mb, memory_mb, cpu_permille, clock_offset_ms, outbox_rows, outbox_bytes, dead_letters,
                    hotlist_version, hotlist_entries, refused_downlinks, uptime_s, versions)
SELECT sha256((device_id || at)::bytea), device_id, city_id, point_id, '', 1, 1000 + extract(epoch FROM at)::bigint,
       at, at, at, false, false, '', at - interval '1 minute', at,
       CASE device_id WHEN 'box-a' THEN 81500 ELSE 55000 END, 100000, 4000, 250, 0,
       CASE device_id WHEN 'box-2' THEN 120 ELSE 0 END, 0, 0, CASE device_id WHEN 'box-2' THEN 6 ELSE 7 END, 1000,
       0, 3600, '{}'
FROM device, generate_series($1::timestamptz, $2::timestamptz - interval '1 minute', interval '1 minute') AS at
"""
_MINUTES: Final = """
INSERT INTO camera_minute (counted_at, point_id, camera_id, report_hash, city_id, device_id, interval_ms, state,
                           frames_in, frames_processed, sampled_out, dropped, reconnects, decode_errors, vehicles,
                           reads, unreadable, hits, faces, frames_face_counted, detect_us, read_us, live_ms, stalls)
SELECT at, point_id, camera_id, sha256((device_id || at)::bytea), city_id, device_id, 60000,
       CASE WHEN is_live THEN 1 ELSE 3 END, is_live::int * 900, is_live::int * 600, is_live::int * 300, 0,
       (NOT is_live)::int, 0, is_live::int * vehicles, is_live::int * reads, 0, 0, 0, 0, 20000, 5000,
       is_live::int * 60000, 0
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 minute', $3::interval) AS at
CROSS JOIN (VALUES ('p-1', 'cam-1', 'saltillo', 'box-1', 2, 1), ('p-1', 'cam-2', 'saltillo', 'box-1', 1, 1),
                   ('p-2', 'cam-1', 'saltillo', 'box-2', 3, 2), ('a-1', 'cam-1', 'acuna', 'box-a', 1, 0))
    AS camera (point_id, camera_id, city_id, device_id, vehicles, reads)
CROSS JOIN LATERAL (SELECT camera.point_id <> 'p-2' OR at < $4::timestamptz AS is_live) AS seen
WHERE $5::text IS NULL OR city_id = $5
"""
_COMMON: Final = (
    "envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,"
    " is_historical, is_clock_suspect, envelope"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happens."""

    device: str
    city: str
    point: str


PLAZA: Final = Place("box-1", "saltillo", "p-1")
MARKET: Final = Place("box-2", "saltillo", "p-2")
BRIDGE: Final = Place("box-a", "acuna", "a-1")


def name_of(what: str) -> bytes:
    """The hash that names a message of the story."""
    return sha256(what.encode()).digest()


async def seed(connection: Connection) -> None:
    """Put the story into an empty database."""
    await connection.execute(_PLACES)
    await connection.execute(_REPORTS, FIRST, LAST)
    await connection.execute(_MINUTES, FIRST, LAST, timedelta(minutes=1), BLIND, None)
    await connection.execute(_MINUTES, SUNDAY, SUNDAY + timedelta(hours=25), timedelta(hours=1), BLIND, "acuna")
    await _hits(connection)
    await _alarms(connection)
    await _alerts(connection)
    await _notices(connection)


async def _message(
    connection: Connection, table: str, what: str, *, place: Place, at: datetime, more: dict[str, object]
) -> None:
    """A row of a table of messages, received two seconds after it was written."""
    common = (name_of(what), place.device, place.city, place.point, b"", 1, 1, at, at + timedelta(seconds=2), at,
              False, False, b"")  # fmt: skip
    values = [*common, *more.values()]
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    names = ", ".join([_COMMON, *more])
    await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values)  # noqa: S608  names of ours


# Hits: which, where, minutes after FIRST, camera, plate, entry, quality, reason.
_HITS: Final = (
    ("hit-1", PLAZA, 10, "cam-1", "ABC123D", "e-1", 1, "stolen"),
    ("hit-2", PLAZA, 15, "cam-2", "ABC123D", "e-1", 1, "stolen"),
    ("hit-3", MARKET, 30, "cam-1", "XYZ987A", "e-2", 2, "wanted"),
    ("hit-4", BRIDGE, 60, "cam-1", "ABC123D", "e-1", 1, "stolen"),
    ("hit-5", BRIDGE, 200, "cam-1", "QRS456B", "e-3", 2, "wanted"),
)


async def _hits(connection: Connection) -> None:
    for what, place, minutes, camera, plate, entry, quality, reason in _HITS:
        at = FIRST + timedelta(minutes=minutes)
        more: dict[str, object] = {
            "camera_id": camera, "track": 1, "plate": plate, "observed": plate, "confidence": 970,
            "hotlist_version": 7, "captured_at": at, "x1": 0, "y1": 0, "x2": 90, "y2": 30,
            "frame_width": 1920, "frame_height": 1080, "looks": 5, "format": "mx", "is_from_lookback": False,
        }  # fmt: skip
        await _message(connection, "hit", what, place=place, at=at, more=more)
        await connection.execute("INSERT INTO hit_match VALUES ($1, $2, $3, $4)", name_of(what), entry, quality, reason)


async def _alarms(connection: Connection) -> None:
    for what, place, minutes, word in (("alarm-1", PLAZA, 20, "panic"), ("alarm-2", BRIDGE, 90, "line_crossing")):
        at = FIRST + timedelta(minutes=minutes)
        more: dict[str, object] = {"camera_id": "cam-1", "alarm": word, "started_at": at, "is_active": True, "note": ""}
        await _message(connection, "alarm", what, place=place, at=at, more=more)
    zero = dict.fromkeys(
        f"{measure}_{when}"
        for measure in ("sharpness", "brightness", "contrast", "edges", "shift_px", "still_ms")
        for when in ("before", "after")
    )
    for what, place in (("condition-1", MARKET), ("condition-2", BRIDGE)):
        more = {"camera_id": "cam-1", "condition": 1, "is_active": True, "since_at": BLIND, **dict.fromkeys(zero, 0)}
        await _message(connection, "camera_condition", what, place=place, at=BLIND, more=more)


# Alerts: number, city, point, kind, word, event, minutes after FIRST, state, outcome, was right, steps (act, seconds).
_ALERTS: Final = (
    (1, PLAZA, "hit", "", "hit-1", 10, "closed", "recovered", True,
     (("ack", 10), ("confirm", 30), ("dispatch", 60), ("arrive", 360), ("close", 1200))),
    (2, PLAZA, "panic", "panic", "alarm-1", 20, "on_site", None, None,
     (("ack", 20), ("dispatch", 40), ("arrive", 240))),
    (3, MARKET, "hit", "", "hit-3", 30, "rejected", None, False, (("ack", 50), ("reject", 70))),
    (4, BRIDGE, "hit", "", "hit-4", 60, "dispatched", None, True, (("confirm", 40), ("dispatch", 100))),
    (5, BRIDGE, "hit", "", "hit-5", 200, "new", None, None, ()),
)  # fmt: skip
_STATES: Final = {
    "ack": "seen", "confirm": "confirmed", "reject": "rejected", "dispatch": "dispatched", "arrive": "on_site",
    "close": "closed",
}  # fmt: skip
_ALERT: Final = """
INSERT INTO alert (alert_id, city_id, point_id, camera_id, kind, word, state, exact, first_at, last_at, raised_at,
                   changed_at, outcome, is_true, was_right, decided_at, decided_by)
VALUES ($1, $2, $3, 'cam-1', $4, $5, $6, 0, $7, $7, $8, $8, $9, $10, $10, $11, $12)
"""
_SIGHTING: Final = """
INSERT INTO alert_sighting (event, alert_id, kind, city_id, point_id, device_id, camera_id, happened_at, added_at,
                            quality, entries, lists, reasons, reader, is_historical)
SELECT $1, $2, $3, $4, $5, $6, 'cam-1', $7, $7, quality, ARRAY[entry_id], '{batch-1}', ARRAY[reason], 'reader-1', false
FROM (SELECT 1) AS one LEFT JOIN hit_match ON envelope_hash = $1
"""
_STEP: Final = "INSERT INTO alert_history (alert_id, at, act, state, actor) VALUES ($1, $2, $3, $4, $5)"


async def _alerts(connection: Connection) -> None:
    await connection.execute("DELETE FROM alert_due")  # the triggers' work; these alerts are made by hand
    for number, place, kind, word, event, minutes, state, outcome, right, steps in _ALERTS:
        at = FIRST + timedelta(minutes=minutes)
        raised_at = at + timedelta(seconds=3)
        decided = next((seconds for act, seconds in steps if act in ("confirm", "reject")), None)
        decided_at = None if decided is None else at + timedelta(seconds=decided)
        by = None if decided is None else "os:ana"
        await connection.execute(
            _ALERT, number, place.city, place.point, kind, word, state, at, raised_at, outcome, right, decided_at, by
        )
        await connection.execute(_SIGHTING, name_of(event), number, kind, place.city, place.point, place.device, at)
        await connection.execute(_STEP, number, raised_at, "raise", "new", "service:alerts")
        for act, seconds in steps:
            await connection.execute(_STEP, number, at + timedelta(seconds=seconds), act, _STATES[act], "os:ana")


# Notices: to whom, of which hit, where that was, minutes after FIRST, why. Their numbers lie before every alert's line.
_NOTICES: Final = (
    (-2, "saltillo", "hit-4", BRIDGE, 60, "asked"),
    (-1, "acuna", "hit-3", MARKET, 30, "neighbour"),
)
_NOTICE: Final = """
INSERT INTO notice (number, to_city, hit, city_id, point_id, camera_id, why, reason, corridor, entries, captured_at,
                    told_at, until_at, taken_at, changed_at)
VALUES ($1, $2, $3, $4, $5, 'cam-1', $6, 'stolen', '', '{}', $7, $8, $8::timestamptz + interval '1 hour', $8, $8)
"""


async def _notices(connection: Connection) -> None:
    for number, to_city, hit, place, minutes, why in _NOTICES:
        at = FIRST + timedelta(minutes=minutes)
        told_at = at + timedelta(seconds=2)
        await connection.execute(_NOTICE, number, to_city, name_of(hit), place.city, place.point, why, at, told_at)
