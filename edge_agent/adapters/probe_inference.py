"""How long the real models take on this machine, on a picture that is made, for the doctor and for `tune`.

What a network costs does not depend on what is in the picture, but for the plates found: those are counted apart, as
looks. The lower quartile of a few runs is taken: a neighbour on the machine makes single runs slower, none faster.
Faces are left out: searching a full picture for them takes most of the memory of a set of models, and is rarely done.
"""

import time
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from edge_agent.adapters.vision import open_vision
from edge_agent.core.checks_inference import ModelTimes
from edge_agent.settings import InferenceSettings

SIZE_PX: Final = (1080, 1920)
PLATE: Final = (780.0, 540.0, 1100.0, 620.0)
PLATE_RUNS, READ_RUNS = 12, 8


def devices() -> tuple[str, ...]:
    """Devices that the inference runtime sees."""
    return tuple(ov.Core().available_devices)


def precisions(device: str) -> tuple[str, ...]:
    """Precisions that a device computes in, the reference first."""
    named = {"FP32": "f32", "BF16": "bf16", "FP16": "f16"}
    offered = ov.Core().get_property(device, "OPTIMIZATION_CAPABILITIES")
    return tuple(ours for theirs, ours in named.items() if theirs in offered)


def time_models(settings: InferenceSettings) -> ModelTimes:
    """Load the models as the settings ask and time them; raises an `EdgeError` that says what to do."""
    vision, picture = open_vision(settings), street()
    return ModelTimes(
        plate_ms=_quartile_ms(lambda: vision.plates.detect(picture), PLATE_RUNS),
        read_ms=_quartile_ms(lambda: vision.reader.look(picture, PLATE, vision.reader.margins[0]), READ_RUNS),
    )


def street() -> NDArray[np.uint8]:
    """A picture of nothing in particular with one line of text where a plate would be."""
    noise = np.random.default_rng(1).integers(0, 256, (*SIZE_PX, 3), dtype=np.uint8)
    picture = np.asarray(cv2.GaussianBlur(noise, (31, 31), 0), np.uint8)
    white = (255, 255, 255)
    cv2.putText(picture, "ABC-123-D", (800, 600), cv2.FONT_HERSHEY_SIMPLEX, 1.5, white, 3)
    return picture


def _quartile_ms(call: Callable[[], object], runs: int) -> float:
    call()  # the first run of a size compiles
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        call()
        times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)[len(times) // 4]
