"""A short look at a camera's stream, as the capture reads it: same library, same options, same time limits."""

import time
from typing import Final

from edge_agent.adapters.capture_stream import StreamLimits, VideoSource, stream_time_s
from edge_agent.core.camera_probe import SETTLE_S, Arrival, StreamFigures, figures_of
from edge_agent.errors import CameraLost

LOOK_S: Final = 5.0
LIMITS: Final = StreamLimits(open_s=6.0, read_s=4.0)


def probe_stream(url: str, *, look_s: float = LOOK_S) -> StreamFigures:
    """Read a stream for some seconds; raises `CameraLost` or `CameraUnusable`, whose text holds no password. Blocks."""
    damaged, arrivals = [0], list[Arrival]()

    def count_damage() -> None:
        # What comes before the first key frame cannot be decoded by anybody; that shows as a late first picture.
        damaged[0] += bool(arrivals) and time.monotonic() - arrivals[0].at_s >= SETTLE_S

    began_s, size = time.monotonic(), (0, 0)
    with VideoSource(url, LIMITS, count_damage) as source:
        for frame in source.frames():
            at_s = time.monotonic()
            arrivals.append(Arrival(at_s, stream_time_s(frame)))
            size = (frame.width, frame.height)
            if at_s - arrivals[0].at_s >= SETTLE_S + look_s:
                break
        codec = source.codec
    if not arrivals:
        raise CameraLost("the stream holds no picture; check which stream of the camera this is")
    first_frame_ms = int((arrivals[0].at_s - began_s) * 1000)
    return figures_of(arrivals, codec=codec, size=size, first_frame_ms=first_frame_ms, damaged=damaged[0])
