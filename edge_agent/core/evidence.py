"""Evidence of a hit as messages: what names the pictures, then the pictures in pieces.

The redacted picture and the sealed original travel as pieces, each naming its whole by SHA-256, so that they may
arrive in any order, more than once, and be put together by anybody who has the evidence message.
"""

import hashlib
from dataclasses import dataclass, field

from protocol.messages import PIECE_BYTES, Body, Evidence, HitKey, Piece


@dataclass(frozen=True, slots=True)
class Pictures:
    """What may leave the box of a hit's frame. No original: only its hash and its sealed form."""

    redacted: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    original_sha256: bytes
    sealed_to: bytes
    faces_filled: int
    plates_filled: int


def evidence_bodies(
    hit: HitKey, camera: str, captured_ms: int, pictures: Pictures, versions: tuple[str, ...]
) -> tuple[Body, ...]:
    """The evidence message, then the pieces of the redacted picture, then those of the sealed one."""
    named = Evidence(
        hit=hit,
        camera=camera,
        captured_ms=captured_ms,
        redacted_sha256=hashlib.sha256(pictures.redacted).digest(),
        redacted_bytes=len(pictures.redacted),
        sealed_sha256=hashlib.sha256(pictures.sealed).digest(),
        sealed_bytes=len(pictures.sealed),
        original_sha256=pictures.original_sha256,
        sealed_to=pictures.sealed_to,
        faces_filled=pictures.faces_filled,
        plates_filled=pictures.plates_filled,
        versions=versions,
    )
    return (named, *pieces_of(pictures.redacted), *pieces_of(pictures.sealed))


def pieces_of(data: bytes) -> tuple[Piece, ...]:
    """A picture's bytes in pieces, in order."""
    sha256 = hashlib.sha256(data).digest()
    return tuple(
        Piece(sha256=sha256, total_bytes=len(data), offset=offset, data=data[offset : offset + PIECE_BYTES])
        for offset in range(0, len(data), PIECE_BYTES)
    )
