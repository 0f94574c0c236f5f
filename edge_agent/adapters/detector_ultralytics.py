"""A plate detector through ultralytics, for TensorRT engines on a Jetson and for trying freshly trained weights.

Optional: it needs the `train` extra, which brings torch. Its `.pt` files are pickles that run code when they are
loaded, so only a file with the expected hash is opened. Telemetry, downloads and the habit of installing
packages by itself are switched off before the import, and checked after it.
"""

import hashlib
import importlib
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.detections import Detections
from edge_agent.errors import BadModelFile, ExtraMissing, InferenceMismatch

_SWITCHES: Final = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}


class UltralyticsDetector:
    """Plates by a model file that ultralytics opens (`.pt`, `.engine`, `.onnx`)."""

    def __init__(self, model: Any, *, device: str, side_px: int, min_confidence: float) -> None:
        self._model = model  # Any: ultralytics is not there when types are checked
        self._asked = {"device": device, "imgsz": side_px, "conf": min_confidence, "verbose": False}

    @classmethod
    def load(
        cls, path: Path, sha256: str, *, device: str = "cpu", side_px: int = 640, min_confidence: float = 0.1
    ) -> "UltralyticsDetector":
        """Open a model file of that hash, and check with a blank picture that it runs on the device asked for."""
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise BadModelFile(f"{path} is not the file with the hash the settings name")
        detector = cls(_ultralytics().YOLO(str(path)), device=device, side_px=side_px, min_confidence=min_confidence)
        detector.detect(np.zeros((side_px, side_px, 3), np.uint8))
        really = str(detector._model.predictor.device)
        if really != device:
            raise InferenceMismatch(f"{path.name} runs on {really}, the settings ask for {device}")
        return detector

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Boxes of plates in a BGR picture."""
        boxes = self._model.predict(image, **self._asked)[0].boxes
        return Detections(
            np.asarray(boxes.xyxy.cpu().numpy(), np.float32), np.asarray(boxes.conf.cpu().numpy(), np.float32)
        )


def _ultralytics() -> Any:
    """Return the package, imported with its switches off."""
    os.environ.update(_SWITCHES)
    try:
        package = importlib.import_module("ultralytics")
        utils = importlib.import_module("ultralytics.utils")
    except ImportError as exc:
        raise ExtraMissing(
            "ultralytics is not installed: pip install 'atalaya[train]' (5 GB), or use OpenVINO models"
        ) from exc
    if utils.ONLINE or utils.AUTOINSTALL:
        raise ExtraMissing("ultralytics was imported before its telemetry was switched off: load it through here")
    return package
