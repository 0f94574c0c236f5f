"""Our own plate reader on OpenVINO: one glance at the whole plate, all its lines at once.

The plate's box is cut as in training (`edge_agent.core.plate_crop`), tilt and perspective and all. The network answers
with one distribution over the characters for each step along its rows, top row first; the steps are calibrated, so
that nine of ten characters of which it is 90 % sure are right. A picture without a plate answers with blanks, and is a
look that saw nothing.

Two margins in turn, a little less and a little more than the one that training centres on: what is wrong for the way
that a plate was cut is then not wrong twice, and the vote sees that it is unsure.
"""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.adapters.inference_openvino import Network
from edge_agent.core.boxes import Xyxy
from edge_agent.core.ctc import Symbols, decode
from edge_agent.core.looks import Look
from edge_agent.core.plate_crop import MARGIN, cut
from protocol.plates import ALPHABET

SYMBOLS: Final = Symbols.of(("", *ALPHABET))
MIN_SIDE_PX: Final = 4
"""A box with a shorter side has nothing to read in it."""


class PlateReader:
    """Reads one plate at a time, whole: a `Recognizer`."""

    margins: ClassVar[tuple[float, ...]] = (MARGIN / 2, MARGIN * 1.5)

    def __init__(self, network: Network) -> None:
        """Take a network from crops, u8 (n, 64, 160, 3), to `steps`, (n, T, 37), the blank first."""
        self._network = network

    def look(self, image: NDArray[np.uint8], xyxy: Xyxy, margin: float) -> Look:
        """Look at the box, widened by a share of its own size, in a BGR picture."""
        left, top, right, bottom = xyxy
        if min(right - left, bottom - top) < MIN_SIDE_PX:
            return Look.blank()
        return decode(self._network.run(cut(image, xyxy, margin)[None])["steps"][0], SYMBOLS)
