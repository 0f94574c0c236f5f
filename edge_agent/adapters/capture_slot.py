"""The places of a camera, where its reader leaves its newest frames and a consumer takes them, the older one first.

There are three: a consumer may be late by the time of two frames. Cameras that see something worth reading at the same
moment make work for more than a frame's time, and then there is less of it; a box that is always late drops what is
oldest, and sees a street that is that much late.
"""

from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import Final

from edge_agent.core.frames import Frame

PLACES: Final = 3


class NewestFrames:
    """A short queue. `put` replaces what was not taken for longest (and says so); `put_when_empty` waits instead."""

    def __init__(self, on_put: Callable[[], None]) -> None:
        self._on_put = on_put
        self._changed = Condition()
        self._frames: deque[Frame] = deque(maxlen=PLACES)
        self._is_closed = False

    def __bool__(self) -> bool:
        """Whether a frame is waiting."""
        return bool(self._frames)

    def put(self, frame: Frame) -> bool:
        """Leave a frame; returns whether an older one was lost for it."""
        with self._changed:
            has_replaced = len(self._frames) == PLACES
            self._frames.append(frame)
        self._on_put()
        return has_replaced

    def put_when_empty(self, frame: Frame) -> None:
        """Leave a frame once the last one was taken; drops it if the places are closed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._frames or self._is_closed)
            if self._is_closed:
                return
            self._frames.append(frame)
        self._on_put()

    def take(self) -> Frame | None:
        """Take the frame that waits longest."""
        with self._changed:
            frame = self._frames.popleft() if self._frames else None
            self._changed.notify_all()
        return frame

    def close(self) -> None:
        """Let a waiting reader go."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
