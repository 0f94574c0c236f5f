"""Composites on disk, so that a core that trains does not also paint.

`FOLDER/images/NNNNNN.jpg` and `FOLDER/labels/NNNNNN.txt` (class, centre x, centre y, width, height as shares of the
side): the form ultralytics' own trainer reads too. Number N of a seed is always the same picture; what is there is not
made again.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from accuracy.pictures import read_bgr

from .composites import SIDE_PX, Composite, compose
from .stock import Stock

_QUALITY: Final = 93


def fill(folder: Path, count: int, seed: int, stock: Stock) -> Iterator[int]:
    """Make what is missing of `count` composites; yields the number made or found so far."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        if not _label(folder, number).exists():
            _write(folder, number, compose(np.random.default_rng([seed, number]), stock))
        yield number + 1


def numbers(folder: Path) -> list[int]:
    """The composites that are there."""
    return sorted(int(path.stem) for path in (folder / "labels").glob("*.txt"))


def read(folder: Path, number: int) -> Composite:
    """One composite."""
    lines = _label(folder, number).read_text(encoding="utf-8").splitlines()
    shares = np.array([line.split()[1:] for line in lines], np.float32).reshape(-1, 4) * SIDE_PX
    half = shares[:, 2:] / 2
    boxes = np.concatenate([shares[:, :2] - half, shares[:, :2] + half], axis=1)
    return Composite(read_bgr(_image(folder, number)), boxes.astype(np.float32))


def _write(folder: Path, number: int, composite: Composite) -> None:
    """The label last: it says that the picture is whole."""
    cv2.imwrite(str(_image(folder, number)), composite.image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    low, high = composite.boxes[:, :2] / SIDE_PX, composite.boxes[:, 2:] / SIDE_PX
    rows = np.concatenate([(low + high) / 2, high - low], axis=1)
    text = "".join("0 " + " ".join(f"{share:.6f}" for share in row) + "\n" for row in rows)
    _label(folder, number).write_text(text, encoding="utf-8")


def _image(folder: Path, number: int) -> Path:
    return folder / "images" / f"{number:06d}.jpg"


def _label(folder: Path, number: int) -> Path:
    return folder / "labels" / f"{number:06d}.txt"
