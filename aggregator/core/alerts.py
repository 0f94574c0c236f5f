"""Alerts: what becomes of an event on an operator's screen, from the first glance to the outcome.

    new --ack--> seen --confirm--> confirmed --dispatch--> dispatched --arrive--> on site --close--> closed
                    \\--reject---> rejected

1. A hit is no fact until a person has confirmed it: nobody is sent for one that is not. A panic button, an alarm and a
   report are somebody's call for help or a camera's own word: somebody may be sent for them at once.
2. What nobody has seen is not closed. Closing takes an outcome from the list below; which depends on the kind.
3. Whoever comes second is told who was first. A confirmation, a rejection or an outcome is taken back only on purpose
   (`is_correction`), never because two people clicked at once. A rejection whose plate was erased stays.
4. Boxes have their say afterwards. What a later frame made certain upgrades the alert, and opens it again if a person
   had rejected the lesser form. A hit that its box withdrew altogether closes its alert, if nobody has decided on it
   yet; one more hit opens it again. People's decisions are theirs: no box undoes them.
5. An alert that turned out to be of the same vehicle as another is merged into it, and keeps the further state.
6. Everything that happens to an alert is a line of its history. Lines are added, never changed.

Nothing in an alert holds a plate.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, unique
from typing import Final

from protocol.messages import Quality

SERVICE: Final = "service:alerts"


@unique
class Kind(StrEnum):
    """What an alert tells of."""

    HIT = "hit"
    PANIC = "panic"
    ALARM = "alarm"
    REPORT = "report"


@unique
class State(StrEnum):
    """Where an alert stands."""

    NEW = "new"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    DISPATCHED = "dispatched"
    ON_SITE = "on_site"
    CLOSED = "closed"
    MERGED = "merged"


# How far an alert has come, for two that turn out to be one.
OPEN: Final = (State.NEW, State.SEEN, State.CONFIRMED, State.DISPATCHED, State.ON_SITE)


@unique
class Act(StrEnum):
    """What happens to an alert. The first six are people's."""

    ACK = "ack"
    CONFIRM = "confirm"
    REJECT = "reject"
    DISPATCH = "dispatch"
    ARRIVE = "arrive"
    CLOSE = "close"
    RAISE = "raise"
    ADD = "add"
    AMEND = "amend"
    UPGRADE = "upgrade"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"
    END = "end"
    MERGE = "merge"
    ERASE = "erase"


@unique
class Outcome(StrEnum):
    """How an alert ended."""

    RECOVERED = "recovered"
    DETAINED = "detained"
    CLEARED = "cleared"
    ENTRY_OUTDATED = "entry_outdated"
    WRONG_VEHICLE = "wrong_vehicle"
    NOT_FOUND = "not_found"
    ASSISTED = "assisted"
    FALSE_ALARM = "false_alarm"
    NO_ACTION = "no_action"
    DUPLICATE = "duplicate"
    TEST = "test"
    WITHDRAWN = "withdrawn"  # by the box; never a person's


_HELP: Final = frozenset({Outcome.ASSISTED, Outcome.DETAINED, Outcome.FALSE_ALARM})
_ANY: Final = frozenset({Outcome.NOT_FOUND, Outcome.NO_ACTION, Outcome.DUPLICATE, Outcome.TEST})
OUTCOMES: Final[dict[Kind, frozenset[Outcome]]] = {
    Kind.HIT: _ANY
    | {Outcome.RECOVERED, Outcome.DETAINED, Outcome.CLEARED, Outcome.ENTRY_OUTDATED, Outcome.WRONG_VEHICLE},
    Kind.PANIC: _ANY | _HELP,
    Kind.ALARM: _ANY | _HELP,
    Kind.REPORT: _ANY | _HELP | {Outcome.RECOVERED, Outcome.CLEARED},
}
# What an outcome says of the read; the others say nothing.
READ_WAS_RIGHT: Final[dict[Outcome, bool]] = {
    Outcome.RECOVERED: True,
    Outcome.DETAINED: True,
    Outcome.CLEARED: True,
    Outcome.ENTRY_OUTDATED: True,
    Outcome.WRONG_VEHICLE: False,
}

_UNSEEN: Final = (State.NEW, State.SEEN)
_STEPS: Final[dict[Act, tuple[Collection[State], State]]] = {
    Act.ACK: ((State.NEW,), State.SEEN),
    Act.CONFIRM: (_UNSEEN, State.CONFIRMED),
    Act.REJECT: (_UNSEEN, State.REJECTED),
    Act.DISPATCH: ((State.CONFIRMED,), State.DISPATCHED),
    Act.ARRIVE: ((State.DISPATCHED,), State.ON_SITE),
    Act.CLOSE: ((State.SEEN, State.CONFIRMED, State.DISPATCHED, State.ON_SITE), State.CLOSED),
}
_CORRECTIONS: Final[dict[Act, State]] = {
    Act.CONFIRM: State.REJECTED,
    Act.REJECT: State.CONFIRMED,
    Act.CLOSE: State.CLOSED,
}
PEOPLES: Final = tuple(_STEPS)
# What only a dispatcher does, where the settings name some.
DISPATCHERS_ONLY: Final = frozenset(PEOPLES) - {Act.ACK}
_DECISIONS: Final = frozenset({Act.CONFIRM, Act.REJECT, Act.CLOSE})
_FOUND: Final = {Act.CONFIRM: True, Act.REJECT: False}


@unique
class Denied(StrEnum):
    """Why a step is not taken."""

    NOT_FROM_HERE = "not from here"
    TAKES_BACK = "takes back"  # legal as a correction
    NOT_CONFIRMED = "not confirmed"
    ERASED = "erased"
    NO_OUTCOME = "no outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert as it stands.

    `exact`, `possible` and `withdrawn` count its hits as they are now. `is_true` is the last word of a person who
    looked at it, whatever came of it.
    """

    kind: Kind
    state: State = State.NEW
    exact: int = 0
    possible: int = 0
    withdrawn: int = 0
    outcome: Outcome | None = None
    is_true: bool | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    ended_at: datetime | None = None
    unit: str | None = None  # who was sent
    is_erased: bool = False

    @property
    def quality(self) -> Quality | None:
        """How sure its hits are; none if it has none, or its boxes withdrew them all."""
        if self.exact:
            return Quality.EXACT
        return Quality.POSSIBLE if self.possible else None

    @property
    def is_open(self) -> bool:
        """Whether somebody has something to do with it still."""
        return self.state in OPEN

    @property
    def takes_hits(self) -> bool:
        """Whether a further hit of the vehicle belongs to it whenever it was: what a box closed, people have not."""
        return self.is_open or (self.state is State.CLOSED and self.outcome is Outcome.WITHDRAWN)

    @property
    def was_right(self) -> bool | None:
        """What people found: the read was right, or wrong, or nobody can tell."""
        return self.is_true if self.outcome is None else READ_WAS_RIGHT.get(self.outcome, self.is_true)


def stepped(
    alert: Alert,
    act: Act,
    *,
    by: str,
    at: datetime,
    outcome: Outcome | None = None,
    is_correction: bool = False,
) -> Alert | Denied:
    """The alert after a person's step, or why it is not taken."""
    if (outcome is not None) != (act is Act.CLOSE) or (outcome and outcome not in OUTCOMES[alert.kind]):
        return Denied.NO_OUTCOME
    denied = _denied(alert, act, is_correction=is_correction)
    if denied is not None:
        return denied
    after = replace(alert, state=_STEPS[act][1], outcome=outcome, is_true=_FOUND.get(act, alert.is_true))
    return replace(after, decided_at=at, decided_by=by) if act in _DECISIONS else after


def _denied(alert: Alert, act: Act, *, is_correction: bool) -> Denied | None:
    if alert.state in _STEPS[act][0]:
        return None
    if act is Act.DISPATCH and alert.state in _UNSEEN:
        return Denied.NOT_CONFIRMED if alert.kind is Kind.HIT else None
    if alert.state is not _CORRECTIONS.get(act) or alert.outcome is Outcome.WITHDRAWN:
        return Denied.NOT_FROM_HERE
    if not is_correction:
        return Denied.TAKES_BACK
    return Denied.ERASED if alert.is_erased else None


def with_hit(alert: Alert, quality: Quality | None, *, by: int = 1) -> Alert:
    """The alert with one hit more (or, by -1, less) of a quality; none: withdrawn."""
    if alert.kind is not Kind.HIT:
        return alert
    match quality:
        case Quality.EXACT:
            return replace(alert, exact=alert.exact + by)
        case Quality.POSSIBLE:
            return replace(alert, possible=alert.possible + by)
        case None:
            return replace(alert, withdrawn=alert.withdrawn + by)


def settled(before: Alert, after: Alert) -> tuple[Alert, tuple[Act, ...]]:
    """What follows by itself from a change of an alert's hits: the alert, and what happened to it."""
    if after.kind is not Kind.HIT:
        return after, ()
    if after.quality is None:
        is_told = before.quality is not None or after.state in _UNSEEN
        if after.state in _UNSEEN:
            after = replace(after, state=State.CLOSED, outcome=Outcome.WITHDRAWN)
        return after, (Act.WITHDRAW,) if is_told else ()
    acts = [Act.UPGRADE] if (before.quality, after.quality) == (Quality.POSSIBLE, Quality.EXACT) else []
    if _opens_again(before, after):
        acts.append(Act.REOPEN)
        after = Alert(kind=after.kind, exact=after.exact, possible=after.possible, withdrawn=after.withdrawn)
    return after, tuple(acts)


def _opens_again(before: Alert, after: Alert) -> bool:
    if after.state is State.CLOSED and after.outcome is Outcome.WITHDRAWN:
        return True
    return after.state is State.REJECTED and after.quality is Quality.EXACT and before.quality is not Quality.EXACT


def merged(into: Alert, absorbed: Alert) -> Alert:
    """One alert of two that take hits: the hits of both, and the further state with whoever decided it."""
    further = absorbed if _progress(absorbed) > _progress(into) else into
    return replace(
        further,
        exact=into.exact + absorbed.exact,
        possible=into.possible + absorbed.possible,
        withdrawn=into.withdrawn + absorbed.withdrawn,
    )


def _progress(alert: Alert) -> int:
    return OPEN.index(alert.state) + 1 if alert.is_open else 0


def may(actor: str, act: Act, dispatchers: Collection[str]) -> bool:
    """Whether somebody may take a step; `dispatchers` are names without `os:`, none: everybody."""
    return not dispatchers or act not in DISPATCHERS_ONLY or actor.removeprefix("os:") in dispatchers


def priority(kind: Kind, quality: Quality | None, *, is_trial: bool) -> int:
    """What is to be looked at first: 1 first, 5 last."""
    if is_trial:
        return 5
    if kind in (Kind.PANIC, Kind.REPORT):
        return 1
    if kind is Kind.HIT:
        return 2 if quality is Quality.EXACT else 3
    return 4
