"""The last hotlist at rest, so that a box that starts without a network knows whom to look for.

What was accepted is kept as it was signed, manifest and snapshot, sealed by the box's vault in one file of the data
folder. Nothing of it is believed at a start that would not be believed from the broker: signatures, officers, version
and expiry are judged again. It is in the clear nowhere on the disk.

A list of 200,000 that changes every minute would wear a flash disk out. So a file beside the whole one takes what
changed since (`protocol.hotlist_delta`), with the newest manifest, until that is worth writing the whole anew. Each
file is put in place whole, the whole one first: after a power cut in between, what changed since belongs to another
list, and is passed over.

Where it may be kept is the operator's to say (`hotlist.at_rest`): only under a key that the TPM holds, in
memory only, or also under a key in a file, which whoever takes the disk can read. A list that may not be kept any more
is removed.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

import structlog

from edge_agent.adapters.keystore import write_private
from edge_agent.adapters.vault import Vault, is_in_tpm, open_vault
from edge_agent.errors import VaultError
from protocol.errors import DecodeError
from protocol.hotlist_delta import Contents, apply_delta, contents_of, make_delta

NAME: Final = "hotlist.sealed"
SINCE: Final = "hotlist-since.sealed"
PURPOSE: Final = "hotlist"
PURPOSE_SINCE: Final = "hotlist-since"
WORTH: Final = 8
"""What changed is kept by itself while it is at most this part of the whole."""
_HEAD_SINCE: Final = struct.Struct(">IQ32s")  # bytes of the manifest; size and SHA-256 of the snapshot

AtRest: TypeAlias = Literal["tpm", "memory", "accept-risk"]
"""What the operator allows."""
Place: TypeAlias = Literal["tpm", "memory", "file"]
"""Where the list really is besides memory."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeptList:
    """A list as it was signed."""

    manifest: bytes = field(repr=False)
    artefact: bytes = field(repr=False)


class HotlistShelf(Protocol):
    """Keeps one list. Every method may block for as long as a disk or a TPM takes."""

    @property
    def place(self) -> Place:
        """Where it is kept."""
        ...

    def keep(self, kept: KeptList) -> None:
        """Keep this list instead of the last."""
        ...

    def take(self) -> KeptList | None:
        """The list that is kept, if it can be read."""
        ...

    def clear(self) -> None:
        """Keep none."""
        ...


class NoShelf:
    """The list is in memory and nowhere else."""

    place: Place = "memory"

    def keep(self, kept: KeptList) -> None:
        """Not here."""

    def take(self) -> None:
        """There is none."""

    def clear(self) -> None:
        """Nothing to do."""


class SealedShelf:
    """One file, sealed, and what changed since. A disk that fails costs the list at rest, never that in memory."""

    def __init__(self, path: Path, vault: Vault) -> None:
        """Keep it at a path, under a vault's key."""
        self._path, self._since, self._vault = path, path.with_name(SINCE), vault
        self._whole: Contents | None = None

    @property
    def place(self) -> Place:
        """Where the sealing key lies."""
        return "tpm" if self._vault.is_hardware else "file"

    def keep(self, kept: KeptList) -> None:
        """Seal what changed, if that is much less than the whole; else all of it, in the last one's place."""
        try:
            contents = contents_of(kept.artefact)
            delta = self._delta_to(kept.artefact, contents)
            if delta is not None:
                head = _HEAD_SINCE.pack(len(kept.manifest), len(kept.artefact), contents.sha256)
                write_private(self._since, self._vault.seal(PURPOSE_SINCE, head + kept.manifest + delta))
                return
            self._whole = None
            head = len(kept.manifest).to_bytes(4, "big")
            write_private(self._path, self._vault.seal(PURPOSE, head + kept.manifest + kept.artefact))
            self._since.unlink(missing_ok=True)
            self._whole = contents
        except OSError as exc:
            log.warning("hotlist_not_kept", why=exc.strerror)

    def take(self) -> KeptList | None:
        """Open it; one that cannot be opened is removed."""
        try:
            plain = self._vault.open(PURPOSE, self._path.read_bytes())
            ends = 4 + int.from_bytes(plain[:4], "big")
            kept = KeptList(plain[4:ends], plain[ends:])
            self._whole = contents_of(kept.artefact)
            return self._changed_since(kept)
        except FileNotFoundError:
            return None
        except (OSError, VaultError, DecodeError) as exc:
            log.warning("hotlist_at_rest_unreadable", why=str(exc))
            self.clear()
            return None

    def clear(self) -> None:
        """Remove it, if the disk lets us."""
        self._whole = None
        _remove(self._path)

    def _delta_to(self, artefact: bytes, contents: Contents) -> bytes | None:
        """What changed since the whole was written, if it is little."""
        if self._whole is None or not self._path.exists():
            return None
        delta = make_delta(self._whole, artefact, contents)
        return delta if delta is not None and WORTH * len(delta) <= len(artefact) else None

    def _changed_since(self, kept: KeptList) -> KeptList:
        """The list with what changed since; the list as it is, if nothing did or it belongs to another list."""
        if self._whole is None or not self._since.exists():
            return kept
        plain = self._vault.open(PURPOSE_SINCE, self._since.read_bytes())
        manifest_bytes, size_bytes, sha256 = _HEAD_SINCE.unpack_from(plain)
        ends = _HEAD_SINCE.size + manifest_bytes
        artefact = apply_delta(
            plain[ends:], kept.artefact, base_sha256=self._whole.sha256, sha256=sha256, size_bytes=size_bytes
        )
        if isinstance(artefact, bytes):
            return KeptList(plain[_HEAD_SINCE.size : ends], artefact)
        log.warning("hotlist_change_at_rest_useless", why=artefact.value)
        return kept


def place_at_rest(allowed: AtRest, identity_dir: Path) -> Place:
    """Where the list lies besides memory, by what the operator allows and the box has."""
    if allowed == "memory":
        return "memory"
    if is_in_tpm(identity_dir):
        return "tpm"
    return "file" if allowed == "accept-risk" else "memory"


def open_shelf(allowed: AtRest, identity_dir: Path, data_dir: Path) -> HotlistShelf:
    """The shelf that the operator allows and the box can have; a list that lies where it may not is removed."""
    if place_at_rest(allowed, identity_dir) == "memory":
        _remove(data_dir / NAME)
        return NoShelf()
    try:
        return SealedShelf(data_dir / NAME, open_vault(identity_dir))
    except VaultError as exc:
        # The box works from memory as well. What lies there stays: a TPM that does not answer now may later.
        log.warning("hotlist_in_memory_only", why=str(exc))
        return NoShelf()


def _remove(path: Path) -> None:
    """Remove a list, what changed since first: alone it is worth nothing. A disk that cannot be written is told."""
    try:
        path.with_name(SINCE).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    except OSError as exc:
        log.error("hotlist_not_removed", why=exc.strerror)  # noqa: TRY400  no frames in a log
