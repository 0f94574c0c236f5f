"""The evidence desk: hits listed, shown and exported, each look in the audit before anything is handed out.

An export is two rows of the audit. The first is committed before a picture is read, and lies in the export itself as
the end of its custody log; the second names the SHA-256 of what was made, so that a ZIP can be told from one that never
left here.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import asyncpg

from aggregator.adapters import evidence_case, keyfiles
from aggregator.adapters.audit_log import audit, rows_of_hit
from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_case import Found, Listed
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.picture_store import PictureStore
from aggregator.adapters.queries import Filter
from aggregator.adapters.statements import statements
from aggregator.adapters.trust_ceremony import kept_bundle
from aggregator.adapters.trust_file import believe
from aggregator.core.audit import AuditRow
from aggregator.core.export_case import said_in
from aggregator.core.export_check import Report, verify
from aggregator.core.export_custody import EXPORTED
from aggregator.core.export_make import Batch, Made, Materials, Trusted, make_export
from aggregator.core.export_manifest import REDACTED, SEALED, TRUST_THEN, Absent, Case, Delivered, Said
from aggregator.errors import NotThere
from aggregator.settings import Settings

SHOWN: Final = "evidence.show"
HANDED_OUT: Final = "evidence.exported"


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is of a hit."""

    hit: bytes
    said: Said = field(repr=False)
    deliveries: tuple[Delivered, ...]
    pictures: dict[str, str]
    custody: Sequence[AuditRow]


@dataclass(frozen=True, slots=True)
class Exported:
    """A ZIP, and what a verifier will say of it."""

    raw: bytes = field(repr=False)
    sha256: bytes
    report: Report


@dataclass(frozen=True, slots=True)
class EvidenceDesk:
    """The desk of an installation."""

    pool: Pool
    settings: Settings
    files: PictureStore
    release: str

    async def listed(self, wanted: Filter) -> Sequence[asyncpg.Record]:
        """Hits and what there is of their pictures, newest first, without plates."""
        place = (wanted.from_at, wanted.to_at, wanted.city, wanted.point, wanted.camera)
        async with transaction(self.pool) as connection:
            return await connection.fetch(statements("case")["list"], *place, wanted.limit)

    async def show(self, hit: str, *, actor: str, reason: str) -> Shown:
        """One hit with its plate; the custody rows hold this look too."""
        found, custody = await self._looked_up(hit, SHOWN, actor=actor, reason=reason)
        envelopes = {one.file: one.raw for one in found.envelopes}
        deliveries = tuple(one.delivered for one in found.envelopes)
        evidence = found.evidence
        named = {REDACTED: evidence.redacted_sha256, SEALED: evidence.sealed_sha256} if evidence else {}
        pictures = {name: found.pictures[sha256] for name, sha256 in named.items()}
        return Shown(found.hash, said_in(envelopes), deliveries, pictures, custody)

    async def export(self, hit: str, *, actor: str, reason: str, now: datetime, with_case: bool) -> Exported:
        """One hit's ZIP."""
        found, custody = await self._looked_up(hit, EXPORTED, actor=actor, reason=reason)
        made = Made(city=self.settings.city, at=now, by=actor, reason=reason, release=self.release)
        raw = await asyncio.to_thread(self._make, made, found, custody, with_case)
        sha256 = hashlib.sha256(raw).digest()
        report = await asyncio.to_thread(verify, raw, _fingerprint(self.settings))
        async with transaction(self.pool) as connection:
            subject = f"hit:{found.hash.hex()}/export:{sha256.hex()}"
            await audit(connection, actor=actor, action=HANDED_OUT, subject=subject, reason=reason)
        return Exported(raw, sha256, report.report)

    async def _looked_up(self, hit: str, action: str, *, actor: str, reason: str) -> tuple[Found, Sequence[AuditRow]]:
        """A hit and its custody log, whose last row is this look, committed; and no row comes in between."""
        async with transaction(self.pool) as connection:
            digest = await evidence_case.find_hit(connection, hit)
            found = await evidence_case.gather(connection, digest)
            await audit(connection, actor=actor, action=action, subject=f"hit:{digest.hex()}", reason=reason)
            custody = await rows_of_hit(connection, digest)
        return found, custody

    def _make(self, made: Made, found: Found, custody: Sequence[AuditRow], with_case: bool) -> bytes:
        trusted, unkept = self._trusted(found)
        pictures, missing = self._pictures(found)
        unlisted = [
            Absent(what=entry, why="no approved batch holds this entry")
            for entry in sorted(found.entries - {listed.entry for listed in found.batches})
        ]
        materials = Materials(
            hit=found.hash,
            envelopes={one.file: one.raw for one in found.envelopes},
            deliveries=tuple(one.delivered for one in found.envelopes),
            pictures=pictures,
            device_spki=found.key.spki,
            device_key=found.key.registry,
            chain=found.chain,
            batches=[_batch(listed, with_case=with_case) for listed in found.batches],
            custody=custody,
            absent=(*missing, *unlisted, *unkept),
        )
        return make_export(made, trusted, materials, keyfiles.read_signer(self.settings.keys.server_key))

    def _pictures(self, found: Found) -> tuple[dict[str, bytes], list[Absent]]:
        evidence = found.evidence
        if evidence is None:
            why = f"the box has none: {found.unavailable}" if found.unavailable else "the box has not sent it"
            return {}, [Absent(what=name, why=why) for name in (REDACTED, SEALED)]
        there: dict[str, bytes] = {}
        missing = []
        for name, sha256 in ((REDACTED, evidence.redacted_sha256), (SEALED, evidence.sealed_sha256)):
            try:
                there[name] = self.files.read(sha256)
            except NotThere as exc:
                state = found.pictures[sha256]
                missing.append(Absent(what=name, why=str(exc) if state == "stored" else state))
        return there, missing

    def _trusted(self, found: Found) -> tuple[Trusted, list[Absent]]:
        keys = self.settings.keys
        current = keyfiles.read_file(keys.trust_bundle)
        store = believe(current, keys)
        number_then, then, absent = found.trust_number_then, None, []
        if number_then is not None and number_then != store.number:
            try:
                then = keyfiles.read_file(kept_bundle(keys, number_then))
            except NotThere:
                absent.append(Absent(what=TRUST_THEN, why=f"bundle {number_then} was not kept"))
        certificates = (
            found.key.certificate_pem.encode(),
            keyfiles.read_file(keys.issuing_certificate),
            keyfiles.read_file(keys.root_certificate),
        )
        trusted = Trusted(
            root_spki=keyfiles.read_file(keys.root_spki),
            root_fingerprint=_fingerprint(self.settings),
            certificates=certificates,
            number=store.number,
            current=current,
            number_then=None if then is None else number_then,
            then=then,
        )
        return trusted, absent


def _fingerprint(settings: Settings) -> bytes:
    return hashlib.sha256(keyfiles.read_file(settings.keys.root_spki)).digest()


def _batch(listed: Listed, *, with_case: bool) -> Batch:
    case = None
    if with_case and listed.case_number is not None:
        case = Case(entry=listed.entry, case_number=listed.case_number, salt=listed.salt.hex())
    return Batch(
        entry=listed.entry,
        batch=listed.batch,
        signed=listed.signed,
        approved_at=listed.approved_at,
        withdrawn_at=listed.withdrawn_at,
        case=case,
    )
