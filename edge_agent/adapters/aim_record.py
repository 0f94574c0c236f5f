"""What stays of aiming: the last figures of each camera that had a plate in sight, in a small JSON file each.

No picture, no text of a plate. `edge-agent accept` takes the widths from here.
"""

from pathlib import Path
from typing import Final

import msgspec

from edge_agent.adapters.keystore import write_private
from edge_agent.core.aim import Advice, Aim

FOLDER: Final = "aim"


class AimRecord(msgspec.Struct, frozen=True, kw_only=True):
    """When a camera was aimed, and how its plates were then."""

    at_ms: int
    plates: int
    width_px: int | None
    advice: Advice


def keep_record(data_dir: Path, camera: str, at_ms: int, aim: Aim) -> None:
    """Keep the figures of a camera."""
    record = AimRecord(at_ms=at_ms, plates=aim.plates, width_px=aim.width_px, advice=aim.advice)
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / f"{camera}.json", msgspec.json.encode(record))


def read_record(data_dir: Path, camera: str) -> AimRecord | None:
    """The figures of a camera, if it was ever aimed."""
    try:
        return msgspec.json.decode((data_dir / FOLDER / f"{camera}.json").read_bytes(), type=AimRecord)
    except (OSError, msgspec.DecodeError):
        return None
