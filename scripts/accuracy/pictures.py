"""Real photographs whose plate text is known, from a folder outside the repository: to measure on, and to learn from.

`scenes.csv` has a row for each street scene: file, x, y, w, h of the plate's box in pixels, plate, split. `crops.csv`
has one for each cropped plate: file, us_state, plate, split; there the picture is the plate, so the box is the whole of
it. A box may stand out over the picture's rim, as some were drawn; it ends there. The folder that a file lies in is its
group (`scenes_eu`, `scenes_br`, `crops_us`). `split` is `train` or `test`; a label is compared by A-Z and 0-9 alone. A
row that is not so stops the run: a figure over fewer pictures than it says is worth nothing.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from protocol.plates import normalise

Split = Literal["train", "test"]
SCENES: Final = "scenes.csv"
CROPS: Final = "crops.csv"
SPLITS: Final = ("train", "test")
_COLUMNS: Final = {
    SCENES: frozenset({"file", "x", "y", "w", "h", "plate", "split"}),
    CROPS: frozenset({"file", "plate", "split"}),
}


class BadData(Exception):
    """The folder is not as its README says; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`box` is the plate's in pixels; None where the picture itself is the plate."""

    file: str
    path: Path
    group: str
    text: str
    box: Xyxy | None

    def pixels(self) -> NDArray[np.uint8]:
        """Return the picture as BGR."""
        return read_bgr(self.path)


def read_bgr(path: Path) -> NDArray[np.uint8]:
    """A picture file as BGR, its pixels as they lie in the file."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise BadData(f"{path} cannot be read as a picture")
    return np.asarray(image, np.uint8)


def load(folder: Path, split: Split) -> list[Picture]:
    """All pictures of a split, scenes first, each list in the order of its file."""
    found = [picture for listing in (SCENES, CROPS) for picture in _rows(folder, listing, split)]
    if not found:
        raise BadData(f"{folder} has no picture of split {split} in {SCENES} or {CROPS}")
    return found


def _rows(folder: Path, listing: str, split: Split) -> Iterator[Picture]:
    path = folder / listing
    if not path.is_file():
        raise BadData(f"{path} is missing: --data is the folder that holds {SCENES} and {CROPS}")
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        if missing := _COLUMNS[listing] - set(reader.fieldnames or ()):
            raise BadData(f"{listing} lacks the columns {', '.join(sorted(missing))}")
        seen: set[str] = set()
        for row in reader:
            where = f"{listing} line {reader.line_num}"
            if None in row.values() or None in row:
                raise BadData(f"{where}: it has another number of fields than the heading")
            if row["file"] in seen:
                raise BadData(f"{where}: {row['file']} is there twice")
            seen.add(row["file"])
            picture = _picture(folder, row, where, has_box=listing == SCENES)
            if row["split"] not in SPLITS:
                raise BadData(f"{where}: split {row['split']!r} is neither train nor test")
            if row["split"] == split:
                yield picture


def _picture(folder: Path, row: dict[str, str], where: str, *, has_box: bool) -> Picture:
    inside = PurePosixPath(row["file"])
    if inside.is_absolute() or ".." in inside.parts or len(inside.parts) != 2:
        raise BadData(f"{where}: {row['file']!r} is not FOLDER/NAME")
    if not (folder / inside).is_file():
        raise BadData(f"{where}: there is no {row['file']}")
    text = normalise(row["plate"])
    if not text:
        raise BadData(f"{where}: the plate {row['plate']!r} has no letter or digit")
    return Picture(row["file"], folder / inside, inside.parts[0], text, _box(row, where) if has_box else None)


def _box(row: dict[str, str], where: str) -> Xyxy:
    try:
        x, y, width, height = (float(row[name]) for name in "xywh")
    except ValueError as exc:
        raise BadData(f"{where}: x, y, w, h are not all numbers") from exc
    if not (0 < width < np.inf and 0 < height < np.inf and x + width > 0 and y + height > 0):
        raise BadData(f"{where}: the box is empty or outside the picture")
    return max(x, 0.0), max(y, 0.0), x + width, y + height
