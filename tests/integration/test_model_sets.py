"""Either set of models is opened as the settings ask: our own under signatures, the ready one by its pins."""

from pathlib import Path

import msgspec
import openvino as ov
import pytest
from model_signing.workshop import Workshop

from edge_agent.adapters.model_manifest import Signers
from edge_agent.adapters.model_sets import MODEL_SETS
from edge_agent.adapters.models import FACE_DETECTOR, PLATE_DETECTOR, PLATE_READER, default_folder
from edge_agent.adapters.probe_inference import time_models
from edge_agent.adapters.vision import open_vision
from edge_agent.adapters.vision_pool import open_pool
from edge_agent.errors import ModelMissing
from edge_agent.settings import InferenceSettings
from tests.simulators.drawn import draw_car, house_vision
from tests.simulators.signed_models import FACTS, STATE, STATE_LINE
from tests.simulators.spelling import WHOLE, spelled, spelling_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state's folder: finders and a reader signed by the state, small but whole."""
    place = tmp_path_factory.mktemp("site")
    ov.save_model(spelling_model(), place.parent / "spelling.xml")
    workshop = Workshop(place, STATE, Signers((STATE.public_key,)))
    facts = {**FACTS, "version": "1000.0"}
    workshop.install(PLATE_READER, place.parent / "spelling.xml", facts)
    for ours, theirs in ((MODEL_SETS["own"].plates, PLATE_DETECTOR), (MODEL_SETS["own"].faces, FACE_DETECTOR)):
        workshop.install(ours, default_folder() / f"{theirs}.xml", facts)
    return place


def own(folder: Path) -> InferenceSettings:
    return InferenceSettings(models_dir=folder, stack="own", model_signers=(STATE_LINE,), threads=1, workers=2)


def test_our_own_set_finds_with_its_finder_and_reads_in_one_glance(folder: Path) -> None:
    vision = open_vision(own(folder))
    assert {model.name for model in vision.describe()} == set(MODEL_SETS["own"].used())
    assert len(vision.plates.detect(draw_car("FAB-123-C"))) == 1
    assert vision.reader.look(spelled("FAB123C"), WHOLE, 0.0).text == "FAB123C"


def test_in_eight_bits_no_network_is_compiled_that_nothing_uses() -> None:
    vision = open_vision(InferenceSettings(models_dir=default_folder(), stack="own", quantized=True, threads=1))
    assert [model.name for model in vision.describe()] == ["plate-finder-int8", "plate-reader-int8", "face-finder"]


def test_each_set_looks_for_plates_at_a_side_of_its_own_unless_one_is_asked_for(folder: Path) -> None:
    settings = own(folder)
    assert open_vision(settings).plates.sides_px == (512,)
    assert open_vision(msgspec.structs.replace(settings, plate_side_px=640)).plates.sides_px == (640,)
    assert house_vision().plates.sides_px == (640,)


def test_the_pool_and_the_doctors_stopwatch_take_it_as_they_take_the_ready_one(folder: Path) -> None:
    settings = own(folder)
    pool = open_pool(settings, 2)
    assert pool.look(spelled("XYZ987W"), WHOLE, 0.0).text == "XYZ987W"
    assert pool.margins == open_vision(settings).reader.margins
    assert time_models(settings).read_ms > 0


def test_a_set_that_is_not_whole_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="lacks the model"):
        open_vision(InferenceSettings(models_dir=tmp_path, stack="ready"))
