"""What is covered before a picture leaves the box."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections
from edge_agent.core.redaction import Redactor, redact_for_hit
from edge_agent.errors import RedactionFailed
from tests.simulators.sight import ScriptedDetector, make_detections

WHITE = np.full((240, 320, 3), 255, np.uint8)
NONE = Detections.none()
BOXES = st.tuples(st.floats(-20, 330), st.floats(-20, 250), st.floats(1, 120), st.floats(1, 120)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def inside(box: Xyxy) -> NDArray[np.bool_]:
    """Pixels of `WHITE` that a box touches."""
    y, x = np.mgrid[: WHITE.shape[0], : WHITE.shape[1]]
    return np.asarray((x + 1 > box[0]) & (x < box[2]) & (y + 1 > box[1]) & (y < box[3]))


@given(st.lists(BOXES, max_size=6), st.lists(BOXES, max_size=6), st.none() | BOXES)
def test_every_pixel_of_every_face_is_covered(faces: list[Xyxy], plates: list[Xyxy], keep: Xyxy | None) -> None:
    redacted = redact_for_hit(WHITE, keep, make_detections(*faces), make_detections(*plates))
    for face in faces:
        assert not redacted[inside(face)].any()


@given(st.lists(BOXES, max_size=6))
def test_without_a_hit_every_plate_is_covered(plates: list[Xyxy]) -> None:
    redacted = redact_for_hit(WHITE, None, NONE, make_detections(*plates))
    for plate in plates:
        assert not redacted[inside(plate)].any()


def test_only_the_hits_plate_is_left_open() -> None:
    hit, other = (40.0, 100.0, 100.0, 130.0), (200.0, 100.0, 260.0, 130.0)
    redacted = redact_for_hit(WHITE, hit, NONE, make_detections((38, 98, 103, 133), other))
    assert redacted[inside(hit)].all()
    assert not redacted[inside(other)].any()


def test_the_cover_of_a_neighbour_stops_at_the_hits_plate() -> None:
    hit, loose = (40.0, 100.0, 100.0, 130.0), (0.0, 0.0, 300.0, 200.0)
    redacted = redact_for_hit(WHITE, hit, NONE, make_detections(loose))
    assert redacted[101:129, 41:99].all()
    assert not redacted[0:99].any()


def test_a_face_on_the_hits_plate_is_covered_all_the_same() -> None:
    hit = (40.0, 100.0, 100.0, 130.0)
    redacted = redact_for_hit(WHITE, hit, make_detections((60, 90, 80, 120)), make_detections(hit))
    assert not redacted[90:120, 60:80].any()


def test_covers_reach_beyond_what_was_found() -> None:
    redacted = redact_for_hit(WHITE, None, make_detections((100, 100, 140, 140)), NONE)
    assert not redacted[91:149, 91:149].any()


def test_the_original_is_not_touched() -> None:
    original = WHITE.copy()
    redact_for_hit(original, None, make_detections((0, 0, 320, 240)), NONE)
    assert (original == WHITE).all()


class Broken:
    """A detector that fails."""

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Fail as an inference engine does."""
        raise RuntimeError(f"out of memory for {image.shape}")


class Nonsense:
    """A detector whose numbers are none."""

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Answer with what a broken driver gives."""
        return make_detections((float("nan"), 0, 1, 1))


@pytest.mark.parametrize("bad", [Broken(), Nonsense()])
def test_if_a_detector_fails_there_is_no_picture(bad: Broken | Nonsense) -> None:
    with pytest.raises(RedactionFailed):
        Redactor(bad, ScriptedDetector([])).redact(WHITE)
    with pytest.raises(RedactionFailed):
        Redactor(ScriptedDetector([]), bad).redact(WHITE)


def test_what_is_no_colour_picture_is_refused() -> None:
    with pytest.raises(RedactionFailed):
        Redactor(ScriptedDetector([]), ScriptedDetector([])).redact(WHITE[..., 0])
