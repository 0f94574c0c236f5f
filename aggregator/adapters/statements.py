"""SQL in named files: `aggregator/sql/NAME.sql` holds statements, each under a line `-- name: what_it_does`."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: ([a-z_0-9]+)$", re.MULTILINE)


@cache
def statements(file: str) -> dict[str, str]:
    """The statements of a file, by name. A name given twice is a bug, and raises."""
    text = files("aggregator").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    names, bodies = parts[0::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{file}.sql names a statement twice")
    return {name: body.strip().removesuffix(";") for name, body in zip(names, bodies, strict=True)}
