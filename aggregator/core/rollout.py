"""Rollouts: which boxes get a change of what they run, when each gets it, and when it stops by itself.

1. A rollout is for named boxes, for all of a city, or for a share of it; with a profile, for the boxes of that
   profile. Boxes that are named get the profile that is named; else each keeps its own. Revoked boxes get nothing.
2. A share is no lottery: a box is in it if a hash over rollout and box falls below the share. So a share that grows
   only adds boxes, and the next rollout begins with others.
3. Boxes are served in the rings of their profiles: canary, early, broad. A ring gets its documents once every box of
   the rings before it has kept its own; boxes that say nothing hold the others up for `ring_wait`, no longer, and not
   if no box at all has kept it.
4. A box that rolls back or refuses halts the rollout: what was sent stays sent, later rings get nothing. A person looks
   why, and aborts it, or starts another for the rest.
5. An abort writes every box that has not rolled back by itself a new document that says what it ran before; where there
   was nothing before, one that says nothing but the box's profile. A region that does not know what was before sends
   nothing: the box's city does.
6. A newer rollout for a box outranks an older one: the older has nothing more to say to it.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum, unique
from typing import Final

from aggregator.errors import BadInput
from protocol.point_messages import SettingsState
from protocol.settings import LONGEST_TRIAL_S, MAX_TEXT_CHARACTERS

DEFAULT_TRIAL_S: Final = 600
EVERYBODY: Final = 100


@unique
class Ring(IntEnum):
    """Who is served first."""

    CANARY = 0
    EARLY = 1
    BROAD = 2


@unique
class Standing(StrEnum):
    """Where a box stands in a rollout."""

    WAITING = "waiting"
    SENT = "sent"
    KEPT = "kept"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


@unique
class Course(StrEnum):
    """Where a rollout stands."""

    RUNNING = "running"
    HALTED = "halted"
    DONE = "done"
    ABORTED = "aborted"


FAILED: Final = frozenset({Standing.ROLLED_BACK, Standing.REFUSED})
_SETTLED: Final = frozenset({Standing.KEPT, Standing.SUPERSEDED})
_OF_RESULT: Final = {
    SettingsState.KEPT: Standing.KEPT,
    SettingsState.ROLLED_BACK: Standing.ROLLED_BACK,
    SettingsState.REFUSED: Standing.REFUSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutBox:
    """A box of a rollout. `is_outranked`: a newer document is for it, whatever came of this one."""

    device: str
    point: str
    profile: str
    ring: Ring
    standing: Standing
    number: int | None = None
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    reason: str = ""
    note: str = ""
    is_outranked: bool = False


@dataclass(frozen=True, slots=True)
class ProfilePlan:
    """What a rollout takes from a profile's text."""

    ring: Ring
    trial_s: int


def plan_of(profile_toml: str, trial_s: int | None) -> ProfilePlan:
    """Ring and trial of a profile's boxes; without a profile the last ring. `trial_s` outranks the profile's."""
    update = tomllib.loads(profile_toml).get("update", {})
    ring = Ring[str(update.get("ring", "broad")).upper()]
    return ProfilePlan(ring, min(trial_s or int(update.get("trial_s", DEFAULT_TRIAL_S)), LONGEST_TRIAL_S))


def check_settings_text(text: str) -> str:
    """A document's settings; raises `BadInput` if no box could read them."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadInput(f"the settings are not TOML: {exc}") from exc
    plain = text.replace("\r\n", "\n")
    if len(plain) > MAX_TEXT_CHARACTERS:
        raise BadInput(f"the settings have {len(plain)} characters, and at most {MAX_TEXT_CHARACTERS} are taken")
    return plain


def is_in_share(rollout: str, device: str, percent: int) -> bool:
    """Whether a box is in a rollout's share; one that is stays in every larger share of the same rollout."""
    digest = hashlib.sha256(f"{rollout}\x00{device}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * EVERYBODY < percent << 64


def standing_of(number: int | None, state: int | None, *, is_superseded: bool) -> Standing:
    """Where a box stands, by its document and its answer."""
    if state is not None:
        return _OF_RESULT[SettingsState(state)]
    if is_superseded:
        return Standing.SUPERSEDED
    return Standing.WAITING if number is None else Standing.SENT


def course_of(boxes: Iterable[RolloutBox], *, is_aborted: bool) -> Course:
    """Where a rollout stands, by its boxes."""
    if is_aborted:
        return Course.ABORTED
    standings = {box.standing for box in boxes}
    if standings & FAILED:
        return Course.HALTED
    return Course.DONE if standings <= _SETTLED else Course.RUNNING


def due(boxes: Sequence[RolloutBox], *, now: datetime, ring_wait: timedelta) -> list[RolloutBox]:
    """The boxes that are to get their document now."""
    if any(box.standing in FAILED for box in boxes):
        # The ring that is open goes on; the next ones do not.
        reached = max((box.ring for box in boxes if box.number is not None), default=Ring.CANARY)
        return [box for box in boxes if box.standing is Standing.WAITING and box.ring <= reached]
    for ring in Ring:
        before = [box for box in boxes if box.ring < ring]
        if not _is_open(before, now, ring_wait):
            return []
        waiting = [box for box in boxes if box.ring is ring and box.standing is Standing.WAITING]
        if waiting:
            return waiting
    return []


def _is_open(before: Sequence[RolloutBox], now: datetime, ring_wait: timedelta) -> bool:
    """Whether the rings before have done their part."""
    left = [box for box in before if box.standing not in _SETTLED]
    if not left:
        return True
    is_kept_somewhere = any(box.standing is Standing.KEPT for box in before)
    is_old = all(box.sent_at is not None and now - box.sent_at >= ring_wait for box in left)
    return is_kept_somewhere and is_old
