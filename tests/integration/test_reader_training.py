"""The plate reader's training, tiny: it repeats from its seed, survives a kill, learns, and exports what it learnt."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PLATES = 256
SECONDS = 240

# torch warns of itself, and takes its time to be imported in each process
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plates drawn with OpenCV's own letters: enough for a loss to fall."""
    folder, rng = tmp_path_factory.mktemp("plates"), np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ABC123"), 3)) for _ in range(PLATES)]
    images = [
        cv2.putText(np.full((64, 160, 3), 200, np.uint8), text, (25, 48), 0, 1.6, (20, 20, 20), 4) for text in texts
    ]
    np.savez(
        folder / "shard-1-0000.npz",
        images=np.stack(images),
        texts=texts,
        rows=texts,
        kinds=["us"] * PLATES,
        widths_px=np.full(PLATES, 120, np.float32),
    )
    return folder


def command(shards: Path, work: Path, *more: str) -> list[str]:
    """The training command, at its smallest."""
    script = ROOT / "scripts" / "train_reader.py"
    folders = ("--shards", shards, "--run", work / "run", "--into", work / "models")
    return [sys.executable, str(script), *map(str, folders), "--batch", "8", *more]


def weights(work: Path) -> dict[str, Any]:
    """The averaged weights of a run's checkpoint."""
    import torch  # noqa: PLC0415  only the training environment has it

    state: dict[str, Any] = torch.load(work / "run" / "checkpoint.pt", weights_only=True)
    return {name: value.numpy() for name, value in state["averaged"].items()}


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.fixture(scope="module")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    work = tmp_path_factory.mktemp("whole")
    subprocess.run(command(shards, work, "--images", "160"), check=True, timeout=SECONDS)
    return work


def test_two_runs_of_one_seed_give_the_same_weights_and_another_seed_others(
    shards: Path, whole: Path, tmp_path: Path
) -> None:
    subprocess.run(command(shards, tmp_path, "--images", "160"), check=True, timeout=SECONDS)
    assert_same(weights(whole), weights(tmp_path))
    other = tmp_path / "other"
    subprocess.run(command(shards, other, "--images", "16", "--seed", "2"), check=True, timeout=SECONDS)
    assert not np.array_equal(weights(whole)["place"], weights(other)["place"])


def test_a_run_killed_in_the_middle_goes_on_to_the_same_weights(shards: Path, whole: Path, tmp_path: Path) -> None:
    asked = command(shards, tmp_path, "--images", "160", "--checkpoint-every-s", "0")
    running = subprocess.Popen(asked)
    checkpoint, until = tmp_path / "run" / "checkpoint.pt", time.monotonic() + SECONDS
    while not checkpoint.exists():
        assert time.monotonic() < until
        assert running.poll() is None
        os.sched_yield()
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (tmp_path / "models").exists()
    subprocess.run(asked, check=True, timeout=SECONDS)
    assert_same(weights(whole), weights(tmp_path))


def test_a_checkpoint_of_other_settings_is_refused(shards: Path, whole: Path) -> None:
    asked = command(shards, whole, "--images", "160", "--seed", "3")
    refused = subprocess.run(asked, check=False, timeout=SECONDS, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "other settings" in refused.stderr


def test_a_run_may_start_from_the_weights_that_another_ended_with(shards: Path, whole: Path, tmp_path: Path) -> None:
    start = ("--start", str(whole / "run" / "checkpoint.pt"))
    subprocess.run(command(shards, tmp_path, "--images", "8", "--rate", "1e-9", *start), check=True, timeout=SECONDS)
    before, after = weights(whole), weights(tmp_path)
    np.testing.assert_allclose(after["place"], before["place"], atol=1e-4)
    missing = ("--start", str(tmp_path / "none.pt"))
    refused = subprocess.run(
        command(shards, tmp_path / "other", "--images", "8", *missing),
        check=False, timeout=SECONDS, capture_output=True, text=True,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "no checkpoint" in refused.stderr


def test_the_model_reads_bytes_and_says_probabilities_of_eighty_steps(whole: Path) -> None:
    from reader_training.export import said_by  # noqa: PLC0415  as above

    pictures = np.random.default_rng(1).integers(0, 255, (3, 64, 160, 3), np.uint8)
    steps = said_by(whole / "models" / "plate-reader.xml", pictures)
    assert steps.shape == (3, 80, 37)
    np.testing.assert_allclose(steps.sum(axis=2), 1, atol=1e-4)
    assert (whole / "models" / "plate-reader.bin").stat().st_size < 3_000_000


def test_the_card_and_the_history_tell_what_was_done(whole: Path) -> None:
    told = json.loads((whole / "models" / "plate-reader.card.json").read_bytes())
    assert told["images_seen"] == 160
    assert told["licence"] == "AGPL-3.0-or-later"
    assert told["classes"][:2] == ["", "0"]
    moments = json.loads((whole / "run" / "history.json").read_bytes())
    assert moments[-1]["pressed"]["n"] == PLATES // 64
    assert (whole / "run" / "history.png").stat().st_size > 1000


def test_the_loss_falls_on_plates_a_child_could_read(shards: Path) -> None:
    import torch  # noqa: PLC0415  as above
    from reader_training.network import Shape  # noqa: PLC0415
    from reader_training.schedule import Schedule  # noqa: PLC0415
    from reader_training.shards import Pressed  # noqa: PLC0415
    from reader_training.training import Plan, Training  # noqa: PLC0415

    torch.set_num_threads(1)
    shape = Shape(stem=8, widths=(16, 16, 32), features=32, layers=1)
    training = Training(Plan(batch=16, shape=shape, schedule=Schedule(peak=3e-3, warm_up_steps=10)))
    pressed = Pressed(shards)
    pressed.look_again()
    losses = [training.advance(pressed, (), 0.0) for _ in range(120)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[10:20])
