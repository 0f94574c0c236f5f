"""Builders of message bodies for tests."""

from protocol.messages import (
    EvidenceUnavailable,
    Health,
    Hit,
    HitKey,
    Match,
    Piece,
    Quality,
    Report,
)

NOW_MS = 1_900_000_000_000


def make_hit(plate: str = "ABC123D", *, track: int = 7) -> Hit:
    """A hit of one exact match."""
    return Hit(
        camera="cam-1", track=track, plate=plate, observed=plate, confidence=987,
        matches=(Match(entry="e-1", quality=Quality.EXACT, reason="stolen"),), hotlist_version=3,
        captured_ms=NOW_MS, box=(1, 2, 30, 40), frame_size=(1280, 720), looks=5,
    )  # fmt: skip


def make_report(from_ms: int = NOW_MS) -> Report:
    """An empty report."""
    return Report(from_ms=from_ms, to_ms=from_ms + 60_000, cameras=(), health=Health())


def make_piece(size_bytes: int = 1000, *, mark: int = 0) -> Piece:
    """A piece of some picture."""
    return Piece(sha256=bytes(32), total_bytes=1_000_000, offset=mark, data=bytes([mark % 256]) * size_bytes)


def make_unavailable(hit: HitKey) -> EvidenceUnavailable:
    """Word that a hit's picture is lost."""
    return EvidenceUnavailable(hit=hit, reason="lost_in_restart")
