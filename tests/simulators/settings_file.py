"""Settings of a test written to a file, for programs that run beside the test."""

import json
from pathlib import Path
from typing import Any

import msgspec

from aggregator.settings import Settings


def write_settings(settings: Settings, path: Path) -> Path:
    """The settings as TOML, every path absolute."""
    tree = msgspec.to_builtins(settings, enc_hook=str)
    lines = _pairs({key: value for key, value in tree.items() if not isinstance(value, dict)})
    for name, table in tree.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *_pairs(table)]
    path.write_text("\n".join(lines) + "\n")
    return path


def _pairs(table: dict[str, Any]) -> list[str]:
    # A JSON string or integer is a TOML one; `Any`: the values of any setting.
    return [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]
