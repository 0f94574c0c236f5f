"""A camera looked at for a few seconds, for the doctor: does it open, how many frames come, how large, which codec."""

import time
from collections.abc import Callable
from typing import Final

from edge_agent.adapters.capture_stream import StreamLimits, VideoSource, is_live
from edge_agent.core.checks_camera import CameraLook
from edge_agent.errors import CameraLost, CameraUnusable
from edge_agent.settings import CameraSettings

LOOK_S: Final = 4.0
MOST_FRAMES: Final = 400


def look_at_camera(camera: CameraSettings, *, look_s: float = LOOK_S) -> CameraLook:
    """Open the camera, count for some seconds, close it. What fails is said, never raised, and never with the URL."""
    try:
        with VideoSource(camera.url, StreamLimits(), on_damage=lambda: None) as stream:
            return _counted(stream, camera, look_s, time.monotonic)
    except (CameraLost, CameraUnusable) as exc:
        return CameraLook(camera.camera, 0.0, camera.frames_per_s, fault=str(exc))


def _counted(stream: VideoSource, camera: CameraSettings, look_s: float, clock: Callable[[], float]) -> CameraLook:
    """A camera's rate is that of arrival; a file's is the one it was recorded with."""
    count, first_s, last_s, size = 0, 0.0, 0.0, (0, 0)
    for frame in stream.frames():
        last_s = clock() if is_live(camera.url) else float(frame.time or 0.0)
        first_s = first_s if count else last_s
        size = frame.width, frame.height
        count += 1
        if last_s - first_s >= look_s or count >= MOST_FRAMES:
            break
    if count < 2:
        return CameraLook(camera.camera, 0.0, camera.frames_per_s, fault="no second picture came")
    rate = (count - 1) / max(last_s - first_s, 1e-3)
    return CameraLook(camera.camera, rate, camera.frames_per_s, size, stream.codec, is_files=not is_live(camera.url))
