"""`aggregator events|hits|devices|counts`: what the store holds, as a table, JSON or CSV.

Times are UTC in and out. `hits` shows plates: it needs a reason, and is audited before the first row is shown.
"""

import asyncio
import csv
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.picture_store import PictureStore, pictures_of
from aggregator.adapters.queries import Filter, Found, Queries
from aggregator.cli.console import AsJson, Config, say, settings_of, show_rows
from aggregator.cli.operator import actor
from aggregator.core.time_range import parse_instant, parse_span
from aggregator.errors import BadInput, NotThere
from aggregator.settings import Settings
from protocol.messages import Kind

From = Annotated[str, Parameter(name="--from", help="Since when: a time (UTC), or so long ago, such as 2h.")]
To = Annotated[str, Parameter(name="--to", help="Up to when, not included.")]
City = Annotated[str | None, Parameter(name="--city", help="Only this city.")]
Point = Annotated[str | None, Parameter(name="--point", help="Only this point.")]
Camera = Annotated[str | None, Parameter(name="--camera", help="Only cameras of this id.")]
Limit = Annotated[int, Parameter(name="--limit", help="At most so many rows.", validator=Number(gte=1, lte=1_000_000))]
AsCsv = Annotated[bool, Parameter(name="--csv", negative="", help="CSV with a header line.")]

EVENT_KINDS: Final = (*(kind.slug for kind in Kind if kind is not Kind.PIECE), "equivocation")
_EVENT_COLUMNS: Final = ("event", "kind", "counted_at", "city", "point", "device", "camera", "note", "created_at",
                         "received_at", "is_historical", "is_clock_suspect")  # fmt: skip
_HIT_COLUMNS: Final = ("hit", "counted_at", "city", "point", "camera", "device", "plate", "observed", "confidence",
                       "quality", "entries", "reasons", "is_amended", "is_from_lookback", "captured_at", "created_at",
                       "received_at", "is_historical", "is_clock_suspect", "picture", "picture_sha256")  # fmt: skip
_DEVICE_COLUMNS: Final = ("device", "city", "point", "profile", "state", "line", "since", "last_report", "outbox_rows",
                          "dead_letters", "hotlist_version", "lookback_since", "temperature_mc", "disk_free_mb",
                          "clock_offset_ms", "missing", "lost", "forks", "breaks")  # fmt: skip
_COUNT_COLUMNS: Final = ("since", "city", "point", "camera", "frames_in", "frames_processed", "sampled_out", "dropped",
                         "vehicles", "reads", "unreadable", "hits", "faces", "frames_face_counted", "reconnects",
                         "stalls", "live_ms", "reported_ms")  # fmt: skip
# A table for people leaves out what only programs need.
_WIDE: Final = frozenset(
    (
        *("created_at", "received_at", "captured_at", "observed", "picture_sha256", "is_from_lookback", "reasons"),
        *("lookback_since", "temperature_mc", "disk_free_mb", "clock_offset_ms", "sampled_out"),
        *("frames_face_counted", "live_ms", "reported_ms"),
    )
)


def events(
    *,
    from_: From = "24h",
    to: To = "0s",
    city: City = None,
    point: Point = None,
    camera: Camera = None,
    kind: Annotated[str | None, Parameter(help="One of: " + ", ".join(EVENT_KINDS) + ".")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    config: Config = None,
) -> None:
    """Hits, alarms and what belongs to them, newest first, without plates. Reports only by `--kind report`."""
    if kind is not None and kind not in EVENT_KINDS:
        raise BadInput(f"--kind {kind!r}: want one of {', '.join(EVENT_KINDS)}")
    wanted = filter_of(from_, to, city=city, point=point, camera=camera, limit=limit)
    rows = _ask(settings_of(config), lambda queries: queries.events(wanted, kind))
    _show(_EVENT_COLUMNS, rows, as_json=as_json, as_csv=as_csv)


def hits(
    *,
    reason: Annotated[str, Parameter(help="Why you look: the case, the entry. Kept in the audit; no plates.")],
    from_: From = "24h",
    to: To = "0s",
    city: City = None,
    point: Point = None,
    camera: Camera = None,
    limit: Limit = 100,
    pictures: Annotated[Path | None, Parameter(help="Copy the redacted pictures into this folder.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    config: Config = None,
) -> None:
    """Hits with their plates, newest first. Each one shown is audited with your name and reason."""
    settings, why, who = settings_of(config), checked_reason(reason), actor()
    wanted = filter_of(from_, to, city=city, point=point, camera=camera, limit=limit)
    rows = _ask(
        settings, lambda queries: queries.hits(wanted, actor=who, reason=why, with_pictures=pictures is not None)
    )
    if pictures is not None:
        say(f"{copy_pictures(rows, pictures_of(settings), pictures)} pictures in {pictures}")
    _show(_HIT_COLUMNS, rows, as_json=as_json, as_csv=as_csv)


def devices(
    *,
    city: City = None,
    point: Point = None,
    limit: Limit = 10_000,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    config: Config = None,
) -> None:
    """Boxes: on line or not and since when, their last report, and what is missing of their messages."""
    rows = _ask(settings_of(config), lambda queries: queries.devices(city, point, limit))
    _show(_DEVICE_COLUMNS, rows, as_json=as_json, as_csv=as_csv)


def counts(
    *,
    from_: From = "24h",
    to: To = "0s",
    city: City = None,
    point: Point = None,
    camera: Camera = None,
    every: Annotated[str | None, Parameter(help="Sum by stretches of this length, such as 1h; else one sum.")] = None,
    limit: Limit = 100_000,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    config: Config = None,
) -> None:
    """Sums of what each camera counted: frames, vehicles, reads, hits, faces."""
    wanted = filter_of(from_, to, city=city, point=point, camera=camera, limit=limit)
    stretch = parse_span(every, "--every") if every else wanted.to_at - wanted.from_at + timedelta(seconds=1)
    rows = _ask(settings_of(config), lambda queries: queries.counts(wanted, stretch))
    _show(_COUNT_COLUMNS, rows, as_json=as_json, as_csv=as_csv)


def copy_pictures(rows: Found, files: PictureStore, folder: Path) -> int:
    """Copy the redacted pictures of hits under names that carry no plate; how many there were."""
    folder.mkdir(parents=True, exist_ok=True)
    copied = 0
    for row in rows:
        if row["picture"] != "stored":
            continue
        name = f"{row['counted_at']:%Y%m%dT%H%M%SZ}_{row['point']}_{row['camera']}_{row['hit'][:12]}.jpg"
        data = files.read(bytes.fromhex(row["picture_sha256"]))
        try:
            (folder / name).write_bytes(data)
        except OSError as exc:
            raise NotThere(f"the picture of hit {row['hit']} cannot be copied: {exc.strerror}") from exc
        copied += 1
    return copied


def filter_of(from_: str, to: str, *, city: str | None, point: str | None, camera: str | None, limit: int) -> Filter:
    """Which rows the options mean; raises `BadInput`."""
    now = datetime.now(UTC)
    from_at, to_at = parse_instant(from_, "--from", now=now), parse_instant(to, "--to", now=now)
    if from_at >= to_at:
        raise BadInput(f"--from {from_} is not before --to {to}")
    return Filter(from_at=from_at, to_at=to_at, city=city, point=point, camera=camera, limit=limit)


def _ask(settings: Settings, question: Callable[[Queries], Awaitable[Found]]) -> Found:
    async def ask() -> Found:
        async with opened(settings.database, role=settings.role) as database:
            return await question(Queries(database.pool))

    return asyncio.run(ask())


def _show(columns: tuple[str, ...], rows: Found, *, as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise BadInput("--json or --csv, not both")
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row[column]) for column in columns] for row in rows)
        return
    shown = columns if as_json else tuple(column for column in columns if column not in _WIDE)
    show_rows(shown, [[_short(row[column], as_json=as_json) for column in shown] for row in rows], as_json=as_json)


def _cell(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _short(value: object, *, as_json: bool) -> str | int | bool | datetime | None:
    """A cell as people read it: seconds are enough, and so are twelve digits of a hash."""
    match value:
        case datetime() if not as_json:
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case str() if not as_json and len(value) == 64:
            return value[:12]
        case None | str() | bool() | int() | datetime():
            return value
        case _:
            return str(value)
