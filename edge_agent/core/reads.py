"""A read: one plate text from one vehicle passage, the vote over a track's frames.

A read lives in memory only. `text` is what the vote decided; `observed` is the best single look, kept
beside it so that nothing is rewritten in silence. The frame is the one that passed the threshold: latency
counts from its capture, and the evidence picture is made from it.
"""

from dataclasses import dataclass
from datetime import datetime

from typing_extensions import override

from edge_agent.core.frames import Frame
from protocol.names import CameraId


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """A text the vote also considered; confidences of one read sum to at most 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Read:
    """`text` is A-Z and 0-9 only; `xyxy` is the plate's box in `frame`, pixels."""

    camera: CameraId
    track_id: int
    text: str
    observed: str
    confidence: float
    candidates: tuple[Candidate, ...]
    format_name: str | None
    captured_at: datetime
    xyxy: tuple[float, float, float, float]
    frame: Frame
    looks: int
    is_amendment: bool = False

    @override
    def __repr__(self) -> str:
        """Say nothing of the plate: a read may end up in a log or a traceback."""
        return f"Read(camera={self.camera!r}, track_id={self.track_id}, looks={self.looks})"
