"""What the columns of answers are, so that a frame has the same types whether or not its values are there.

A test of the repository holds this to the server's catalogue. What a newer server adds is taken as it comes.
"""

from datetime import date, datetime
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["text", "integer", "number", "boolean", "time", "date", "texts"]
Value: TypeAlias = str | int | float | bool | datetime | date | list[str] | None

_NAMES: Final[dict[Kind, str]] = {
    "time": (
        "at captured_at changed_at counted_at created_at decided_at ended_at first_at from_at"
        " hotlist_expires_at last_at last_report lookback_since oldest_unreceipted_at raised_at received_at"
        " registered_at since since_at started_at to_at told_at until_at"
    ),
    "date": "local_date",
    "integer": (
        "alert breaks brightness_after brightness_before clock_offset_max_ms clock_offset_ms confidence"
        " contrast_after contrast_before dead_letters decode_errors disk_free_mb disk_free_min_mb dropped"
        " edges_after edges_before entries errors exact faces forks frames_face_counted frames_in"
        " frames_processed heading_deg hits hotlist_entries hotlist_version lost memory_mb merged_into minutes"
        " missing n notice number other outbox_bytes outbox_max_rows outbox_rows possible reads reconnects"
        " refused_downlinks sampled_out sharpness_after sharpness_before shift_px_after shift_px_before stalls"
        " still_ms_after still_ms_before unreadable uptime_s vehicles withdrawn"
    ),
    "number": (
        "blind_s coverage_s coverage_share cpu_share cpu_share_mean latitude live_s longitude max_s p50_s"
        " p90_s p99_s precision reported_s temperature_c temperature_max_c"
    ),
    "boolean": (
        "has_plate is_active is_amended is_clock_suspect is_erased is_from_lookback is_historical is_true"
        " is_withdrawn was_right"
    ),
    "texts": "cameras reasons versions",
    "text": (
        "act actor alarm by camera city condition corridor decided_by device event hit kind lane line name note"
        " observed outcome partner picture picture_sha256 plate point profile quality reason report seen_camera"
        " seen_city seen_point state step time_zone unit what why word"
    ),
}
_KINDS: Final = {name: kind for kind, names in _NAMES.items() for name in names.split()}
# Where a resource means something else by a name.
_OWN: Final[dict[tuple[str, str], Kind]] = {("plates", "entries"): "texts", ("coverage", "cameras"): "integer"}


def kind_of(resource: str, column: str) -> Kind | None:
    """What a column of a resource is, if this release knows it."""
    return _OWN.get((resource, column)) or _KINDS.get(column)


def read(kind: Kind | None, value: object) -> Value:
    """A value of JSON as Python has it."""
    if isinstance(value, str):
        if kind == "time":
            return datetime.fromisoformat(value)
        if kind == "date":
            return date.fromisoformat(value)
    if isinstance(value, int) and not isinstance(value, bool) and kind == "number":
        return float(value)
    return value  # type: ignore[return-value]  # JSON has nothing else
