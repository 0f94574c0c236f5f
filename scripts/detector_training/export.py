"""From a checkpoint to the IR that the agent runs, by the converter that the published weights go through."""

from pathlib import Path

import openvino as ov

from edge_agent.adapters.model_sources import convert_plate_detector


def export(checkpoint: Path, graph: Path) -> None:
    """Write `graph` (.xml) and its weights beside it, halved to 16 bits; u8 BGR pictures in, `boxes` out."""
    graph.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(convert_plate_detector(checkpoint).model, graph, compress_to_fp16=True)
