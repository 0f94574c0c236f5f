"""Many pictures on one, each with its text below: to look at what the press makes."""

import cv2
import numpy as np
from numpy.typing import NDArray


def contact_sheet(
    pictures: list[tuple[NDArray[np.uint8], str]], *, columns: int = 8, cell: tuple[int, int] = (160, 80)
) -> NDArray[np.uint8]:
    """Pictures shrunk or enlarged into cells of a width and height, row by row."""
    width, height = cell
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + 14), columns * width, 3), 24, np.uint8)
    for i, (picture, caption) in enumerate(pictures):
        y, x = i // columns * (height + 14), i % columns * width
        factor = min((width - 4) / picture.shape[1], height / picture.shape[0])
        size = (max(1, int(picture.shape[1] * factor)), max(1, int(picture.shape[0] * factor)))
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
        sheet[y : y + size[1], x : x + size[0]] = cv2.resize(picture, size, interpolation=way)
        cv2.putText(
            sheet, caption, (x + 2, y + height + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (230, 230, 230), 1, cv2.LINE_AA
        )
    return sheet
