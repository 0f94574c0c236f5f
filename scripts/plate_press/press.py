"""The press: a plate of a kind, on a vehicle, before a camera, in the weather.

    pressed = press(np.random.default_rng(1))
    pressed.image, pressed.corners, pressed.text

All follows from the generator's state. `harshness` 0 is a clean plate seen from the front, 1 the street.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press import brazil, europe, generic, mexico, optics, usa
from plate_press.chance import between, often, weighted
from plate_press.decoys import decoy
from plate_press.faces import Face
from plate_press.pose import homography, project, turn
from plate_press.vehicle import Panel, mount
from plate_press.writing import MX_SHARES

KINDS: Final[dict[str, float]] = {
    **{f"mx-{name}": share for name, share in MX_SHARES.items()},
    "us": 0.20,
    "eu": 0.15,
    "br": 0.04,
    "br-old": 0.06,
    "generic": 0.10,
    "none": 0.05,
}
"""Kind to share of what the press makes when no kind is asked for."""
MEXICAN_KINDS: Final = tuple(kind for kind in KINDS if kind.startswith("mx-"))
_MAX_HEIGHT_PX: Final = 220
_NARROWEST_PX, _WIDEST_PX = 40.0, 230.0


@dataclass(frozen=True, slots=True)
class Pressed:
    """`image` (h, w, 3) BGR; `corners` (4, 2): the plate's, from the top left clockwise, zeros where there is none."""

    image: NDArray[np.uint8]
    corners: NDArray[np.float32]
    rows: tuple[str, ...]
    kind: str

    @property
    def text(self) -> str:
        """A-Z and 0-9, rows joined from top to bottom; empty where there is no plate."""
        return "".join(self.rows)


def press(
    rng: np.random.Generator,
    kind: str | None = None,
    *,
    harshness: float = 1.0,
    width_px: tuple[float, float] = (_NARROWEST_PX, _WIDEST_PX),
) -> Pressed:
    """One picture; the plate is `width_px` wide in it, a width drawn nearly evenly in its logarithm.

    Long rows are never so small that their characters are not there (`_least_width`).
    """
    kind = kind or weighted(rng, KINDS)
    harshness *= _severity(rng)
    width = width_px[0] * (width_px[1] / width_px[0]) ** float(rng.random() ** 0.75)
    if kind == "none":
        return _press_decoy(rng, width, harshness)
    flat = face(rng, kind, width_px=min(260.0, max(72.0, width * 1.12)))
    width = max(width, _least_width(flat))
    panel = mount(rng, flat, harshness)
    is_night = often(rng, 0.1 * harshness)
    if is_night:
        optics.infrared(rng, panel.bgr, panel.cover)
    image, corners = _photograph(rng, panel, width, harshness)
    pitch = width / (max(len(row) for row in flat.rows) + 1.5)
    return Pressed(_spoil(rng, image, pitch, harshness, is_night=is_night), corners, flat.rows, kind)


def face(rng: np.random.Generator, kind: str, *, width_px: float = 300.0) -> Face:
    """The flat plate alone (`Face.bgra` has its outline); every kind but "none"."""
    match kind:
        case "us":
            return usa.face(rng, width_px)
        case "eu":
            return europe.face(rng, width_px)
        case "br" | "br-old":
            return brazil.face(rng, width_px, is_old=kind == "br-old")
        case "generic":
            return generic.face(rng, width_px)
        case _ if kind in KINDS and kind.startswith("mx-"):
            return mexico.face(rng, kind.removeprefix("mx-"), width_px)
    raise ValueError(f"no face of kind {kind!r}; kinds: {', '.join(k for k in KINDS if k != 'none')}")


def _severity(rng: np.random.Generator) -> float:
    """Most pictures of a street are fair, some are bad: 0.1 to 1, a half of them below 0.4."""
    return 0.1 + 0.9 * float(between(rng, 0, 1) ** 1.6)


def _least_width(flat: Face) -> float:
    """Characters need a few pixels each; those of a long low plate are narrow for their height, so a few more."""
    height, width = flat.bgr.shape[:2]
    return (5.8 if width < 2.6 * height else 7.5) * max(len(row) for row in flat.rows)


def _photograph(
    rng: np.random.Generator, panel: Panel, width: float, harshness: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Turn the panel and take the part around the plate."""
    x, y, w, h = panel.x, panel.y, panel.width, panel.height
    flat = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float64)
    matrix = homography(turn(rng, harshness), (x + w / 2, y + h / 2), w)
    seen = project(matrix, flat)
    scale = min(width / float(np.ptp(seen[:, 0])), _MAX_HEIGHT_PX / 1.2 / float(np.ptp(seen[:, 1])))
    seen *= scale
    span = np.ptp(seen, axis=0)
    before = [span[0] * between(rng, 0.14, 0.36) + 3, span[1] * between(rng, 0.12, 0.5) + 3]
    after = [span[0] * between(rng, 0.14, 0.36) + 3, span[1] * between(rng, 0.12, 0.5) + 3]
    size = (int(span[0] + before[0] + after[0]), int(min(_MAX_HEIGHT_PX, span[1] + before[1] + after[1])))
    move = np.array(before) - seen.min(axis=0)
    place = np.array([[scale, 0, move[0]], [0, scale, move[1]], [0, 0, 1]]) @ matrix
    image = cv2.warpPerspective(panel.bgr, place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(image, np.uint8), np.asarray(seen + move, np.float32)


def _spoil(
    rng: np.random.Generator, image: NDArray[np.uint8], pitch: float, harshness: float, *, is_night: bool
) -> NDArray[np.uint8]:
    """Light, weather, lens, sensor and codec."""
    if harshness <= 0:
        return image
    if often(rng, 0.06 * harshness):
        image = optics.haze(rng, image)
    if is_night or often(rng, 0.04 * harshness):
        optics.bloom(rng, image)
    image = optics.expose(rng, image, harshness * (0.4 if is_night else 1.0))
    if often(rng, 0.08 * harshness):
        optics.rain(rng, image)
    image = optics.blur(rng, image, pitch, harshness)
    if pitch > 6 and often(rng, 0.2 * harshness):
        image = optics.resample(rng, image, pitch)
    image = optics.noise(rng, image, _contrast(image), harshness)
    if often(rng, 0.25 * harshness):
        image = optics.sharpen(rng, image)
    return optics.compress(rng, image, pitch, harshness)


def _contrast(image: NDArray[np.uint8]) -> float:
    """Spread of the brightness in the middle of the picture, where the plate is."""
    height, width = image.shape[:2]
    middle = image[height * 3 // 10 : height * 7 // 10 + 1 : 2, width // 4 : width * 3 // 4 : 2, 1]
    return float(middle.std())


def _press_decoy(rng: np.random.Generator, width: float, harshness: float) -> Pressed:
    """A picture of no plate, spoiled alike: what is sharp or blurred must not tell plates from other things."""
    height = int(min(_MAX_HEIGHT_PX, max(24.0, width / between(rng, 1.5, 4.5))))
    image = decoy(rng, height, max(36, int(width * 1.15)))
    if often(rng, 0.1 * harshness):
        optics.infrared(rng, image, np.full(image.shape[:2], 160, np.uint8))
    image = _spoil(rng, image, width / 8, harshness, is_night=False)
    return Pressed(image, np.zeros((4, 2), np.float32), (), "none")
