"""From a run's best checkpoint to what is handed on: the IR that the agent runs, the weights that ultralytics opens.

The IR is made by the converter that the published weights go through. The `.pt` is for a Jetson, where ultralytics
turns it into a TensorRT engine (scripts/export_tensorrt.py). Facts for the manifest lie beside them.
"""

import json
from pathlib import Path
from typing import Final

import openvino as ov
import torch

from edge_agent.adapters.model_sources import convert_plate_detector

from .loop import Lesson
from .offline import load_checkpoint

LARGEST_STRIDE: Final = 32
"""The network answers at strides 8 and 16, yet halves its input five times: sides are multiples of this."""


def export(run: Path, graph: Path, version: str) -> None:
    """Write `graph` (.xml), its weights in 16 bits beside it, the same as `.pt`, and what is known of the run."""
    graph.parent.mkdir(parents=True, exist_ok=True)
    best = run / "best.pt"
    ov.save_model(convert_plate_detector(best).model, graph, compress_to_fp16=True)
    _release(best, graph.with_suffix(".pt"))
    facts = {"version": version} | _course(run)
    graph.with_suffix(".facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _release(checkpoint: Path, weights: Path) -> None:
    network, _ = load_checkpoint(checkpoint)
    network.stride = torch.tensor([*network.model[-1].stride.tolist(), LARGEST_STRIDE])
    torch.save({"model": network.half(), "train_args": {"task": "detect", "imgsz": Lesson().side_px}}, weights)


def _course(run: Path) -> dict[str, object]:
    """How the run went: for the manifest's `training` and `metrics`."""
    state = torch.load(run / "last.pt", weights_only=True)
    network, _ = load_checkpoint(run / "best.pt")
    recall_50, recall_70, precision = max(state["history"], key=lambda row: sum(row[-3:]))[-3:]
    metrics = {"recall_50": recall_50, "recall_70": recall_70, "precision": precision}
    return {
        "training": {
            "images_seen": state["step"] * Lesson().batch,
            "parameters": sum(each.numel() for each in network.parameters()),
        },
        "metrics": {f"composites_{name}": round(value, 4) for name, value in metrics.items()},
    }
