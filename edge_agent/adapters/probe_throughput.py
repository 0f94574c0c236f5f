"""How many frames a second sets of the real models search together, and what decoding a frame costs, for `tune`."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import av
import msgspec
import numpy as np

from edge_agent.adapters.probe_inference import PLATE, street
from edge_agent.adapters.vision import Vision, open_vision
from edge_agent.core.tuning import Setup
from edge_agent.settings import InferenceSettings

FRAMES_PER_LOOK: Final = 10
CLIP_FRAMES: Final = 24
CLIP_PER_S: Final = 15
CLIP_BIT_S: Final = 6_000_000


def search_rate(inference: InferenceSettings, setup: Setup, *, seconds: float = 2.0) -> float:
    """Frames a second of all sets together, with a look at a plate every so many; raises an `EdgeError`."""
    asked = msgspec.structs.replace(
        inference,
        device=setup.device,
        precision=setup.precision,
        workers=setup.workers,
        threads=setup.threads,
        plate_side_px=setup.plate_side_px,
    )
    sets = [open_vision(asked) for _ in range(setup.workers)]
    picture = street()
    for vision in sets:
        vision.plates.detect(picture)
        vision.reader.look(picture, PLATE, vision.reader.margins[0])
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(sets)) as threads:
        counted = list(threads.map(lambda vision: _searched(vision, begun + seconds), sets))
    return sum(counted) / (time.perf_counter() - begun)


def decode_ms() -> float:
    """Processor time to decode one 1080p H.264 frame of a street and turn it to BGR."""
    clip = _clip()
    with av.open(io.BytesIO(clip), "r") as container:
        container.streams.video[0].codec_context.thread_count = 1
        begun = time.thread_time()
        count = 0
        for frame in container.decode(video=0):
            frame.to_ndarray(format="bgr24")
            count += 1
        return (time.thread_time() - begun) * 1000 / count


def _searched(vision: Vision, until_s: float) -> int:
    picture, count = street(), 0
    while time.perf_counter() < until_s:
        vision.plates.detect(picture)
        if count % FRAMES_PER_LOOK == 0:
            vision.reader.look(picture, PLATE, vision.reader.margins[0])
        count += 1
    return count


def _clip() -> bytes:
    """A second and a half of a picture that shifts and has a sensor's noise, at a camera's usual 6 Mbit/s."""
    picture, file, noise = street(), io.BytesIO(), np.random.default_rng(2)
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=CLIP_PER_S)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", CLIP_BIT_S
        stream.options = {"preset": "veryfast", "bf": "0"}
        for index in range(CLIP_FRAMES):
            moved = np.roll(picture, 4 * index, axis=1)
            seen = moved // 2 + noise.integers(0, 24, moved.shape, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(seen, format="bgr24")))
        container.mux(stream.encode())
    return file.getvalue()
