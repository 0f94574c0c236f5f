"""Pictures as files: found, read, and written without anything but pixels.

A picture is written from its pixels alone, so what a camera or phone hid beside them (place, owner, a
thumbnail of the unredacted picture) cannot leave with it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import BadPicture

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
THUMBNAIL_QUALITIES: Final = (75, 50, 25)
VIDEOS: Final = frozenset({".mp4", ".mkv", ".avi", ".mov", ".m4v", ".ts", ".webm"})


def is_video(path: Path) -> bool:
    """Whether a file's name says that it is a video."""
    return path.suffix.lower() in VIDEOS


def is_known(path: Path) -> bool:
    """Whether a file's name says that it is a picture or video."""
    return path.suffix.lower() in PICTURES | VIDEOS


def files_in(path: Path) -> Iterator[Path]:
    """Yield the file itself, or every picture and video below a folder in order of name."""
    if path.is_dir():
        yield from sorted(found for found in path.rglob("*") if found.is_file() and is_known(found))
    else:
        yield path


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return a BGR picture, turned upright as its EXIF asks; raises `BadPicture` that says what is wrong."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as exc:
        raise BadPicture(f"{path}: cannot be read: {exc.strerror}") from exc
    image = _decode(data)
    if image is None:
        raise BadPicture(f"{path}: not a picture that can be decoded")
    return image


def _decode(data: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    if not data.size:
        return None
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:  # OpenCV raises for some damaged headers and returns None for others
        return None
    return None if image is None else np.asarray(image, np.uint8)


def encode_thumbnail(image: NDArray[np.uint8], *, width_px: int, max_bytes: int) -> bytes | None:
    """A small JPEG of a picture, pixels only; None if none is small enough."""
    height_px = max(1, round(image.shape[0] * width_px / image.shape[1]))
    small = np.asarray(cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA), np.uint8)
    sizes = (encode_picture(small, quality=quality) for quality in THUMBNAIL_QUALITIES)
    return next((data for data in sizes if len(data) <= max_bytes), None)


def encode_picture(image: NDArray[np.uint8], suffix: str = ".jpg", quality: int = 90) -> bytes:
    """Encode by the suffix's format, pixels only."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix.lower() in {".jpg", ".jpeg"} else []
    done, data = cv2.imencode(suffix, image, options)
    if not done:
        raise BadPicture(f"a picture of shape {image.shape} cannot be written as {suffix}")
    return data.tobytes()
