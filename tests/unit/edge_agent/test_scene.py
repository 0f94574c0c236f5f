"""A camera's health from its pictures, on altered photographs: what must be told, and what must not."""

import numpy as np
import pytest
from camera_health.alterations import HARMFUL, HARMLESS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_agent.core.scene import Light, glance, sharpness_of
from edge_agent.core.scene_health import Patience, SceneHealth, SceneMemory
from edge_agent.core.scene_reference import FOLLOW_GLANCES, LEARN_GLANCES, Reference, from_bytes, to_bytes
from protocol.point_messages import Condition
from tests.simulators.altered import EVERY_S, PHOTOGRAPHS, StreetCamera, photograph

QUICK = Patience(begin_s=20, end_s=20)
LONG_S = 40.0


@pytest.fixture(params=PHOTOGRAPHS)
def camera(request: pytest.FixtureRequest) -> StreetCamera:
    """A camera that knows its scene."""
    camera = StreetCamera(request.param, SceneHealth(SceneMemory(), QUICK))
    camera.learn()
    return camera


def known_camera(name: str = "motorcycle_left.png") -> StreetCamera:
    camera = StreetCamera(name, SceneHealth(SceneMemory(), QUICK))
    camera.learn()
    return camera


def test_what_is_harmless_is_not_told(camera: StreetCamera) -> None:
    told = {name: [change.condition for change in camera.show(name, LONG_S)] for name in HARMLESS}
    assert told == {name: [] for name in HARMLESS}


@pytest.mark.parametrize("alteration", HARMFUL)
def test_what_is_wrong_is_told_once_and_so_is_its_end(alteration: str, camera: StreetCamera) -> None:
    wanted = HARMFUL[alteration][0]
    (begun,) = camera.show(alteration, LONG_S)
    assert (begun.condition, begun.is_active) == (wanted, True)
    (ended,) = camera.show("noise", LONG_S)
    assert (ended.condition, ended.is_active) == (wanted, False)
    assert ended.since_s - begun.since_s == LONG_S


def test_the_figures_before_and_after_tell_what_happened() -> None:
    camera = known_camera()
    (blurred,) = camera.show("blur 3 px", LONG_S)
    assert blurred.after.sharpness < blurred.before.sharpness * 0.6
    assert blurred.after.brightness == pytest.approx(blurred.before.brightness, abs=20)
    camera.show("noise", LONG_S)
    (moved,) = camera.show("turned by 5 %", LONG_S)
    assert moved.after.shift_px == pytest.approx(np.hypot(0.05, 0.02) * 1920, rel=0.2)
    assert moved.before.shift_px == 0


def test_a_bus_that_hides_the_view_for_less_than_the_patience_is_no_condition() -> None:
    camera = known_camera()
    assert camera.show("sprayed over", QUICK.begin_s - EVERY_S) == []
    assert camera.show("noise", LONG_S) == []


def test_a_single_good_glance_does_not_end_a_condition() -> None:
    camera = known_camera()
    camera.show("sprayed over", LONG_S)
    assert camera.show("noise", QUICK.end_s - EVERY_S) == []
    assert camera.show("sprayed over", LONG_S) == []
    assert camera.health.memory.active == {Condition.BLOCKED}


def test_a_picture_that_stands_still_is_frozen_and_one_with_noise_never_is() -> None:
    camera = known_camera()
    frozen = camera.see()
    (begun,) = [change for _ in range(12) for change in camera.step(frozen)]
    assert (begun.condition, begun.is_active) == (Condition.FROZEN, True)
    assert begun.after.still_ms >= QUICK.begin_s * 1000
    (ended,) = camera.show("noise", LONG_S)
    assert (ended.condition, ended.is_active) == (Condition.FROZEN, False)


def test_a_covered_picture_that_stands_still_is_blocked_not_frozen() -> None:
    camera = known_camera()
    covered = camera.see("sprayed over")
    assert [change.condition for _ in range(12) for change in camera.step(covered)] == [Condition.BLOCKED]


def test_a_camera_that_was_covered_from_the_start_is_blocked_and_nothing_is_learned_of_it() -> None:
    camera = StreetCamera("coffee.png", SceneHealth(SceneMemory(), QUICK))
    (begun,) = camera.show("sprayed over", 200)
    assert begun.condition is Condition.BLOCKED
    assert camera.health.memory.references == {}


def test_a_slow_change_of_light_is_followed_and_a_slow_loss_of_sharpness_is_not() -> None:
    camera = known_camera()
    known = camera.health.references[Light.DAY]
    followed = known
    for cloudy in [camera.see("a cloud (gain 0.6)") for _ in range(4)] * FOLLOW_GLANCES:
        followed = followed.followed(cloudy)
    assert followed.brightness == pytest.approx(known.brightness * 0.6, rel=0.1)
    for soft in [camera.see("blur 2 px") for _ in range(4)] * FOLLOW_GLANCES:
        followed = followed.followed(soft)
    assert followed.sharpness >= known.sharpness


def test_night_has_a_reference_of_its_own_and_a_cover_is_told_before_it_is_learned() -> None:
    camera = known_camera()
    lit = camera.image
    camera.image = np.repeat(lit.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)  # an infrared lamp's picture
    assert camera.show("blur 5 px", 5 * EVERY_S) == [], "softness is nothing yet to one who has not seen this night"
    (covered,) = camera.show("half covered", LONG_S)
    assert covered.condition is Condition.BLOCKED
    camera.show("noise", (LEARN_GLANCES + 8) * EVERY_S)
    assert set(camera.health.memory.references) == {Light.DAY, Light.NIGHT}


def test_a_passing_vehicle_is_averaged_out_of_what_is_learned() -> None:
    camera = StreetCamera("chelsea.png", SceneHealth(SceneMemory(), QUICK))
    camera.show("a bus over a third", 3 * EVERY_S)
    camera.show("noise", (LEARN_GLANCES + 1) * EVERY_S)
    assert camera.show("noise", LONG_S) == []


def test_what_was_wrong_before_a_restart_is_still_wrong_and_its_end_is_told() -> None:
    camera = known_camera()
    camera.show("turned by 10 %", LONG_S)
    again = StreetCamera("motorcycle_left.png", SceneHealth(camera.health.memory, QUICK), seed=2)
    assert again.show("turned by 10 %", LONG_S) == [], "it has been told"
    (ended,) = again.show("noise", LONG_S)
    assert (ended.condition, ended.is_active) == (Condition.MOVED, False)


def test_a_reference_survives_being_kept() -> None:
    reference = known_camera().health.references[Light.DAY]
    kept = from_bytes(to_bytes(reference))
    assert kept is not None
    assert kept.is_learned
    assert np.abs(kept.shades - reference.shades).max() <= 0.5
    assert np.abs(kept.outlines - reference.outlines).max() <= 1 / 4
    assert (kept.sharpness, kept.edges) == (reference.sharpness, reference.edges)


@given(st.binary(max_size=64))
def test_bytes_that_are_no_reference_are_none(data: bytes) -> None:
    assert from_bytes(data) is None


def test_a_damaged_reference_is_none() -> None:
    data = to_bytes(Reference.of(glance(photograph("coffee.png"))))
    assert from_bytes(data[:-1]) is None
    assert from_bytes(data + b"x") is None


@given(arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3))))
def test_any_picture_has_figures_within_their_bounds(image: np.ndarray) -> None:
    seen = glance(image)
    figures = (seen.brightness, seen.contrast, seen.highlights, seen.sharpness, seen.edges)
    assert all(0 <= figure <= 1000 for figure in figures)


def test_sharpness_falls_with_every_blur_and_a_flat_picture_has_none() -> None:
    camera = known_camera()
    blurs = [camera.see(name).sharpness for name in ("noise", "blur 2 px", "blur 3 px", "blur 5 px", "blur 10 px")]
    assert blurs == sorted(blurs, reverse=True)
    assert sharpness_of(np.full((100, 100), 90, np.uint8)) == 0
