"""`aggregator query`: anything of the catalogue as a table, sparklines, a plot, JSON or CSV; or an analyst's own SQL.

Times are UTC in and out; days, weeks and months are local ones. Whoever may use this command on the server may read
every city: `--city` narrows it. SQL is run under the login of an analyst's role, and sees what that role may.
"""

import asyncio
import csv
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from aggregator.adapters.alert_desk import NO_PLATES
from aggregator.adapters.analyst_login import Login, as_analyst, run_sql
from aggregator.adapters.asker import Answer, Asker, Look
from aggregator.adapters.audit_log import Deed, checked_reason
from aggregator.adapters.database import opened
from aggregator.cli.console import AsJson, Cell, Config, print_json, say, settings_of, show_rows
from aggregator.cli.drawing import show_plot, show_sparks
from aggregator.cli.operator import actor
from aggregator.cli.secret_values import filled
from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.core.asking.compiling import described, is_summed, resource_of
from aggregator.core.asking.conditions import condition
from aggregator.core.asking.question import Bucket, Order, Question
from aggregator.core.time_range import parse_instant
from aggregator.errors import BadInput
from aggregator.settings import Settings

_HASH_DIGITS: Final = 64
# Every look at an alert is audited.
_ALERTS: Final = ("alerts", "alert-history")
# A table for people leaves out what only programs need.
_WIDE: Final = frozenset(
    (
        *(
            "created_at",
            "received_at",
            "captured_at",
            "observed",
            "picture_sha256",
            "is_from_lookback",
            "registered_at",
        ),
        *("frames_face_counted", "sampled_out", "changed_at", "is_clock_suspect", "from_at", "to_at", "report"),
        *("sharpness_before", "sharpness_after", "brightness_before", "brightness_after", "contrast_before"),
        *("contrast_after", "edges_before", "edges_after", "shift_px_before", "shift_px_after", "still_ms_before"),
        *("still_ms_after", "versions", "refused_downlinks", "oldest_unreceipted_at", "outbox_bytes", "live_s"),
        *("reported_s", "frames_processed", "dropped", "decode_errors", "hotlist_expires_at", "lookback_since"),
    )
)
Many = tuple[str, ...]
Rows = Sequence[Mapping[str, Any]]  # values of any column


def query(
    resource: Annotated[str | None, Parameter(help="One of: " + ", ".join(CATALOGUE) + ".")] = None,
    /,
    *,
    from_: Annotated[
        str, Parameter(name="--from", help="Since when: a time (UTC), or so long ago, such as 2h.")
    ] = "24h",
    to: Annotated[str, Parameter(name="--to", help="Up to when, not included.")] = "0s",
    city: Annotated[Many, Parameter(help="Only this city. May be repeated.")] = (),
    point: Annotated[Many, Parameter(help="Only this point. May be repeated.")] = (),
    camera: Annotated[Many, Parameter(help="Only cameras of this id. May be repeated.")] = (),
    bucket: Annotated[Bucket | None, Parameter(help="Sum by this stretch of local time.")] = None,
    group_by: Annotated[Many, Parameter(name=("--group-by", "--by"), help="Sum by this column. May be repeated.")] = (),
    where: Annotated[Many, Parameter(help="A filter such as confidence>=900 or state!=new. May be repeated.")] = (),
    order: Annotated[Order | None, Parameter(help="Which way; else events newest first, all else in order.")] = None,
    limit: Annotated[int, Parameter(help="At most so many rows.", validator=Number(gte=1, lte=1_000_000))] = 100,
    after: Annotated[str | None, Parameter(help="Go on where an answer ended.")] = None,
    reason: Annotated[str | None, Parameter(help="Why you look at plates. Kept in the audit; no plates.")] = None,
    spark: Annotated[bool, Parameter(negative="", help="A line of bars a group, over the buckets.")] = False,
    plot: Annotated[bool, Parameter(negative="", help="A plot, over the buckets.")] = False,
    measure: Annotated[str | None, Parameter(help="What is drawn; else the first measure.")] = None,
    sql: Annotated[str | None, Parameter(help="One statement, run as an analyst's own role.")] = None,
    role: Annotated[str | None, Parameter(help="Whose role, on the embedded PostgreSQL.")] = None,
    dsn: Annotated[str | None, Parameter(help="Your own login at a server, without a password, for --sql.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, Parameter(name="--csv", negative="", help="CSV with a header line.")] = False,
    config: Config = None,
) -> None:
    """Ask for events, hits, alerts, counts, coverage, health, reaction times and more; `plates` with --reason."""
    if sum((as_json, as_csv, spark, plot)) > 1:
        raise BadInput("one of --json, --csv, --spark and --plot")
    if (resource is None) == (sql is None):
        raise BadInput(f"name what you ask for ({', '.join(CATALOGUE)}), or give --sql")
    if sql is not None:
        names, told = asyncio.run(_run_sql(sql, Login(role, dsn), limit, config))
        _show(names, told, as_json=as_json, as_csv=as_csv, is_whole=True)
        return
    wanted = resource_of(resource or "")
    places = (*(("point", each) for each in point), *(("camera", each) for each in camera))
    question = Question(
        resource=wanted.name,
        **_times(from_, to),
        bucket=bucket,
        group_by=tuple(name for each in group_by for name in each.split(",")),
        filters=(*places, *filled(wanted, tuple(map(condition, where)))),
        limit=limit,
        after=after,
        order=order,
    )
    drawn = _drawn(question, measure) if spark or plot else ""
    answer = asyncio.run(_ask(settings_of(config), question, city or None, _look(question, reason)))
    if drawn and bucket is not None:
        draw = show_sparks if spark else show_plot
        draw([dict(row) for row in answer.rows], bucket=bucket, groups=_groups(question), measure=drawn)
    else:
        _show_answer(question, answer, as_json=as_json, as_csv=as_csv)
    if answer.next is not None:
        say(f"there is more: --after {answer.next}, or a higher --limit")


async def _ask(settings: Settings, question: Question, cities: Many | None, look: Look | None) -> Answer:
    async with opened(settings.database, role=settings.role) as database:
        asker = Asker(database.pool)
        await asker.check(cities)
        answer = await asker.ask(question, cities, look=look)
        if question.resource in _ALERTS and not is_summed(resource_of(question.resource), question):
            await asker.audit([Deed("alerts.list", described(question))], Look(actor(), NO_PLATES))
        return answer


async def _run_sql(sql: str, login: Login, limit: int, config: Any) -> tuple[list[str], Rows]:  # the option as it is
    settings = None if login.dsn is not None else settings_of(config)
    async with as_analyst(settings, login, sql=sql, actor=actor()) as connection:
        return await run_sql(connection, sql, limit)


def _times(from_: str, to: str) -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"from_at": parse_instant(from_, "--from", now=now), "to_at": parse_instant(to, "--to", now=now)}


def _look(question: Question, reason: str | None) -> Look | None:
    if not resource_of(question.resource).reason_needed:
        return None
    if reason is None:
        raise BadInput(f"{question.resource} are shown for a reason: say it with --reason, it is kept in the audit")
    return Look(actor(), checked_reason(reason))


def _groups(question: Question) -> Many:
    return tuple(dict.fromkeys((*question.group_by, *resource_of(question.resource).always)))


def _drawn(question: Question, measure: str | None) -> str:
    """The measure that is drawn; raises `BadInput`."""
    names = [each.name for each in resource_of(question.resource).measures]
    if question.bucket is None or not names:
        raise BadInput("a course over time needs --bucket, and something that is counted")
    if measure is not None and measure not in names:
        raise BadInput(f"--measure {measure!r}: there are {', '.join(names)}")
    return measure or names[0]


def _show_answer(question: Question, answer: Answer, *, as_json: bool, as_csv: bool) -> None:
    names, rows = [column.name for column in answer.columns], [dict(row) for row in answer.rows]
    is_whole = is_summed(resource_of(question.resource), question)
    _show(names, rows, as_json=as_json, as_csv=as_csv, is_whole=is_whole)


def _show(names: Sequence[str], rows: Rows, *, as_json: bool, as_csv: bool, is_whole: bool) -> None:
    """Rows as they were asked for. On a screen what only programs need is left out, but of sums and of SQL nothing."""
    if as_json:
        print_json([dict(zip(names, row.values(), strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    else:
        shown = [n for n, name in enumerate(names) if is_whole or name not in _WIDE]
        cells = ([_short(value) for value in row.values()] for row in rows)
        show_rows([names[n] for n in shown], [[row[n] for n in shown] for row in cells], as_json=False)


def _cell(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case bool():
            return "true" if value else "false"
        case list():
            return ";".join(str(each) for each in value)
        case _:
            return value


def _short(value: object) -> Cell:
    """A cell as people read it: seconds are enough, and so are twelve digits of a hash."""
    match value:
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case str() if len(value) == _HASH_DIGITS:
            return value[:12]
        case float():
            return f"{value:.12g}"
        case list():
            return ", ".join(str(each) for each in value)
        case None | str() | bool() | int():
            return value
        case _:
            return str(value)
