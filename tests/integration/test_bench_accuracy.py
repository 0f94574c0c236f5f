"""The benchmark of accuracy runs on made-up pictures with rendered plates, and ends with the figures asked for."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import openvino.opset13 as op
import pytest
from plate_press.press import press

from edge_agent.core.boxes import Xyxy, as_xyxy
from edge_agent.core.plate_crop import HEIGHT_PX, WIDTH_PX
from tests.simulators.spelling import spelled, spelling_model

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "bench_accuracy.py"
KEYS = [
    "scenes_eu_errors", "scenes_eu_n", "scenes_br_errors", "scenes_br_n", "crops_us_errors", "crops_us_n",
    "mx_rendered_exact", "detect_ms", "read_ms", "speedup_equal_precision",
]  # fmt: skip


def run(*options: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(SCRIPT), *map(str, options)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes, one of them labelled wrongly, and a crop; plates clean and large."""
    folder = tmp_path_factory.mktemp("plates")
    scenes, crops = ["file,x,y,w,h,plate,split"], ["file,us_state,plate,split"]
    rng = np.random.default_rng(5)
    for group in ("scenes_eu", "scenes_br"):
        plate = press(rng, "eu", harshness=0.0, width_px=(200, 210))
        left, top, right, bottom = as_xyxy(np.concatenate([plate.corners.min(axis=0), plate.corners.max(axis=0)]))
        height, width = plate.image.shape[:2]
        scene = np.full((480, 640, 3), 90, np.uint8)
        scene[200 : 200 + height, 150 : 150 + width] = plate.image
        (folder / group).mkdir()
        cv2.imwrite(str(folder / group / "one.png"), scene)
        label = plate.text if group == "scenes_eu" else "WR0NG"
        box = f"{150 + left:.0f},{200 + top:.0f},{right - left:.0f},{bottom - top:.0f}"
        scenes.append(f"{group}/one.png,{box},{label},test")
    plate = press(rng, "us", harshness=0.0, width_px=(200, 210))
    (folder / "crops_us").mkdir()
    cv2.imwrite(str(folder / "crops_us" / "one.png"), plate.image)
    crops.append(f"crops_us/one.png,tx,{plate.text},test")
    (folder / "scenes.csv").write_text("\n".join(scenes))
    (folder / "crops.csv").write_text("\n".join(crops))
    return folder


def test_the_last_line_holds_the_figures_and_the_page_the_errors(pictures: Path, tmp_path: Path) -> None:
    page, plots = tmp_path / "errors", tmp_path / "plots"
    options = ("--stack", "ready", "--rounds", "1", "--rendered", "10", "--errors", page, "--plots", plots)
    done = run("--data", pictures, *options)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == KEYS
    assert (figures["scenes_eu_n"], figures["scenes_br_n"], figures["crops_us_n"]) == (1, 1, 1)
    assert figures["scenes_br_errors"] == 1
    assert 0 <= figures["mx_rendered_exact"] <= 1
    assert figures["detect_ms"] > 0
    assert figures["speedup_equal_precision"] is None
    assert "WR0NG" in (page / "index.html").read_text()
    assert (page / "ready-scenes_br-one.png").stat().st_size > 0
    assert {path.name for path in plots.iterdir()} >= {"errors.svg", "rendered.svg"}


def test_json_alone_is_all_that_stdout_holds(pictures: Path) -> None:
    done = run("--data", pictures, "--stack", "ready", "--rounds", "1", "--rendered", "0", "--json")
    assert list(json.loads(done.stdout)) == KEYS
    assert json.loads(done.stdout)["mx_rendered_exact"] is None


def made_up_models(folder: Path, box: Xyxy) -> Path:
    """A finder that sees one plate at the same place of every input, and a reader of spelled pictures."""
    left, top, right, bottom = box
    always = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top, 0.9]
    picture = op.parameter([1, -1, -1, 3], np.uint8, "picture")
    nothing = op.multiply(op.reduce_max(op.convert(picture, np.float32), [0, 1, 2, 3]), np.float32(0))
    boxes = op.add(op.constant(np.array(always, np.float32).reshape(1, 5, 1)), nothing)
    boxes.output(0).get_tensor().set_names({"boxes"})
    folder.mkdir()
    ov.save_model(ov.Model([boxes], [picture]), folder / "plate-finder.xml", compress_to_fp16=False)
    ov.save_model(spelling_model(), folder / "plate-reader.xml", compress_to_fp16=False)
    return folder


def test_models_under_test_are_measured_unsigned(tmp_path: Path) -> None:
    at = (100.0, 200.0, 100.0 + WIDTH_PX, 200.0 + HEIGHT_PX)
    data = tmp_path / "data"
    scene = np.zeros((480, 640, 3), np.uint8)
    scene[200 : 200 + HEIGHT_PX, 100 : 100 + WIDTH_PX] = spelled("AB12O")
    for name, image in {"scenes_eu/a.png": scene, "crops_us/b.png": spelled("XYZ9")}.items():
        (data / name).parent.mkdir(parents=True)
        cv2.imwrite(str(data / name), image)
    box = f"{at[0]},{at[1]},{WIDTH_PX},{HEIGHT_PX}"
    (data / "scenes.csv").write_text(f"file,x,y,w,h,plate,split\nscenes_eu/a.png,{box},AB120,test")
    (data / "crops.csv").write_text("file,us_state,plate,split\ncrops_us/b.png,tx,XYZ9,test")
    models = made_up_models(tmp_path / "models", at)
    done = run("--data", data, "--stack", "own", "--models", models, "--rounds", "1", "--rendered", "5")
    assert "plate-finder unsigned" in done.stdout
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["scenes_eu_n"], figures["crops_us_n"]) == (1, 1)
    assert figures["detect_ms"] > 0
    assert figures["mx_rendered_exact"] == 0.0


def test_without_pictures_it_says_what_it_wants(tmp_path: Path) -> None:
    assert "--data DIR names a folder with scenes.csv" in run(code=1).stderr
    assert "scenes.csv is missing" in run("--data", tmp_path, code=1).stderr


def test_photographs_are_never_written_into_the_repository(pictures: Path) -> None:
    assert "real photographs go elsewhere" in run("--data", pictures, "--errors", ROOT / "docs", code=1).stderr
