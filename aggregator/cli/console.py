"""What every command shares: the `--config` option, tables or JSON on stdout, the release that answers.

stdout carries what was asked for and nothing else; what is said about it goes to stderr.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from aggregator.settings import ENVIRONMENT, Settings, config_path, load

Config: TypeAlias = Annotated[
    Path | None, Parameter(name="--config", help=f"Settings file; else ${ENVIRONMENT}, else the system's.")
]
AsJson: TypeAlias = Annotated[bool, Parameter(name="--json", negative="", help="One JSON array instead of a table.")]
Cell: TypeAlias = str | int | float | bool | None


def settings_of(option: Path | None) -> Settings:
    """The settings that a command works with; raises `BadSettings`."""
    return load(config_file(option))


def config_file(option: Path | None) -> Path:
    """The settings file that a command works with."""
    return config_path(option, os.environ.get(ENVIRONMENT))


def release() -> str:
    """The installed release."""
    return version("atalaya")


def say(text: str) -> None:
    """Tell the operator something that is not the command's result."""
    sys.stderr.write(f"{text}\n")


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, as_json: bool) -> None:
    """Rows as a table for people, or as one JSON array of objects."""
    if as_json:
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        sys.stdout.write(msgspec.json.encode(objects).decode() + "\n")
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(soft_wrap=True).print(table)
