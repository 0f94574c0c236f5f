"""Pictures with known faces and plates, from what packages ship, what the project renders, and a folder of scenes.

- Real photographs, as they are and in harder forms (`photographs`, `harder`).
- Frames of the rendered 1080p street: real heads in a drawn street; boxes from the video's script. A face half behind a
  car is in no list there.
- Faces of scikit-image's `lfw_subset`, each on a grey mount, laid over its photographs of things, as they are and dark.
  They are cut off at brow, ears and chin, so they are harder to find than heads.
- Scenes with plates of a folder (`--data`), by its own split. Whoever stands in them is not marked, so faces covered
  there count neither for nor against anybody.

All are written as PNG, so that a pixel that differs afterwards was covered and not merely compressed again.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import accuracy.pictures
import av
import cv2
import numpy as np
from numpy.typing import NDArray
from street.script import load_script

from .harder import harder_forms, night
from .known import Box, Known, Picture
from .photographs import OWN, own_photograph, photographs

BACKGROUNDS: Final = ("coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
LFW_SAMPLE_PX, LFW_MOUNT_PX = 25, 49
SAMPLE_SIZES_PX: Final = (28, 36, 44, 56, 72, 92)
FACE_IN_SAMPLE: Final = 0.8
MOUNT: Final = (127.0,)


def known_pictures(clip: Path, every: int, data: Path | None, split: accuracy.pictures.Split) -> Iterator[Known]:
    """All pictures; of the clip every so many frames, of the folder one split."""
    for photograph in photographs():
        yield photograph
        yield from harder_forms(photograph)
    yield from street_frames(clip, every)
    yield from composites()
    if data is not None:
        yield from scenes(data, split)


def scenes(data: Path, split: accuracy.pictures.Split) -> Iterator[Known]:
    """Street scenes with one marked plate each."""
    for picture in accuracy.pictures.load(data, split):
        if picture.box is not None:
            name = picture.file.replace("/", "_").replace("-", "_").rpartition(".")[0]
            yield Known(f"scene-{name}", picture.pixels(), plates=[picture.box])


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
    """The hundred faces, sixteen or so to a picture, in rising and falling sizes; every other picture is dark."""
    samples = (np.load(OWN / "lfw_subset.npy")[:100] * 255).astype(np.uint8)
    for number, batch in enumerate(np.array_split(samples, 6)):
        background = own_photograph(BACKGROUNDS[number % len(BACKGROUNDS)])
        picture = cv2.resize(background, (1280, 720)).astype(np.uint8, copy=False)
        sizes_px = islice(cycle(SAMPLE_SIZES_PX), len(batch))
        faces = [_paste(picture, face, place, px) for place, (face, px) in enumerate(zip(batch, sizes_px, strict=True))]
        cut = Known(f"faces-{number}", picture, faces)
        yield cut if number % 2 else Known(f"dark-{number}", night(cut).image, faces)


def _paste(canvas: Picture, sample: NDArray[Any], place: int, size_px: int) -> Box:
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


def _box(numbers: list[float]) -> Box:
    left, top, right, bottom = numbers
    return left, top, right, bottom
