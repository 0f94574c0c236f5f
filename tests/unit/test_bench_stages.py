"""The benchmarks' clock and measures: a stage is charged for itself, a cover is found where it is."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from bench.harder import FORMS, harder_forms
from bench.known import Known, covered, filled, outside, share_inside, strays
from bench.stages import StageClocks
from bench_edge import STAGE_OF

from edge_agent.adapters.model_sets import MODEL_SETS


def spin(seconds: float) -> None:
    """Use the processor for that long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Work:
    """Stages within a stage."""

    def outer(self) -> str:
        spin(0.02)
        self.inner()
        return "done"

    def inner(self) -> None:
        spin(0.04)

    def steps(self) -> Iterator[int]:
        for number in range(3):
            spin(0.01)
            yield number


def test_a_stage_is_not_charged_with_the_stages_inside_it() -> None:
    clocks, begun = StageClocks(), time.thread_time()
    with clocks.around((Work, "outer", "outer"), (Work, "inner", "inner")):
        assert Work().outer() == "done"
    spent = time.thread_time() - begun
    assert clocks.seconds["outer"] >= 0.02
    assert clocks.seconds["inner"] >= 0.04
    assert clocks.seconds["outer"] + clocks.seconds["inner"] <= spent
    assert clocks.calls == {"outer": 1, "inner": 1}


def test_an_iterator_is_charged_by_step_and_not_for_what_its_user_does() -> None:
    clocks, begun = StageClocks(), time.thread_time()
    with clocks.around((Work, "steps", "steps")):
        for _ in Work().steps():
            spin(0.02)
    assert 0.03 <= clocks.seconds["steps"] <= time.thread_time() - begun - 3 * 0.02


def test_methods_are_put_back() -> None:
    original = Work.outer
    with StageClocks().around((Work, "outer", "outer")):
        assert Work.outer is not original
    assert Work.outer is original


def test_a_cover_is_measured_inside_a_box_and_a_stray_is_one_that_touches_none() -> None:
    before = np.full((100, 100, 3), 200, np.uint8)
    after = before.copy()
    after[10:30, 10:30] = after[60:80, 60:80] = 0
    mask = covered(before, after)
    assert share_inside(mask, (12, 12, 28, 28)) == 1.0
    assert share_inside(mask, (20, 10, 40, 30)) == 0.5
    assert strays(mask, [(12, 12, 28, 28)]) == 1
    assert strays(mask, [(12, 12, 28, 28), (70, 70, 90, 90)]) == 0


def test_what_is_covered_beyond_the_known_boxes_is_counted_and_unsure_places_are_not() -> None:
    known = Known("x", np.full((100, 100, 3), 200, np.uint8), [(10, 10, 30, 30)], unsure=[(60, 60, 80, 80)])
    mask = filled(known.image.shape, [(5, 10, 30, 30), (60, 60, 80, 80)])
    assert outside(mask, known) == 5 * 20
    assert outside(~mask, known) == (~mask).sum()


@pytest.mark.parametrize("form", FORMS)
def test_a_harder_form_changes_the_picture_and_keeps_what_is_known_of_it(form: str) -> None:
    rng = np.random.default_rng(3)
    known = Known("photograph-x", rng.integers(0, 255, (120, 200, 3), np.uint8), [(40, 30, 80, 80)])
    made = next(each for each in harder_forms(known) if each.kind == form)
    (left, top, right, bottom) = made.faces[0]
    assert 0 <= left < right <= made.image.shape[1]
    assert 0 <= top < bottom <= made.image.shape[0]
    assert (right - left) / made.image.shape[1] == pytest.approx(40 / 200, rel=0.05)
    assert made.image.shape != known.image.shape or (made.image != known.image).any()


@pytest.mark.parametrize("quantized", [False, True])
def test_what_a_box_runs_has_a_stage_to_be_charged_to(quantized: bool) -> None:
    for each in MODEL_SETS.values():
        run = {each.finding(quantized=quantized), *each.read_by(quantized=quantized), each.faces}
        assert run <= STAGE_OF.keys()
