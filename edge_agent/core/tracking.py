"""Tracks of one camera: which box of this frame is which plate of the last.

Rules
- Every track predicts its box with constant velocity. Boxes and tracks are paired so that the sum of distances
  is least; plates are small and cars fast, so distance counts in plate widths, not in overlap.
- A pair must lie within a gate: wide for a track seen once, whose velocity is unknown, and for a longer gap.
- A track that jumped, or was out of sight for a while, says so (`Sighting.is_doubtful`): it may have become
  another vehicle's, and whoever reads it should look again.
- Sure boxes are paired first and alone start tracks; doubtful ones may only continue a track.
- A track not seen for `gap_s` ends. One that stood still waits `parked_gap_s`: a parked car behind a passing
  lorry is the same car.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from edge_agent.core.boxes import Xyxy, as_xyxy
from edge_agent.core.detections import Detections

FAR: Final = 1e6
VELOCITY_GAIN: Final = 0.6
USUAL_STEP_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """Gates are in plate widths for a step of a tenth of a second."""

    start_confidence: float = 0.4
    continue_confidence: float = 0.15
    gap_s: float = 1.0
    parked_gap_s: float = 60.0
    first_gate: float = 5.0
    gate: float = 1.0
    doubtful_jump: float = 0.7
    doubtful_gap_s: float = 0.35
    size_ratio: float = 1.8
    parked_widths: float = 0.5
    """A plate that stayed within this of where it was first seen is parked..."""
    parked_after_s: float = 3.0
    """...once it has been there for this long."""


class Track:
    """One plate over time; `centre` and `size` in pixels, `velocity` in pixels a second."""

    __slots__ = ("centre", "first_centre", "first_seen_s", "hits", "last_seen_s", "size", "track_id", "velocity")

    def __init__(self, track_id: int, box: NDArray[np.float32], now_s: float) -> None:
        self.track_id = track_id
        self.centre, self.size = _centre_and_size(box)
        self.first_centre = self.centre
        self.velocity = np.zeros(2)
        self.first_seen_s = self.last_seen_s = now_s
        self.hits = 1

    def predicted(self, now_s: float) -> NDArray[np.float64]:
        """Return where the centre should be."""
        return np.asarray(self.centre + self.velocity * (now_s - self.last_seen_s))

    def jump(self, box: NDArray[np.float32], now_s: float) -> float:
        """How far a box lies from where the plate should be, in plate widths."""
        centre, _ = _centre_and_size(box)
        return float(np.linalg.norm(centre - self.predicted(now_s)) / max(self.size[0], 1.0))

    def see(self, box: NDArray[np.float32], now_s: float) -> None:
        """Take a new box as this plate's."""
        centre, size = _centre_and_size(box)
        elapsed_s = max(now_s - self.last_seen_s, 1e-3)
        gain = 1.0 if self.hits == 1 else VELOCITY_GAIN
        self.velocity = self.velocity + gain * ((centre - self.centre) / elapsed_s - self.velocity)
        self.centre, self.size = centre, size
        self.last_seen_s = now_s
        self.hits += 1

    def is_parked(self, settings: TrackingSettings) -> bool:
        """Whether the plate has stood where it was first seen."""
        moved = float(np.linalg.norm(self.centre - self.first_centre))
        stood_s = self.last_seen_s - self.first_seen_s
        return stood_s >= settings.parked_after_s and moved <= settings.parked_widths * float(self.size[0])


@dataclass(frozen=True, slots=True)
class Sighting:
    """A track seen in this frame, and its box there."""

    track: Track
    xyxy: Xyxy
    confidence: float
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What one frame did to the tracks."""

    seen: tuple[Sighting, ...]
    ended: tuple[Track, ...]


class Tracker:
    """The open tracks of one camera."""

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings
        self._tracks: list[Track] = []
        self._next_id = 1

    def step(self, found: Detections, now_s: float) -> Step:
        """Pair a frame's boxes with the tracks, start and end tracks."""
        sure = found.confidence >= self._settings.start_confidence
        doubtful = ~sure & (found.confidence >= self._settings.continue_confidence)
        pairs = self._pair(found, np.flatnonzero(sure), self._tracks, now_s)
        paired = {id(track) for track, _ in pairs}
        waiting = [track for track in self._tracks if id(track) not in paired and track.hits > 1]
        pairs += self._pair(found, np.flatnonzero(doubtful), waiting, now_s)
        seen = [self._continue(track, found, index, now_s) for track, index in pairs]
        taken = {index for _, index in pairs}
        for index in map(int, np.flatnonzero(sure)):
            if index not in taken:
                track = self._start(found.xyxy[index], now_s)
                seen.append(Sighting(track, as_xyxy(found.xyxy[index]), float(found.confidence[index])))
        return Step(tuple(seen), self._end(now_s))

    def restart(self, sighting: Sighting, now_s: float) -> Track:
        """End a track whose plate turned out to be another's, and start a new one from its box."""
        self._tracks.remove(sighting.track)
        return self._start(np.array(sighting.xyxy, np.float32), now_s)

    def end_all(self) -> tuple[Track, ...]:
        """Close every track: the stream is over."""
        ended, self._tracks = tuple(self._tracks), []
        return ended

    def _continue(self, track: Track, found: Detections, index: int, now_s: float) -> Sighting:
        box = found.xyxy[index]
        has_jumped = track.hits > 1 and track.jump(box, now_s) > self._settings.doubtful_jump
        was_away = now_s - track.last_seen_s > self._settings.doubtful_gap_s
        track.see(box, now_s)
        return Sighting(track, as_xyxy(box), float(found.confidence[index]), has_jumped or was_away)

    def _start(self, box: NDArray[np.float32], now_s: float) -> Track:
        track = Track(self._next_id, box, now_s)
        self._next_id += 1
        self._tracks.append(track)
        return track

    def _end(self, now_s: float) -> tuple[Track, ...]:
        def patience_s(track: Track) -> float:
            parked = track.is_parked(self._settings)
            return self._settings.parked_gap_s if parked else self._settings.gap_s

        ended = tuple(t for t in self._tracks if now_s - t.last_seen_s > patience_s(t))
        self._tracks = [track for track in self._tracks if track not in ended]
        return ended

    def _pair(
        self, found: Detections, indices: NDArray[np.int64], tracks: list[Track], now_s: float
    ) -> list[tuple[Track, int]]:
        if not len(indices) or not tracks:
            return []
        costs = np.stack([self._costs(track, found.xyxy[indices], now_s) for track in tracks])
        rows, columns = linear_sum_assignment(costs)
        return [(tracks[r], int(indices[c])) for r, c in zip(rows, columns, strict=True) if costs[r, c] < FAR]

    def _costs(self, track: Track, boxes: NDArray[np.float32], now_s: float) -> NDArray[np.float64]:
        """Distance of each box from the prediction in plate widths, `FAR` outside the gate."""
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
        width = max(float(track.size[0]), 1.0)
        distance = np.linalg.norm(centres - track.predicted(now_s), axis=1) / width
        ratio = np.exp(np.abs(np.log(sizes / np.maximum(track.size, 1.0))).max(axis=1))
        gate = self._settings.first_gate if track.hits == 1 else self._settings.gate
        patience = min(max((now_s - track.last_seen_s) / USUAL_STEP_S, 1.0), 2.5)
        allowed = (distance <= gate * patience) & (ratio <= self._settings.size_ratio)
        return np.where(allowed, distance, FAR)


def _centre_and_size(box: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    corners = box.astype(np.float64)
    return (corners[:2] + corners[2:]) / 2, corners[2:] - corners[:2]
