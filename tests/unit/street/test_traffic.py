"""Who drives when: places as closed forms of time."""

from random import Random

import pytest
from street.plates import PlateClass, draw_plates
from street.traffic import READABLE_FROM_M, READABLE_TO_M, Wish, plan_traffic


def _path(seconds: float, is_approaching: bool) -> list[float]:
    plate = draw_plates([PlateClass.PRIVATE], Random(1))[0]
    (passage,) = plan_traffic(seconds, 1, [Wish(plate, is_approaching=is_approaching)])
    depths = [passage.depth_at(i / 25) for i in range(round(seconds * 25))]
    return [d for d in depths if d is not None]


def test_a_vehicle_that_approaches_only_comes_nearer() -> None:
    path = _path(6, is_approaching=True)
    assert path == sorted(path, reverse=True)


def test_a_vehicle_that_leaves_only_gets_farther() -> None:
    path = _path(6, is_approaching=False)
    assert path == sorted(path)


@pytest.mark.parametrize("is_approaching", [True, False])
def test_a_plate_is_in_the_readable_stretch_for_two_seconds_nearly(is_approaching: bool) -> None:
    inside = [d for d in _path(8, is_approaching) if READABLE_TO_M <= d <= READABLE_FROM_M]
    assert 1.7 <= len(inside) / 25 <= 2.0


def test_wishes_that_do_not_fit_are_refused_with_what_to_do() -> None:
    wishes = [Wish(plate) for plate in draw_plates([PlateClass.PRIVATE] * 5, Random(1))]
    with pytest.raises(ValueError, match="ask for more seconds"):
        plan_traffic(5, 1, wishes)


def test_the_same_seed_gives_the_same_traffic() -> None:
    assert plan_traffic(20, 4) == plan_traffic(20, 4)
    assert plan_traffic(20, 4) != plan_traffic(20, 5)


def test_every_video_of_the_default_length_has_vehicles_that_are_wanted_and_others_that_are_not() -> None:
    for seed in range(5):
        traffic = plan_traffic(30, seed)
        assert 3 <= sum(p.is_on_hotlist for p in traffic) <= len(traffic) - 6
