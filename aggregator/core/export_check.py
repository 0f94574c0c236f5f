"""What an export proves, claim by claim, from nothing but its bytes and the fingerprint of the root's key.

    the file      every byte is the one that was sealed
    the seal      by a key that the root grants AUDIT: the aggregator stands for the whole
    the box       its own signatures over the hit, its amendments and the picture's hashes; its key by the root's CA
    the officers  two of them signed the entry that the read matched; case number and salt, where given, open it
    the pictures  have the hashes and sizes that the box signed; the original is sealed to the evidence authority
    custody       who looked, as the audit has it; a checkpoint and a receipt under the aggregator's key

Claims are judged one by one, so that an export with a damaged picture still shows what holds. All must hold.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator.core.export_case import Case, Check
from aggregator.core.export_claims import box_claims, officer_claims, picture_claims
from aggregator.core.export_custody import custody_claims
from aggregator.core.export_damage import Change
from aggregator.core.export_manifest import (
    FORMAT,
    MANIFEST,
    ROOT_KEY,
    SEAL,
    TRUST,
    TRUST_THEN,
    Absent,
    Manifest,
)
from aggregator.core.export_read import examine, read_manifest, read_seal
from protocol.clock import from_ms
from protocol.envelope import Context, parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.keys import PublicKey
from protocol.trust import Role, TrustRefusal, TrustStore


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome. `about` names hit and time for people, without a plate."""

    changes: tuple[Change, ...]
    checks: tuple[Check, ...]
    about: str = ""
    absent: tuple[Absent, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing was changed and every claim holds."""
        return not self.changes and all(check.is_held for check in self.checks)


@dataclass(frozen=True, slots=True)
class Opened:
    """An export whose claims were judged, with what an unsealing needs of it."""

    report: Report
    case: Case | None


def verify(raw: bytes, root_fingerprint: bytes | None) -> Opened:
    """Judge an export. Without a fingerprint it is held to its own root, which proves nothing about whose it is."""
    found = examine(raw)
    files, manifest = found.files, read_manifest(found.files.get(MANIFEST, b""))
    if manifest is None:
        unread = Check("the manifest can be read", is_held=False)
        return Opened(Report(found.changes, (unread,)), None)
    checks = list(_file_claims(files, manifest))
    root = _root(files, root_fingerprint)
    checks.append(Check("the root's key has the fingerprint that was given", root is not None))
    case = None
    if root is not None:
        current, then = _trust(files, root, TRUST), _trust(files, root, TRUST_THEN)
        named = (current, manifest.trust_number), (then, manifest.trust_number_then)
        checks.append(Check("the root signed the trust bundles", all(_is_named(*one) for one in named)))
        checks.append(_seal_claim(files, manifest, current))
        case = Case(files, manifest, root, current or TrustStore(root), then or current or TrustStore(root))
        for claims in (box_claims, picture_claims, officer_claims, custody_claims):
            checks += claims(case)
    return Opened(Report(found.changes, tuple(checks), _about(manifest), manifest.absent), case)


def _file_claims(files: Mapping[str, bytes], manifest: Manifest) -> Iterator[Check]:
    yield Check("the export is of a form known here", manifest.format == FORMAT)
    listed = {each.name: each for each in manifest.files}
    strange = sorted(files.keys() ^ {MANIFEST, SEAL, *listed})
    yield Check("the files are those that the manifest lists", not strange, ", ".join(strange))
    wrong = [
        name for name, each in listed.items()
        if name in files and (len(files[name]), hashlib.sha256(files[name]).hexdigest()) != (each.bytes, each.sha256)
    ]  # fmt: skip
    yield Check("each file is, byte for byte, the one that the manifest names", not wrong, ", ".join(wrong))


def _root(files: Mapping[str, bytes], fingerprint: bytes | None) -> PublicKey | None:
    spki = files.get(ROOT_KEY, b"")
    if fingerprint is not None and hashlib.sha256(spki).digest() != fingerprint:
        return None
    try:
        return PublicKey.from_spki(spki)
    except DecodeError:
        return None


def _trust(files: Mapping[str, bytes], root: PublicKey, name: str) -> TrustStore | None:
    store = TrustStore(root).accept(files.get(name, b""))
    return None if isinstance(store, TrustRefusal) else store


def _is_named(store: TrustStore | None, number: int | None) -> bool:
    return (store.number if store else None) == number


def _seal_claim(files: Mapping[str, bytes], manifest: Manifest, trust: TrustStore | None) -> Check:
    """Whether the aggregator's key signed this manifest."""
    claim, seal = (
        "the aggregator's key, granted AUDIT by the root, sealed the manifest",
        read_seal(files.get(SEAL, b"")),
    )
    if seal is None or trust is None:
        return Check(claim, is_held=False)
    try:
        envelope = parse(files[SEAL])
    except BadEnvelope:
        return Check(claim, is_held=False)
    refusal = trust.check(envelope, Context.EXPORT, Role.AUDIT, city=seal.city, at_ms=seal.made_ms)
    if refusal is not None:
        return Check(claim, is_held=False, detail=refusal.name.lower())
    is_same = (seal.city, seal.hit.hex(), from_ms(seal.made_ms)) == (manifest.city, manifest.hit, manifest.made_at)
    is_hashed = hashlib.sha256(files[MANIFEST]).digest() == seal.manifest_sha256
    return Check(claim, is_same and is_hashed, "" if is_hashed else "the manifest is another one")


def _about(manifest: Manifest) -> str:
    said = manifest.said
    return f"hit {manifest.hit[:12]} of {said.device} at {said.point}, {said.city}, captured {_time(said.captured_at)}"


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
