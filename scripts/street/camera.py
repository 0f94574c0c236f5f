"""The street's camera: a pinhole that looks level along the street from a pole, with a shifted picture plane.

World metres: x to the right, y up from the asphalt, z away from the camera, which stands above the origin. The
lens is long, as plate cameras' are: a plate is 0.3 m of a car's 1.6 m, so a readable plate means that a car fills
half the picture.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

HEIGHT_M = 1.55
_FOCAL_WIDTHS = 2.8125
_HORIZON_HEIGHTS = 0.257


@dataclass(frozen=True, slots=True)
class Camera:
    """Picture size and focal length in pixels; the horizon's row."""

    width_px: int
    height_px: int
    focal_px: float
    horizon_px: float

    @classmethod
    def for_size(cls, width_px: int, height_px: int) -> Self:
        """The same view at any picture size."""
        return cls(width_px, height_px, _FOCAL_WIDTHS * width_px, _HORIZON_HEIGHTS * height_px)

    def finer(self, factor: int) -> "Camera":
        """The same view with more pixels, to be shrunk afterwards."""
        return Camera(
            self.width_px * factor,
            self.height_px * factor,
            self.focal_px * factor,
            self.horizon_px * factor,
        )

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pixels (..., 2) of world points (..., 3)."""
        depth = points[..., 2]
        x = self.width_px / 2 + self.focal_px * points[..., 0] / depth
        y = self.horizon_px + self.focal_px * (HEIGHT_M - points[..., 1]) / depth
        return np.stack([x, y], axis=-1)

    def width_of(self, metres: float, depth_m: float) -> float:
        """How many pixels wide a length across the street is at a depth."""
        return self.focal_px * metres / depth_m
