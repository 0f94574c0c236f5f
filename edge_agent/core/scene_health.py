"""A camera's health from glances: blocked, moved, blurred, dark or frozen, and since when.

What one glance gives cause to suspect, the first that fits
- dark: nothing in the picture is brighter than `DARK_HIGHLIGHTS` (no light, or a lens cap);
- blocked: the outlines are no longer the reference's and most edges have gone; or, before there is any reference, a
  picture without edges;
- moved: the picture fits the reference when shifted, and better than where it stands; or it has edges enough, but
  shows something else;
- blurred: its edges are much less steep than they were, and what it shows is still the same.

Frozen stands beside moved and blurred: the picture has not changed anywhere by more than an encoder's whim.

A suspicion becomes a condition when every glance has given it for `begin_s`, and ends when none has for `end_s`: a bus
at a stop, headlights, one damaged picture are no condition. Where the light has changed (day, night) a reference of
that light is learned first; until then the other one still tells a blocked picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from edge_agent.core.scene import Glance, Light, has_moved_on
from edge_agent.core.scene_reference import LEAST_EDGES, Likeness, Reference, compare
from protocol.point_messages import Condition, SceneFigures

DARK_HIGHLIGHTS: Final = 120
BLOCKED_OUTLINES: Final = 0.62
BLOCKED_EDGES: Final = 0.62
SAME_SHADES: Final = 0.75
MOVED_CELLS: Final = 1.0
MOVED_FITS: Final = 0.6
MOVED_FITS_BETTER: Final = 0.08
OTHER_VIEW: Final = 0.35
BLURRED: Final = 0.6
FOLLOW_CELLS: Final = 0.5
STILL_LEVELS: Final = 1
BLIND: Final = (Condition.DARK, Condition.BLOCKED)
"""A picture of nothing may well stand still."""
PX_PER_CELL: Final = 30
"""Shifts are told in pixels of a picture 1920 wide, whatever the camera's size: 64 cells of 30."""


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long a suspicion must hold, and be gone."""

    begin_s: float = 60.0
    end_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Change:
    """A condition has begun or ended. `before` is what the reference says, or nothing if there was none."""

    condition: Condition
    is_active: bool
    since_s: float
    before: SceneFigures
    after: SceneFigures


@dataclass(slots=True)
class _Streak:
    """One condition: whether it holds, and since when glances have said the contrary."""

    is_active: bool = False
    contrary_s: float | None = None

    def see(self, *, is_suspected: bool, now_s: float, patience: Patience) -> float | None:
        """Since when the condition has just begun, or been over; None while nothing changes."""
        if is_suspected is self.is_active:
            self.contrary_s = None
            return None
        self.contrary_s = now_s if self.contrary_s is None else self.contrary_s
        if now_s - self.contrary_s < (patience.end_s if self.is_active else patience.begin_s):
            return None
        since_s, self.contrary_s = self.contrary_s, None
        self.is_active = not self.is_active
        return since_s


@dataclass(frozen=True, slots=True)
class SceneMemory:
    """What is kept of a camera across restarts: learned references, and what was wrong with it."""

    references: Mapping[Light, Reference] = field(default_factory=dict)
    active: frozenset[Condition] = frozenset()


class SceneHealth:
    """One camera, as it was remembered."""

    def __init__(self, memory: SceneMemory, patience: Patience) -> None:
        """Go on from an earlier run: what was wrong then is wrong until it has been seen not to be."""
        self.references = dict(memory.references)
        self._patience = patience
        self._streaks = {each: _Streak(is_active=each in memory.active) for each in Condition}
        self._last: Glance | None = None
        self._still_since_s = 0.0

    @property
    def memory(self) -> SceneMemory:
        """What is to be kept."""
        learned = {light: each for light, each in self.references.items() if each.is_learned}
        return SceneMemory(learned, frozenset(each for each, streak in self._streaks.items() if streak.is_active))

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong, nor suspected by the last glance."""
        return not any(streak.is_active or streak.contrary_s is not None for streak in self._streaks.values())

    def step(self, seen: Glance, now_s: float) -> list[Change]:
        """Take the next glance; returns what has begun or ended with it."""
        reference = self._reference_for(seen)
        likeness = compare(reference, seen) if reference else None
        suspected = suspicion(seen, likeness, has_own_light=self._is_learned(seen.light))
        is_still = self._is_still(seen, now_s)
        self._learn(seen, suspected, likeness)
        before = _figures_of(reference) if reference else SceneFigures(sharpness=0, brightness=0, contrast=0, edges=0)
        after = figures_of(seen, likeness, now_s - self._still_since_s)
        is_frozen = is_still and suspected not in BLIND
        changes = []
        for condition, streak in self._streaks.items():
            is_suspected = is_frozen if condition is Condition.FROZEN else condition is suspected
            since_s = streak.see(is_suspected=is_suspected, now_s=now_s, patience=self._patience)
            if since_s is not None:
                changes.append(Change(condition, streak.is_active, since_s, before, after))
        return changes

    def stand_still(self, now_s: float) -> list[Change]:
        """Note that the stream itself is frozen, so that there is nothing to glance at."""
        since_s = self._streaks[Condition.FROZEN].see(is_suspected=True, now_s=now_s, patience=self._patience)
        if since_s is None or self._last is None:
            return []
        self._still_since_s = since_s
        figures = figures_of(self._last, None, now_s - since_s)
        return [Change(Condition.FROZEN, True, since_s, figures, figures)]

    def _is_learned(self, light: Light) -> bool:
        return light in self.references and self.references[light].is_learned

    def _reference_for(self, seen: Glance) -> Reference | None:
        """The one of this light, else the other's, if it is learned."""
        order = (seen.light, *(light for light in Light if light is not seen.light))
        return next((self.references[light] for light in order if self._is_learned(light)), None)

    def _is_still(self, seen: Glance, now_s: float) -> bool:
        last, self._last = self._last, seen
        if last is None or has_moved_on(last, seen, STILL_LEVELS):
            self._still_since_s = now_s
            return False
        return True

    def _learn(self, seen: Glance, suspected: Condition | None, likeness: Likeness | None) -> None:
        if suspected is not None or seen.edges < LEAST_EDGES:
            return
        known = self.references.get(seen.light)
        if known is None:
            self.references[seen.light] = Reference.of(seen)
        elif not known.is_learned:
            self.references[seen.light] = known.learned(seen)
        elif likeness is not None and likeness.shift_cells < FOLLOW_CELLS:
            self.references[seen.light] = known.followed(seen)


def suspicion(seen: Glance, likeness: Likeness | None, *, has_own_light: bool) -> Condition | None:
    """What one glance gives cause to suspect."""
    if seen.highlights < DARK_HIGHLIGHTS:
        return Condition.DARK
    if likeness is None:
        return Condition.BLOCKED if seen.edges < LEAST_EDGES else None
    if is_blocked(likeness):
        return Condition.BLOCKED
    if not has_own_light:
        return None
    if is_moved(likeness):
        return Condition.MOVED
    return Condition.BLURRED if is_blurred(likeness) else None


def is_blocked(likeness: Likeness) -> bool:
    """Whether most edges have gone, and not by a blur, which leaves the shades."""
    has_other_outlines = likeness.outlines < BLOCKED_OUTLINES and likeness.edges_left < BLOCKED_EDGES
    return has_other_outlines and not is_blurred(likeness)


def is_moved(likeness: Likeness) -> bool:
    """Whether the picture fits elsewhere, or shows something else."""
    gained = likeness.outlines_when_shifted - likeness.outlines
    has_shifted = likeness.shift_cells >= MOVED_CELLS and gained >= MOVED_FITS_BETTER
    is_elsewhere = has_shifted and likeness.outlines_when_shifted >= MOVED_FITS
    return is_elsewhere or (likeness.outlines < OTHER_VIEW and not is_blurred(likeness))


def is_blurred(likeness: Likeness) -> bool:
    """Whether edges are less steep in a picture that is otherwise the same."""
    return likeness.sharpness_left < BLURRED and likeness.shades >= SAME_SHADES


def figures_of(seen: Glance, likeness: Likeness | None, still_s: float) -> SceneFigures:
    """A glance's figures as they are told."""
    return SceneFigures(
        sharpness=seen.sharpness,
        brightness=seen.brightness,
        contrast=seen.contrast,
        edges=seen.edges,
        shift_px=round(likeness.shift_cells * PX_PER_CELL) if likeness else 0,
        still_ms=round(still_s * 1000),
    )


def _figures_of(reference: Reference) -> SceneFigures:
    return SceneFigures(
        sharpness=round(reference.sharpness),
        brightness=round(reference.brightness),
        contrast=round(reference.contrast),
        edges=round(reference.edges),
    )
