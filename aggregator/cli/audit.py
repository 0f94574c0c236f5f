"""`aggregator audit`: who looked at what and why, whether anybody has touched the record, and proof kept elsewhere."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter

from aggregator.adapters import audit_log, checkpoints, keyfiles
from aggregator.adapters.checkpoints import Checked, Folder
from aggregator.adapters.database import Connection, opened
from aggregator.adapters.evidence_case import find_hit
from aggregator.adapters.trust_file import root_of
from aggregator.cli.console import AsJson, Config, fingerprint, say, settings_of, show_object, show_rows
from aggregator.core.audit import AuditRow
from aggregator.core.audit_lines import to_line
from aggregator.errors import BadInput
from aggregator.settings import Settings

app = App(name="audit", help="The record of every look at a plate or a picture.")
TAMPERED: Final = 3
_COLUMNS: Final = ("number", "at", "actor", "action", "subject", "reason")
T = TypeVar("T")


@app.command(name="list")
def list_rows(
    *,
    subject: Annotated[str | None, Parameter(help="Only about this, such as hit:HASH.")] = None,
    entry: Annotated[str | None, Parameter(help="About this entry, its batch, its hits, their pictures.")] = None,
    hit: Annotated[
        str | None, Parameter(help="About this hit (first digits of its hash), its exports and pictures.")
    ] = None,
    who: Annotated[str | None, Parameter(name="--actor", help="Only by him, such as os:ana.")] = None,
    limit: Annotated[int, Parameter(help="The newest so many rows.")] = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The newest rows, oldest first."""
    if sum(one is not None for one in (subject, entry, hit)) > 1:
        raise BadInput("--subject, --entry or --hit: one of them")

    async def ask(connection: Connection) -> list[AuditRow]:
        if entry is not None:
            return await audit_log.rows_of_entry(connection, entry, limit)
        if hit is not None:
            return (await audit_log.rows_of_hit(connection, await find_hit(connection, hit)))[-limit:]
        return await audit_log.rows(connection, subject=subject, actor=who, limit=limit)

    rows = [row for row in _with(settings_of(config), ask) if who in (None, row.actor)]
    cells = [(row.number, row.at, row.actor, row.action, row.subject, row.reason) for row in rows]
    show_rows(_COLUMNS, cells, as_json=as_json)


@app.command
def export(
    *, out: Annotated[Path, Parameter(help="The file to write, one row a line (JSON).")], as_json: AsJson = False,
    config: Config = None,
) -> None:  # fmt: skip
    """Write the whole record to a file that `audit verify --file` checks anywhere."""
    rows = _with(settings_of(config), lambda connection: _write_lines(connection, out))
    show_object({"file": str(out), "rows": rows}, as_json=as_json)


@app.command
def checkpoint(
    *,
    to: Annotated[Path, Parameter(help="Folder of the auditor's, best on a machine that is not ours.")],
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Sign how many rows there are and the last one's hash, and put it where others keep it."""
    settings, now = settings_of(config), datetime.now(UTC)
    made = _with(settings, lambda connection: checkpoints.write(connection, settings, to, now=now))
    fields = {"checkpoint": str(made.path), "rows": made.rows, "last_hash": made.last_hash.hex()}
    show_object(fields, as_json=as_json)


@app.command
def verify(
    *,
    checkpoints_in: Annotated[
        Path | None, Parameter(name="--checkpoints", help="Hold the record to the checkpoints of this folder.")
    ] = None,
    file: Annotated[Path | None, Parameter(help="Check an exported record instead of the database's.")] = None,
    root_fingerprint: Annotated[
        str | None, Parameter(help="SHA-256 of the root's public key; else the settings' root is taken.")
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Check the whole chain; exit code 3 if a row was changed, inserted, removed, cut off or written anew.

    What was cut off the end, or written anew from the start, shows only against checkpoints that were kept elsewhere.
    """
    settings = None if file is not None and (checkpoints_in is None or root_fingerprint) else settings_of(config)
    folder = None if checkpoints_in is None else _folder(checkpoints_in, settings, root_fingerprint)
    if file is not None:
        checked = checkpoints.check_file(keyfiles.read_file(file), folder)
    else:
        checked = _with(settings or settings_of(config), lambda connection: checkpoints.check(connection, folder))
    return _told(checked, as_json=as_json)


def _folder(path: Path, settings: Settings | None, root_fingerprint: str | None) -> Folder:
    if root_fingerprint is not None:
        root = checkpoints.pinned_root(path, fingerprint(root_fingerprint))
    else:
        assert settings is not None  # noqa: S101  `verify` loads them whenever no fingerprint is given
        root = root_of(settings.keys)
    return checkpoints.read_folder(path, root, city=settings.city if settings else None)


def _told(checked: Checked, *, as_json: bool) -> int:
    if as_json:
        found = [{"number": each.number, "problem": each.problem} for each in checked.findings]
        show_object({"rows": checked.rows, "checkpoints": checked.checkpoints, "findings": found}, as_json=True)
    for finding in checked.findings:
        say(f"audit row {finding.number}: {finding.problem}" if finding.number else f"audit: {finding.problem}")
    if not as_json:
        fields = {"rows": checked.rows, "checkpoints": checked.checkpoints, "findings": len(checked.findings)}
        show_object(fields, as_json=False)
    return TAMPERED if checked.findings else 0


async def _write_lines(connection: Connection, out: Path) -> int:
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, keyfiles.PRIVATE)
    except OSError as exc:
        raise BadInput(f"{out} cannot be written: {exc.strerror}; it is never written over") from exc
    rows = 0
    with os.fdopen(descriptor, "wb") as file:
        async for batch in audit_log.batches(connection):
            file.writelines(map(to_line, batch))
            rows += len(batch)
        file.flush()
        os.fsync(file.fileno())
    return rows


def _with(settings: Settings, work: Callable[[Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened(settings.database, role=settings.role) as database, database.pool.acquire() as connection:
            return await work(connection)

    return asyncio.run(run())
