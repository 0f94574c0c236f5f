"""Our own reader around its network: what is cut, what is decoded, and what is not worth a glance."""

import numpy as np
import openvino as ov
import pytest

from edge_agent.adapters.inference_openvino import Network, RunningModel
from edge_agent.adapters.reader_openvino import PlateReader
from edge_agent.core.plate_crop import HEIGHT_PX, WIDTH_PX
from protocol.plates import ALPHABET
from tests.simulators.spelling import SURENESS, WHOLE, spelled, spelling_model


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    compiled = ov.Core().compile_model(spelling_model(), "CPU", {"INFERENCE_NUM_THREADS": 1})
    return PlateReader(Network(compiled, RunningModel("spelling", "1", "0" * 64, "CPU", "", "f32", 1)))


def test_a_plate_is_read_in_one_glance_with_its_probabilities(reader: PlateReader) -> None:
    look = reader.look(spelled("FAB123C"), WHOLE, 0.0)
    assert look.text == "FAB123C"
    assert look.confidence == pytest.approx(SURENESS)


def test_a_character_seen_twice_is_two_characters(reader: PlateReader) -> None:
    assert reader.look(spelled("AA1188"), WHOLE, 0.0).text == "AA1188"


def test_two_lines_are_one_text_from_top_to_bottom(reader: PlateReader) -> None:
    assert reader.look(spelled("12A", "34B"), WHOLE, 0.0).text == "12A34B"


def test_only_the_box_is_looked_at_and_as_much_around_it_as_was_asked(reader: PlateReader) -> None:
    street = np.full((200, 400, 3), 1 + ALPHABET.index("X"), np.uint8)
    street[50 : 50 + HEIGHT_PX, 100 : 100 + WIDTH_PX] = spelled("FAB123C")
    box = (100.0, 50.0, 100.0 + WIDTH_PX, 50.0 + HEIGHT_PX)
    assert reader.look(street, box, 0.0).text == "FAB123C"
    assert reader.look(street, box, 0.2).text.startswith("X")


def test_a_picture_without_text_is_a_look_that_saw_nothing(reader: PlateReader) -> None:
    assert len(reader.look(np.zeros((64, 160, 3), np.uint8), WHOLE, 0.0)) == 0


@pytest.mark.parametrize("xyxy", [(10.0, 10.0, 13.0, 40.0), (10.0, 10.0, 60.0, 12.5), (20.0, 20.0, 10.0, 10.0)])
def test_a_box_with_next_to_nothing_in_it_is_not_looked_at(
    reader: PlateReader, xyxy: tuple[float, float, float, float]
) -> None:
    assert len(reader.look(spelled("FAB123C"), xyxy, 0.0)) == 0


def test_the_order_of_a_plates_pictures_does_not_matter_to_what_each_says(reader: PlateReader) -> None:
    first, second = spelled("FAB123C"), spelled("XYZ987W")
    texts = [reader.look(picture, WHOLE, 0.0).text for picture in (first, second, first)]
    assert texts == ["FAB123C", "XYZ987W", "FAB123C"]
