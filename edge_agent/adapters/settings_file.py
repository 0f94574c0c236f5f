"""Changing a settings file as a careful person would: only the keys that change, comments and order kept.

The new text is read as the agent reads it before it takes the old one's place, whole and at once, with the old file's
owner and mode.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from edge_agent.errors import BadSettings
from edge_agent.settings import parse_settings

Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys with a dot for each table (`inference.threads`), and keys of single cameras by their id."""

    keys: Mapping[str, Value]
    cameras: Mapping[str, Mapping[str, Value]]


def with_changes(text: str, changes: Changes, path: Path) -> str:
    """The text of a settings file with these changes; raises `BadSettings` if the agent would not take it."""
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as exc:
        raise BadSettings(f"{path}: not TOML: {exc}") from exc
    for dotted, value in changes.keys.items():
        *tables, key = dotted.split(".")
        _set(_table(document, tables), key, value)
    listed = document.get("cameras")
    for camera in listed if isinstance(listed, AoT) else ():
        for key, value in changes.cameras.get(str(camera.get("camera")), {}).items():
            _set(camera, key, value)
    changed = tomlkit.dumps(document)
    parse_settings(changed, path)
    return changed


def replace_settings(path: Path, text: str) -> None:
    """Put the text in the file's place; raises `BadSettings` if that is not allowed."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            if path.exists():
                shutil.copystat(path, fresh)
                owner = path.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as exc:
        fresh.unlink(missing_ok=True)
        raise BadSettings(f"{path}: cannot be written ({exc.strerror}); run this as root, or give --out FILE") from exc


def _table(document: tomlkit.TOMLDocument, names: list[str]) -> tomlkit.TOMLDocument | Table:
    """The table of that path, made at the end of the file if it is not there."""
    found: tomlkit.TOMLDocument | Table = document
    for name in names:
        if name not in found:
            found[name] = tomlkit.table()
        inner = found[name]
        if not isinstance(inner, Table):
            raise BadSettings(f"[{name}] is not written as a table of its own; write it so, or edit the file by hand")
        found = inner
    return found


def _set(table: tomlkit.TOMLDocument | Table, key: str, value: Value) -> None:
    """Only what differs is written, so that a number keeps the form that a person gave it."""
    if key not in table or table[key] != value:
        table[key] = value
