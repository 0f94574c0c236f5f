"""The support bundle: what helps somebody far away to understand a box, and nothing that must not leave it.

Parts are gathered one by one; one that cannot be had says why in its place. Every text passes `core.support.redacted`
as the last thing before it is written, also those that should hold no secret to begin with. Keys, certificates' private
halves, the outbox, the hotlist and pictures are never read: of files there are names and sizes.
"""

import io
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from edge_agent.adapters.camera_book import merged
from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.adapters.identity_card import read_card
from edge_agent.adapters.machine_facts import about, listing, log_lines, unit_state
from edge_agent.core.checks import Check
from edge_agent.core.support import redacted, secrets_of
from edge_agent.errors import EdgeError
from edge_agent.settings import Settings

_ADDRESSES: Final = frozenset({"url", "onvif"})


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the bundle, made when its turn comes. A text, or what is to be written as JSON."""

    name: str
    make: Callable[[], object]


def parts_of(settings: Settings, log: Callable[[], str] = log_lines) -> tuple[Part, ...]:
    """What a bundle holds, but for the doctor's checks. `log` gives the log's lines."""
    return (
        Part("about.json", about),
        Part("settings.json", lambda: shown_settings(settings)),
        Part("identity.json", lambda: msgspec.to_builtins(read_card(settings.identity_dir), enc_hook=str)),
        Part("status.json", lambda: ask(settings.data_dir / NAME, "status")),
        Part("files.json", lambda: {str(top): listing(top) for top in (settings.identity_dir, settings.data_dir)}),
        Part("unit.txt", unit_state),
        Part("log.txt", log),
    )


def as_json(checks: tuple[Check, ...]) -> list[dict[str, Any]]:  # `Any`: JSON
    """The doctor's checks, without their remedies' words."""
    return [
        {
            "check": each.name,
            "verdict": each.verdict.name.lower(),
            "value": each.value,
            "camera": each.camera,
            "remedy": each.remedy.message if each.remedy else None,
        }
        for each in checks
    ]


def shown_settings(settings: Settings) -> Any:  # JSON
    """The settings with every camera's address taken down to its scheme and host."""
    shown = msgspec.to_builtins(settings, enc_hook=str)
    for camera in shown["cameras"]:
        for key in _ADDRESSES & camera.keys():
            camera[key] = redacted(camera[key])
    return shown


def known_secrets(settings: Settings) -> tuple[str, ...]:
    """The cameras' credentials, those of the book opened: to be looked for, and taken out."""
    return secrets_of(camera.url for camera in merged(settings).cameras)


def write_bundle(path: Path, parts: tuple[Part, ...], secrets: tuple[str, ...]) -> list[str]:
    """Make the archive, readable by its owner only; gives the names of the files in it."""
    stem = path.name.removesuffix(".tar.gz")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        os.fchmod(descriptor, 0o600)
        for name, text in _texts(parts):
            data = redacted(text, secrets).encode()
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(data))
    return [part.name for part in parts]


def _texts(parts: tuple[Part, ...]) -> Iterator[tuple[str, str]]:
    for part in parts:
        try:
            made = part.make()
        except (EdgeError, OSError) as exc:
            made = {"not_there": str(exc)}
        yield part.name, made if isinstance(made, str) else json.dumps(made, indent=1, default=str) + "\n"
