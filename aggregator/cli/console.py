"""What every command shares: the `--config` option, tables or JSON on stdout, the release that answers.

stdout carries what was asked for and nothing else; what is said about it goes to stderr.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aggregator.errors import BadInput
from aggregator.settings import ENVIRONMENT, Settings, config_path, load

Config: TypeAlias = Annotated[
    Path | None, Parameter(name="--config", help=f"Settings file; else ${ENVIRONMENT}, else the system's.")
]
AsJson: TypeAlias = Annotated[bool, Parameter(name="--json", negative="", help="One JSON array instead of a table.")]
# A table in a pipe is as wide as it needs to be: grep wants whole lines.
PIPED_WIDTH: Final = 1_000
_FINGERPRINT_DIGITS: Final = 64
Cell: TypeAlias = str | int | float | bool | datetime | date | None


def settings_of(option: Path | None) -> Settings:
    """The settings that a command works with; raises `BadSettings`."""
    return load(config_file(option))


def config_file(option: Path | None) -> Path:
    """The settings file that a command works with."""
    return config_path(option, os.environ.get(ENVIRONMENT))


def release() -> str:
    """The installed release."""
    return version("atalaya")


def fingerprint(text: str) -> bytes:
    """The root's fingerprint as an operator types it: hexadecimal, colons and case as he likes."""
    digits = text.replace(":", "").lower()
    if len(digits) != _FINGERPRINT_DIGITS or set(digits) - set("0123456789abcdef"):
        raise BadInput(f"a root fingerprint is a SHA-256: {_FINGERPRINT_DIGITS} hexadecimal digits")
    return bytes.fromhex(digits)


def say(text: str) -> None:
    """Tell the operator something that is not the command's result."""
    sys.stderr.write(f"{text}\n")


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, as_json: bool) -> None:
    """Rows as a table for people, or as one JSON array of objects."""
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        # Text, so that a square bracket in a name is no markup.
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def show_object(fields: Mapping[str, object], *, as_json: bool) -> None:
    """One thing, a line a field, or as one JSON object."""
    if as_json:
        print_json(fields)
        return
    for name, value in fields.items():
        many = value if isinstance(value, list) else [value]
        for one in many:
            text = ", ".join(f"{k} {v}" for k, v in one.items() if v is not None) if isinstance(one, dict) else one
            sys.stdout.write(f"{name}: {'' if text is None else text}\n")


def print_json(value: object) -> None:
    """One JSON value on stdout, in one line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
