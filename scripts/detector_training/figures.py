"""Figures of an exported finder, run as the agent runs it: recall on real scenes, and by the plate's width."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from accuracy.pictures import Split, read_bgr
from numpy.typing import NDArray

from edge_agent.adapters.detector_openvino import PlateDetector
from edge_agent.core.boxes import Boxes
from edge_agent.core.detections import Detections

from .finder import open_finder
from .scenes import Scene, read_scenes
from .tally import tally

Share = Split | Literal["held-out"]
WIDTHS_PX: Final = (10, 12, 14, 16, 20, 24, 32, 48, 96)
CONFIDENCE: Final = 0.1
"""The agent's own."""


def score_scenes(data: Path, graph: Path, side_px: int, split: Share) -> dict[str, float | str]:
    """Recall of the most confident box and of any box, by country."""
    detector = open_finder(graph, side_px=side_px, min_confidence=CONFIDENCE)
    told: dict[str, float | str] = {"model": graph.stem, "side_px": side_px, "split": split}
    scenes = list(_scenes(data, split))
    for country in sorted({scene.path.parent.name for scene in scenes}):
        seen = [(detector.detect(read_bgr(each.path)), each.box) for each in scenes if each.path.parent.name == country]
        any_box, surest = tally(seen), tally((_surest(found), box) for found, box in seen)
        told |= {f"{country}_n": any_box.plates, f"{country}_false": any_box.false}
        told |= {f"{country}_50": any_box.found[0], f"{country}_70": any_box.found[1]}
        told |= {f"{country}_50_surest": surest.found[0], f"{country}_70_surest": surest.found[1]}
    return told


def score_widths(data: Path, graph: Path, side_px: int, split: Share) -> dict[int, float]:
    """Share found at IoU 0.5 when scenes are shrunk until the plate is that wide in the network's input."""
    detector = open_finder(graph, side_px=side_px, min_confidence=CONFIDENCE)
    scenes = list(_scenes(data, split))
    return {width: round(tally(_shrunk(scenes, detector, width, side_px)).recall[0], 3) for width in WIDTHS_PX}


def _shrunk(
    scenes: Iterable[Scene], detector: PlateDetector, width_px: int, side_px: int
) -> Iterator[tuple[Detections, Boxes]]:
    for scene in scenes:
        scale = width_px / float(scene.box[0, 2] - scene.box[0, 0])
        image = read_bgr(scene.path)
        if scale * max(image.shape[:2]) <= side_px:
            yield detector.detect(_small(image, scale, side_px)), (scene.box * scale).astype(np.float32)


def _small(image: NDArray[np.uint8], scale: float, side_px: int) -> NDArray[np.uint8]:
    """A scene in the corner of a grey input, shrunk as the agent shrinks."""
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    canvas = np.full((side_px, side_px, 3), 114, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return canvas


def _surest(found: Detections) -> Detections:
    order = np.argsort(-found.confidence)[:1]
    return Detections(found.xyxy[order], found.confidence[order])


def _scenes(data: Path, split: Share) -> Iterator[Scene]:
    if split == "held-out":
        return (scene for scene in read_scenes(data, "train") if scene.is_held_out)
    return iter(read_scenes(data, split))
