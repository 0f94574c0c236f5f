"""What a camera is used to see: its reference, learned, followed slowly, and compared with a glance.

1. A reference is learned from `LEARN_GLANCES` glances that resemble one another and hold something to hold on to. What
   passes (vehicles, people) is averaged out of it; a glance that shows something else altogether starts it afresh.
2. A learned reference follows the picture slowly (shadows, seasons), and only while nothing is wrong with the picture
   and it stands where it stood. Its sharpness never follows downwards: dirt that gathers over weeks adds up.
3. It is kept across restarts as two maps of 8-bit cells and four numbers: nothing that shows a plate or a face.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Self

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.scene import OUTLINE_CELLS, SHADES_CELLS, Glance, Map

LEARN_GLANCES: Final = 24
FOLLOW_GLANCES: Final = 240
"""A lasting change of the picture is half taken over after about two thirds of so many glances."""
LEAST_EDGES: Final = 20
"""Per mille of cells with an edge, below which there is nothing to know a scene by."""
SAME_SCENE: Final = 0.5
OUTLINE_LEVELS: Final = 2.0
"""Steps of the kept 8-bit outlines to a grey level a pixel."""
LEAST_OVERLAP: Final = 500
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a glance compares with a reference. Correlations lie in -1..1; `shift_cells` is measured in outline cells."""

    outlines: float
    shades: float
    shift_cells: float
    outlines_when_shifted: float
    edges_left: float
    sharpness_left: float


@dataclass(frozen=True, slots=True)
class Reference:
    """The scene of one camera in one light, from so many glances."""

    glances: int
    brightness: float
    contrast: float
    edges: float
    sharpness: float
    shades: Map = field(repr=False)
    outlines: Map = field(repr=False)

    @classmethod
    def of(cls, seen: Glance) -> Self:
        """Begin with one glance."""
        return cls(1, seen.brightness, seen.contrast, seen.edges, seen.sharpness, seen.shades, seen.outlines)

    @property
    def is_learned(self) -> bool:
        """Whether anything may be judged by it."""
        return self.glances >= LEARN_GLANCES

    def learned(self, seen: Glance) -> "Reference":
        """Take one more glance into what is being learned, or begin anew with one that shows something else."""
        if correlation(self.outlines, seen.outlines) < SAME_SCENE:
            return Reference.of(seen)
        return self._mixed(seen, 1 / (self.glances + 1))

    def followed(self, seen: Glance) -> "Reference":
        """Move a little towards a glance with which nothing is wrong; never to less sharpness."""
        mixed = self._mixed(seen, 1 / FOLLOW_GLANCES)
        return replace(mixed, sharpness=max(mixed.sharpness, self.sharpness))

    def _mixed(self, seen: Glance, share: float) -> "Reference":
        def mix(old: float, new: float) -> float:
            return old + share * (new - old)

        return Reference(
            glances=self.glances + 1,
            brightness=mix(self.brightness, seen.brightness),
            contrast=mix(self.contrast, seen.contrast),
            edges=mix(self.edges, seen.edges),
            sharpness=mix(self.sharpness, seen.sharpness),
            shades=self.shades + np.float32(share) * (seen.shades - self.shades),
            outlines=self.outlines + np.float32(share) * (seen.outlines - self.outlines),
        )


def compare(reference: Reference, seen: Glance) -> Likeness:
    """Hold a glance against a reference."""
    known, now = np.sqrt(reference.outlines), np.sqrt(seen.outlines)
    window = np.asarray(cv2.createHanningWindow(OUTLINE_CELLS, cv2.CV_32F), np.float32)
    # Copies, since OpenCV 5 lays the window on its arguments themselves.
    (across, down), _ = cv2.phaseCorrelate(known.copy(), now.copy(), window)
    return Likeness(
        outlines=correlation(known, now),
        shades=correlation(reference.shades, seen.shades),
        shift_cells=float(np.hypot(across, down)),
        outlines_when_shifted=_correlation_at(known, now, across, down),
        edges_left=seen.edges / max(reference.edges, 1.0),
        sharpness_left=seen.sharpness / max(reference.sharpness, 1.0),
    )


def correlation(one: Map, other: Map) -> float:
    """Correlation of two maps, in which neither brightness nor contrast counts; 0 where one of them is even."""
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0


def _correlation_at(known: Map, now: Map, across: float, down: float) -> float:
    """Correlation over what both show when the second is moved back by a shift."""
    move = np.array([[1, 0, -across], [0, 1, -down]], np.float32)
    back = cv2.warpAffine(now, move, OUTLINE_CELLS)
    is_shown = cv2.warpAffine(np.ones_like(now), move, OUTLINE_CELLS) > 0.99
    if int(is_shown.sum()) < LEAST_OVERLAP:
        return 0.0
    return correlation(known[is_shown], np.asarray(back[is_shown], np.float32))


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reference as bytes."""

    version: int
    figures: tuple[float, float, float, float]
    shades: bytes
    outlines: bytes


def to_bytes(reference: Reference) -> bytes:
    """What is kept of a learned reference."""
    figures = (reference.brightness, reference.contrast, reference.edges, reference.sharpness)
    outlines = np.clip(reference.outlines * OUTLINE_LEVELS, 0, 255).round().astype(np.uint8)
    shades = np.clip(reference.shades, 0, 255).round().astype(np.uint8)
    kept = _Kept(version=VERSION, figures=figures, shades=shades.tobytes(), outlines=outlines.tobytes())
    return msgspec.msgpack.encode(kept)


def from_bytes(data: bytes) -> Reference | None:
    """A reference as it was kept; None for bytes that are none, so that it is learned again."""
    try:
        kept = msgspec.msgpack.decode(data, type=_Kept)
        shades = _map_of(kept.shades, SHADES_CELLS)
        outlines = _map_of(kept.outlines, OUTLINE_CELLS) / np.float32(OUTLINE_LEVELS)
    except (msgspec.DecodeError, ValueError):
        return None
    if kept.version != VERSION:
        return None
    return Reference(LEARN_GLANCES, *kept.figures, shades=shades, outlines=outlines)


def _map_of(data: bytes, cells: tuple[int, int]) -> Map:
    values: NDArray[np.uint8] = np.frombuffer(data, np.uint8)
    return values.reshape(cells[1], cells[0]).astype(np.float32)
