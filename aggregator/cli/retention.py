"""`aggregator retention run|compact|receipts|sweep|hold`: what is kept how long, what was purged, what must stay."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from aggregator.adapters import legal_holds
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import Pool, opened
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.evidence_sweep import sweep as sweep_files
from aggregator.adapters.ledger_store import LedgerStore
from aggregator.adapters.legal_holds import Hold
from aggregator.adapters.picture_store import pictures_of
from aggregator.adapters.retention_store import RetentionStore
from aggregator.cli.console import AsJson, Cell, Config, say, settings_of, show_rows
from aggregator.cli.operator import actor
from aggregator.core.ledger import Run
from aggregator.core.retention import Keeping, Receipt, Rule, Scope
from aggregator.core.time_range import parse_instant
from aggregator.errors import BadInput
from aggregator.service.compaction import cutoff
from aggregator.service.retention import Retention, rules
from aggregator.settings import Settings

app = App(name="retention", help="How long things are kept, what was purged, and legal holds.")
hold = App(name="hold", help="Legal holds: what they cover is never purged.")
app.command(hold)
_RECEIPT_COLUMNS: Final = (
    "number",
    "at",
    "actor",
    "kind",
    "rule",
    "count",
    "tables",
    "first_at",
    "last_at",
    "ids_sha256",
)
_HOLD_COLUMNS: Final = ("hold", "on", "from", "to", "reason", "placed_by", "placed_at", "released_by", "released_at")
Why = Annotated[str, Parameter(name="--reason", help="Why: the case. Kept in the audit; no plates.")]
T = TypeVar("T")


@app.command
def run(
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="Only say what is due.")] = False,
    kind: Annotated[str | None, Parameter(help="Only this: " + ", ".join(Keeping) + ".")] = None,
    clock_is_right: Annotated[bool, Parameter(negative="", help="Purge although the clock leaped.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Purge what is due, as the service does every ten minutes. Each batch leaves a receipt in the audit."""
    settings, now = settings_of(config), datetime.now(UTC)
    wanted = [rule for rule in rules(settings) if kind is None or rule.kind == kind]
    if not wanted:
        raise BadInput(f"--kind {kind!r}: want one of {', '.join(Keeping)}")
    if dry_run:
        found = _with(settings, lambda pool: _due(pool, settings, wanted, now))
        show_rows(("kind", "rule", "due", "first_at", "last_at"), found, as_json=as_json)
        return
    receipts = _with(settings, lambda pool: _purge(pool, settings, wanted, now, is_clock_right=clock_is_right))
    columns = ("kind", "rule", "count", "tables", "first_at", "last_at", "ids_sha256")
    show_rows(columns, [_receipt_cells(each, as_json=as_json) for each in receipts], as_json=as_json)


@app.command
def compact(
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="Only say what is due.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Fold the ledger's old lines into ranges, as the service does by itself. No message is forgotten by it."""
    settings = settings_of(config)
    before = cutoff(settings, datetime.now(UTC))
    if before is None:
        raise BadInput('ingest.compact_after_days is "keep": lines of the ledger stay as they are')
    runs = _with(settings, lambda pool: _folded(LedgerStore(pool), before, is_dry=dry_run))
    columns = ("device", "outbox", "epoch", "first", "last", "lines", "first_at", "last_at")
    show_rows(columns, [_run_cells(run) for run in runs], as_json=as_json)


@app.command
def receipts(
    *,
    limit: Annotated[int, Parameter(help="The newest so many.")] = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The receipts of purges, oldest first; `audit verify` tells whether anybody has touched them."""
    settings = settings_of(config)
    kept = _with(settings, lambda pool: _store(pool, settings).receipts(limit))
    rows = [(each.number, each.at, each.actor, *_receipt_cells(each.receipt, as_json=as_json)) for each in kept]
    show_rows(_RECEIPT_COLUMNS, rows, as_json=as_json)


@app.command
def sweep(
    *,
    remove: Annotated[bool, Parameter(negative="", help="Remove them; needs --reason.")] = False,
    reason: Annotated[str, Parameter(help="Why they may go. Kept in the audit.")] = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Files of the evidence folder that no row names. Removed only on request: the rows may be what is missing."""
    settings = settings_of(config)
    remove_for = (actor(), checked_reason(reason)) if remove else None
    if settings.evidence.store != "disk":
        raise BadInput("a sweep goes over a folder; of a bucket, compare its listing with the database")
    files = EvidenceFiles(settings.evidence_dir)
    strays = _with(settings, lambda pool: sweep_files(pool, files, remove_for=remove_for))
    show_rows(("file", "removed"), [(str(path), remove) for path in strays], as_json=as_json)


@hold.command
def add(
    *,
    reason: Why,
    hit: Annotated[str | None, Parameter(help="A hit's hash: the hit and all that belongs to it.")] = None,
    entry: Annotated[str | None, Parameter(help="An entry's id: every hit of it, now and later.")] = None,
    device: Annotated[str | None, Parameter(help="A device's id: all that it says.")] = None,
    camera: Annotated[str | None, Parameter(help="POINT/CAMERA, with --from and --to.")] = None,
    from_: Annotated[str | None, Parameter(name="--from", help="Since when (UTC), or so long ago.")] = None,
    to: Annotated[str | None, Parameter(name="--to", help="Up to when, not included.")] = None,
    config: Config = None,
) -> None:
    """Keep something until the hold is released. Prints the hold's number."""
    settings, why, who = settings_of(config), checked_reason(reason), actor()
    scope = scope_of(hit, entry, device, camera, (from_, to), now=datetime.now(UTC))
    number = _with(settings, lambda pool: legal_holds.place(pool, scope, actor=who, reason=why))
    say(f"hold {number} is on {scope.subject}")


@hold.command(name="list")
def list_holds(
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Released ones as well.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The holds in force."""
    found = _with(settings_of(config), lambda pool: legal_holds.holds(pool, with_released=everything))
    show_rows(_HOLD_COLUMNS, [_hold_cells(each) for each in found], as_json=as_json)


@hold.command
def release(number: int, /, *, reason: Why, config: Config = None) -> None:
    """Release a hold: from here on the rules count again, and what is due goes within minutes."""
    settings, why, who = settings_of(config), checked_reason(reason), actor()
    released = _with(settings, lambda pool: legal_holds.release(pool, number, actor=who, reason=why))
    say(f"hold {number} on {released.scope.subject} is released")


def scope_of(
    hit: str | None,
    entry: str | None,
    device: str | None,
    camera: str | None,
    span: tuple[str | None, str | None],
    *,
    now: datetime,
) -> Scope:
    """What the options of `hold add` name; raises `BadInput`."""
    if sum(each is not None for each in (hit, entry, device, camera)) != 1:
        raise BadInput("name one thing to hold: --hit, --entry, --device, or --camera with --from and --to")
    if camera is not None:
        return _camera_scope(camera, *span, now=now)
    if span != (None, None):
        raise BadInput("--from and --to go with --camera")
    return Scope(hit=None if hit is None else _hash(hit), entry=entry, device=device)


def _camera_scope(camera: str, from_: str | None, to: str | None, *, now: datetime) -> Scope:
    point, slash, name = camera.partition("/")
    if not (point and slash and name):
        raise BadInput(f"--camera {camera!r}: want POINT/CAMERA, such as p-1/cam-1")
    if from_ is None or to is None:
        raise BadInput("--camera needs --from and --to")
    from_at, to_at = parse_instant(from_, "--from", now=now), parse_instant(to, "--to", now=now)
    if from_at >= to_at:
        raise BadInput(f"--from {from_} is not before --to {to}")
    return Scope(point=point, camera=name, from_at=from_at, to_at=to_at)


def _hash(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise BadInput(
            f"--hit {text!r}: want the hit's whole hash, 64 hexadecimal digits; `aggregator hits --json` has it"
        )
    return digest


async def _due(pool: Pool, settings: Settings, wanted: list[Rule], now: datetime) -> list[tuple[Cell, ...]]:
    store, rows = _store(pool, settings), list[tuple[Cell, ...]]()
    for rule in wanted:
        due = await store.due(rule, now)
        rows.append((rule.kind.value, rule.text, due.count, due.first_at, due.last_at))
    return rows


async def _purge(
    pool: Pool, settings: Settings, wanted: list[Rule], now: datetime, *, is_clock_right: bool
) -> list[Receipt]:
    retention, found = Retention(_store(pool, settings), settings), []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task, gone = progress.add_task("nothing purged yet"), 0
        async for receipt in retention.purge(wanted, now, actor=actor(), is_clock_right=is_clock_right):
            found.append(receipt)
            gone += receipt.count
            progress.update(task, description=f"{gone} purged, now at {receipt.kind} of {receipt.last_at:%Y-%m-%d}")
    return found


async def _folded(ledger: LedgerStore, before: datetime, *, is_dry: bool) -> list[Run]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task, found, lines = progress.add_task("looking for old lines"), list[Run](), 0
        async for run in ledger.due(before) if is_dry else ledger.fold(before):
            found.append(run)
            lines += run.lines
            progress.update(task, description=f"{lines} lines in {len(found)} ranges, now at {run.device}")
    return found


def _run_cells(run: Run) -> tuple[Cell, ...]:
    return (run.device, run.outbox.hex()[:12], run.epoch, run.first, run.last, run.lines, run.first_at, run.last_at)


def _store(pool: Pool, settings: Settings) -> RetentionStore:
    return RetentionStore(pool, pictures_of(settings))


def _receipt_cells(receipt: Receipt, *, as_json: bool) -> tuple[Cell, ...]:
    tables = ", ".join(f"{table} {count}" for table, count in receipt.tables.items())
    ids = receipt.ids_sha256 if as_json else receipt.ids_sha256[:12]
    return (receipt.kind, receipt.rule, receipt.count, tables, receipt.first_at, receipt.last_at, ids)


def _hold_cells(each: Hold) -> tuple[Cell, ...]:
    placed = (each.placed_by, each.placed_at, each.released_by, each.released_at)
    return (each.number, each.scope.subject, each.scope.from_at, each.scope.to_at, each.reason, *placed)


def _with(settings: Settings, work: Callable[[Pool], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await work(database.pool)

    return asyncio.run(ask())
