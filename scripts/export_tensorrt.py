"""Turn the plate finder into a TensorRT engine, on the Jetson that is to run it.

    python scripts/export_tensorrt.py plate-finder.pt --precision f16 --side-px 640
    .venv-train/bin/python scripts/export_tensorrt.py build/models/plate-finder.pt --rehearse

An engine belongs to one chip, one TensorRT and one input size, so it is built where it runs and never shipped; what is
shipped is the `.pt` that scripts/train_detector.py leaves beside the IR. ultralytics does the work, without telemetry
and without installing anything: docs/jetson.md says what JetPack brings and what has to be there before.
`--rehearse` does what a machine without TensorRT can: the same exporter, to TorchScript, held against the weights.
The engine's hash, which `UltralyticsDetector` wants to be told, is printed last.
"""

import hashlib
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import cyclopts
import numpy as np
from detector_training.offline import ROOT, YOLO

BITS: Final = {"f32": 32, "f16": 16, "int8": 8}
SHAPE_16_9: Final = 9 / 16
STEP_PX: Final = 32
WORKSPACE_GIB: Final = 2
"""Memory that TensorRT may try tactics in; an Orin Nano shares 8 GB with everything else."""
_DATA: Final = "path: {folder}\ntrain: teach/images\nval: choose/images\nnames: {{0: plate}}\n"

app = cyclopts.App(help=__doc__, help_format="plaintext")


@app.default
def main(
    weights: Path,
    *,
    precision: Literal["f32", "f16", "int8"] = "f16",
    side_px: Annotated[int, cyclopts.Parameter(help="Longer side of the input, a multiple of 32.")] = 640,
    shape: Annotated[Literal["16:9", "1:1"], cyclopts.Parameter(help="Of the cameras' pictures.")] = "16:9",
    composites: Annotated[Path, cyclopts.Parameter(help="Pictures to calibrate int8 with.")] = ROOT
    / "build"
    / "detector",
    rehearse: Annotated[bool, cyclopts.Parameter(negative="")] = False,
) -> None:
    """Export, check, and say the hash."""
    size = input_shape(side_px, shape)
    if rehearse:
        made = Path(YOLO(weights).export(format="torchscript", imgsz=list(size), device="cpu"))
    else:
        made = Path(YOLO(weights).export(**engine_options(size, precision, composites, weights.parent)))
    differ_px = largest_difference(weights, made, size, device="cpu" if rehearse else "0")
    print(f"{made}: input {size[0]} x {size[1]}, boxes differ by {differ_px:.2f} px from the weights")
    print(hashlib.sha256(made.read_bytes()).hexdigest())


def input_shape(side_px: int, shape: str) -> tuple[int, int]:
    """Height and width of an input that holds pictures of that shape, both multiples of 32."""
    high = side_px * SHAPE_16_9 if shape == "16:9" else side_px
    return -(-round(high) // STEP_PX) * STEP_PX, side_px


def engine_options(size: tuple[int, int], precision: str, composites: Path, into: Path) -> dict[str, Any]:
    """What ultralytics is asked for; int8 is calibrated on composites, not on whatever it would download."""
    asked: dict[str, Any] = {"format": "engine", "imgsz": list(size), "device": 0, "quantize": BITS[precision]}
    asked |= {"dynamic": False, "simplify": False, "workspace": WORKSPACE_GIB}
    if precision == "int8":
        listing = into / "calibration.yaml"
        listing.write_text(_DATA.format(folder=composites.resolve()), encoding="utf-8")
        asked["data"] = str(listing)
    return asked


def largest_difference(weights: Path, made: Path, size: tuple[int, int], device: str) -> float:
    """Pixels between the boxes of the two in one picture of noise and boards; they must agree which boxes there are."""
    picture = np.random.default_rng(1).integers(60, 120, (*size, 3), np.uint8)
    picture[size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] = 235
    ours, theirs = (
        YOLO(each, task="detect").predict(picture, imgsz=list(size), conf=0.001, max_det=1, device=at, verbose=False)[0]
        for each, at in ((weights, "cpu"), (made, device))
    )
    if len(ours.boxes) != len(theirs.boxes):
        raise SystemExit(f"{made.name} finds {len(theirs.boxes)} boxes where the weights find {len(ours.boxes)}")
    return float(np.abs(ours.boxes.xyxy.cpu().numpy() - theirs.boxes.xyxy.cpu().numpy()).max(initial=0))


if __name__ == "__main__":
    sys.exit(app())
