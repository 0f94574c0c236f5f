"""What is remembered of each camera's scene, one small file for each in a folder of the data folder.

A file that cannot be read, or is not one of ours, is the same as none: the scene is learned again.
"""

from pathlib import Path
from typing import Final

import msgspec

from edge_agent.adapters.keystore import write_private
from edge_agent.core.scene import Light
from edge_agent.core.scene_health import SceneMemory
from edge_agent.core.scene_reference import from_bytes, to_bytes
from protocol.point_messages import Condition

FOLDER: Final = "scenes"


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    references: dict[Light, bytes]
    active: tuple[Condition, ...]


def recall(data_dir: Path, camera: str) -> SceneMemory:
    """What is remembered of a camera."""
    try:
        kept = msgspec.msgpack.decode(_path(data_dir, camera).read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError):
        return SceneMemory()
    found = {light: from_bytes(data) for light, data in kept.references.items()}
    return SceneMemory({light: each for light, each in found.items() if each is not None}, frozenset(kept.active))


def remember(data_dir: Path, camera: str, memory: SceneMemory) -> None:
    """Keep it, whole or not at all."""
    path = _path(data_dir, camera)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    references = {light: to_bytes(each) for light, each in memory.references.items()}
    write_private(path, msgspec.msgpack.encode(_File(references=references, active=tuple(sorted(memory.active)))))


def forget(data_dir: Path, camera: str) -> None:
    """Have the scene learned anew, after a camera has been turned or replaced."""
    _path(data_dir, camera).unlink(missing_ok=True)


def _path(data_dir: Path, camera: str) -> Path:
    return data_dir / FOLDER / f"{camera}.scene"
