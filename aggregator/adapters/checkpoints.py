"""Checkpoints of the audit in a folder of the auditor's choosing: written there, and held against a record.

The folder stands alone: beside the checkpoints lie the root's public key and every trust bundle that this aggregator
has, so that an auditor needs only the root's fingerprint. Nothing in it is ever written over. Before a new checkpoint
is signed, the record must agree with those that lie there already: a record that was written anew gets no signature.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from aggregator.adapters import keyfiles
from aggregator.adapters.audit_log import hashes_of, last_row, survey
from aggregator.adapters.database import Connection
from aggregator.adapters.trust_file import root_of
from aggregator.core.audit import Finding, findings
from aggregator.core.audit_lines import read_lines
from aggregator.core.checkpoint import (
    Believed,
    disagreements,
    head,
    read_checkpoint,
    sign_checkpoint,
    wanted_rows,
)
from aggregator.errors import AggregatorError, BadInput, BadKey, NotThere
from aggregator.settings import Keys, Settings
from protocol.clock import to_ms
from protocol.errors import DecodeError
from protocol.keys import PublicKey
from protocol.trust import TrustRefusal, TrustStore

ROOT_NAME: Final = "root.spki"
_CHECKPOINTS: Final = "audit-*.cose"
_BUNDLES: Final = "trust-*.cbor"


class Contradicted(AggregatorError):
    """The audit is not what an earlier checkpoint has signed."""


@dataclass(frozen=True, slots=True)
class Written:
    """A checkpoint on the disk."""

    path: Path
    rows: int
    last_hash: bytes


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder of checkpoints holds: those that are believed, and what is wrong with the others."""

    believed: tuple[Believed, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A record checked against itself, and against checkpoints."""

    rows: int
    checkpoints: int
    findings: tuple[Finding, ...]


async def write(connection: Connection, settings: Settings, folder: Path, *, now: datetime) -> Written:
    """Sign what the audit is now, and put it in the folder; raises `Contradicted`."""
    publish_trust(settings.keys, folder)
    there = read_folder(folder, root_of(settings.keys), city=settings.city, may_be_empty=True)
    rows, last_hash = head(await last_row(connection))
    hashes = await hashes_of(connection, wanted_rows(there.believed))
    contradicted = next(iter((*there.findings, *disagreements(there.believed, rows, hashes))), None)
    if contradicted is not None:
        raise Contradicted(f"not signed, the audit contradicts {folder}: {contradicted.problem}")
    signer = keyfiles.read_signer(settings.keys.server_key)
    raw = sign_checkpoint(settings.city, rows, last_hash, signer, time_ms=to_ms(now))
    path = folder / f"audit-{settings.city}-{rows:012}-{now:%Y%m%dT%H%M%S.%fZ}.cose"
    keyfiles.write_new(path, raw)
    return Written(path, rows, last_hash)


async def check(connection: Connection, folder: Folder | None) -> Checked:
    """Check the database's record, against checkpoints if some are given."""
    believed = () if folder is None else folder.believed
    found = await survey(connection, wanted_rows(believed))
    wrong = [*found.findings, *disagreements(believed, found.rows, found.hashes)]
    return _checked(found.rows, wrong, folder)


def check_file(data: bytes, folder: Folder | None) -> Checked:
    """Check an exported record, against checkpoints if some are given; raises `BadInput`."""
    believed = () if folder is None else folder.believed
    rows = list(read_lines(data))
    hashes = {row.number: row.hash for row in rows}
    return _checked(len(rows), [*findings(rows), *disagreements(believed, len(rows), hashes)], folder)


def read_folder(folder: Path, root: PublicKey, *, city: str | None, may_be_empty: bool = False) -> Folder:
    """The checkpoints of a folder, believed under those of its bundles that the root signed; raises `BadInput`."""
    files = sorted(folder.glob(_CHECKPOINTS))
    if not files and not may_be_empty:
        raise BadInput(f"{folder} holds no checkpoint ({_CHECKPOINTS})")
    bundles = read_bundles(folder, root)
    believed, wrong = [], []
    for file in files:
        checkpoint = read_checkpoint(keyfiles.read_file(file), bundles, city=city)
        if isinstance(checkpoint, str):
            wrong.append(Finding(0, f"checkpoint {file.name}: {checkpoint}"))
        else:
            believed.append(Believed(file.name, checkpoint))
    return Folder(tuple(believed), tuple(wrong))


def read_bundles(folder: Path, root: PublicKey) -> tuple[TrustStore, ...]:
    """The trust bundles of a folder that the root signed."""
    stores = (TrustStore(root).accept(keyfiles.read_file(file)) for file in sorted(folder.glob(_BUNDLES)))
    return tuple(store for store in stores if not isinstance(store, TrustRefusal))


def pinned_root(folder: Path, fingerprint: bytes) -> PublicKey:
    """The root's key of a folder, if it has the fingerprint that the auditor was given; raises `BadKey`."""
    spki = keyfiles.read_file(folder / ROOT_NAME)
    try:
        key = PublicKey.from_spki(spki)
    except DecodeError as exc:
        raise BadKey(f"{folder / ROOT_NAME} holds no public key") from exc
    if hashlib.sha256(spki).digest() != fingerprint:
        raise BadKey(f"{folder / ROOT_NAME} has another fingerprint than the one that was given")
    return key


def publish_trust(keys: Keys, folder: Path) -> None:
    """Put the root's key and every bundle in a folder that has them not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise NotThere(f"{folder} cannot be made: {exc.strerror}") from exc
    kept = sorted(keys.trust_bundle.with_name("bundles").glob("*.cbor"))
    published = {ROOT_NAME: keys.root_spki}
    for file in (*kept, keys.trust_bundle):
        digest = hashlib.sha256(keyfiles.read_file(file)).hexdigest()
        published[f"trust-{digest[:16]}.cbor"] = file
    for name, file in published.items():
        if not (folder / name).exists():
            keyfiles.replace(folder / name, keyfiles.read_file(file))


def _checked(rows: int, wrong: Sequence[Finding], folder: Folder | None) -> Checked:
    if folder is None:
        return Checked(rows, 0, tuple(wrong))
    return Checked(rows, len(folder.believed), (*folder.findings, *wrong))
