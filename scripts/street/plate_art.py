"""How a plate looks: 300 x 150 mm (motorcycles 215 x 134 mm), a state band, embossed characters.

The characters come from a highway face where Debian's `fonts-roadgeek` or `fonts-opendin` is installed, and from
Pillow's own face otherwise, so that a machine with nothing installed still renders; `font_name` says which.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .plates import Plate, PlateClass

PX_PER_MM = 2.4
CAR_MM = (300, 150)
MOTORCYCLE_MM = (215, 134)
_FACES = (
    Path("/usr/share/fonts/truetype/roadgeek/RG2014C.ttf"),
    Path("/usr/share/fonts/truetype/opendin/OSP-DIN.ttf"),
)
_INK = (38, 30, 28)
_BANDS = {  # BGR, from the state's side to the middle
    "COAHUILA": ((70, 60, 170), (70, 120, 60)),
    "CHIHUAHUA": ((140, 80, 40), (60, 130, 190)),
    "NUEVO LEON": ((50, 120, 220), (130, 60, 120)),
    "TAMAULIPAS": ((40, 40, 150), (40, 150, 200)),
    "ZACATECAS": ((110, 70, 110), (60, 60, 170)),
    "CIUDAD DE MEXICO": ((110, 40, 170), (90, 130, 40)),
    "SERVICIO PUBLICO FEDERAL": ((60, 110, 40), (60, 110, 40)),
}


def size_mm(plate_class: PlateClass) -> tuple[int, int]:
    """Width and height of the plate."""
    return MOTORCYCLE_MM if plate_class is PlateClass.MOTORCYCLE else CAR_MM


def font_name() -> str:
    """The face in use, to be told to whoever renders."""
    path = _font_path()
    return path.name if path else "Pillow's default face"


def draw_plate(plate: Plate) -> NDArray[np.uint8]:
    """Premultiplied BGRA picture of a plate at `PX_PER_MM`."""
    width, height = (round(mm * PX_PER_MM) for mm in size_mm(plate.plate_class))
    face = np.full((height, width, 3), (236, 240, 238), np.float32)
    _band(face, plate)
    _print(face, plate)
    _emboss(face, _character_mask(plate, width, height))
    return _cut(face)


@cache
def _font_path() -> Path | None:
    return next((path for path in _FACES if path.is_file()), None)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = _font_path()
    return ImageFont.truetype(path, size_px) if path else ImageFont.load_default(size_px)


def _band(face: NDArray[np.float32], plate: Plate) -> None:
    """A band across the top that fades into the white, and a thinner one below."""
    left, right = (np.array(c, np.float32) for c in _BANDS[plate.state])
    ramp = np.linspace(0, 1, face.shape[1], dtype=np.float32)[None, :, None]
    colour = left * (1 - ramp) + right * ramp
    top, bottom = int(face.shape[0] * 0.225), int(face.shape[0] * 0.085)
    fade = np.linspace(1, 0.75, top, dtype=np.float32)[:, None, None]
    face[:top] = colour * fade + face[:top] * (1 - fade)
    face[-bottom:] = colour


def _print(face: NDArray[np.float32], plate: Plate) -> None:
    """The state's name in the band and the small print below the characters."""
    height, width = face.shape[:2]
    narrow = len(plate.state) > 12
    for text, y, size, ink in (
        (plate.state, 0.115, 0.115 if narrow else 0.15, (250, 250, 250)),
        ("MEXICO", 0.865, 0.075, (70, 70, 70)),
    ):
        mask = _text_mask(text, (width, height), int(size * height), (width / 2, y * height), width * 0.7)
        face[:] = face * (1 - mask) + np.array(ink, np.float32) * mask


def _character_mask(plate: Plate, width: int, height: int) -> NDArray[np.float32]:
    return _text_mask(plate.shown, (width, height), int(height * 0.62), (width / 2, height * 0.535), width * 0.91)


def _text_mask(
    text: str, size: tuple[int, int], font_px: int, centre: tuple[float, float], fit_px: float
) -> NDArray[np.float32]:
    """Coverage 0..1 of one line of text, squeezed to a width when it is too long."""
    font = _font(font_px)
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    line = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(line).text((2 - left, 2 - top), text, fill=255, font=font)
    if line.width > fit_px:
        line = line.resize((int(fit_px), line.height), Image.Resampling.LANCZOS)
    sheet = Image.new("L", size)
    sheet.paste(line, (round(centre[0] - line.width / 2), round(centre[1] - line.height / 2)))
    return np.asarray(np.asarray(sheet, np.float32)[..., None] / 255, np.float32)


def _emboss(face: NDArray[np.float32], mask: NDArray[np.float32]) -> None:
    """Ink the characters and raise their edges to a light from the upper left."""
    raised = cv2.GaussianBlur(mask[..., 0], (0, 0), 2.2)
    slope = cv2.Sobel(raised, cv2.CV_32F, 1, 0, ksize=3) + cv2.Sobel(raised, cv2.CV_32F, 0, 1, ksize=3)
    face[:] = face * (1 - mask) + np.array(_INK, np.float32) * mask
    face += np.clip(slope * 26, -46, 46)[..., None]


def _cut(face: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round the corners, rim the sheet, punch the bolt holes."""
    height, width = face.shape[:2]
    alpha = np.zeros((height, width), np.uint8)
    radius = int(height * 0.07)
    cv2.rectangle(alpha, (radius, 0), (width - radius - 1, height - 1), 255, -1)
    cv2.rectangle(alpha, (0, radius), (width - 1, height - radius - 1), 255, -1)
    for x in (radius, width - radius - 1):
        for y in (radius, height - radius - 1):
            cv2.circle(alpha, (x, y), radius, 255, -1, cv2.LINE_AA)
    inner = cv2.erode(alpha, np.ones((5, 5), np.uint8))
    face[inner < 255] *= 0.72
    for x in (0.23, 0.77):
        cv2.circle(face, (int(width * x), int(height * 0.075)), int(height * 0.026), (70, 75, 78), -1, cv2.LINE_AA)
    bgr = np.clip(face, 0, 255) * (alpha[..., None] / np.float32(255))
    return np.dstack([bgr.astype(np.uint8), alpha])
