"""A frame: one picture of one camera, with the instant it was captured.

Latency is measured from capture, so a frame carries two times: `captured_at`, the wall clock as the
box believes it (already held above the time floor), and `captured_mono_s`, the monotonic clock, which
no clock jump can bend. What moves in the picture moves by `scene_s`: the same clock, but for a file that waits for
the models, whose frames are as far apart as the clip says however long each was worked on.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from protocol.names import CameraId


@dataclass(frozen=True, slots=True)
class Frame:
    """`image` is BGR, shape (height_px, width_px, 3)."""

    camera: CameraId
    index: int
    captured_at: datetime
    captured_mono_s: float
    image: NDArray[np.uint8]
    clip_s: float | None = None

    @property
    def scene_s(self) -> float:
        """When it was captured, by the clock of the scene that it shows."""
        return self.captured_mono_s if self.clip_s is None else self.clip_s
