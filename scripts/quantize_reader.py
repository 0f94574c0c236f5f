"""Make `plate-reader-int8`: the plate reader in 8 bits but for its attention, and read with both what was held back.

    .venv-train/bin/python scripts/quantize_reader.py build/models/plate-reader.xml --shards build/plates --data FOLDER

NNCF calibrates it on pictures drawn as training draws them, in an environment of its own (build/int8-venv, made once).
The result lies beside the model as plate-reader-int8.xml, with plate-reader-int8.figures.json for its manifest. Takes
some minutes on one core. docs/training.md says how it is signed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
import msgspec
import numpy as np
from interop_env import python_of
from numpy.typing import NDArray
from reader_training.evaluation import HeldBack, score
from reader_training.export import said_by
from reader_training.photos import Photos
from reader_training.schedule import Schedule
from reader_training.shards import SHARD_FILES, Pressed, batch_of
from rich.console import Console

STEP: Final = Path(__file__).resolve().parent / "quantizing" / "to_int8.py"
PICTURES: Final = 300
SEED: Final = 20261123

console = Console(stderr=True)


def main(
    model: Path,
    *,
    shards: Annotated[Path, cyclopts.Parameter(help="Folder of pressed plates that taught the reader.")],
    data: Annotated[Path | None, cyclopts.Parameter(help="Folder of real photographs.")] = None,
) -> None:
    """Quantise, and compare."""
    pressed, photos = Pressed(shards), Photos.load(data) if data else Photos((), ())
    if not pressed.look_again():
        raise SystemExit(f"no plates in {shards} ({SHARD_FILES}): scripts/press_plates.py --out {shards} presses them")
    real = round(PICTURES * Schedule().real_share)
    taught = batch_of(pressed, photos.teaching, real, PICTURES, np.random.default_rng(SEED)).pictures
    made = model.with_name(f"{model.stem}-int8.xml")
    with console.status("quantising"):
        quantize(model, made, taught)
    held = {"photos": HeldBack.of_photos(photos.held_back), "pressed": HeldBack.of_pressed(pressed)}
    compared = [{name: read(graph, each) for name, each in held.items() if each.texts} for graph in (model, made)]
    for graph, found in zip((model, made), compared, strict=True):
        print(f"{graph.stem}: " + ", ".join(f"{name} {each['folded']} of {each['n']}" for name, each in found.items()))
    figures = json.dumps(compared[-1])
    made.with_suffix(".figures.json").write_text(figures + "\n")
    print(figures)


def quantize(model: Path, made: Path, pictures: NDArray[np.uint8]) -> None:
    """Have NNCF write the 8-bit form, calibrated on the reader's inputs."""
    with tempfile.TemporaryDirectory() as work:
        np.save(Path(work) / "pictures.npy", pictures)
        subprocess.run([python_of("int8"), STEP, model, Path(work) / "pictures.npy", made], check=True)


def read(graph: Path, held: HeldBack) -> dict[str, Any]:
    """How well a model reads; its probabilities are taken as they are."""
    said = np.log(said_by(graph, held.pictures).clip(1e-12))
    return dict(msgspec.to_builtins(score(said, held, temperature=1.0)))


if __name__ == "__main__":
    sys.exit(cyclopts.run(main))
