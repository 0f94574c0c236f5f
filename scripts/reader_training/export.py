"""From trained weights to the model that boxes run: OpenVINO IR, checked against torch, then its weights in 16 bits.

The model takes bytes (n, 64, 160, 3) BGR and says probabilities (n, 80, 37) as `steps`; normalisation, softmax and the
temperature are inside. Files appear whole or not at all, since others may be reading them.
"""

import tempfile
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray

from reader_training.network import Exported, Reader
from reader_training.targets import STEPS, SYMBOLS

NAME: Final = "plate-reader"
LARGEST_DIFFERENCE: Final = 1e-3
ONE_THREAD: Final = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False}


def export(reader: Reader, temperature: float, into: Path, pictures: NDArray[np.uint8]) -> float:
    """Write the model; returns by how much at most its probabilities differ from torch's, rounded weights and all."""
    exported = Exported(reader, temperature).eval()
    with torch.inference_mode():
        wanted = exported(torch.from_numpy(pictures)).numpy()
    model = _converted(exported, pictures[:2])
    if (converted := _difference(model, pictures, wanted)) > LARGEST_DIFFERENCE:
        raise SystemExit(f"the converted model differs from torch by {converted:.2g}: not written")
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into) as work:
        made = Path(work) / f"{NAME}.xml"
        ov.save_model(model, made, compress_to_fp16=True)
        rounded = _difference(made, pictures, wanted)
        made.with_suffix(".bin").replace(into / f"{NAME}.bin")
        made.replace(into / f"{NAME}.xml")
    return rounded


def _difference(model: ov.Model | Path, pictures: NDArray[np.uint8], wanted: NDArray[np.float32]) -> float:
    return float(np.abs(said_by(model, pictures) - wanted).max())


def _converted(exported: Any, example: NDArray[np.uint8]) -> ov.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, and warns of shapes that are fixed here
        model = ov.convert_model(exported, example_input=torch.from_numpy(example))
    model.reshape([-1, *example.shape[1:]])
    model.inputs[0].set_names({"pictures"})
    model.outputs[0].set_names({"steps"})
    if list(model.outputs[0].partial_shape)[1:] != [STEPS, SYMBOLS]:
        raise SystemExit(f"the exported model says {model.outputs[0].partial_shape}")
    return model


def said_by(model: ov.Model | Path, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a model says, in full precision on one thread."""
    compiled = ov.Core().compile_model(model, "CPU", ONE_THREAD)
    return np.concatenate([compiled(picture[None])["steps"] for picture in pictures]).astype(np.float32)
