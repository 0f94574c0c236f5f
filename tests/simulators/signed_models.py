"""Folders of signed models: small real networks under the keys of a project and of a state, made for tests."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov
from model_signing.workshop import Workshop
from openvino import opset13 as ops

from edge_agent.adapters.model_manifest import ModelManifest, Signers, key_line
from edge_agent.adapters.models import PLATE_READER
from protocol.keys import KeySigner

OURS, STATE = KeySigner.generate(), KeySigner.generate()
OUR_LINE, STATE_LINE = key_line(OURS.public_key), key_line(STATE.public_key)
FACTS: Final[dict[str, Any]] = {
    "version": "1.0",
    "source": "trained by this project",
    "licence": "AGPL-3.0-or-later",
    "input": "BGR 8 bit",
    "not_for": ["recognising people"],
    "training": {"data": "rendered plates", "seed": 1, "command": "scripts/train_reader.py"},
    "metrics": {"exact": 0.99},
    "metrics_on": "rendered plates",
}


def exported(folder: Path, factor: float = 2.0) -> Path:
    """A network of one product, as OpenVINO writes it."""
    number = ops.parameter([1, 4], np.float32, "number")
    product = ops.multiply(number, ops.constant(np.full((1, 4), factor, np.float32)))
    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(ov.Model([product], [number], "net"), folder / "net.xml", compress_to_fp16=False)
    return folder / "net.xml"


def install(
    folder: Path, name: str = PLATE_READER, *, version: str = "1.0", signer: KeySigner = OURS, factor: float = 2.0
) -> ModelManifest:
    trusted = Signers((OURS.public_key, STATE.public_key))
    graph = exported(folder.parent / "exported", factor)
    return Workshop(folder, signer, trusted).install(name, graph, {**FACTS, "version": version})


def changed(path: Path) -> None:
    """Turn one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
