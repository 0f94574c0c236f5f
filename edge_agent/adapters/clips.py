"""Video files through PyAV: frames in, and redacted frames out as a new file.

What is written is made from pixels alone: sound, subtitles and metadata stay behind.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edge_agent.errors import BadPicture

USUAL_RATE: Final = Fraction(25)
CODECS: Final = {".webm": "libvpx-vp9", ".avi": "mpeg4"}
OTHER_CODEC: Final = "libx264"


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One picture of a video, `at_s` after its start; `image` is BGR."""

    index: int
    at_s: float
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """Shape of a video; `frames` is 0 where the file does not say."""

    width_px: int
    height_px: int
    rate: Fraction
    frames: int


def check_codec(path: Path) -> None:
    """Raise `BadPicture` if this machine cannot write what a video's name asks for."""
    name = CODECS.get(path.suffix.lower(), OTHER_CODEC)
    try:
        av.codec.Codec(name, "w")
    except av.codec.codec.UnknownCodecError as exc:
        others = ", ".join(sorted({".mp4", *CODECS} - {path.suffix.lower()}))
        raise BadPicture(
            f"{path}: the codec {name} is missing in this build of PyAV: give a name that ends in one of {others}"
        ) from exc


def clip_info(path: Path) -> ClipInfo:
    """Read a video's head; raises `BadPicture`."""
    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise BadPicture(f"{path}: holds no video")
            stream = container.streams.video[0]
            if stream.codec_context is None:  # so it is for a codec that PyAV does not know, whatever its types say
                raise BadPicture(f"{path}: its codec is missing in this build of PyAV: convert it to H.264 first")
            rate = stream.average_rate or stream.guessed_rate or USUAL_RATE
            return ClipInfo(stream.width, stream.height, Fraction(rate), stream.frames)
    except (av.FFmpegError, OSError) as exc:
        raise BadPicture(f"{path}: not a video that can be decoded: {exc.strerror}") from exc


def clip_frames(path: Path) -> Generator[ClipFrame, None, None]:
    """Yield a video's pictures in order; raises `BadPicture` where it cannot be decoded further."""
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for index, frame in enumerate(container.decode(stream)):
                yield ClipFrame(index, frame.time, _upright(frame))
    except (av.FFmpegError, OSError, IndexError) as exc:
        raise BadPicture(f"{path}: cannot be decoded further: {exc}") from exc


def _upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """A frame's picture as players turn it: a telephone films on its side and says so beside the picture."""
    image = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def write_clip(path: Path, suffix: str, info: ClipInfo, images: Iterable[NDArray[np.uint8]]) -> None:
    """Write pictures as a video of the same size and rate; `suffix` chooses container and codec."""
    with av.open(path, "w", format=_format_of(suffix)) as container:
        stream = container.add_stream(CODECS.get(suffix, OTHER_CODEC), rate=info.rate)
        if not isinstance(stream, VideoStream):
            raise TypeError("a video codec made no video stream")
        stream.width, stream.height = info.width_px, info.height_px
        stream.pix_fmt = "yuv420p" if info.width_px % 2 == info.height_px % 2 == 0 else "yuv444p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())


def _format_of(suffix: str) -> str:
    return {".mkv": "matroska", ".ts": "mpegts", ".m4v": "mp4"}.get(suffix, suffix.removeprefix("."))
