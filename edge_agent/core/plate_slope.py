"""How far a plate's lines slope, from the picture alone: no text is looked for, let alone read.

Seen from aside or by a turned camera, everything printed along a plate slopes together: its rims, the tops and the feet
of its characters. Summed up along their own slope those edges fall into few sharp rows; along any other they smear. So
edges are summed along every slope in question, and the slope with the sharpest sums is the plate's.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from edge_agent.core.plate_crop import cut

MOST_DEG: Final = 45
STANDS_OUT: Final = 1.5
"""How much sharper than the usual slope the best one must be, else nothing here has a direction."""
_DEGREES: Final = np.arange(-MOST_DEG, MOST_DEG + 1)


def slope_deg(image: NDArray[np.uint8], xyxy: Xyxy) -> float | None:
    """Degrees that a plate's lines slope down to the right in a BGR picture; None if nothing there has a direction."""
    left, top, right, bottom = xyxy
    if min(right - left, bottom - top) < 1:
        return None
    crop = np.asarray(cv2.cvtColor(cut(image, xyxy), cv2.COLOR_BGR2GRAY), np.uint8)
    stretched = (bottom - top) / (right - left) * crop.shape[1] / crop.shape[0]
    sharpness = _sharpness(crop, np.tan(np.radians(_DEGREES)) / stretched)
    best = int(sharpness.argmax())
    stands_out = sharpness[best] > STANDS_OUT * np.median(sharpness)
    return float(_DEGREES[best]) if stands_out else None


def _sharpness(crop: NDArray[np.uint8], drops: NDArray[np.float64]) -> NDArray[np.float64]:
    """How unevenly the crop's edges fall into rows, for each drop in pixels down for a pixel to the right."""
    edges = np.abs(cv2.Sobel(crop, cv2.CV_32F, 0, 1))
    edges -= edges.mean()
    height, width = edges.shape
    rows, columns = np.mgrid[:height, :width]
    across = columns - (width - 1) / 2
    found = []
    for drop in drops:
        level = np.rint(rows - drop * across).astype(np.int64).ravel()
        inside = (level >= 0) & (level < height)
        sums = np.bincount(level[inside], edges.ravel()[inside], height)
        found.append(float((np.diff(sums) ** 2).sum()))
    return np.array(found)
