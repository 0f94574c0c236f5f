"""Make a plate detector's 8-bit form, which `inference.quantized = true` runs, beside the model it is made of.

    .venv/bin/python scripts/quantize_detector.py [--into models]
    .venv/bin/python scripts/quantize_detector.py graph build/models/plate-finder.xml --pictures FOLDER

The first is about the published detector and enters the result in the folder's manifest; the second about any detector
of ours, to be signed (`FOLDER` is build/detector/teach/images for the finder). Without pictures a street of its own
(another seed than the benchmark's) is rendered to calibrate with. NNCF works in an environment of its own
(build/int8-venv, 700 MB, made once). Takes a few minutes; `make models INT8=1` runs the first if need be. Figures of
accuracy and time: docs/benchmarks.md, docs/training.md.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final

import av
import cyclopts
import msgspec
import numpy as np
from fetch_models import replace_file
from interop_env import python_of
from numpy.typing import NDArray
from rich.console import Console
from street.render import render_street

from edge_agent.adapters.model_manifest import ModelEntry
from edge_agent.adapters.models import MANIFEST, PLATE_DETECTOR, PLATE_DETECTOR_INT8, Manifest, ReadyModels
from edge_agent.adapters.pictures import read_picture
from edge_agent.core.letterbox import Letterbox, input_size

ROOT: Final = Path(__file__).resolve().parents[1]
STEP: Final = ROOT / "scripts" / "quantizing" / "to_int8.py"
SECONDS, FPS, SIZE, SEED = 12, 5, (1920, 1080), 11
LONGEST_PX: Final = 640
PICTURES: Final = 200

console = Console(stderr=True)
app = cyclopts.App(help=__doc__, help_format="plaintext")


@app.default
def main(*, into: Annotated[Path, cyclopts.Parameter(help="The models' folder.")] = ROOT / "models") -> None:
    """Quantise the published detector, and enter the result in the folder's manifest."""
    ready = ReadyModels.open(into)
    with tempfile.TemporaryDirectory(dir=into) as work:
        made = Path(work) / f"{PLATE_DETECTOR_INT8}.xml"
        quantize(into / f"{PLATE_DETECTOR}.xml", made, street_pictures())
        keep(ready, made)
    print(f"{PLATE_DETECTOR_INT8} is in {into}; set inference.quantized = true")


@app.command
def graph(
    model: Path,
    *,
    pictures: Annotated[Path | None, cyclopts.Parameter(help="Folder of pictures to calibrate with.")] = None,
    side_px: int = 448,
) -> None:
    """Quantise the detector of an IR file; the result lies beside it as NAME-int8.xml."""
    made = model.with_name(f"{model.stem}-int8.xml")
    quantize(model, made, street_pictures(side_px) if pictures is None else pictures_of(pictures, side_px))
    print(f"{made}, {made.with_suffix('.bin').stat().st_size / 1e6:.2f} MB of weights")


def quantize(model: Path, made: Path, pictures: NDArray[np.uint8]) -> None:
    """Have NNCF write the 8-bit form of a model, calibrated on a batch of inputs."""
    with console.status("environment of NNCF"):
        python = python_of("int8")
    with tempfile.TemporaryDirectory() as work, console.status(f"quantising {model.stem}"):
        np.save(Path(work) / "pictures.npy", pictures)
        subprocess.run([python, STEP, model, Path(work) / "pictures.npy", made], check=True)


def street_pictures(side_px: int = LONGEST_PX) -> NDArray[np.uint8]:
    """Frames of a street rendered for nothing else, as the detector sees them."""
    with console.status("rendering a street to calibrate with"):
        return calibration(ROOT / "build" / "quantize" / f"street-{SEED}.mp4", side_px)


def pictures_of(folder: Path, side_px: int) -> NDArray[np.uint8]:
    """The first pictures of a folder as a detector sees them; all of one shape."""
    paths = sorted(folder.glob("*.jpg"))[:PICTURES]
    if not paths:
        raise SystemExit(f"no .jpg in {folder}: scripts/train_detector.py composites paints some")
    images = [read_picture(path) for path in paths]
    boxes = [Letterbox.fit(image.shape[:2], (side_px, side_px)) for image in images]
    return np.stack([box.apply(image) for box, image in zip(boxes, images, strict=True)])


def calibration(clip: Path, side_px: int) -> NDArray[np.uint8]:
    """Frames of a rendered street as the detector sees them."""
    if not clip.exists():
        clip.parent.mkdir(parents=True, exist_ok=True)
        render_street(clip, seconds=SECONDS, fps=FPS, size=SIZE, seed=SEED)
    box = Letterbox.fit((SIZE[1], SIZE[0]), input_size((SIZE[1], SIZE[0]), side_px))
    with av.open(str(clip)) as container:
        frames = (frame.to_ndarray(format="bgr24").astype(np.uint8) for frame in container.decode(video=0))
        return np.stack([box.apply(frame) for frame in frames])


def keep(ready: ReadyModels, made: Path) -> None:
    """Move the two files into the folder, and enter them in its manifest."""
    origin, hashes = ready.entry(PLATE_DETECTOR), {}
    for path in (made, made.with_suffix(".bin")):
        hashes[path.suffix] = hashlib.sha256(path.read_bytes()).hexdigest()
        path.replace(ready.folder / path.name)
    entry = ModelEntry(
        name=PLATE_DETECTOR_INT8,
        version=f"{origin.version}-int8",
        source=origin.source,
        source_sha256=origin.source_sha256,
        licence=origin.licence,
        input=origin.input,
        graph_sha256=hashes[".xml"],
        weights_sha256=hashes[".bin"],
    )
    others = tuple(each for each in ready.manifest.models if each.name != PLATE_DETECTOR_INT8)
    manifest = Manifest(recipe=ready.manifest.recipe, models=(*others, entry))
    replace_file(ready.folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))


if __name__ == "__main__":
    sys.exit(app())
