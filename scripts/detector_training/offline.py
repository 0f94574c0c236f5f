"""Imports of ultralytics go through here: no telemetry, no downloads, no packages by itself, nothing in HOME.

Its settings lie in `build/ultralytics`. The switches are read when the package is imported, so they come first.
"""

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_HOME: Final = ROOT / "build" / "ultralytics"
_HOME.mkdir(parents=True, exist_ok=True)
os.environ |= {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
os.environ |= {"YOLO_CONFIG_DIR": str(_HOME), "MPLCONFIGDIR": str(_HOME)}

import matplotlib as mpl  # type: ignore[import-not-found]  # noqa: E402  only in .venv-train; after the switches
from ultralytics import YOLO, utils  # noqa: E402
from ultralytics.cfg import get_cfg  # noqa: E402
from ultralytics.nn.modules import C2f, Conv, Detect  # noqa: E402
from ultralytics.nn.tasks import DetectionModel, load_checkpoint  # noqa: E402
from ultralytics.utils.loss import v8DetectionLoss  # noqa: E402

mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

if utils.ONLINE or utils.AUTOINSTALL:
    raise RuntimeError("ultralytics was imported before its telemetry was switched off: import it from here")

__all__ = [
    "ROOT",
    "YOLO",
    "C2f",
    "Conv",
    "Detect",
    "DetectionModel",
    "get_cfg",
    "load_checkpoint",
    "plt",
    "v8DetectionLoss",
]
