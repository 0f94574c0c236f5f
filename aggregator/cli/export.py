"""`aggregator export`: a whole answer as CSV, JSON lines or Parquet, with a manifest beside it (docs/exports.md).

The file appears when it is whole. `--out -` streams to stdout. What is said about it goes to stderr, the manifest with
`--json` to stdout.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from aggregator.adapters.alert_desk import NO_PLATES
from aggregator.adapters.asker import Asker, Look
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.export_landing import Landing, landed, streamed
from aggregator.adapters.export_writers import Form, Format, form_of
from aggregator.adapters.exporter import Exported, Exporter, Order, asked
from aggregator.cli.console import AsJson, Config, release, say, settings_of
from aggregator.cli.operator import actor
from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.core.asking.compiling import resource_of
from aggregator.core.asking.conditions import condition
from aggregator.core.asking.question import Bucket, Question
from aggregator.core.exporting.manifest import Manifest, encode, name_beside
from aggregator.core.time_range import parse_instant
from aggregator.errors import BadInput
from aggregator.settings import Settings

STREAM: Final = "-"
Many = tuple[str, ...]


def export(
    resource: Annotated[str, Parameter(help="One of: " + ", ".join(CATALOGUE) + ".")],
    /,
    *,
    out: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True,
            help="The file: .csv, .jsonl (both also with .gz behind) or .parquet; - is stdout.",
        ),
    ],
    from_: Annotated[str, Parameter(name="--from", help="Since when: a time (UTC), or so long ago.")] = "24h",
    to: Annotated[str, Parameter(name="--to", help="Up to when, not included.")] = "0s",
    city: Annotated[Many, Parameter(help="Only this city. May be repeated.")] = (),
    point: Annotated[Many, Parameter(help="Only this point. May be repeated.")] = (),
    camera: Annotated[Many, Parameter(help="Only cameras of this id. May be repeated.")] = (),
    bucket: Annotated[Bucket | None, Parameter(help="Sum by this stretch of local time.")] = None,
    group_by: Annotated[Many, Parameter(name=("--group-by", "--by"), help="Sum by this column. May be repeated.")] = (),
    where: Annotated[Many, Parameter(help="A filter such as confidence>=900 or state!=new. May be repeated.")] = (),
    time_zone: Annotated[str | None, Parameter(help="Zone of the buckets; else the cities' own.")] = None,
    reason: Annotated[str | None, Parameter(help="Why you take it out; needed for plates. Kept in the audit.")] = None,
    format_: Annotated[Format, Parameter(name="--format", help="What stdout gets.")] = Format.CSV,
    bom: Annotated[
        bool, Parameter(negative="", help="Begin CSV with a byte order mark, for old spreadsheets.")
    ] = False,
    force: Annotated[bool, Parameter(negative="", help="Replace a file that is there.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Write a whole answer into a file. Audited; plates only with --reason."""
    is_streamed = out == STREAM
    if is_streamed and as_json:
        raise BadInput("--json says the manifest on stdout, which the export has already")
    order = Order(
        question=_question(
            resource, from_, to, point=point, camera=camera, bucket=bucket, group_by=group_by, where=where
        ),
        look=_look(resource, reason),
        form=Form(format_) if is_streamed else form_of(out),
        cities=city or None,
        time_zone=time_zone,
        has_bom=bom,
        release=release(),
    )
    place = Path(out).expanduser()
    landing = streamed() if is_streamed else landed(place, replaces=force, is_private=order.shows_plates)
    try:
        manifest = _made(settings_of(config), order, landing, "stdout" if is_streamed else place.name)
    except KeyboardInterrupt:
        say("stopped: what was written is not whole" if is_streamed else f"stopped: {out} was not made")
        raise
    _tell(manifest, None if is_streamed else place, is_private=order.shows_plates, as_json=as_json)


def _made(settings: Settings, order: Order, landing: AbstractContextManager[Landing], name: str) -> Manifest:
    with landing as file:
        exported = asyncio.run(_run(settings, order, file))
    return Manifest(
        file=name,
        rows=exported.rows,
        bytes=file.bytes,
        sha256=file.sha256,
        question=asked(order),
        columns=exported.columns,
        release=order.release,
        made_at=datetime.now(UTC),
    )


async def _run(settings: Settings, order: Order, landing: Landing) -> Exported:
    async with opened(settings.database, role=settings.role) as database:
        with _watched(landing) as told:
            return await Exporter(Asker(database.pool)).export(order, landing, told)


def _tell(manifest: Manifest, place: Path | None, *, is_private: bool, as_json: bool) -> None:
    line = encode(manifest)
    if place is None:
        sys.stderr.write(line.decode())
        return
    with landed(place.with_name(name_beside(place.name)), replaces=True, is_private=is_private) as beside:
        beside.write(line)
    if as_json:
        sys.stdout.write(line.decode())
    else:
        say(f"{manifest.rows:,} rows, {manifest.bytes:,} bytes in {place}; sha256 {manifest.sha256}")


@contextmanager
def _watched(landing: Landing) -> Iterator[Callable[[int], None]]:
    """Progress on a terminal: rows where they are counted, and bytes."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("asking")

        def told(rows: int) -> None:
            counted = f"{rows:,} rows, " if rows else ""
            progress.update(task, description=f"{counted}{landing.bytes / 1e6:,.1f} MB")

        yield told


def _question(
    resource: str, from_: str, to: str, *, point: Many, camera: Many, bucket: Bucket | None, group_by: Many, where: Many
) -> Question:
    now = datetime.now(UTC)
    from_at, to_at = parse_instant(from_, "--from", now=now), parse_instant(to, "--to", now=now)
    places = [("point", each) for each in point] + [("camera", each) for each in camera]
    return Question(
        resource=resource_of(resource).name,
        from_at=from_at,
        to_at=to_at,
        bucket=bucket,
        group_by=tuple(name for each in group_by for name in each.split(",")),
        filters=(*places, *map(condition, where)),
        limit=None,
    )


def _look(resource: str, reason: str | None) -> Look:
    if reason is None and resource_of(resource).reason_needed:
        raise BadInput(f"{resource} shows plates: say why, with --reason")
    return Look(actor(), NO_PLATES if reason is None else checked_reason(reason))
