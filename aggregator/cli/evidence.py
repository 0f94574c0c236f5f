"""`aggregator evidence`: what there is of a hit, its export for a court, the check of one, and the sealed original.

`show` and `export` are audited before anything is shown. `verify` and `unseal` need no database, no settings and no
network: they run on an expert's or the evidence authority's own machine.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from cyclopts import App, Parameter

from aggregator.adapters import keyfiles, unsealing
from aggregator.adapters.audit_log import audit, checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.evidence_desk import EvidenceDesk
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.picture_store import pictures_of
from aggregator.adapters.unsealing import Sealed
from aggregator.cli.console import AsJson, Config, fingerprint, release, say, settings_of, show_object, show_rows
from aggregator.cli.operator import actor
from aggregator.cli.queries import Camera, City, From, Limit, Point, To, filter_of
from aggregator.core.audit_lines import looked
from aggregator.core.export_check import Report
from aggregator.core.export_check import verify as judged
from aggregator.errors import BadInput
from aggregator.settings import ENVIRONMENT, Settings

app = App(name="evidence", help="Pictures of hits: list, show, export for a court, verify, unseal.")
NOT_SOUND: Final = 3
MOST_BYTES: Final = 2**31 - 1
T = TypeVar("T")
_COLUMNS: Final = ("hit", "counted_at", "city", "point", "camera", "device", "entries", "redacted", "original",
                   "redacted_bytes", "sealed_bytes", "sealed_to")  # fmt: skip
_SHORT: Final = _COLUMNS[:-3]

HitHash = Annotated[str, Parameter(help="The hit's hash, as `evidence list` gives it, or its first digits.")]
Reason = Annotated[str, Parameter(help="Why you look: the case, the entry. Kept in the audit; no plates.")]
Fingerprint = Annotated[str, Parameter(help="SHA-256 of the root's public key, in hexadecimal.")]


@app.command(name="list")
def list_hits(
    *,
    from_: From = "24h",
    to: To = "0s",
    city: City = None,
    point: Point = None,
    camera: Camera = None,
    limit: Limit = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Hits and what there is of their pictures, newest first, without plates."""
    wanted = filter_of(from_, to, city=city, point=point, camera=camera, limit=limit)
    rows = _at_desk(settings_of(config), lambda desk: desk.listed(wanted))
    columns = _COLUMNS if as_json else _SHORT
    show_rows(columns, [[row[column] for column in columns] for row in rows], as_json=as_json)


@app.command
def show(hit: HitHash, /, *, reason: Reason, as_json: AsJson = False, config: Config = None) -> None:
    """What the box said of a hit, its plate with it, which pictures there are, and who has looked."""
    who, why = actor(), checked_reason(reason)
    shown = _at_desk(settings_of(config), lambda desk: desk.show(hit, actor=who, reason=why))
    fields = {
        "hit": shown.hit.hex(),
        **msgspec.to_builtins(shown.said),
        "pictures": shown.pictures,
        "deliveries": shown.deliveries,
        "custody": [looked(row) for row in shown.custody],
    }
    # Through JSON once, so that people see what programs do.
    show_object(msgspec.json.decode(msgspec.json.encode(fields)), as_json=as_json)


@app.command
def export(
    hit: HitHash,
    /,
    *,
    out: Annotated[Path, Parameter(help="The ZIP to write; never over another file.")],
    reason: Reason,
    with_case: Annotated[bool, Parameter(negative="", help="Give the case number away, with the salt.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Everything that belongs to a hit, in one sealed ZIP."""
    who, why, now = actor(), checked_reason(reason), datetime.now(UTC)
    if out.exists():
        raise BadInput(f"{out} is already there and is not written over")
    made = _at_desk(
        settings_of(config), lambda desk: desk.export(hit, actor=who, reason=why, now=now, with_case=with_case)
    )
    keyfiles.write_new(out, made.raw, keyfiles.PRIVATE)
    absent = [msgspec.to_builtins(each) for each in made.report.absent]
    fields = {"file": str(out), "bytes": len(made.raw), "sha256": made.sha256.hex(), "absent": absent}
    show_object(fields, as_json=as_json)
    return _outcome(made.report)


@app.command
def verify(file: Path, /, *, root_fingerprint: Fingerprint, as_json: AsJson = False) -> int:
    """Check an export with nothing but the root's fingerprint; exit code 3 if anything does not hold."""
    report = judged(_read(file), fingerprint(root_fingerprint)).report
    if as_json:
        show_object(_told(report), as_json=True)
    else:
        show_rows(
            ("holds", "claim", "detail"),
            [("yes" if check.is_held else "NO", check.claim, check.detail) for check in report.checks],
            as_json=False,
        )
        say(report.about)
    return _outcome(report)


@app.command
def unseal(
    file: Path,
    /,
    *,
    key: Annotated[Path, Parameter(help="The evidence authority's private key.")],
    passphrase_file: Annotated[Path, Parameter(help="File that holds its passphrase.")],
    out: Annotated[Path, Parameter(help="Folder for the original and the record.")],
    reason: Reason,
    root_fingerprint: Annotated[str | None, Parameter(help="Hold the export to this root as well.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Open the sealed original of an export. With --config (or its variable) the audit has it too."""
    who, why, now = actor(), checked_reason(reason), datetime.now(UTC)
    private = keyfiles.read_evidence_key(key, keyfiles.read_passphrase(passphrase_file))
    sealed = unsealing.sealed_in(_read(file), fingerprint(root_fingerprint) if root_fingerprint else None)
    unsealing.check_key(sealed, private)
    if root_fingerprint is None:
        say("the export was held to its own root only; give --root-fingerprint to know whose it is")
    if config is not None or os.environ.get(ENVIRONMENT):
        _audit_unsealing(settings_of(config), sealed, who, why)
    row = unsealing.record(out, sealed, actor=who, reason=why, now=now)
    path = unsealing.write_original(out, sealed, unsealing.open_sealed(sealed, private))
    fields = {
        "original": str(path),
        "sha256": sealed.evidence.original_sha256.hex(),
        "record": str(out / unsealing.RECORD),
        "record_row": row.number,
        "record_hash": row.hash.hex(),
    }
    show_object(fields, as_json=as_json)


def _read(file: Path) -> bytes:
    if file.is_file() and file.stat().st_size > MOST_BYTES:
        raise BadInput(f"{file} is larger than any export")
    return keyfiles.read_file(file)


def _told(report: Report) -> dict[str, object]:
    return {
        "is_sound": report.is_sound,
        "about": report.about,
        "checks": [{"claim": c.claim, "is_held": c.is_held, "detail": c.detail} for c in report.checks],
        "changes": [
            {"place": c.place, "field": c.field, "from_byte": c.start, "to_byte": c.end - 1, "bit": c.bit,
             "byte_of_zip": c.zip_start}
            for c in report.changes
        ],
        "absent": [msgspec.to_builtins(each) for each in report.absent],
    }  # fmt: skip


def _outcome(report: Report) -> int:
    """Say on stderr what does not hold; the exit code."""
    for change in report.changes:
        say(f"changed: {change.told()}")
    for check in report.checks:
        if not check.is_held:
            say(f"does not hold: {check.claim}" + (f" ({check.detail})" if check.detail else ""))
    for absent in report.absent:
        say(f"not in the file: {absent.what}: {absent.why}")
    say("the export holds" if report.is_sound else "the export does NOT hold")
    return 0 if report.is_sound else NOT_SOUND


def _audit_unsealing(settings: Settings, sealed: Sealed, who: str, why: str) -> None:
    async def write() -> None:
        async with opened(settings.database, role=settings.role) as database, transaction(database.pool) as connection:
            await audit(connection, actor=who, action=unsealing.UNSEALED, subject=sealed.subject, reason=why)

    asyncio.run(write())


def _at_desk(settings: Settings, work: Callable[[EvidenceDesk], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await work(EvidenceDesk(database.pool, settings, pictures_of(settings), release()))

    return asyncio.run(run())
