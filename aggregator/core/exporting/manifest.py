"""The line that goes with an export: what was asked, how many rows answered, and the hash that the file had.

Whoever passes a file on passes this line on with it: `sha256sum` then says whether it is still the same file, and the
question and the release say how to make it again.
"""

from datetime import datetime

import msgspec


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an export once it is whole."""

    file: str
    rows: int
    bytes: int
    sha256: str
    question: dict[str, object]
    columns: tuple[str, ...]
    release: str
    made_at: datetime


def encode(manifest: Manifest) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(manifest) + b"\n"


def name_beside(file: str) -> str:
    """What the manifest of a file is called, in the same folder."""
    return f"{file}.manifest.json"
