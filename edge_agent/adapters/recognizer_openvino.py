"""The plate reader on OpenVINO: find the lines of text on a plate's crop, turn them level, read them.

Plate boxes are loose and plates tilt, so the crop is widened and the lines are looked for on it; without
a line, the box itself is read. Lines of a two-line plate are read one by one and joined.
"""

from typing import ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.adapters.inference_openvino import Network
from edge_agent.core.boxes import Xyxy, as_slices, grow
from edge_agent.core.ctc import Symbols, fold, look_at
from edge_agent.core.letterbox import STEP_PX
from edge_agent.core.looks import SYMBOLS, Look
from edge_agent.core.text_lines import TextLine, find_lines, number_lines, upright

CROP_WIDTH_PX: Final = 256
CROP_HEIGHT_PX: Final = (32, 320)
LINE_HEIGHT_PX: Final = 48
LINE_WIDTH_PX: Final = (48, 960)
LINE_STEP_PX: Final = 32
"""Lines are filled up to a multiple of this: the runtime keeps memory for every width it has ever been given."""
_BREAK: Final = np.eye(1, SYMBOLS, dtype=np.float32)
"""A blank step before each line: no character goes on from one line into the next."""
GREY: Final = (127, 127, 127)
MIN_SIDE_PX: Final = 4
"""A box with a shorter side has nothing to read in it."""


class LineReader:
    """Reads one plate at a time, line by line: a `Recognizer`. Loose boxes want no margin, tight ones hide a rim."""

    margins: ClassVar[tuple[float, ...]] = (0.2, 0.1, 0.35)

    def __init__(self, line_detector: Network, line_reader: Network, characters: tuple[str, ...]) -> None:
        self._line_detector = line_detector
        self._line_reader = line_reader
        self._symbols = Symbols.of(characters)

    def look(self, image: NDArray[np.uint8], xyxy: Xyxy, margin: float) -> Look:
        """Look at the box, widened by a share of its own size, in a BGR picture."""
        crop = _cut(image, xyxy, margin)
        if crop is None:
            return Look.blank()
        lines = [level for line in number_lines(self._lines(crop)) if (level := upright(crop, line)) is not None]
        if not lines:
            tight = _cut(image, xyxy, 0.0)
            lines = [] if tight is None else [tight]
        return look_at(np.concatenate([np.r_[_BREAK, self._read(line)] for line in lines])) if lines else Look.blank()

    def _lines(self, crop: NDArray[np.uint8]) -> list[TextLine]:
        height, width = crop.shape[:2]
        steps = round(height * CROP_WIDTH_PX / width / STEP_PX)
        target = min(max(steps * STEP_PX, CROP_HEIGHT_PX[0]), CROP_HEIGHT_PX[1])
        scaled = cv2.resize(crop, (CROP_WIDTH_PX, target), interpolation=cv2.INTER_LINEAR)
        return find_lines(self._line_detector.run(scaled[None])["map"][0, 0], (height, width))

    def _read(self, line: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = line.shape[:2]
        wanted = int(np.ceil(LINE_HEIGHT_PX * width / height))
        wanted = min(max(wanted, LINE_WIDTH_PX[0]), LINE_WIDTH_PX[1])
        scaled = cv2.resize(line, (wanted, LINE_HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
        padded = cv2.copyMakeBorder(scaled, 0, 0, 0, -wanted % LINE_STEP_PX, cv2.BORDER_CONSTANT, value=GREY)
        return fold(self._line_reader.run(np.asarray(padded, np.uint8)[None])["steps"][0], self._symbols)


def _cut(image: NDArray[np.uint8], xyxy: Xyxy, margin: float) -> NDArray[np.uint8] | None:
    wide = grow(np.array([xyxy], np.float32), margin)[0]
    rows, columns = as_slices(wide, image.shape[0], image.shape[1])
    crop = image[rows, columns]
    return crop if min(crop.shape[:2]) >= MIN_SIDE_PX else None
