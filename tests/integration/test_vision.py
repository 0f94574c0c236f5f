"""The real models on real and drawn pictures: what is found, what is read, and that they run as asked."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_agent.adapters.inference_openvino import is_device
from edge_agent.adapters.models import MANIFEST, Manifest, ReadyModels, default_folder
from edge_agent.adapters.vision import open_vision
from edge_agent.core.boxes import iou
from edge_agent.core.stills import read_still
from edge_agent.errors import BadModelFile, InferenceMismatch, ModelMissing
from edge_agent.settings import InferenceSettings
from tests.simulators.drawn import PLATE, SKIMAGE_DATA, astronaut, draw_car, house_vision


@pytest.mark.parametrize("text", ["FAB-123-C", "GHJ-98-76", "UPF-337-A"])
def test_a_drawn_plate_is_read_where_it_is(text: str) -> None:
    vision = house_vision()
    (read,) = read_still(draw_car(text), vision.plates, vision.reader)
    assert read.outcome.text == text.replace("-", "")
    assert read.outcome.format_name == "private-car"
    assert iou(np.array([read.xyxy], np.float32), np.array([PLATE], np.float32))[0, 0] > 0.5


def test_a_picture_without_plates_gives_no_text_to_believe() -> None:
    vision = house_vision()
    reads = read_still(np.full((480, 640, 3), 120, np.uint8), vision.plates, vision.reader)
    assert all(read.outcome.confidence < 0.5 for read in reads)


def test_the_face_of_a_real_photograph_is_found_and_counted() -> None:
    vision = house_vision()
    found = vision.faces.detect(astronaut())
    assert len(found) == 1
    left, top, right, bottom = found.xyxy[0]
    assert left < 224 < right
    assert top < 120 < bottom
    assert vision.faces.count(astronaut()) == 1


def test_small_real_faces_are_found_and_what_is_no_face_is_not() -> None:
    samples = (np.load(SKIMAGE_DATA / "lfw_subset.npy") * 255).astype(np.uint8)
    padded = [np.pad(np.repeat(s[..., None], 3, axis=2), ((12, 12), (12, 12), (0, 0)), "edge") for s in samples[::5]]
    found = [len(house_vision().faces.detect(picture)) > 0 for picture in padded]
    assert sum(found[:20]) >= 19
    assert sum(found[20:]) == 0


def test_redaction_hides_the_face_and_the_plate_from_the_detectors_themselves() -> None:
    vision = house_vision()
    picture = np.zeros((512, 1152, 3), np.uint8)
    picture[:, :512], picture[16:496, 512:] = astronaut(), draw_car("FAB-123-C")
    redacted = vision.redactor.redact(picture)
    assert len(vision.faces.detect(picture)) == 1
    assert len(vision.faces.detect(redacted)) == 0
    plate = redacted[16 + PLATE[1] : 16 + PLATE[3], 512 + PLATE[0] : 512 + PLATE[2]]
    assert not plate.any()


def test_the_hits_plate_stays_readable_in_the_redacted_picture() -> None:
    vision = house_vision()
    picture = draw_car("FAB-123-C")
    keep = (float(PLATE[0]), float(PLATE[1]), float(PLATE[2]), float(PLATE[3]))
    redacted = vision.redactor.redact(picture, keep)
    assert (
        redacted[PLATE[1] : PLATE[3], PLATE[0] : PLATE[2]] == picture[PLATE[1] : PLATE[3], PLATE[0] : PLATE[2]]
    ).all()


def test_the_agent_can_say_what_runs() -> None:
    described = house_vision().describe()
    assert {model.name for model in described} == {"plate-detector", "line-detector", "line-reader", "face-detector"}
    assert {(model.device, model.precision, model.threads) for model in described} == {("CPU", "f32", 2)}
    assert all(model.device_name and len(model.sha256) == 64 for model in described)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (InferenceSettings(models_dir=default_folder(), device="GPU"), "this machine has CPU"),
        (InferenceSettings(models_dir=default_folder(), device="AUTO"), "runs on CPU"),
        (InferenceSettings(models_dir=default_folder(), precision="f16"), "the settings ask for f16"),
        (InferenceSettings(models_dir=default_folder(), precision="f8"), "not one of f32, bf16, f16"),
    ],
)
def test_another_device_or_precision_than_asked_for_stops_the_agent(settings: InferenceSettings, says: str) -> None:
    with pytest.raises(InferenceMismatch, match=says):
        open_vision(settings)


def test_a_model_whose_bytes_changed_is_not_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(default_folder(), folder, ignore=shutil.ignore_patterns(".*"))
    weights = folder / "line-reader.bin"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(BadModelFile, match=r"line-reader\.bin is not the file"):
        open_vision(InferenceSettings(models_dir=folder, stack="ready"))


def test_missing_models_say_how_to_fetch_them(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="make models"):
        open_vision(InferenceSettings(models_dir=tmp_path, stack="ready"))


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(BadModelFile, match="is damaged"):
        ReadyModels.open(tmp_path)


def test_the_manifest_names_licence_source_and_hash_of_every_model() -> None:
    store = ReadyModels.open(default_folder())
    for entry in store.manifest.models:
        assert entry.licence in {"AGPL-3.0", "Apache-2.0", "MIT"}
        assert "==" in entry.source
        assert hashlib.sha256((store.folder / f"{entry.name}.bin").read_bytes()).hexdigest() == entry.weights_sha256
    assert msgspec.json.decode((store.folder / MANIFEST).read_bytes())


def test_the_face_model_answers_with_nothing_but_where_faces_are() -> None:
    graph = (default_folder() / "face-detector.xml").read_text()
    assert graph.count('type="Result"') == 3


def test_two_sets_of_models_may_be_given_their_first_pictures_at_once() -> None:
    program = (
        "import threading, numpy as np\n"
        "from pathlib import Path\n"
        "from edge_agent.adapters.vision_pool import open_pool\n"
        "from edge_agent.settings import InferenceSettings\n"
        f"pool = open_pool(InferenceSettings(models_dir=Path({str(default_folder().resolve())!r}), workers=2), 2)\n"
        "start, picture = threading.Barrier(2), np.zeros((360, 640, 3), np.uint8)\n"
        "def look():\n"
        "    start.wait()\n"
        "    print(f'{pool.count_faces(picture)} {len(pool.detect(picture))}\\n', end='')\n"
        "threads = [threading.Thread(target=look) for _ in range(2)]\n"
        "[each.start() for each in threads]; [each.join() for each in threads]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=110, check=False)
    assert done.stdout.split() == ["0"] * 4, done.stderr


def test_eight_bits_are_asked_for_with_what_makes_them(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(default_folder(), folder, ignore=shutil.ignore_patterns(".downloads"))
    manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    full = tuple(entry for entry in manifest.models if not entry.name.endswith("int8"))
    (folder / MANIFEST).write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, models=full)))
    with pytest.raises(ModelMissing, match=r"quantize_detector\.py makes it, or set inference\.quantized = false"):
        open_vision(InferenceSettings(models_dir=folder, stack="ready", quantized=True))


@pytest.mark.parametrize(
    ("really", "asked", "is_it"),
    [
        ("CPU", "CPU", True),
        ("GPU.0", "GPU", True),
        ("GPU.1", "GPU", False),
        ("CPU", "GPU", False),
        ("CPU", "AUTO", False),
    ],
)
def test_the_only_gpu_may_call_itself_by_its_number_and_no_other_device_passes_for_it(
    really: str, asked: str, is_it: bool
) -> None:
    assert is_device(really, asked) is is_it
