"""One camera from frames to reads: detect, track, look, vote.

Each frame goes through the plate detector; the reader looks only at crops that promise more than what was already
seen: larger, sharper, or after a pause, and at few per frame, the best first, so that a full street costs little more
than an empty one. A parked car is read once and then left alone. Models are shared by all cameras; a pipeline is used
by one thread.

What a frame yields is counted: passages read, passages that ended unreadable, and their sum, vehicles. A track
that broke and was read again is a repeat, not a vehicle; if the second read says more, it amends the first.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy, as_slices
from edge_agent.core.detections import Detector
from edge_agent.core.frames import Frame
from edge_agent.core.looks import Look, Recognizer
from edge_agent.core.passages import Passage, ReadingSettings, Said, is_one_vehicle, is_other_plate
from edge_agent.core.reads import Read
from edge_agent.core.tracking import Sighting, Track, Tracker, TrackingSettings
from protocol.names import CameraId

FULL_WEIGHT_PX: Final = 40.0
"""Plates of this height and more have a full vote."""
SHARP: Final = 300.0
"""Variance of the Laplacian of a crop that is as sharp as a reader needs."""
SHARPNESS_SIDE_PX: Final = 96
RIM_PX: Final = 2.0
RIM_PENALTY: Final = 0.25
"""Worth of a plate that touches the picture's rim: part of it is outside."""
MIN_HITS: Final = 3
"""A track seen fewer times was a flicker of the detector, not a vehicle."""
SURE: Final = 0.7


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Settings of one camera's pipeline."""

    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)


@dataclass(frozen=True, slots=True)
class PipelineOutput:
    """What one frame (or the end of the stream) yielded; `vehicles` is reads plus unreadable."""

    reads: tuple[Read, ...] = ()
    vehicles: int = 0
    unreadable: int = 0
    repeats: int = 0
    plates: int = 0
    looks: int = 0


@dataclass(frozen=True, slots=True)
class _Crop:
    """A plate in this frame: what a look at it promises (`quality`) and would be worth (`weight`)."""

    sighting: Sighting
    quality: float
    weight: float


class CameraPipeline:
    """Tracks and passages of one camera."""

    def __init__(
        self,
        camera: CameraId,
        detector: Detector,
        recognizer: Recognizer,
        settings: PipelineSettings | None = None,
    ) -> None:
        self.camera = camera
        self._detector = detector
        self._recognizer = recognizer
        self._settings = settings or PipelineSettings()
        self._tracker = Tracker(self._settings.tracking)
        self._passages: dict[int, Passage] = {}
        self._recent: list[_Recent] = []

    def process(self, frame: Frame) -> PipelineOutput:
        """Take the next frame; frames come in the order of their capture."""
        now_s = frame.scene_s
        found = self._detector.detect(frame.image)
        step = self._tracker.step(found, now_s)
        self._remember(step.seen, now_s)
        tally = _Tally(plates=len(step.seen))
        for crop in self._worth_a_look(step.seen, frame):
            tally.looks += 1
            self._look(crop, frame, tally)
        for track in step.ended:
            self._close(track, now_s, tally)
        return tally.output()

    def flush(self) -> PipelineOutput:
        """End the stream: every open passage is closed."""
        tally = _Tally()
        for track in self._tracker.end_all():
            self._close(track, track.last_seen_s, tally)
        self._recent.clear()
        return tally.output()

    def _worth_a_look(self, seen: tuple[Sighting, ...], frame: Frame) -> list[_Crop]:
        reading = self._settings.reading
        wanted = []
        for sighting in seen:
            if sighting.xyxy[3] - sighting.xyxy[1] < reading.min_height_px:
                continue
            passage = self._passages.setdefault(sighting.track.track_id, Passage())
            passage.is_doubted |= sighting.is_doubtful and passage.looks > 0
            crop = _appraise(sighting, frame.image)
            if passage.wants_look(crop.quality, frame.scene_s, reading):
                wanted.append((passage.read is not None, -crop.quality, sighting.track.track_id, crop))
        wanted.sort(key=lambda item: item[:3])
        return [crop for *_, crop in wanted[: reading.looks_per_frame]]

    def _look(self, crop: _Crop, frame: Frame, tally: "_Tally") -> None:
        track, xyxy = crop.sighting.track, crop.sighting.xyxy
        passage = self._passages[track.track_id]
        margins = self._recognizer.margins
        look = self._recognizer.look(frame.image, xyxy, margins[passage.looks % len(margins)])
        if _contradicts(look, passage):
            self._close(track, frame.scene_s, tally)
            track = self._tracker.restart(crop.sighting, frame.scene_s)
            passage = self._passages.setdefault(track.track_id, Passage())
        passage.is_doubted &= look.confidence < SURE
        passage.add(look, crop.weight, crop.quality, frame, xyxy)
        self._take(passage, passage.decide(track.track_id, frame, xyxy, self._settings.reading), track, tally)

    def _take(self, passage: Passage, read: Read | None, track: Track, tally: "_Tally") -> None:
        """Count a read, unless it repeats a vehicle whose track broke."""
        if read is None:
            return
        known = None if read.is_amendment else self._known(read.text)
        if known is None:
            tally.vehicles += not read.is_amendment
            tally.reads.append(read)
            self._recent.append(_Recent(Said.of(read), track.last_seen_s))
            return
        tally.repeats += 1
        passage.is_repeat = True
        passage.read = known.read
        if amended := known.amended_by(read):
            passage.read = Said.of(amended)
            tally.reads.append(amended)
            self._recent.append(_Recent(passage.read, track.last_seen_s))

    def _known(self, text: str) -> "_Recent | None":
        return next((known for known in reversed(self._recent) if is_one_vehicle(text, known.read.text)), None)

    def _remember(self, seen: tuple[Sighting, ...], now_s: float) -> None:
        """Keep the reads of vehicles in sight and just gone, no others."""
        in_sight = {
            passage.read.track_id
            for sighting in seen
            if (passage := self._passages.get(sighting.track.track_id)) and passage.read
        }
        for known in self._recent:
            if known.read.track_id in in_sight:
                known.seen_s = now_s
        oldest_s = now_s - self._settings.reading.same_vehicle_s
        self._recent = [known for known in self._recent if known.seen_s >= oldest_s]

    def _close(self, track: Track, now_s: float, tally: "_Tally") -> None:
        passage = self._passages.pop(track.track_id, None) or Passage()
        self._take(passage, passage.decide_at_end(track.track_id, self._settings.reading), track, tally)
        if passage.read is None and track.hits >= MIN_HITS:
            tally.vehicles += 1
            tally.unreadable += 1


@dataclass(slots=True)
class _Recent:
    """A read of a vehicle in sight or just gone."""

    read: Said
    seen_s: float

    def amended_by(self, later: Read) -> Read | None:
        """Return a later read of the same vehicle as this one's amendment, if it is one."""
        says_more = len(later.text) > len(self.read.text) or later.confidence > self.read.confidence
        if self.read.is_amendment or later.text == self.read.text or not says_more:
            return None
        return replace(later, track_id=self.read.track_id, is_amendment=True)


@dataclass(slots=True)
class _Tally:
    reads: list[Read] = field(default_factory=list)
    vehicles: int = 0
    unreadable: int = 0
    repeats: int = 0
    plates: int = 0
    looks: int = 0

    def output(self) -> PipelineOutput:
        return PipelineOutput(tuple(self.reads), self.vehicles, self.unreadable, self.repeats, self.plates, self.looks)


def _contradicts(look: Look, passage: Passage) -> bool:
    """Whether a sure look says that the track jumped to another vehicle."""
    outcome = passage.outcome
    if outcome is None or outcome.confidence < SURE or look.confidence < SURE:
        return False
    return is_other_plate(look.text, outcome.text)


def _appraise(sighting: Sighting, image: NDArray[np.uint8]) -> _Crop:
    height_px = sighting.xyxy[3] - sighting.xyxy[1]
    clear = min(1.0, np.sqrt(sharpness(image, sighting.xyxy) / SHARP))
    whole = RIM_PENALTY if touches_rim(sighting.xyxy, image.shape[0], image.shape[1]) else 1.0
    size = min(1.0, height_px / FULL_WEIGHT_PX)
    weight = max(0.05, size * clear) * whole
    return _Crop(sighting, quality=min(height_px, 2 * FULL_WEIGHT_PX) * clear * whole, weight=float(weight))


def sharpness(image: NDArray[np.uint8], xyxy: Xyxy) -> float:
    """Variance of the Laplacian over a crop brought to one width, so that size does not count as sharpness."""
    rows, columns = as_slices(xyxy, image.shape[0], image.shape[1])
    crop = image[rows, columns]
    if min(crop.shape[:2]) < 2:
        return 0.0
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    side = max(2, round(SHARPNESS_SIDE_PX * grey.shape[0] / grey.shape[1]))
    even = cv2.resize(grey, (SHARPNESS_SIDE_PX, side), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(even, cv2.CV_32F).var())


def touches_rim(xyxy: Xyxy, height_px: int, width_px: int) -> bool:
    """Whether a box ends at the picture's rim."""
    left, top, right, bottom = xyxy
    return left <= RIM_PX or top <= RIM_PX or right >= width_px - RIM_PX or bottom >= height_px - RIM_PX
