"""A detector of any IR file, run the way the agent runs its own: for cleaning scenes and for figures."""

from pathlib import Path

import openvino as ov

from edge_agent.adapters.detector_openvino import PlateDetector
from edge_agent.adapters.inference_openvino import PRECISIONS, Network, RunningModel


def open_finder(
    graph: Path, *, side_px: int, min_confidence: float = 0.1, precision: str = "f32", threads: int = 1
) -> PlateDetector:
    """The plate detector of a graph file, on this machine's processor."""
    asked = {"INFERENCE_PRECISION_HINT": PRECISIONS[precision], "INFERENCE_NUM_THREADS": threads}
    compiled = ov.Core().compile_model(graph, "CPU", asked | {"ENABLE_CPU_PINNING": False})
    running = RunningModel(
        name=graph.stem, version="", sha256="", device="CPU", device_name="", precision=precision, threads=threads
    )
    return PlateDetector(Network(compiled, running), sides_px=(side_px,), min_confidence=min_confidence)
