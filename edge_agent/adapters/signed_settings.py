"""What a box runs now: its local file under the document that is in force, read and verified anew each time.

`read_in_force` looks and changes nothing, for commands; `begin` is for the agent's start: it counts the start of a
trial, and gives a trial up that was started too often or cannot be believed any more. If the document in force does
not hold, the one before it is run, and if that does not hold either, the defaults under the local file: never a text
that nobody signed. Each of these is told as an alarm.
"""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from edge_agent.adapters.keystore import TrustFile, load_enrolment
from edge_agent.adapters.profiles import profile_names, profile_text
from edge_agent.adapters.settings_folder import NAME, PROFILE, SettingsFolder
from edge_agent.core.layers import layered, passed_over, profile_of, site_layer
from edge_agent.core.rollout import BAD_DOCUMENT, Named, Seen, named, rolled_back, started, tried
from edge_agent.errors import BadProfile, BadSettings, EdgeError, NotEnrolled
from edge_agent.settings import Settings, parse_tree
from protocol.envelope import envelope_hash
from protocol.settings import SettingsDocument, SettingsRefusal, check_settings

NOTHING_SIGNED: Final = "no document on the disk can be believed: the defaults are run"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """The site's own file: its path and its tables."""

    path: Path
    tree: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "LocalFile":
        """Read it; raises `BadSettings`."""
        try:
            return cls(path, tomllib.loads(path.read_text(encoding="utf-8")))
        except tomllib.TOMLDecodeError as exc:
            raise BadSettings(f"{path}: not TOML: {exc}") from exc
        except (OSError, UnicodeDecodeError) as exc:
            raise BadSettings(f"{path}: cannot be read; give a settings file with --config FILE") from exc

    @property
    def alone(self) -> Settings:
        """Its settings without a document; raises `BadSettings`."""
        return parse_tree(self.tree, self.path)

    @property
    def of_the_site(self) -> Settings:
        """Its settings without what only a document may say; raises `BadSettings`."""
        return parse_tree(site_layer(self.tree), self.path)

    def under(self, document: SettingsDocument) -> Settings:
        """The settings under a document; raises `BadSettings` or `BadProfile`."""
        settings = parse_tree(layered(self.tree, document), self.path)
        return msgspec.structs.replace(settings, profile=document.profile)


@dataclass(frozen=True, slots=True)
class InForce:
    """What a box runs, by whose word. `folder` is None on a box that is not enrolled."""

    settings: Settings
    local: LocalFile
    folder: SettingsFolder | None = None
    document: SettingsDocument | None = None
    is_trial: bool = False
    alarms: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the local file speaks for all: the region has not spoken, or nothing of it was ever kept."""
        return self.document is None and not self.alarms

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Keys of the local file that do not count."""
        return () if self.is_local else passed_over(self.local.tree)


def effective_settings(path: Path) -> Settings:
    """The settings that hold on this box, for commands; raises `BadSettings`.

    Documents are believed under the box's identity. Where that is broken the local file speaks alone here, so that a
    command which is to find out what is wrong can.
    """
    try:
        return read_in_force(path).settings
    except BadSettings:
        raise
    except EdgeError:
        return LocalFile.read(path).alone


def read_in_force(path: Path) -> InForce:
    """What the box runs, or would at its next start, without counting one; raises `BadSettings`."""
    local = LocalFile.read(path)
    folder = _folder(local)
    return _in_force(local, folder)


def begin(path: Path) -> InForce:
    """What the box is to run now; a trial's start is counted. Raises `BadSettings`, `OutboxBroken`."""
    local = LocalFile.read(path)
    folder = _folder(local)
    if folder is None or not folder.is_used:
        return InForce(local.alone, local, folder)
    told = folder.problem
    state = started(folder.state)
    if state.trial is not None and not _fits(local, folder, state.trial.document):
        state = rolled_back(state, BAD_DOCUMENT)
    folder.keep(state)
    found = _in_force(local, folder)
    if found.document is not None and found.document.profile_toml:
        folder.put_profile(found.document.profile_toml)
        found = _in_force(local, folder)
    return replace(found, alarms=(*((told,) if told else ()), *found.alarms))


def install_settings(path: Path, raw: bytes) -> SettingsDocument:
    """Give an enrolled box its first document, to be tried at the agent's start; raises `BadSettings`.

    For a box whose agent does not run: a running one takes its documents from the broker.
    """
    local = LocalFile.read(path)
    folder = _folder(local)
    if folder is None:
        raise NotEnrolled(f"{local.alone.identity_dir}: this box is not enrolled, so it believes no document")
    document = check_settings(raw, folder.trust, folder.who, folder.state.last)
    if isinstance(document, SettingsRefusal):
        raise BadSettings(f"the settings document is refused: {document.value}")
    local.under(document)
    if folder.state.last.number != document.number:
        folder.put(raw)
        nothing = Seen(cameras=(), was_connected=False)
        folder.keep(tried(folder.state, named(document, envelope_hash(raw)), document.trial_s, nothing))
    return document


def _folder(local: LocalFile) -> SettingsFolder | None:
    """The documents of an enrolled box."""
    alone = local.alone
    try:
        enrolment = load_enrolment(alone.identity_dir)
    except NotEnrolled:
        return None
    trust = TrustFile(enrolment, alone.data_dir).store
    folder = SettingsFolder(alone.data_dir / NAME, enrolment.who, trust)
    folder.load()
    return folder


def _in_force(local: LocalFile, folder: SettingsFolder | None) -> InForce:
    if folder is None or not folder.is_used:
        return InForce(local.alone, local, folder)
    state, alarms = folder.state, [folder.problem] if folder.problem else []
    trial = state.trial.document if state.trial else None
    for each in (trial, state.kept, state.before):
        if each is None:
            continue
        found = _judged(local, folder, each)
        if not isinstance(found, str):
            settings, document = found
            settings = msgspec.structs.replace(settings, profile=_profile_name(folder, document))
            return InForce(settings, local, folder, document, each is trial, tuple(alarms))
        alarms.append(f"settings document {each.number}: {found}")
    is_lost = state.kept is not None or bool(alarms)
    settings = local.of_the_site if is_lost else local.alone
    return InForce(settings, local, folder, alarms=(*alarms, NOTHING_SIGNED) if is_lost else ())


def _profile_name(folder: SettingsFolder, document: SettingsDocument) -> str:
    """How `settings.profile` names a document's profile: by name if it is the release's own, else by its file."""
    if document.profile in profile_names() and profile_text(document.profile) == document.profile_toml:
        return document.profile
    file = folder.path / PROFILE
    is_written = file.exists() and file.read_bytes() == document.profile_toml.encode()
    return str(file) if is_written and document.profile_toml else document.profile


def _judged(local: LocalFile, folder: SettingsFolder, wanted: Named) -> tuple[Settings, SettingsDocument] | str:
    """Settings under a document on the disk, or why it cannot be run."""
    document = folder.believed(wanted.sha256)
    if document is None:
        return "missing"
    if isinstance(document, SettingsRefusal):
        return document.value
    try:
        profile_of(document)
        return local.under(document), document
    except (BadSettings, BadProfile) as exc:
        return str(exc)


def _fits(local: LocalFile, folder: SettingsFolder, wanted: Named) -> bool:
    return not isinstance(_judged(local, folder, wanted), str)
