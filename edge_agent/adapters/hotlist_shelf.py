"""The last hotlist at rest, so that a box that starts without a network knows whom to look for.

What was accepted is kept as it was signed, manifest and snapshot, sealed by the box's vault in one file of the data
folder. Nothing of it is believed at a start that would not be believed from the broker: signatures, officers, version
and expiry are judged again. It is in the clear nowhere on the disk.

Where it may be kept is the operator's to say (`hotlist.at_rest`): only under a key that the TPM holds, in
memory only, or also under a key in a file, which whoever takes the disk can read. A list that may not be kept any more
is removed.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

import structlog

from edge_agent.adapters.keystore import write_private
from edge_agent.adapters.vault import Vault, is_in_tpm, open_vault
from edge_agent.errors import VaultError

NAME: Final = "hotlist.sealed"
PURPOSE: Final = "hotlist"

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


@dataclass(frozen=True, slots=True)
class SealedShelf:
    """One file, sealed. A disk that fails costs the list at rest, never the list in memory."""

    path: Path
    vault: Vault

    @property
    def place(self) -> Place:
        """Where the sealing key lies."""
        return "tpm" if self.vault.is_hardware else "file"

    def keep(self, kept: KeptList) -> None:
        """Seal it, and put it in the last one's place."""
        head = len(kept.manifest).to_bytes(4, "big")
        try:
            write_private(self.path, self.vault.seal(PURPOSE, head + kept.manifest + kept.artefact))
        except OSError as exc:
            log.warning("hotlist_not_kept", why=exc.strerror)

    def take(self) -> KeptList | None:
        """Open it; one that cannot be opened is removed."""
        try:
            plain = self.vault.open(PURPOSE, self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, VaultError) as exc:
            log.warning("hotlist_at_rest_unreadable", why=str(exc))
            self.clear()
            return None
        ends = 4 + int.from_bytes(plain[:4], "big")
        return KeptList(plain[4:ends], plain[ends:])

    def clear(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)


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
        (data_dir / NAME).unlink(missing_ok=True)
        return NoShelf()
    try:
        return SealedShelf(data_dir / NAME, open_vault(identity_dir))
    except VaultError as exc:
        # The box works from memory as well. What lies there stays: a TPM that does not answer now may later.
        log.warning("hotlist_in_memory_only", why=str(exc))
        return NoShelf()
