"""Pictures with known faces and plates, from what packages ship and what the project renders.

- Frames of the rendered 1080p street: real heads in a drawn street; boxes from the video's script.
- Faces of scikit-image's `lfw_subset`, each on a grey mount, laid over its photographs of things. They are cut off at
  brow, ears and chin, so they are harder to find than heads.
- scikit-image's astronaut.

All are written as PNG, so that a pixel that differs afterwards was covered and not merely compressed again.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from street.script import load_script

PHOTOGRAPHS: Final = Path(skimage.data.__file__).parent
BACKGROUNDS: Final = ("coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
ASTRONAUT_FACE: Final = (178.0, 64.0, 276.0, 168.0)
LFW_SAMPLE_PX, LFW_MOUNT_PX = 25, 49
SAMPLE_SIZES_PX: Final = (28, 36, 44, 56, 72, 92)
FACE_IN_SAMPLE: Final = 0.8
MOUNT: Final = (127.0,)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Known:
    """A picture, and the boxes of its faces and plates."""

    name: str
    image: NDArray[np.uint8]
    faces: list[Box]
    plates: list[Box]


def known_pictures(clip: Path, every: int) -> Iterator[Known]:
    """All pictures; of the clip every so many frames."""
    yield from street_frames(clip, every)
    yield from composites()
    yield Known("astronaut", photograph("astronaut.png"), [ASTRONAUT_FACE], [])


def street_frames(clip: Path, every: int) -> Iterator[Known]:
    """Frames of a rendered street."""
    script = load_script(clip)
    faces, plates = defaultdict(list), defaultdict(list)
    for frame, *box in script.face_boxes:
        faces[frame].append(_box(box))
    for vehicle in script.vehicles:
        for frame, *box in vehicle.plate_boxes:
            plates[frame].append(_box(box))
    with av.open(str(clip)) as container:
        for index, frame_ in enumerate(container.decode(video=0)):
            if index % every == 0:
                image = frame_.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
                yield Known(f"street-{index:04}", image, faces[index], plates[index])


def composites() -> Iterator[Known]:
    """The hundred faces, sixteen or so to a picture, in rising and falling sizes."""
    samples = (np.load(PHOTOGRAPHS / "lfw_subset.npy")[:100] * 255).astype(np.uint8)
    for number, batch in enumerate(np.array_split(samples, 6)):
        background = photograph(BACKGROUNDS[number % len(BACKGROUNDS)])
        picture = cv2.resize(background, (1280, 720)).astype(np.uint8, copy=False)
        sizes_px = islice(cycle(SAMPLE_SIZES_PX), len(batch))
        faces = [_paste(picture, face, place, px) for place, (face, px) in enumerate(zip(batch, sizes_px, strict=True))]
        yield Known(f"faces-{number}", picture, faces, [])


def _paste(canvas: NDArray[np.uint8], sample: NDArray[Any], place: int, size_px: int) -> Box:
    """Lay a mounted sample into its field of a 6 x 3 grid; returns the face's box."""
    side = round(size_px * LFW_MOUNT_PX / LFW_SAMPLE_PX)
    rim = (LFW_MOUNT_PX - LFW_SAMPLE_PX) // 2
    mounted = cv2.copyMakeBorder(sample, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=MOUNT)
    patch = cv2.cvtColor(cv2.resize(mounted, (side, side), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    left, top = 18 + place % 6 * 210, 30 + place // 6 * 230
    canvas[top : top + side, left : left + side] = patch
    face_px = size_px * FACE_IN_SAMPLE
    inner = (side - face_px) / 2
    return left + inner, top + inner, left + inner + face_px, top + inner + face_px


def photograph(name: str) -> NDArray[np.uint8]:
    """One of scikit-image's pictures as BGR."""
    image = cv2.imread(str(PHOTOGRAPHS / name), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"{name}: scikit-image does not ship it any more; choose another background")
    return np.asarray(image, np.uint8)


def _box(numbers: list[float]) -> Box:
    left, top, right, bottom = numbers
    return left, top, right, bottom


def covered(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels that a redactor changed, with small holes (pixels that were black anyway) closed."""
    differs = (cv2.absdiff(before, after).max(axis=2) > 0).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0)


def share_inside(mask: NDArray[np.bool_], box: Box) -> float:
    """Share of a box that a mask covers."""
    left, top, right, bottom = (round(side) for side in box)
    window = mask[max(top, 0) : bottom, max(left, 0) : right]
    return float(window.mean()) if window.size else 0.0


def strays(mask: NDArray[np.bool_], known: list[Box]) -> int:
    """Covers that touch none of the known boxes."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    touched = {0}
    for left, top, right, bottom in known:
        inside = labels[max(int(top), 0) : int(bottom) + 1, max(int(left), 0) : int(right) + 1]
        touched.update(np.unique(inside).tolist())
    return len(set(np.unique(labels).tolist()) - touched)
