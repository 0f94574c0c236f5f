"""A small network in the form of our own plate reader, for pictures that spell their text out.

The shade of every second column of the middle row is the number of a symbol: 0 the blank, then `ALPHABET`. So what a
reader makes of a picture is known exactly, whatever the real weights have learned.
"""

import numpy as np
import openvino as ov
import openvino.opset13 as op
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from edge_agent.core.plate_crop import HEIGHT_PX, WIDTH_PX
from protocol.plates import ALPHABET

STEPS = WIDTH_PX // 2
WHOLE: Xyxy = (0.0, 0.0, float(WIDTH_PX), float(HEIGHT_PX))
SURENESS = 0.9


def spelling_model() -> ov.Model:
    """From crops, u8 (n, 64, 160, 3), to `steps` (n, 80, 37), each of them sure by `SURENESS`."""
    crops = op.parameter([-1, HEIGHT_PX, WIDTH_PX, 3], np.uint8, "crops")
    middle = op.gather(op.gather(crops, HEIGHT_PX // 2, 1), 0, 2)
    shades = op.convert(op.gather(middle, np.arange(0, WIDTH_PX, 2), 1), np.int32)
    sure, not_at_all = op.constant(SURENESS, np.float32), op.constant(0.0, np.float32)
    steps = op.one_hot(shades, op.constant(1 + len(ALPHABET)), sure, not_at_all, -1)
    steps.output(0).get_tensor().set_names({"steps"})
    return ov.Model([steps], [crops], "spelling")


def spelled(*rows: str) -> NDArray[np.uint8]:
    """A picture of 64 x 160 that spells rows out, each over its share of the columns, a blank after each character."""
    shades = np.zeros(STEPS, np.uint8)
    for number, row in enumerate(rows):
        begin = number * STEPS // len(rows)
        shades[begin : begin + 2 * len(row) : 2] = [1 + ALPHABET.index(character) for character in row]
    return np.broadcast_to(shades.repeat(2)[None, :, None], (HEIGHT_PX, WIDTH_PX, 3)).copy()
