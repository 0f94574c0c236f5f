"""A settings document's way on a box: taken, tried, kept or rolled back. States and judgement, no deeds.

1. The state names documents by their SHA-256; it is written whole, in one step. So at any instant the box runs either
   the document it kept or the one it tries, never a part of each, and a power cut cannot change that.
2. `taken` is the document accepted last, whatever became of it: an older one is a rollback, and the same one again
   (the broker keeps it) is not tried twice.
3. Each start during a trial is counted before anything else is done, and one that ends in order is counted back. After
   `MOST_STARTS` the document is given up: it is one that brings the box down, or the power.
4. A trial is judged by the box alone, after `trial_s` without a restart: it has run on what the document asks for (or
   it would not have started), every camera that was live when the document came has given frames again, and, if the
   box was connected then, it has been connected since. A box that was off line is not held to its uplink.
5. What became of a document is owed to the region until it lies in the outbox; it may be said twice, never not at all.
6. The document kept before is held on to: should the one in force be found damaged, it is run instead.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from protocol.point_messages import SettingsResult, SettingsState
from protocol.settings import SettingsDocument, Taken

MOST_STARTS: Final = 3
HEALTHY: Final = "healthy"
UNCHANGED: Final = "unchanged"
SUPERSEDED: Final = "superseded"
CRASHED: Final = "crashed"
BAD_DOCUMENT: Final = "bad_document"
NO_FRAMES: Final = "no_frames"
NO_UPLINK: Final = "no_uplink"
MOST_NOTE: Final = 120

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is kept on disk."""


class Named(Part, frozen=True, kw_only=True):
    """A document by its number and the SHA-256 of its envelope."""

    number: int
    sha256: Sha256
    rollout: str


class Trial(Part, frozen=True, kw_only=True):
    """A document on trial, and how the box was when it came."""

    document: Named
    trial_s: int
    starts: int = 0
    cameras: tuple[str, ...] = ()
    was_connected: bool = False


class Owed(Part, frozen=True, kw_only=True):
    """A result that is not in the outbox yet."""

    number: int
    rollout: str
    state: int
    reason: str
    note: str = ""

    @property
    def body(self) -> SettingsResult:
        """The message."""
        return SettingsResult(
            number=self.number,
            rollout=self.rollout,
            state=SettingsState(self.state),
            reason=self.reason,
            note=self.note,
        )


class State(Part, frozen=True, kw_only=True):
    """All that a box knows of its documents. The empty state is that of a box that never had one."""

    taken: Named | None = None
    kept: Named | None = None
    before: Named | None = None
    trial: Trial | None = None
    owed: tuple[Owed, ...] = ()

    @property
    def last(self) -> Taken:
        """What a new document must not be older than."""
        return Taken(self.taken.number, bytes.fromhex(self.taken.sha256)) if self.taken else Taken()

    @property
    def needed(self) -> frozenset[str]:
        """The documents that must lie on disk, by SHA-256."""
        tried = self.trial.document if self.trial else None
        return frozenset(each.sha256 for each in (self.kept, self.before, tried) if each is not None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trial has shown so far."""

    cameras: Collection[str]
    was_connected: bool


def named(document: SettingsDocument, sha256: bytes) -> Named:
    """A document's name in the state."""
    return Named(number=document.number, sha256=sha256.hex(), rollout=document.rollout)


def tried(state: State, document: Named, trial_s: int, before: Seen) -> State:
    """The state with a document on trial; one that was on trial already is superseded."""
    state = rolled_back(state, SUPERSEDED)
    trial = Trial(
        document=document, trial_s=trial_s, cameras=tuple(sorted(before.cameras)), was_connected=before.was_connected
    )
    return msgspec.structs.replace(state, taken=document, trial=trial)


def adopted(state: State, document: Named) -> State:
    """The state with a document kept untried, because it says what is in force already."""
    state = msgspec.structs.replace(rolled_back(state, SUPERSEDED), taken=document, kept=document)
    return _owing(state, document, SettingsState.KEPT, UNCHANGED)


def refused(state: State, document: Named, reason: str, note: str) -> State:
    """The state after a document that is the region's and yet cannot be run. What is on trial stays so."""
    return _owing(msgspec.structs.replace(state, taken=document), document, SettingsState.REFUSED, reason, note)


def started(state: State) -> State:
    """The state at a start: counted, or the trial given up because it was started too often."""
    trial = state.trial
    if trial is None:
        return state
    if trial.starts >= MOST_STARTS:
        return rolled_back(state, CRASHED, f"{trial.starts} starts, and never {trial.trial_s} s without another")
    return msgspec.structs.replace(state, trial=msgspec.structs.replace(trial, starts=trial.starts + 1))


def ended_in_order(state: State) -> State:
    """The state after an orderly end: that start does not count."""
    trial = state.trial
    if trial is None or trial.starts == 0:
        return state
    return msgspec.structs.replace(state, trial=msgspec.structs.replace(trial, starts=trial.starts - 1))


def judged(trial: Trial, seen: Seen) -> str | None:
    """None if a trial that has lasted its time is good, else why not."""
    if not set(trial.cameras) <= set(seen.cameras):
        return NO_FRAMES
    return NO_UPLINK if trial.was_connected and not seen.was_connected else None


def kept(state: State) -> State:
    """The state with the document on trial in force."""
    trial = state.trial
    if trial is None:
        return state
    state = msgspec.structs.replace(state, trial=None, before=state.kept, kept=trial.document)
    return _owing(state, trial.document, SettingsState.KEPT, HEALTHY)


def rolled_back(state: State, reason: str, note: str = "") -> State:
    """The state without the document on trial; what was kept is in force again."""
    trial = state.trial
    if trial is None:
        return state
    state = msgspec.structs.replace(state, trial=None)
    return _owing(state, trial.document, SettingsState.ROLLED_BACK, reason, note)


def told(state: State, count: int) -> State:
    """The state after the first results have been written to the outbox."""
    return msgspec.structs.replace(state, owed=state.owed[count:])


def as_note(text: str) -> str:
    """A text as a message may carry it."""
    return "".join(each if each.isprintable() else " " for each in text)[:MOST_NOTE]


def _owing(state: State, document: Named, what: SettingsState, reason: str, note: str = "") -> State:
    owed = Owed(number=document.number, rollout=document.rollout, state=int(what), reason=reason, note=as_note(note))
    return msgspec.structs.replace(state, owed=(*state.owed, owed))
