"""From a read and what it matched to the messages that say so.

1. A track says one hit. A later vote that changes its text or its matches says one `hit_amended`; when nothing matches
   any more, the amendment withdraws the hit and carries no text.
2. A track whose first text matched nothing, and whose amended text does, has said nothing yet: that is its hit.
3. A remembered read that a new list matches is a hit marked `is_from_lookback`, with the new entries only.
"""

from typing import Final

from edge_agent.core.lookback import LateMatch, Remembered
from edge_agent.core.reads import Read
from protocol.clock import to_ms
from protocol.messages import Hit, HitAmended, HitKey, Match

MAX_TEXT: Final = 12


def hit_of(read: Read, matches: tuple[Match, ...], list_version: int) -> Hit:
    """The hit of a live read."""
    return Hit(
        camera=read.camera,
        track=read.track_id,
        plate=read.text,
        observed=_observed(read.observed, read.text),
        confidence=permille(read.confidence),
        matches=matches,
        hotlist_version=list_version,
        captured_ms=to_ms(read.captured_at),
        box=pixels(read.xyxy),
        frame_size=frame_size(read),
        looks=read.looks,
        format=read.format_name or "",
    )


def late_hit_of(late: LateMatch, list_version: int) -> Hit:
    """The hit of a remembered read."""
    read = late.read
    return Hit(
        camera=read.camera,
        track=read.track_id,
        plate=read.text,
        observed=_observed(read.observed, read.text),
        confidence=permille(read.confidence),
        matches=late.matches,
        hotlist_version=list_version,
        captured_ms=read.captured_ms,
        box=read.box,
        frame_size=read.frame_size,
        looks=read.looks,
        format=read.format_name or "",
        is_from_lookback=True,
    )


def amendment_of(said: Hit, key: HitKey, read: Read, matches: tuple[Match, ...]) -> HitAmended | None:
    """What a later vote changes about a hit that was said; None if nothing."""
    if not matches:
        return HitAmended(hit=key, captured_ms=to_ms(read.captured_at))
    if (said.plate, said.matches) == (read.text, matches):
        return None
    return HitAmended(
        hit=key,
        matches=matches,
        plate=read.text,
        observed=_observed(read.observed, read.text),
        confidence=permille(read.confidence),
        captured_ms=to_ms(read.captured_at),
    )


def remembered(read: Read) -> Remembered:
    """What the look-back keeps of a read: no picture."""
    return Remembered(
        camera=read.camera,
        track_id=read.track_id,
        text=read.text,
        observed=read.observed,
        confidence=read.confidence,
        candidates=read.candidates,
        format_name=read.format_name,
        captured_ms=to_ms(read.captured_at),
        captured_s=read.frame.captured_mono_s,
        box=pixels(read.xyxy),
        frame_size=frame_size(read),
        looks=read.looks,
    )


def permille(share: float) -> int:
    """A share of 0..1 as the wire has it."""
    return min(1000, max(0, round(share * 1000)))


def pixels(xyxy: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """A box in whole pixels; what lies outside the picture on the left and top is cut."""
    left, top, right, bottom = (max(0, round(float(edge))) for edge in xyxy)
    return left, top, right, bottom


def frame_size(read: Read) -> tuple[int, int]:
    """Width and height of the frame."""
    height_px, width_px = read.frame.image.shape[:2]
    return int(width_px), int(height_px)


def _observed(observed: str, text: str) -> str:
    """The best single look; one that saw nothing, or more than a plate holds, is told by its start."""
    return observed[:MAX_TEXT] or text
