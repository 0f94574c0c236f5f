"""Characters and lines of small print, from Debian's typefaces and from our own dies, each drawn once and kept.

Debian packages: fonts-roadgeek (MIT, the US highway faces), fonts-opendin (OFL, DIN 1451), fonts-urw-base35 (AGPL with
an exception for embedding; Helvetica's metrics and kin), fonts-dejavu-core and -extra (Bitstream Vera). `make setup`
installs them. A missing file is an error that names its package: a training set must not silently
differ between two machines.
"""

from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from plate_press.dies import DIES, GLYPH_PX, punch

_ROADGEEK = "/usr/share/fonts/truetype/roadgeek/"
_URW = "/usr/share/fonts/opentype/urw-base35/"
_DEJAVU = "/usr/share/fonts/truetype/dejavu/"
_PACKAGES: Final = {
    _ROADGEEK: "fonts-roadgeek",
    "/usr/share/fonts/truetype/opendin/": "fonts-opendin",
    _URW: "fonts-urw-base35",
    _DEJAVU: "fonts-dejavu-core fonts-dejavu-extra",
}

CHARACTER_FILES: Final = (
    _ROADGEEK + "RG2014B.ttf",
    _ROADGEEK + "RG2014C.ttf",
    _ROADGEEK + "RG2014D.ttf",
    _ROADGEEK + "RG2014E.ttf",
    "/usr/share/fonts/truetype/opendin/OSP-DIN.ttf",
    _URW + "NimbusSansNarrow-Bold.otf",
    _URW + "NimbusSansNarrow-Regular.otf",
    _URW + "NimbusSans-Bold.otf",
    _URW + "URWGothic-Demi.otf",
    _DEJAVU + "DejaVuSansCondensed-Bold.ttf",
    _DEJAVU + "DejaVuSansCondensed.ttf",
    _DEJAVU + "DejaVuSansMono-Bold.ttf",
    _DEJAVU + "DejaVuSerifCondensed-Bold.ttf",
    _URW + "C059-Bold.otf",
)
"""Faces for the plate's own characters; the last two have serifs, as a few US states' dies have."""
SERIF: Final = (12, 13)
DIN: Final = (4,)
SANS: Final = tuple(range(12))

PRINT_FILES: Final = (
    _URW + "NimbusSans-Bold.otf",
    _URW + "NimbusSansNarrow-Bold.otf",
    _URW + "NimbusRoman-Bold.otf",
    _URW + "C059-BdIta.otf",
    _URW + "Z003-MediumItalic.otf",
    _URW + "URWBookman-DemiItalic.otf",
    _URW + "P052-BoldItalic.otf",
    _URW + "URWGothic-Demi.otf",
    _ROADGEEK + "RG2014C.ttf",
    _DEJAVU + "DejaVuSansCondensed-Bold.ttf",
    _DEJAVU + "DejaVuSerifCondensed-Bold.ttf",
)
"""Faces for states' names, slogans, dealers and badges."""
_LINE_PX = 40
_SYMBOL_FILE: Final = _DEJAVU + "DejaVuSans.ttf"
SYMBOLS: Final = "★☆☀☂☃☎☘☠☢☮☯☸♀♁♂♔♕♖♗♘♚♛♜♝♞♟♠♣♥♦♪♫♲♻♿⚑⚒⚓⚔⚖⚘⚙⚛⚜⚡✈✉✌✐✜✠✪✯✱✲✶✹✺✿❀❁❄❖❤➤♿♿♿♿♿♿"
"""Pictograms that stand for states' emblems, wheelchairs, riders and clubs' badges."""


class FontMissing(RuntimeError):
    """A typeface is not installed; the text names the Debian package that holds it."""


def face_of_die(number: int) -> int:
    """Name of one of our dies among the faces (negative numbers; files have the others)."""
    return -1 - number % DIES


@cache
def glyph(face: int, character: str) -> NDArray[np.uint8]:
    """Mask of a plate character, `GLYPH_PX` high, cut to its ink."""
    if face < 0:
        return punch(-1 - face, character)
    mask = _ink(_font(CHARACTER_FILES[face], 120), character)
    width = max(2, round(mask.shape[1] * GLYPH_PX / mask.shape[0]))
    return np.asarray(cv2.resize(mask, (width, GLYPH_PX), interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache(maxsize=6000)
def line(text: str, face: int) -> NDArray[np.uint8]:
    """Mask of a line of small print, cut to its ink; `face` is a place in `PRINT_FILES`."""
    return _ink(_font(PRINT_FILES[face % len(PRINT_FILES)], _LINE_PX), text)


@cache
def symbol(character: str) -> NDArray[np.uint8]:
    """Mask of a pictogram, cut to its ink."""
    return _ink(_font(_SYMBOL_FILE, 72), character)


@cache
def _font(path: str, size_px: int) -> ImageFont.FreeTypeFont:
    if not Path(path).is_file():
        package = next(name for folder, name in _PACKAGES.items() if path.startswith(folder))
        raise FontMissing(f"{path} is missing: apt-get install {package} (make setup does it)")
    return ImageFont.truetype(path, size_px)


def _ink(font: ImageFont.FreeTypeFont, text: str) -> NDArray[np.uint8]:
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    sheet = Image.new("L", (max(1, right - left) + 4, max(1, bottom - top) + 4))
    ImageDraw.Draw(sheet).text((2 - left, 2 - top), text, fill=255, font=font)
    mask = np.asarray(sheet, np.uint8)
    x, y, w, h = cv2.boundingRect(mask)
    return mask[y : y + h, x : x + w] if w and h else np.zeros((2, 2), np.uint8)
