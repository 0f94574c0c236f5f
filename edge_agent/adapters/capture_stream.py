"""One video stream through PyAV: opened with time limits, decoded with low delay, closed for certain.

Errors leave here as `CameraUnusable` (nothing will help but a person) or `CameraLost` (try again). Their text never
holds the URL, for a camera's URL often holds its password, and FFmpeg's own messages quote it: only the host
is named, and FFmpeg's exceptions are not chained.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit
from zlib import crc32

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edge_agent.errors import CameraLost, CameraRefused, CameraStalled, CameraUnusable

LIVE_SCHEMES: Final = ("rtsp", "rtsps")
FINGERPRINT_STEP: Final = 8
"""Every so many pixels of every so many rows tell one picture from the next."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Seconds to wait for a connection, and for each packet."""

    open_s: float = 4.0
    read_s: float = 3.0


def is_live(url: str) -> bool:
    """Whether a URL is a camera's, not a file."""
    return urlsplit(url).scheme.lower() in LIVE_SCHEMES


def redact_url(url: str) -> str:
    """Return what of a URL may be logged: scheme and host of a camera, the whole path of a file.

    Cameras take passwords as user info, in the path and in the query, so all of these go. An `@` past the host may
    belong to a password with an unescaped `/`, whose first part then looks like the host: so the host goes too.
    """
    if not is_live(url):
        return url
    parts = urlsplit(url)
    rest = f"{parts.path}{parts.query}{parts.fragment}"
    return f"{parts.scheme}://{'...' if '@' in rest else parts.netloc.rpartition('@')[2]}"


class VideoSource:
    """An open stream. A context manager: leaving it frees the decoder and the socket or file.

    `on_damage` is called for every packet or picture that is damaged and therefore left out.
    """

    def __init__(self, url: str, limits: StreamLimits, on_damage: Callable[[], None]) -> None:
        self._name = redact_url(url)
        self._limits = limits
        self._is_live = is_live(url)
        if not self._is_live and not Path(url).is_file():
            raise CameraUnusable(f"{self._name}: there is no such file; check the camera's url")
        self._container = self._open(url)
        self._on_damage = on_damage
        try:
            self._stream = self._video_stream()
        except BaseException:  # nobody has the object yet who could close it; raised again
            self._container.close()
            raise

    def __enter__(self) -> Self:
        """Return the open stream."""
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Free decoder and connection."""
        self._container.close()

    @property
    def codec(self) -> str:
        """What the pictures are packed in, as FFmpeg names it: `h264`, `hevc`, `mjpeg`."""
        return str(self._stream.codec_context.name)

    def frames(self) -> Iterator[av.VideoFrame]:
        """Yield decoded frames until a file ends; raises `CameraLost` when a camera's stream ends or breaks."""
        try:
            for packet in self._container.demux(self._stream):
                yield from self._decoded(packet)
        except (av.FFmpegError, OSError) as exc:
            raise self._failed(exc, self._limits.read_s) from None
        if self._is_live:
            raise CameraLost(f"{self._name}: the camera ended the stream")

    def _decoded(self, packet: "av.Packet[VideoStream]") -> Iterator[av.VideoFrame]:
        try:
            frames = packet.decode()
        except av.EOFError:
            return
        except av.InvalidDataError:
            self._on_damage()
            return
        for frame in frames:
            if frame.is_corrupt:
                self._on_damage()
            else:
                yield frame

    def _open(self, url: str) -> InputContainer:
        try:
            return av.open(url, options=self._options(), timeout=self._timeout())
        except (av.FFmpegError, OSError, ValueError) as exc:
            raise self._failed(exc, self._limits.open_s) from None

    def _options(self) -> dict[str, str]:
        if not self._is_live:
            return {}
        return {
            "rtsp_transport": "tcp",
            "fflags": "nobuffer",
            "flags": "low_delay",
            "analyzeduration": "1000000",
            "fpsprobesize": "0",
        }

    def _timeout(self) -> tuple[float, float] | None:
        return (self._limits.open_s, self._limits.read_s) if self._is_live else None

    def _video_stream(self) -> VideoStream:
        if not self._container.streams.video:
            kind = CameraLost if self._is_live else CameraUnusable
            raise kind(f"{self._name}: holds no video; check the camera's url")
        stream = self._container.streams.video[0]
        stream.codec_context.thread_count = 1  # frame threads would hold pictures back
        return stream

    def _failed(self, exc: Exception, waited_s: float) -> CameraLost | CameraUnusable:
        if not self._is_live:
            return CameraUnusable(f"{self._name}: cannot be played: {_reason(exc)}; is it a whole video file?")
        if isinstance(exc, av.error.ExitError):
            return CameraStalled(f"{self._name}: nothing came for {waited_s:g} s; check power and cable")
        if isinstance(exc, av.HTTPUnauthorizedError):
            return CameraRefused(f"{self._name}: the camera refuses user or password; check the camera's url")
        return CameraLost(f"{self._name}: {_reason(exc)}")


class BgrConverter:
    """Converts decoded frames to BGR; keeps FFmpeg's tables between frames, which saves two thirds of the time."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def convert(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Return a picture (height_px, width_px, 3) that shares nothing with the frame."""
        converted = self._reformatter.reformat(frame, format="bgr24", interpolation=Interpolation.POINT)
        return converted.to_ndarray().astype(np.uint8, copy=False)


def fingerprint(frame: av.VideoFrame) -> int:
    """Return a number that differs between pictures that differ anywhere on a coarse grid of their first plane."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return crc32(rows[::FINGERPRINT_STEP, : plane.width : FINGERPRINT_STEP].tobytes())


def stream_time_s(frame: av.VideoFrame) -> float | None:
    """Return the stream's own time of a frame."""
    time_base: Fraction | None = frame.time_base
    return None if frame.pts is None or time_base is None else float(frame.pts * time_base)


def _reason(exc: Exception) -> str:
    """What went wrong in words that cannot hold the URL."""
    if isinstance(exc, OSError) and exc.errno:
        return os.strerror(abs(exc.errno))
    return getattr(exc, "strerror", None) or type(exc).__name__
