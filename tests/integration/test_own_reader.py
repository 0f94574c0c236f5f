"""Our own weights on plates that the press renders: what is clear is read, what is no plate is no read."""

import numpy as np
import pytest
from plate_press.press import Pressed, press

from edge_agent.adapters.models import PACKAGE, PLATE_READER, default_folder
from edge_agent.adapters.vision import Vision, open_vision
from edge_agent.core.boxes import Xyxy
from edge_agent.core.passages import ReadingSettings
from edge_agent.core.stills import look_and_vote
from edge_agent.core.vote import Outcome
from edge_agent.settings import InferenceSettings

pytestmark = pytest.mark.skipif(
    not (PACKAGE / f"{PLATE_READER}.sig").exists(), reason="no reader of our own has been signed yet"
)
SURE = ReadingSettings().end_confidence
KINDS = ("mx-private-car", "mx-taxi", "mx-private-truck", "mx-motorcycle", "us", "eu")


@pytest.fixture(scope="module")
def vision() -> Vision:
    return open_vision(InferenceSettings(models_dir=default_folder(), stack="own", threads=1))


def outcome_of(pressed: Pressed, vision: Vision) -> Outcome | None:
    """What is read in the plate's box, or in the middle of a picture that has none."""
    height, width = pressed.image.shape[:2]
    low, high = pressed.corners.min(axis=0), pressed.corners.max(axis=0)
    middle = (width * 0.15, height * 0.2, width * 0.85, height * 0.8)
    box: Xyxy = (float(low[0]), float(low[1]), float(high[0]), float(high[1])) if pressed.text else middle
    return look_and_vote(pressed.image, box, vision.reader)


@pytest.mark.parametrize("kind", KINDS)
def test_clear_plates_of_a_kind_are_read(kind: str, vision: Vision) -> None:
    rng = np.random.default_rng(11)
    plates = [press(rng, kind, harshness=0.2, width_px=(110, 200)) for _ in range(12)]
    outcomes = [outcome_of(plate, vision) for plate in plates]
    right = sum(o is not None and o.text == plate.text for o, plate in zip(outcomes, plates, strict=True))
    assert right >= 9


def test_what_is_no_plate_is_no_read(vision: Vision) -> None:
    rng = np.random.default_rng(12)
    outcomes = [outcome_of(press(rng, "none", harshness=0.5), vision) for _ in range(40)]
    assert sum(o is not None and o.confidence >= SURE for o in outcomes) <= 1
