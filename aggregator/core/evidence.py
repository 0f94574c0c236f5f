"""Pictures from their pieces: whole or not yet, and what is wrong with them.

A picture is named by the SHA-256 of its bytes, and that alone decides whether a whole is the right one. Pieces may
overlap (a box that was cut off may cut them anew) but must tell the same length.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

MAX_PICTURE_BYTES: Final = 64 * 1024 * 1024


@unique
class State(StrEnum):
    """How a picture was settled."""

    STORED = "stored"
    WRONG_HASH = "wrong_hash"  # whole, and not what it was named
    CONTRADICTORY = "contradictory"  # pieces of different lengths, or beyond the length
    TOO_LARGE = "too_large"
    PURGED = "purged"  # was stored, until its days were over (aggregator/core/retention.py)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece: where it lies in a whole of which length."""

    at_byte: int
    total_bytes: int
    data: bytes


def assemble(parts: Sequence[Part], sha256: bytes) -> bytes | State | None:
    """The whole; or what is wrong with it; or nothing, while pieces are missing."""
    total = max((part.total_bytes for part in parts), default=0)
    if total > MAX_PICTURE_BYTES:
        return State.TOO_LARGE
    if any(part.total_bytes != total or part.at_byte + len(part.data) > total for part in parts):
        return State.CONTRADICTORY
    whole = bytearray()
    for part in sorted(parts, key=lambda part: part.at_byte):
        if part.at_byte > len(whole):
            return None
        whole += part.data[len(whole) - part.at_byte :]
    if len(whole) < total or not parts:
        return None
    return bytes(whole) if hashlib.sha256(whole).digest() == sha256 else State.WRONG_HASH
