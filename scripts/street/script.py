"""The script of a street video: what drives through it, when its plates can be read, which are wanted.

The script lies beside the video as JSON and is the only truth a test or the demo counts against: what was
expected is known before anything has looked at a picture. A plate is `readable` in the frames in which it is at least
`readable_px` wide, wholly inside the picture and hidden by nothing. Boxes are `[frame, x1, y1, x2, y2]` in pixels.
"""

from pathlib import Path

import msgspec

READABLE_PX = 90
Box = tuple[int, float, float, float, float]


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """One passage. `plate` is what a read should say, `shown` what is embossed."""

    plate: str
    shown: str
    plate_class: str
    state: str
    is_approaching: bool
    is_on_hotlist: bool
    first_frame: int
    last_frame: int
    readable: tuple[int, int] | None
    plate_boxes: list[Box]


class StreetScript(msgspec.Struct, frozen=True, kw_only=True):
    """A whole video. `hotlist` holds the plates to import before it is played."""

    seed: int
    fps: int
    width_px: int
    height_px: int
    frames: int
    readable_px: int
    font: str
    hotlist: list[str]
    vehicles: list[Vehicle]
    face_boxes: list[Box]

    @property
    def expected_hits(self) -> list[str]:
        """Wanted plates that can be read at least once: what a working system must find."""
        return [v.plate for v in self.vehicles if v.is_on_hotlist and v.readable is not None]


def script_path(video: Path) -> Path:
    """Where a video's script lies: beside it, with the suffix `.json`."""
    return video.with_suffix(".json")


def save_script(script: StreetScript, video: Path) -> None:
    """Write the script beside its video."""
    script_path(video).write_bytes(msgspec.json.format(msgspec.json.encode(script), indent=1) + b"\n")


def load_script(video: Path) -> StreetScript:
    """Read the script of a video."""
    return msgspec.json.decode(script_path(video).read_bytes(), type=StreetScript)
