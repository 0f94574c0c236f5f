"""Covers carried over the frames of a video, so that one frame in which a detector saw nothing does not flash a face.

Rules
- Boxes of following frames that lie where the last ones let expect them make a trail: one thing that moves evenly.
- A frame is let go only once those behind it are known (`look_behind` frames), so a trail reaches back before the frame
  that found it first. Between two sightings its box is drawn from both; after the last it goes on as it moved.
- A trail that was seen often is carried long, one seen once and faintly only over the frames beside it: a lamp that was
  taken for a plate once must not darken the street for a second.
- A carried box grows with every frame since somebody saw it. What a frame's own detectors found is always covered as
  it was found; carrying only ever adds covers.
- Frames come one after another and go in the same order, none is lost or doubled.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from edge_agent.core.boxes import Boxes
from edge_agent.core.detections import Detections

Box = NDArray[np.float32]
Image = TypeVar("Image")
NO_PAIR: Final = 1e6
GATE_WIDTHS: Final = 0.9
NEW_GATE_WIDTHS: Final = 1.6
"""How far from where it is expected a box may lie, in its own widths; further for a trail whose speed is unknown."""
MAX_SIZE_RATIO: Final = 2.0
REMEMBERED: Final = 64
"""Sightings that a trail keeps at most: far more than frames are ever held back."""
SPEED_STEPS: Final = 4
"""Sightings over which a trail's speed is taken."""
GROWTH_A_FRAME: Final = 0.02
MAX_GROWTH: Final = 0.3


@dataclass(frozen=True, slots=True)
class CarrySettings:
    """Frames; `CarrySettings.of` takes them from a video's rate."""

    look_behind: int = 8
    faint: int = 2
    known: int = 8
    steady: int = 24
    steady_after: int = 5
    sure_confidence: float = 0.35

    @classmethod
    def of(cls, frames_per_s: float) -> "CarrySettings":
        """A third of a second each way, and a second ahead for what was seen often; few enough to be held in memory."""
        look_behind = int(np.clip(round(frames_per_s / 3), 2, 12))
        return cls(look_behind=look_behind, known=look_behind, steady=int(np.clip(round(frames_per_s), 3, 60)))


@dataclass(frozen=True, slots=True)
class Seen(Generic[Image]):
    """A frame, whatever it is made of, and what was found in it."""

    image: Image
    faces: Detections
    plates: Detections


@dataclass(frozen=True, slots=True)
class Covered(Generic[Image]):
    """A frame, and all that has to be covered in it."""

    image: Image
    faces: Boxes
    plates: Boxes


@dataclass(slots=True)
class Trail:
    """One thing over time: the frames that saw it, and its box in each."""

    frames: list[int]
    boxes: list[Box]
    best_confidence: float

    def see(self, frame: int, box: Box, confidence: float) -> None:
        """Take a new box as this thing's."""
        self.frames.append(frame)
        self.boxes.append(box)
        self.best_confidence = max(self.best_confidence, confidence)
        del self.frames[:-REMEMBERED], self.boxes[:-REMEMBERED]

    def reach(self, settings: CarrySettings) -> int:
        """For how many frames it is carried on after its last sighting."""
        if len(self.frames) >= settings.steady_after:
            return settings.steady
        is_faint = len(self.frames) == 1 and self.best_confidence < settings.sure_confidence
        return settings.faint if is_faint else settings.known

    def box_at(self, frame: int) -> Box:
        """Where it is in a frame: as it was seen, between two sightings, or as it went on or had come."""
        after = bisect_left(self.frames, frame)
        if after < len(self.frames) and self.frames[after] == frame:
            return self.boxes[after]
        if 0 < after < len(self.frames):
            return self._between(after - 1, frame)
        nearest = 0 if after == 0 else len(self.frames) - 1
        return _grown(self.boxes[nearest] + self._speed(nearest) * (frame - self.frames[nearest]), self._age(frame))

    def _between(self, before: int, frame: int) -> Box:
        begin, end = self.frames[before], self.frames[before + 1]
        share = np.float32((frame - begin) / (end - begin))
        middle = self.boxes[before] * (1 - share) + self.boxes[before + 1] * share
        return _grown(middle, min(frame - begin, end - frame))

    def _speed(self, nearest: int) -> Box:
        """Pixels a frame of all four sides, from the sightings next to an end; sizes are kept."""
        first, last = max(0, nearest - SPEED_STEPS), min(len(self.frames) - 1, nearest + SPEED_STEPS)
        first, last = (first, nearest) if nearest else (nearest, last)
        if first == last:
            return np.zeros(4, np.float32)
        moved = (self.boxes[last] - self.boxes[first]) / np.float32(self.frames[last] - self.frames[first])
        centre = (moved[:2] + moved[2:]) / 2
        return np.asarray(np.concatenate([centre, centre]), np.float32)

    def _age(self, frame: int) -> int:
        return self.frames[0] - frame if frame < self.frames[0] else frame - self.frames[-1]


@dataclass(slots=True)
class Trails:
    """The trails of one kind of thing."""

    settings: CarrySettings
    live: list[Trail] = field(default_factory=list)

    def see(self, frame: int, found: Detections) -> None:
        """Give each box of a frame to the trail it continues, or to a new one."""
        free = set(range(len(found)))
        for trail, index in self._pairs(frame, found):
            trail.see(frame, found.xyxy[index], float(found.confidence[index]))
            free.discard(index)
        new = (Trail([frame], [found.xyxy[index]], float(found.confidence[index])) for index in sorted(free))
        self.live += new

    def at(self, frame: int) -> Boxes:
        """Boxes of a frame, carried ones included; trails that end before it are forgotten."""
        self.live = [trail for trail in self.live if frame <= trail.frames[-1] + trail.reach(self.settings)]
        boxes = [trail.box_at(frame) for trail in self.live if self._is_there(trail, frame)]
        return np.array(boxes, np.float32).reshape(-1, 4)

    def _is_there(self, trail: Trail, frame: int) -> bool:
        return trail.frames[0] - frame <= min(trail.reach(self.settings), self.settings.look_behind)

    def _pairs(self, frame: int, found: Detections) -> list[tuple[Trail, int]]:
        if not self.live or not len(found):
            return []
        cost = np.array([_distances(trail, frame, found.xyxy) for trail in self.live])
        rows, columns = linear_sum_assignment(cost)
        return [
            (self.live[row], int(column))
            for row, column in zip(rows, columns, strict=True)
            if cost[row, column] < NO_PAIR
        ]


def carried(frames: Iterable[Seen[Image]], settings: CarrySettings) -> Iterator[Covered[Image]]:
    """Let go of each frame with its covers, in order, once the frames behind it are known."""
    faces, plates = Trails(settings), Trails(settings)
    waiting: deque[tuple[int, Image]] = deque()
    for number, seen in enumerate(frames):
        faces.see(number, seen.faces)
        plates.see(number, seen.plates)
        waiting.append((number, seen.image))
        if len(waiting) > settings.look_behind:
            index, image = waiting.popleft()
            yield Covered(image, faces.at(index), plates.at(index))
    for index, image in waiting:
        yield Covered(image, faces.at(index), plates.at(index))


def _distances(trail: Trail, frame: int, xyxy: Boxes) -> NDArray[np.float64]:
    """From where a trail is expected to each box, in widths; `NO_PAIR` beyond the gate."""
    expected, size = trail.box_at(frame), _sizes(trail.boxes[-1][None])[0]
    sizes = _sizes(xyxy)
    offsets = (xyxy[:, :2] + xyxy[:, 2:] - expected[:2] - expected[2:]) / 2
    distances = np.linalg.norm(offsets, axis=1) / np.maximum(np.maximum(sizes, size), 1.0)
    ratio = np.maximum(sizes, size) / np.maximum(np.minimum(sizes, size), 1e-3)
    gate = NEW_GATE_WIDTHS if len(trail.frames) == 1 else GATE_WIDTHS
    return np.where((distances <= gate) & (ratio <= MAX_SIZE_RATIO), distances, NO_PAIR)


def _sizes(xyxy: Boxes) -> NDArray[np.float64]:
    return np.asarray((xyxy[:, 2:] - xyxy[:, :2]).max(axis=1), np.float64)


def _grown(box: Box, frames: int) -> Box:
    share = np.float32(min(GROWTH_A_FRAME * frames, MAX_GROWTH))
    margin = (box[2:] - box[:2]) * share
    return np.asarray(np.concatenate([box[:2] - margin, box[2:] + margin]), np.float32)
