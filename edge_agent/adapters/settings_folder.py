"""The settings documents of a box on its disk: `DATA_DIR/settings/`, for the agent alone.

    state.json           which document is in force, which is on trial, what is owed (`edge_agent.core.rollout`)
    <SHA-256>.cose       documents as they were signed
    profile.toml         the profile of the document that runs, for whoever wants a file; written anew at each start

Every file is put in place whole. The state names documents by their hash, so writing it is the one step that changes
what runs. A document is believed for its signature each time it is read, never for lying here. A state that cannot be
read is no reason to forget what the region said: of the documents that hold, the one of the highest number is tried
again, for nobody knows whether it had been found good, and the one below it is in force.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from edge_agent.adapters.keystore import write_private
from edge_agent.core.rollout import State, Trial, named
from edge_agent.errors import OutboxBroken
from protocol.order import Identity
from protocol.settings import SettingsDocument, SettingsRefusal, check_settings
from protocol.trust import TrustStore

NAME: Final = "settings"
STATE: Final = "state.json"
PROFILE: Final = "profile.toml"
_ENDING: Final = ".cose"


@dataclass(slots=True)
class SettingsFolder:
    """The folder of one box; `who` and `trust` decide what is believed."""

    path: Path
    who: Identity
    trust: TrustStore
    state: State = field(default_factory=State)
    problem: str = ""

    def load(self) -> None:
        """Read the state; `problem` says if it had to be guessed from the documents."""
        try:
            self.state = msgspec.json.decode((self.path / STATE).read_bytes(), type=State)
        except FileNotFoundError:
            self.state = self._guessed()
            self.problem = "the state of the settings is missing" if self.state.trial else ""
        except (OSError, UnicodeDecodeError, msgspec.DecodeError):
            self.state, self.problem = self._guessed(), "the state of the settings cannot be read"

    @property
    def is_used(self) -> bool:
        """Whether the region has ever sent this box a document."""
        return self.state != State() or bool(self.problem) or any(self._files())

    def believed(self, sha256: str) -> SettingsDocument | SettingsRefusal | None:
        """A document, if it is there and is what it was; else why not, or nothing if there is no such file."""
        try:
            raw = (self.path / f"{sha256}{_ENDING}").read_bytes()
        except OSError:
            return None
        if hashlib.sha256(raw).hexdigest() != sha256:
            return SettingsRefusal.BAD_SIGNATURE
        return check_settings(raw, self.trust, self.who)

    def put(self, raw: bytes) -> None:
        """Lay a document down, before the state names it; raises `OutboxBroken`."""
        self._write(f"{hashlib.sha256(raw).hexdigest()}{_ENDING}", raw)

    def keep(self, state: State) -> None:
        """Write the state, then drop what it does not need; raises `OutboxBroken`."""
        if state != self.state or self.problem or not (self.path / STATE).exists():
            self._write(STATE, msgspec.json.encode(state))
            self.state, self.problem = state, ""
        for file in self._files():
            if file.stem not in state.needed:
                file.unlink(missing_ok=True)

    def put_profile(self, text: str) -> Path:
        """The file of a profile's text; raises `OutboxBroken`."""
        file = self.path / PROFILE
        if not file.exists() or file.read_bytes() != text.encode():
            self._write(PROFILE, text.encode())
        return file

    def _write(self, name: str, data: bytes) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self.path / name, data)
        except OSError as exc:
            raise OutboxBroken(f"{self.path / name}: cannot be written: {exc.strerror}; free some disk") from exc

    def _files(self) -> list[Path]:
        return sorted(self.path.glob(f"*{_ENDING}"))

    def _guessed(self) -> State:
        """The state of documents that lost it."""
        found = [(self.believed(file.stem), file.stem) for file in self._files()]
        held = [(each, name) for each, name in found if isinstance(each, SettingsDocument)]
        held.sort(key=lambda pair: pair[0].number)
        names = [named(document, bytes.fromhex(name)) for document, name in held]
        if not names:
            return State()
        trial = Trial(document=names[-1], trial_s=held[-1][0].trial_s)
        return State(taken=names[-1], kept=names[-2] if names[:-1] else None, trial=trial)
