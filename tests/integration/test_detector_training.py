"""The plate finder's training, tiny: it starts from published weights, repeats, and exports what it learnt."""

import copy
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]  # torch warns of itself

STEPS = 4


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The slim network as training finds it."""
    network = importlib.import_module("detector_training.network")
    return network.start_network(network.published_checkpoint(tmp_path_factory.mktemp("published")))


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A few composites of noise with bright plates, to teach and to choose with."""
    shelf = importlib.import_module("detector_training.shelf")
    composites = importlib.import_module("detector_training.composites")
    folder, rng = tmp_path_factory.mktemp("shelf"), np.random.default_rng(1)
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    for number in range(6):
        image = rng.integers(60, 120, (640, 640, 3), np.uint8)
        image[200:280, 220:420] = 235
        shelf._write(folder, number, composites.Composite(image, np.array([[220, 200, 420, 280]], np.float32)))
    return folder, folder


def taught(started: Any, shelves: tuple[Path, Path], folder: Path, *stops: int) -> Any:
    """Train to the lesson's end, being stopped after some steps and gone on with from what is on disk."""
    loop = importlib.import_module("detector_training.loop")
    lesson = loop.Lesson(steps=STEPS, batch=2, side_px=160, score_every=2)
    folder.mkdir(exist_ok=True)
    for stop in stops:
        steps = loop.teach(resumed(started, folder), lesson, shelves, folder)
        for _ in range(stop):
            next(steps)
    pupil = resumed(started, folder)
    for _ in loop.teach(pupil, lesson, shelves, folder):
        pass
    return pupil


def resumed(started: Any, folder: Path) -> Any:
    """A pupil as a new process has it."""
    loop = importlib.import_module("detector_training.loop")
    pupil = loop.Pupil.fresh(copy.deepcopy(started), loop.Lesson())
    pupil.resume(folder)
    return pupil


def test_the_backbone_is_the_published_one_and_the_rest_its_strongest_channels(started: Any, tmp_path: Path) -> None:
    network = importlib.import_module("detector_training.network")
    offline = importlib.import_module("detector_training.offline")
    old, _ = offline.load_checkpoint(network.published_checkpoint(tmp_path))
    for index in range(network.DAMAGED_FROM):
        for name, value in started.model[index].state_dict().items():
            np.testing.assert_array_equal(value.numpy(), old.model[index].state_dict()[name].numpy(), err_msg=name)
    kept = started.model[7].bn.weight.detach().abs()
    assert float(kept.min()) >= float(old.model[7].bn.weight.detach().abs().median()) - 1e-6


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    started: Any, shelves: tuple[Path, Path], tmp_path: Path
) -> None:
    whole = taught(started, shelves, tmp_path / "whole").average.state_dict()
    broken = taught(started, shelves, tmp_path / "broken", 3).average.state_dict()
    for name, value in whole.items():
        np.testing.assert_allclose(value.numpy(), broken[name].numpy(), rtol=1e-4, atol=1e-5, err_msg=name)


def test_early_layers_stay_as_they_were_and_later_ones_learn(
    started: Any, shelves: tuple[Path, Path], tmp_path: Path
) -> None:
    network = importlib.import_module("detector_training.network")
    pupil = taught(started, shelves, tmp_path / "run")
    for index, layer in enumerate(pupil.network.model):
        before, after = (each.state_dict().values() for each in (started.model[index], layer))
        is_same = all(bool((one == other).all()) for one, other in zip(before, after, strict=True))
        assert is_same == (index < network.FROZEN_LAYERS or not layer.state_dict()), index


def test_the_exported_graph_says_what_the_network_says(
    started: Any, shelves: tuple[Path, Path], tmp_path: Path
) -> None:
    import openvino as ov  # noqa: PLC0415
    import torch  # noqa: PLC0415

    export = importlib.import_module("detector_training.export")
    pupil = taught(started, shelves, tmp_path / "run")
    export.export(tmp_path / "run", tmp_path / "plate-finder.xml", "1.0")
    image = np.random.default_rng(2).integers(0, 255, (1, 96, 160, 3), np.uint8)
    compiled = ov.Core().compile_model(tmp_path / "plate-finder.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    with torch.no_grad():
        saved = torch.load(tmp_path / "run" / "best.pt", weights_only=False)["model"].eval()
        told, _ = saved(torch.from_numpy(image[..., ::-1].copy()).permute(0, 3, 1, 2).float() / 255)
    np.testing.assert_allclose(compiled(image)["boxes"], told.numpy(), rtol=0.01, atol=0.15)
    assert pupil.history[-1][0] == STEPS


def test_the_weights_for_a_jetson_open_in_ultralytics_and_find_what_the_graph_finds(
    started: Any, shelves: tuple[Path, Path], tmp_path: Path
) -> None:
    export = importlib.import_module("detector_training.export")
    tensorrt = importlib.import_module("export_tensorrt")
    offline = importlib.import_module("detector_training.offline")
    taught(started, shelves, tmp_path / "run")
    export.export(tmp_path / "run", tmp_path / "plate-finder.xml", "1.0")
    weights = tmp_path / "plate-finder.pt"
    made = offline.YOLO(weights).export(format="torchscript", imgsz=[96, 160], device="cpu")
    assert tensorrt.largest_difference(weights, Path(made), (96, 160), "cpu") < 0.1


@pytest.mark.parametrize(("shape", "size"), [("16:9", (384, 640)), ("1:1", (640, 640))])
def test_an_engine_holds_the_cameras_pictures(shape: str, size: tuple[int, int]) -> None:
    assert importlib.import_module("export_tensorrt").input_shape(640, shape) == size
