"""What composites are made of: pictures to paste into, and flat plates to paste."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import skimage.data
from accuracy.pictures import load, read_bgr
from numpy.typing import NDArray
from plate_press.chance import weighted
from plate_press.press import KINDS
from plate_press.press import face as pressed_face
from street.script import load_script

from edge_agent.core.boxes import Boxes

from .pasting import Picture
from .scenes import Scene, is_held_out_name

PLAIN: Final = ("astronaut", "coffee", "chelsea", "rocket", "motorcycle_left", "motorcycle_right", "brick", "grass",
                "gravel", "hubble_deep_field", "page", "text", "color", "coins", "camera", "clock_motion")  # fmt: skip
PLATE_KINDS: Final = {kind: share for kind, share in KINDS.items() if kind != "none"}
REAL_FACES: Final = 0.3
"""Share of plates taken from photographs of flat plates; the others are pressed."""
EVERY_FRAME: Final = 3
_LEAST_STREET_PX: Final = 14.0


@dataclass(frozen=True, slots=True)
class View:
    """A picture and the boxes (n, 4) of the plates in it; `is_street` where plates may hang on what is there."""

    image: Picture
    boxes: Boxes


@dataclass(frozen=True, slots=True)
class Stock:
    """Everything a composite draws from; pictures are read when they are needed."""

    scenes: tuple[Scene, ...]
    crops: tuple[Path, ...]
    streets: tuple[View, ...]

    def scene(self, rng: np.random.Generator) -> View:
        """A photograph of a street with its one labelled plate."""
        scene = self.scenes[int(rng.integers(len(self.scenes)))]
        return View(scene.read(), scene.box)

    def street(self, rng: np.random.Generator) -> View:
        """A frame of a rendered street, all its plates known."""
        return self.streets[int(rng.integers(len(self.streets)))]

    def plain(self, rng: np.random.Generator) -> View:
        """A picture without a plate."""
        pictures = plain_pictures()
        return View(pictures[int(rng.integers(len(pictures)))], np.zeros((0, 4), np.float32))

    def face(self, rng: np.random.Generator) -> Picture:
        """A flat plate, BGRA."""
        if self.crops and rng.random() < REAL_FACES:
            return _rounded(read_bgr(self.crops[int(rng.integers(len(self.crops)))]), rng)
        return np.asarray(pressed_face(rng, weighted(rng, PLATE_KINDS)).bgra, np.uint8)


def gather(data: Path, scenes: list[Scene], video: Path, *, is_held_out: bool) -> Stock:
    """The stock that teaches, or the one that chooses: no photograph is in both."""
    crops = [picture.path for picture in load(data, "train") if picture.box is None]
    return Stock(
        tuple(scene for scene in scenes if scene.is_held_out == is_held_out),
        tuple(crop for crop in crops if is_held_out_name(crop.name) == is_held_out),
        street_views(video, EVERY_FRAME),
    )


@cache
def plain_pictures() -> tuple[Picture, ...]:
    """The pictures that scikit-image and ultralytics ship, none of which shows a plate that could be read."""
    folder = Path(skimage.data.__file__).parent
    named = [path for path in sorted(folder.glob("*.[pj][np]g")) if path.stem in PLAIN]
    return tuple(read_bgr(path) for path in named)


def street_views(video: Path, every: int) -> tuple[View, ...]:
    """Each `every`th frame of a rendered street; frames with a plate too small to be called one are left out."""
    script = load_script(video)
    by_frame: dict[int, list[tuple[float, ...]]] = {}
    for vehicle in script.vehicles:
        for frame, *box in vehicle.plate_boxes:
            by_frame.setdefault(int(frame), []).append(tuple(box))
    views = []
    with av.open(str(video)) as container:
        for index, picture in enumerate(container.decode(video=0)):
            boxes = np.array(by_frame.get(index, []), np.float32).reshape(-1, 4)
            if index % every == 0 and (boxes[:, 2] - boxes[:, 0] >= _LEAST_STREET_PX).all():
                views.append(View(picture.to_ndarray(format="bgr24").astype(np.uint8), boxes))
    return tuple(views)


def _rounded(plate: NDArray[np.uint8], rng: np.random.Generator) -> Picture:
    """A photograph of a plate, cut out with the round corners that plates have."""
    height, width = plate.shape[:2]
    cover = np.zeros((height, width), np.uint8)
    radius = max(1, int(height * rng.uniform(0.02, 0.1)))
    cv2.rectangle(cover, (radius, radius), (width - 1 - radius, height - 1 - radius), 255, -1)
    return np.dstack([plate, cv2.dilate(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2))])
