"""Values that have no place on a command line, where everybody on the machine and the shell's history can read them.

A filter on a column that holds plates is written `plate=-`; the plate itself is asked for on the terminal, or is a line
of stdin.
"""

import getpass
import sys
from typing import Final

from aggregator.core.asking.conditions import split
from aggregator.core.asking.question import Resource
from aggregator.errors import BadInput

ASK: Final = "-"


def filled(resource: Resource, filters: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The filters with what was held back; raises `BadInput` for a plate that stands on the command line."""
    return tuple((name, _value(resource, name, value)) for name, value in filters)


def _value(resource: Resource, name: str, value: str) -> str:
    column = split(name)[0]
    if column not in resource.secret:
        return value
    if value != ASK:
        raise BadInput(
            f"everybody on this machine can read a command line: write {column}=- and give the plate on stdin"
        )
    line = getpass.getpass(f"{column}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not line.strip():
        raise BadInput(f"{column}: nothing was given on stdin")
    return line.strip()
