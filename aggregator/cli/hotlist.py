"""`aggregator hotlist`: from a file to what boxes arm, and off again."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeAlias, TypeVar

from cyclopts import App, Parameter

from aggregator.adapters import federation_link, keyfiles, link_standing, officer_keys
from aggregator.adapters.database import opened
from aggregator.adapters.hotlist_desk import Desk, Imported, Published
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.trust_file import read_trust
from aggregator.cli.console import AsJson, Cell, Config, say, settings_of, show_object, show_rows
from aggregator.cli.operator import actor
from aggregator.core.hotlist_import import ADVICE, Accepted, Verdict
from aggregator.errors import BadInput
from aggregator.settings import Settings
from protocol.keys import Signer

app = App(name="hotlist", help="Wanted vehicles: import, propose, approve, withdraw, list, expire; and other cities'.")
T = TypeVar("T")
AGENT_SOCKET: Final = "SSH_AUTH_SOCK"
_ENTRY_COLUMNS: Final = ("entry_id", "batch_id", "state", "reason", "scope", "expires_at", "withdrawn_at")
_CONFIDENTIAL_COLUMNS: Final = ("plate", "case_number")
_FOREIGN_COLUMNS: Final = ("city_id", "batch_id", "entries", "in_force", "left_out", "taken_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerKey:
    """Who signs: the key file and its passphrase, or a key in the ssh-agent."""

    officer_key: Annotated[Path | None, Parameter(help="Your private key, as `officer new` wrote it.")] = None
    passphrase_file: Annotated[Path | None, Parameter(help="File that holds its passphrase.")] = None
    ssh_agent: Annotated[bool, Parameter(negative="", help="Sign with an ssh-ed25519 key of your ssh-agent.")] = False
    key: Annotated[str | None, Parameter(help="Fingerprint of that key (SHA256:...), if it holds several.")] = None

    def signer(self) -> Signer:
        """The officer's key, ready to sign; raises `BadInput`, `BadKey` or `NotThere`."""
        match self:
            case OfficerKey(officer_key=Path() as private, passphrase_file=Path() as file, ssh_agent=False, key=None):
                return officer_keys.file_signer(private, keyfiles.read_passphrase(file))
            case OfficerKey(officer_key=None, passphrase_file=None, ssh_agent=True):
                return officer_keys.agent_signer(agent_socket(), self.key)
            case _:
                raise BadInput("sign with --officer-key and --passphrase-file, or with --ssh-agent [--key FINGERPRINT]")


OfficerOptions: TypeAlias = Annotated[OfficerKey, Parameter(name="*")]


@app.command(name="import")
def import_file(
    file: Path,
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="Judge the lines and keep nothing.")] = False,
    keep_going: Annotated[bool, Parameter(negative="", help="Keep the good lines even if others are refused.")] = False,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Take the lines of a CSV file: all of them, or none. They wait for an officer to propose them.

    Parameters
    ----------
    file
        Columns plate, reason, case_number, expires and, if need be, scope (docs/hotlist.md).
    """
    data, now = keyfiles.read_file(file), datetime.now(UTC)
    done = _at_desk(
        settings_of(config),
        lambda desk: desk.import_file(data, actor=actor(), now=now, keep_going=keep_going, is_dry_run=dry_run),
    )
    show_rows(("line", "outcome", "plate", "form", "reason"), map(_line, done.verdicts), as_json=json)
    _judge(done, is_dry_run=dry_run)


@app.command
def propose(number: int | None = None, /, *, officer: OfficerOptions = OfficerKey(), config: Config = None) -> None:
    """Make a batch of an import, under the first officer's signature.

    Parameters
    ----------
    number
        Which import; the only one that waits, if none is named.
    """
    signer, now = officer.signer(), datetime.now(UTC)
    done = _at_desk(settings_of(config), lambda desk: desk.propose(signer, number, now=now))
    reasons = ", ".join(f"{count} {reason}" for reason, count in done.reasons.items())
    show_object(
        {"batch": done.batch_id, "officer": done.officer, "entries": done.entries, "reasons": reasons}, as_json=False
    )
    say(f"a second officer signs with: aggregator hotlist approve {done.batch_id}")


@app.command
def approve(batch: str, /, *, officer: OfficerOptions = OfficerKey(), config: Config = None) -> None:
    """Put the second officer's signature under a batch: boxes arm its entries within seconds.

    Look at the batch first: `aggregator hotlist list --batch BATCH --reason ...`.
    """
    signer, now = officer.signer(), datetime.now(UTC)
    _say_published(_at_desk(settings_of(config), lambda desk: desk.approve(signer, batch, now=now)))


@app.command
def withdraw(
    entry: Annotated[tuple[str, ...], Parameter(help="Entry ids, as `hotlist list` gives them.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; it is kept. Never a plate.")],
    officer: OfficerOptions = OfficerKey(),
    config: Config = None,
) -> None:
    """Take entries off under one officer's signature: boxes disarm them within seconds."""
    signer, now = officer.signer(), datetime.now(UTC)
    _say_published(_at_desk(settings_of(config), lambda desk: desk.withdraw(signer, entry, reason, now=now)))


@app.command(name="list")
def list_entries(
    *,
    batch: Annotated[str | None, Parameter(help="Only this batch.")] = None,
    reason: Annotated[str | None, Parameter(help="Why you look: shows plates and cases, and is audited.")] = None,
    limit: int = 1000,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """List entries. Plates and case numbers are shown for a reason only."""
    rows = _at_desk(settings_of(config), lambda desk: desk.entries(batch, actor=actor(), reason=reason, limit=limit))
    columns = _ENTRY_COLUMNS if reason is None else _ENTRY_COLUMNS + _CONFIDENTIAL_COLUMNS
    show_rows(columns, [tuple(_cell(row[column]) for column in columns) for row in rows], as_json=json)
    if len(rows) == limit:
        say(f"the first {limit} entries; --limit shows more")


@app.command
def batches(*, json: AsJson = False, config: Config = None) -> None:
    """List batches with their officers, and say which imports wait."""
    settings = settings_of(config)
    found, waiting, age = _at_desk(settings, lambda desk: _batches(desk, settings))
    columns = ("batch_id", "state", "entries", "officers", "created_at", "approved_at")
    show_rows(columns, [tuple(_cell(row[column]) for column in columns) for row in found], as_json=json)
    for row in waiting:
        number = row["import_id"]
        say(f"import {number} waits with {row['entries']} entries: aggregator hotlist propose {number}")
    if age is not None:
        say(age)


@app.command
def foreign(*, json: AsJson = False, config: Config = None) -> None:
    """List the batches of other cities, why one is left out of our list, and how old this is."""
    settings = settings_of(config)
    rows, age = _at_desk(settings, lambda desk: _foreign(desk, settings))
    show_rows(_FOREIGN_COLUMNS, [tuple(_cell(row[name]) for name in _FOREIGN_COLUMNS) for row in rows], as_json=json)
    say(age or f"{settings.city} is not linked to a region; see: aggregator federation status")


@app.command
def expire(*, config: Config = None) -> None:
    """Drop what has expired and compact the list; the running service does so every hour."""
    now = datetime.now(UTC)
    done = _at_desk(settings_of(config), lambda desk: desk.expire(now=now))
    say(f"{len(done.batches)} batches retired, {done.drafts} drafts and {done.artefacts} old snapshots dropped")
    if done.published is not None:
        _say_published(done.published)


def agent_socket() -> Path:
    """Where the officer's ssh-agent listens; raises `BadInput`."""
    path = os.environ.get(AGENT_SOCKET)
    if not path:
        raise BadInput(f"no ssh-agent: {AGENT_SOCKET} is not set; start one with: eval $(ssh-agent); ssh-add KEY")
    return Path(path)


def _at_desk(settings: Settings, work: Callable[[Desk], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _desk(settings) as desk:
            return await work(desk)

    return asyncio.run(run())


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[Desk]:
    trust = read_trust(settings.keys)
    async with opened(settings.database, role=settings.role) as database:
        yield Desk(database.pool, trust, settings.city)


Rows: TypeAlias = list[dict[str, object]]


async def _batches(desk: Desk, settings: Settings) -> tuple[Rows, Rows, str | None]:
    found, waiting = await desk.batches(), await desk.waiting()
    return [dict(row) for row in found], [dict(row) for row in waiting], await _age(desk, settings)


async def _foreign(desk: Desk, settings: Settings) -> tuple[Rows, str | None]:
    return [dict(row) for row in await desk.foreign(now=datetime.now(UTC))], await _age(desk, settings)


async def _age(desk: Desk, settings: Settings) -> str | None:
    """How old what is known of other cities is; None for a city without a link."""
    link = federation_link.read(settings)
    if link is None:
        return None
    async with transaction(desk.pool) as connection:
        standing = await link_standing.standing(connection, link.log_id)
    return standing.told(datetime.now(UTC))


def _line(verdict: Verdict) -> tuple[Cell, ...]:
    if isinstance(verdict, Accepted):
        return (verdict.line, "accepted", verdict.draft.plate, verdict.form or "of no Mexican form", None)
    return (verdict.line, "refused", None, None, f"{verdict.why}: {ADVICE[verdict.why]}")


def _judge(done: Imported, *, is_dry_run: bool) -> None:
    """Say how it went; raises `BadInput` if a line was refused."""
    accepted = len(done.accepted)
    refused = len(done.verdicts) - accepted
    kept = "nothing is kept" if done.number is None else f"{accepted} wait as import {done.number}"
    if refused:
        hint = "" if is_dry_run or done.number is not None else "; --keep-going takes the good ones"
        raise BadInput(f"{refused} of {accepted + refused} lines refused, {kept}{hint}")
    say(f"{accepted} lines, none refused; {kept}")
    if done.number is not None:
        say(f"an officer signs with: aggregator hotlist propose {done.number}")


def _say_published(done: Published) -> None:
    say(f"list version {done.snapshot.list_version} is published: {done.snapshot.entries} entries")
    for batch_id, why in done.left_out.items():
        say(f"left out: batch {batch_id} ({why}); docs/hotlist.md says what to do about it")


def _cell(value: object) -> Cell:
    if isinstance(value, list):
        return " ".join(value) or "everywhere"
    if value is None or isinstance(value, str | int | datetime):
        return value
    raise TypeError(type(value).__name__)
