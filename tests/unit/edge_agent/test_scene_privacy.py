"""What is kept of a scene shows nobody: the reader and the face detector find nothing in it, however it is enlarged."""

import cv2
import numpy as np
import pytest
from camera_health.alterations import Picture

from edge_agent.adapters.faces_openvino import COUNTING_CONFIDENCE
from edge_agent.adapters.scene_memory import forget, recall, remember
from edge_agent.core.scene import Light, Map, glance
from edge_agent.core.scene_health import SceneMemory
from edge_agent.core.scene_reference import LEARN_GLANCES, Reference, from_bytes, to_bytes
from protocol.point_messages import Condition
from tests.simulators.agent_place import MODELS
from tests.simulators.drawn import PLATE as PLACE
from tests.simulators.drawn import astronaut, draw_car, house_vision

PLATE = "FKT402B"
SIDES_PX = (320, 640, 1280)


def reference_of(image: Picture) -> Reference:
    """The worst case: the same picture for as long as learning takes, so that nothing of it is averaged out."""
    reference = Reference.of(glance(image))
    for _ in range(LEARN_GLANCES):
        reference = reference.learned(glance(image))
    kept = from_bytes(to_bytes(reference))
    assert kept is not None
    return kept


def enlarged(map_: Map) -> list[Picture]:
    """A kept map as pictures of several sizes, with its contrast stretched."""
    low, high = float(map_.min()), float(map_.max())
    grey = np.asarray((map_ - low) / max(high - low, 1e-6) * 255, np.uint8)
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    return [
        np.asarray(cv2.resize(colour, (side, side * 9 // 16), interpolation=cv2.INTER_CUBIC), np.uint8)
        for side in SIDES_PX
    ]


@pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them")
def test_neither_a_plate_nor_a_face_can_be_found_in_what_is_kept() -> None:
    vision = house_vision()
    car, face = draw_car("FKT-402-B"), astronaut()
    assert vision.reader.look(car, PLACE, 0.1).text.replace("-", "") == PLATE, "it can be read"
    assert len(vision.faces.detect(face)) == 1, "it can be found"
    for image in (car, face):
        reference = reference_of(image)
        for picture in (*enlarged(reference.shades), *enlarged(reference.outlines)):
            assert len(vision.faces.detect(picture).above(COUNTING_CONFIDENCE)) == 0
            scale = np.array([picture.shape[1] / image.shape[1], picture.shape[0] / image.shape[0]] * 2)
            left, top, right, bottom = (np.array(PLACE) * scale).tolist()
            for margin in vision.reader.margins:
                text = vision.reader.look(picture, (left, top, right, bottom), margin).text
                assert len(text) < 3, "a chance character, and no text"
                assert not any(text[at : at + 2] in PLATE for at in range(len(text) - 1))


def test_a_memory_survives_and_what_is_damaged_or_forgotten_is_learned_again(tmp_path) -> None:  # type: ignore[no-untyped-def]
    memory = SceneMemory({Light.DAY: reference_of(draw_car("FKT-402-B"))}, frozenset({Condition.MOVED}))
    remember(tmp_path, "north", memory)
    path = tmp_path / "scenes" / "north.scene"
    assert path.stat().st_mode & 0o077 == 0
    assert path.stat().st_size < 4000
    again = recall(tmp_path, "north")
    assert again.active == {Condition.MOVED}
    assert again.references[Light.DAY].is_learned
    path.write_bytes(path.read_bytes()[:-5])
    assert recall(tmp_path, "north") == SceneMemory()
    forget(tmp_path, "north")
    assert not path.exists()
