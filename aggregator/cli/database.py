"""`aggregator database backup|check|restore|move`: the database in one encrypted file, and into a server of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from aggregator.adapters import database_archive, keyfiles
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import Access, reached
from aggregator.adapters.database_backup import Order, Tell, back_up
from aggregator.adapters.database_move import move as move_all
from aggregator.adapters.database_pictures import Taking
from aggregator.adapters.database_restore import Archive, Lacking, lacking
from aggregator.adapters.database_restore import restore as restore_all
from aggregator.adapters.picture_store import pictures_of
from aggregator.cli.console import AsJson, Config, release, say, settings_of, show_object, show_rows
from aggregator.cli.operator import actor
from aggregator.cli.passphrases import passphrase_of
from aggregator.core.database_manifest import Manifest
from aggregator.errors import BadInput, BadKey
from aggregator.settings import Settings

app = App(name="database", help="Backups of the database, and its way to another server.")
INCOMPLETE: Final = 3
T = TypeVar("T")
_PassphraseFile = Annotated[Path | None, Parameter(help="File that holds the passphrase; asked for if none.")]
_Plain = Annotated[bool, Parameter(negative="", help="In the clear: every plate in it, and no proof of who made it.")]
_Reason = Annotated[str, Parameter(help="Why; kept in the audit. No plates.")]


@app.command
def backup(
    file: Path,
    /,
    *,
    passphrase_file: _PassphraseFile = None,
    plain: _Plain = False,
    with_pictures: Annotated[bool, Parameter(negative="", help="Take the pictures of hits along.")] = False,
    reason: _Reason = "backup",
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Write the whole database of one moment into a new encrypted file, while the service goes on.

    Pictures are listed and looked for; exit code 3 if some that the database names are not in their store.

    Parameters
    ----------
    file
        The file; it must not be there yet.
    """
    settings, order = settings_of(config), _order(settings_of(config), reason)
    passphrase = _passphrase(passphrase_file, is_plain=plain, is_new=True)
    taking = Taking(pictures_of(settings), with_pictures)

    async def make(tell: Tell) -> Manifest:
        async with reached(settings.database, role=settings.role) as (access, _):
            with database_archive.written(file, passphrase) as archive:
                return await back_up(access, archive, order, taking, tell)

    manifest = _with_progress(make)
    show_object({"file": str(file), **_facts(manifest), "file_bytes": file.stat().st_size}, as_json=as_json)
    if manifest.pictures.missing:
        say(f"{manifest.pictures.missing} pictures that the database names are not in their store; the file lists them")
    return INCOMPLETE if manifest.pictures.missing else 0


@app.command
def check(
    file: Path,
    /,
    *,
    passphrase_file: _PassphraseFile = None,
    plain: _Plain = False,
    as_json: AsJson = False,
) -> None:
    """Read a whole backup and hold it to what it says of itself; needs no settings. Exit code 3 if it is not whole.

    Parameters
    ----------
    file
        What `database backup` wrote.
    """
    manifest = _checked(file, _passphrase(passphrase_file, is_plain=plain)).manifest
    if as_json:
        tables = {table.name: table.rows for table in manifest.tables}
        show_object({"file": str(file), **_facts(manifest), "tables": tables}, as_json=True)
        return
    show_object({"file": str(file), **_facts(manifest)}, as_json=False)
    show_rows(("table", "rows"), [(table.name, table.rows) for table in manifest.tables], as_json=False)


@app.command
def restore(
    file: Path,
    /,
    *,
    passphrase_file: _PassphraseFile = None,
    plain: _Plain = False,
    reason: _Reason = "restore",
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Fill the settings' database from a backup. It must be empty; nothing is kept of a restore that fails.

    Exit code 3 if pictures that the database names are not in their store.

    Parameters
    ----------
    file
        What `database backup` wrote.
    """
    settings, why, who = settings_of(config), checked_reason(reason), actor()
    archive, store = _checked(file, _passphrase(passphrase_file, is_plain=plain)), pictures_of(settings)

    async def fill(tell: Tell) -> tuple[int, Lacking]:
        async with reached(settings.database, role=settings.role) as (access, _):
            put = await restore_all(access, archive, store, tell, actor=who, reason=why)
            return put, await _lacking(access, settings, archive.manifest)

    put, lacks = _with_progress(fill)
    facts = {"pictures_put": put, "pictures_missing": lacks.pictures, "roles_missing": list(lacks.roles)}
    webhooks = {"webhooks_without_secret": list(lacks.webhooks)}
    show_object({"file": str(file), **_facts(archive.manifest), **facts, **webhooks}, as_json=as_json)
    _tell_what_lacks(lacks, settings)
    return INCOMPLETE if lacks.pictures else 0


@app.command
def move(
    *,
    to_dsn_file: Annotated[Path, Parameter(help="File with the DSN of an empty database, readable by its owner only.")],
    reason: _Reason = "move",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Copy the settings' database into an empty one of another server, and compare. Stop the service before."""
    settings, order = settings_of(config), _order(settings_of(config), reason)
    target = _read_dsn(to_dsn_file)

    async def copy(tell: Tell) -> tuple[Manifest, Lacking]:
        async with reached(settings.database, role=settings.role) as (access, _):
            manifest = await move_all(access, target, order, tell)
            return manifest, await _lacking(target, settings, manifest)

    manifest, lacks = _with_progress(copy)
    show_object({**_facts(manifest), "roles_missing": list(lacks.roles)}, as_json=as_json)
    _tell_what_lacks(lacks, settings)
    say("next: name the server in database.dsn (its password in database.password_file), then start the service")
    if settings.database.dsn is None:
        say(f"{settings.database.data_dir} is as it was, every plate in it: remove it once the new server is right")


def _order(settings: Settings, reason: str) -> Order:
    return Order(actor(), checked_reason(reason), settings.city, release(), datetime.now(UTC))


def _passphrase(file: Path | None, *, is_plain: bool, is_new: bool = False) -> bytes | None:
    """The passphrase, or none for a file in the clear, which has to be asked for."""
    if is_plain and file is not None:
        raise BadInput("--plain or --passphrase-file: one of them")
    return None if is_plain else passphrase_of(file, "the backup", is_new=is_new)


def _read_dsn(file: Path) -> Access:
    """The way to another server. The file may hold a password, so it is its owner's alone."""
    text = keyfiles.read_file(file).decode().strip()
    if file.stat().st_mode & 0o077:
        raise BadKey(f"{file} can be read by others; run: chmod 600 {file}")
    if urlsplit(text).scheme not in ("postgresql", "postgres"):
        raise BadInput(f"{file} holds no DSN; want postgresql://USER:PASSWORD@HOST/DATABASE")
    return Access(text)


async def _lacking(access: Access, settings: Settings, manifest: Manifest) -> Lacking:
    connection = await access.connect()
    try:
        return await lacking(connection, manifest, pictures_of(settings), settings.alerts.webhooks_dir)
    finally:
        await connection.close()


def _tell_what_lacks(lacks: Lacking, settings: Settings) -> None:
    if lacks.pictures:
        say(f"{lacks.pictures} pictures that the database names are not in their store; restore its files as well")
    for name in lacks.roles:
        say(f"this server knows no analyst {name}: aggregator analyst add {name} --city ...")
    for name in lacks.webhooks:
        say(f"webhook {name} has no secret in {settings.alerts.webhooks_dir}; `ca restore` brings it")


def _facts(manifest: Manifest) -> dict[str, object]:
    newest = max(manifest.steps)
    pictures = manifest.pictures
    return {
        "backup": manifest.backup_id,
        "city": manifest.city,
        "made_at": manifest.made_at,
        "release": manifest.release,
        "server": manifest.server,
        "migration": f"{newest.number:04d}_{newest.name}",
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "pictures": pictures.count,
        "pictures_bytes": pictures.bytes,
        "pictures_missing": pictures.missing,
        "pictures_included": pictures.is_included,
    }


def _checked(file: Path, passphrase: bytes | None) -> Archive:
    with _progress() as tell:
        manifest = database_archive.checked(file, passphrase, tell=lambda count: tell("checking", count))
    return Archive(file, passphrase, manifest)


def _with_progress(work: Callable[[Tell], Coroutine[None, None, T]]) -> T:
    with _progress() as tell:
        return asyncio.run(work(tell))


@contextmanager
def _progress() -> Iterator[Tell]:
    """Shows which table it is, and how much went by."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("beginning", total=None)
        yield lambda what, count: progress.update(task, description=what, advance=count)
