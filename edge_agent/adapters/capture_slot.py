"""The one place of a camera, where its reader leaves the newest frame and the consumer takes it."""

from collections.abc import Callable
from threading import Condition

from edge_agent.core.frames import Frame


class NewestFrame:
    """A queue of one. `put` replaces what was not taken (and says so); `put_when_empty` waits instead."""

    def __init__(self, on_put: Callable[[], None]) -> None:
        self._on_put = on_put
        self._changed = Condition()
        self._frame: Frame | None = None
        self._is_closed = False

    def __bool__(self) -> bool:
        """Whether a frame is waiting."""
        return self._frame is not None

    def put(self, frame: Frame) -> bool:
        """Leave a frame; returns whether an older one was lost for it."""
        with self._changed:
            has_replaced = self._frame is not None
            self._frame = frame
        self._on_put()
        return has_replaced

    def put_when_empty(self, frame: Frame) -> None:
        """Leave a frame once the last one was taken; drops it if the place is closed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is None or self._is_closed)
            if self._is_closed:
                return
            self._frame = frame
        self._on_put()

    def take(self) -> Frame | None:
        """Take the frame that waits."""
        with self._changed:
            frame, self._frame = self._frame, None
            self._changed.notify_all()
        return frame

    def close(self) -> None:
        """Let a waiting reader go."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
