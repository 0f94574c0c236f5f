"""Covers over the frames of a video: what a detector misses for a moment stays covered, and nothing is lost."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.boxes import Boxes, Xyxy
from edge_agent.core.carrying import CarrySettings, Covered, Seen, carried
from edge_agent.core.detections import Detections
from tests.simulators.sight import make_detections

NONE = Detections.none()
SETTINGS = CarrySettings(look_behind=6, faint=2, known=6, steady=20, steady_after=5)


def at(frame: int, *, step_px: float = 6.0, size_px: float = 40.0) -> Xyxy:
    """A face that walks to the right."""
    left = 100 + step_px * frame
    return left, 200.0, left + size_px, 200.0 + size_px * 1.2


def walk(frames: int, missed: Iterable[int], *, confidence: float = 0.8, step_px: float = 6.0) -> list[Covered[int]]:
    """Play a walk past a detector that misses some frames."""
    gone = set(missed)
    seen = [
        Seen(n, NONE if n in gone else make_detections(at(n, step_px=step_px), confidence=confidence), NONE)
        for n in range(frames)
    ]
    return list(carried(seen, SETTINGS))


def hides(covers: Boxes, box: Xyxy) -> bool:
    """Whether one of the covers holds at least nine tenths of a box."""
    left, top = np.maximum(covers[:, 0], box[0]), np.maximum(covers[:, 1], box[1])
    right, bottom = np.minimum(covers[:, 2], box[2]), np.minimum(covers[:, 3], box[3])
    inner = np.clip(right - left, 0, None) * np.clip(bottom - top, 0, None)
    return bool((inner >= 0.9 * (box[2] - box[0]) * (box[3] - box[1])).any())


@pytest.mark.parametrize("missed", [[7], [7, 8, 9], [5, 7, 9, 11], range(6, 16)])
def test_a_face_missed_for_some_frames_does_not_flash(missed: Sequence[int]) -> None:
    for frame in walk(24, missed):
        assert hides(frame.faces, at(frame.image))


def test_a_face_is_covered_before_the_frame_that_found_it() -> None:
    covered = walk(20, range(5))
    assert all(hides(frame.faces, at(frame.image)) for frame in covered)


def test_a_face_stays_covered_after_the_last_frame_that_found_it() -> None:
    covered = walk(30, range(20, 30))
    assert all(hides(frame.faces, at(frame.image)) for frame in covered)


def test_a_faint_spot_seen_once_is_carried_over_its_neighbours_only() -> None:
    covered = walk(30, [n for n in range(30) if n != 15], confidence=0.12)
    assert [frame.image for frame in covered if len(frame.faces)] == [13, 14, 15, 16, 17]


def test_what_left_is_let_go() -> None:
    covered = walk(60, range(10, 60))
    assert not any(len(frame.faces) for frame in covered[10 + SETTINGS.steady :])


def test_two_that_cross_are_both_covered_while_one_hides_the_other() -> None:
    def other(frame: int) -> Xyxy:
        left, top, right, bottom = at(20 - frame)
        return left, top + 8, right, bottom + 8

    seen = [
        Seen(n, make_detections(at(n)) if n in (9, 10, 11) else make_detections(at(n), other(n)), NONE)
        for n in range(21)
    ]
    for frame in carried(seen, SETTINGS):
        assert hides(frame.faces, at(frame.image))
        assert hides(frame.faces, other(frame.image))


def test_plates_and_faces_are_carried_apart() -> None:
    seen = [Seen(n, NONE, make_detections(at(n, step_px=25)) if n != 6 else NONE) for n in range(12)]
    for frame in carried(seen, SETTINGS):
        assert hides(frame.plates, at(frame.image, step_px=25))
        assert not len(frame.faces)


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 300), st.integers(4, 80)), max_size=4), max_size=30)
)
def test_every_box_found_is_covered_in_its_own_frame_and_frames_keep_their_order(
    found: list[list[tuple[int, int, int]]],
) -> None:
    boxes = [[(float(x), float(y), float(x + size), float(y + size)) for x, y, size in frame] for frame in found]
    covered = list(carried((Seen(n, make_detections(*each), NONE) for n, each in enumerate(boxes)), SETTINGS))
    assert [frame.image for frame in covered] == list(range(len(found)))
    for frame in covered:
        assert np.isfinite(frame.faces).all()
        assert all(hides(frame.faces, box) for box in boxes[frame.image])


@pytest.mark.parametrize("rate", [0.5, 5, 25, 30, 240])
def test_a_video_is_held_back_by_few_frames_whatever_its_rate(rate: float) -> None:
    settings = CarrySettings.of(rate)
    assert 2 <= settings.look_behind <= 12
    assert settings.steady <= 60
