"""Aiming: one advice at a time, in the order in which it is mended, from figures of plates and never their text."""

from dataclasses import fields, replace
from typing import Any

import pytest

from edge_agent.core.aim import LEAST_PLATES, MEMORY_S, NEEDED_PX, Advice, PlateView, aim_of, recent, view_of
from edge_agent.core.scene import Glance, glance
from tests.simulators.altered import photograph
from tests.simulators.drawn import PLATE, draw_car

GOOD = PlateView(
    seen_s=0.0, width_px=130.0, height_px=65.0, share=0.1, level=120.0, glare=0.05,
    sharpness=400.0, is_cut=False, tilt_deg=3.0,
)  # fmt: skip


def make_glance(**changed: Any) -> Glance:  # `Any`: any figure
    return replace(glance(photograph("motorcycle_left.png")), **changed)


def advice_on(*views: PlateView, **changed: Any) -> Advice:
    return aim_of(make_glance(**changed), views).advice


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"width_px": NEEDED_PX - 1.0}, Advice.ZOOM_IN),
        ({"share": 0.6}, Advice.ZOOM_OUT),
        ({"tilt_deg": -20.0}, Advice.TURN),
        ({"glare": 0.5}, Advice.LESS_EXPOSURE),
        ({"level": 30.0}, Advice.MORE_EXPOSURE),
        ({"sharpness": 50.0}, Advice.SHORTER_SHUTTER),
        ({"is_cut": True}, Advice.INTO_VIEW),
        ({"tilt_deg": None}, Advice.RIGHT),
        ({}, Advice.RIGHT),
    ],
)
def test_what_is_wrong_with_the_plates_is_what_is_advised(wrong: dict[str, Any], advice: Advice) -> None:
    assert advice_on(*[replace(GOOD, **wrong)] * LEAST_PLATES) is advice


def test_light_comes_before_focus_and_focus_before_everything_else() -> None:
    far = replace(GOOD, width_px=20.0)
    assert advice_on(far, highlights=50, sharpness=100) is Advice.MORE_LIGHT
    assert advice_on(far, sharpness=100) is Advice.FOCUS
    assert advice_on(far) is Advice.ZOOM_IN


def test_without_a_plate_one_waits_and_one_plate_is_not_yet_enough() -> None:
    assert advice_on() is Advice.WAIT
    assert advice_on(GOOD) is Advice.MORE_CARS
    assert advice_on(*[GOOD] * LEAST_PLATES).is_right


def test_one_odd_plate_among_several_changes_nothing() -> None:
    assert advice_on(GOOD, GOOD, replace(GOOD, width_px=30.0, tilt_deg=80.0)) is Advice.RIGHT


def test_plates_are_forgotten_after_a_while() -> None:
    late = replace(GOOD, seen_s=MEMORY_S)
    assert recent([GOOD, late], MEMORY_S + 1) == [late]


def test_a_plate_is_measured_in_the_pictures_own_pixels() -> None:
    left, top, right, bottom = PLATE
    view = view_of(draw_car("FKT-402-B"), (left, top, right, bottom), 1.0)
    assert (view.width_px, view.height_px) == (160, 80)
    assert view.level > 180
    assert not view.is_cut
    assert view.tilt_deg == 0


def test_nothing_that_is_measured_can_hold_a_text() -> None:
    assert {field.type for field in fields(PlateView)} == {float, bool, float | None}
