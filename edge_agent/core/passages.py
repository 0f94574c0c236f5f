"""A passage: one vehicle going by one camera, and what its looks have said so far.

States: unread, read, amended. A passage becomes read when its vote passes `read_confidence` with at least
`min_looks` looks, or when its track ends with `end_confidence`; it may be amended once, when a later vote
says another text and is surer than the read was. A passage that ends unread is unreadable.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.core.boxes import Xyxy
from edge_agent.core.frames import Frame
from edge_agent.core.looks import Look
from edge_agent.core.reads import Read
from edge_agent.core.vote import Outcome, Weighed, vote
from protocol.plates import CONFUSIONS

MOST_LOOKS: Final = 32
"""A car parked for days is doubted and looked at now and then; its vote does not grow with it."""
MIN_PART: Final = 0.5
"""Part of a plate's characters that must be seen for a half hidden plate to be known again."""


@dataclass(frozen=True, slots=True)
class ReadingSettings:
    """When a plate is looked at, and when its text is said."""

    min_height_px: float = 12.0
    looks_per_frame: int = 2
    look_again_s: float = 0.25
    improvement: float = 1.15
    """An unread plate is looked at again at once when its crop is this much better than the best so far."""
    read_improvement: float = 1.3
    """A read plate is looked at again only when its crop is this much better."""
    max_looks: int = 12
    max_looks_when_read: int = 16
    min_looks: int = 2
    read_confidence: float = 0.85
    end_confidence: float = 0.5
    same_vehicle_s: float = 10.0
    """A text read again so soon after its track ended is the same vehicle, whose track broke."""


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """What is remembered of a read once it was said: not its frame, which is megabytes."""

    track_id: int
    text: str
    confidence: float
    is_amendment: bool

    @classmethod
    def of(cls, read: Read) -> "Said":
        """Forget the rest of a read."""
        return cls(read.track_id, read.text, read.confidence, read.is_amendment)


class Passage:
    """Looks of one track, and the read they led to."""

    __slots__ = ("_best", "_looks", "best_quality", "is_doubted", "is_repeat", "last_look_s", "outcome", "read")

    def __init__(self) -> None:
        self._looks: list[Weighed] = []
        self._best: tuple[Frame, Xyxy] | None = None
        self.best_quality = 0.0
        self.last_look_s = float("-inf")
        self.outcome: Outcome | None = None
        self.read: Said | None = None
        self.is_repeat = False
        self.is_doubted = False

    @property
    def looks(self) -> int:
        """How many looks were taken."""
        return len(self._looks)

    def wants_look(self, quality: float, now_s: float, settings: ReadingSettings) -> bool:
        """Whether a crop of this quality is worth the time now."""
        is_rested = now_s - self.last_look_s >= settings.look_again_s
        if self.is_doubted:
            return is_rested
        if self.is_repeat or (self.read is not None and self.read.is_amendment):
            return False
        if self.read is not None:
            is_better = quality >= self.best_quality * settings.read_improvement
            return is_better and self.looks < settings.max_looks_when_read
        if self.looks < settings.min_looks:
            return True
        is_better = quality >= self.best_quality * settings.improvement
        return (is_better or is_rested) and self.looks < settings.max_looks

    def add(self, look: Look, weight: float, quality: float, frame: Frame, xyxy: Xyxy) -> None:
        """Take a look into the vote; past `MOST_LOOKS` it only tells when the plate was last looked at."""
        self.last_look_s = frame.scene_s
        if self.looks >= MOST_LOOKS:
            return
        self._looks.append(Weighed(look, weight))
        if quality >= self.best_quality or self._best is None:
            self.best_quality = quality
            self._best = (frame, xyxy) if self.read is None else None
        self.outcome = vote(self._looks)

    def decide(self, track_id: int, frame: Frame, xyxy: Xyxy, settings: ReadingSettings) -> Read | None:
        """Return the read, or the one amendment, that the vote now justifies."""
        outcome = self.outcome
        if outcome is None:
            return None
        if self.read is None:
            if outcome.confidence < settings.read_confidence or self.looks < settings.min_looks:
                return None
        elif not self._may_amend(outcome, self.read):
            return None
        return self._say(track_id, outcome, frame, xyxy)

    def _may_amend(self, outcome: Outcome, read: Said) -> bool:
        is_first = not read.is_amendment and not self.is_repeat
        return is_first and outcome.text != read.text and outcome.confidence > read.confidence

    def decide_at_end(self, track_id: int, settings: ReadingSettings) -> Read | None:
        """Return the read of a track that ended before its vote passed, if it comes near enough."""
        outcome = self.outcome
        if self.read is not None or outcome is None or self._best is None:
            return None
        if outcome.confidence < settings.end_confidence:
            return None
        return self._say(track_id, outcome, *self._best)

    def _say(self, track_id: int, outcome: Outcome, frame: Frame, xyxy: Xyxy) -> Read:
        read = Read(
            camera=frame.camera,
            track_id=track_id,
            text=outcome.text,
            observed=outcome.observed,
            confidence=outcome.confidence,
            candidates=outcome.candidates,
            format_name=outcome.format_name,
            captured_at=frame.captured_at,
            xyxy=xyxy,
            frame=frame,
            looks=self.looks,
            is_amendment=self.read is not None,
        )
        self.read = Said.of(read)
        self._best = None
        return read


def is_one_vehicle(text: str, other: str) -> bool:
    """Whether two texts read close together are one plate.

    They are if equal, if one character is a look-alike, or if one is a part of the other (a plate half hidden).
    """
    if len(text) == len(other):
        differing = [(a, b) for a, b in zip(text, other, strict=True) if a != b]
        return not differing or (len(differing) == 1 and differing[0][1] in CONFUSIONS[differing[0][0]])
    shorter, longer = sorted((text, other), key=len)
    return len(shorter) >= MIN_PART * len(longer) and shorter in longer


def is_other_plate(text: str, other: str) -> bool:
    """Whether two texts share so little that they cannot be one plate read badly."""
    longest = max(len(text), len(other))
    shared = max(_shared(text, other), _shared(text[1:], other), _shared(text, other[1:]))
    return shared < longest * 0.5


def _shared(text: str, other: str) -> int:
    return sum(a == b for a, b in zip(text, other, strict=False))
