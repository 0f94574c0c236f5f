"""How a training run spends its time."""

import pytest
from reader_training.schedule import Budget, Schedule, averaging


def test_a_run_ends_with_whichever_of_pictures_and_minutes_is_spent_first() -> None:
    budget = Budget(images=100, minutes=1)
    assert budget.progress(50, 6) == 0.5
    assert budget.progress(10, 30) == 0.5
    assert budget.progress(10, 90) == 1
    assert Budget(images=100).progress(25, 1e9) == 0.25


def test_the_rate_warms_up_peaks_and_falls_to_its_floor() -> None:
    schedule = Schedule(peak=1e-3, floor=1e-5, warm_up_steps=100)
    assert schedule.rate(0, 0.0) == pytest.approx(1e-5)
    assert schedule.rate(100, 0.0) == pytest.approx(1e-3)
    assert schedule.rate(5000, 1.0) == pytest.approx(1e-5)
    falling = [schedule.rate(1000, share / 10) for share in range(11)]
    assert falling == sorted(falling, reverse=True)


def test_photographs_come_in_about_half_way_and_stay() -> None:
    schedule = Schedule(real_share=0.2)
    assert schedule.real(0.4) == 0
    assert schedule.real(0.5) == pytest.approx(0.1)
    assert schedule.real(0.6) == schedule.real(1.0) == 0.2


def test_the_average_forgets_the_first_steps() -> None:
    assert averaging(0) == 0.1
    assert averaging(10**6) == 0.999


def test_the_guessed_alignment_is_dropped_soon() -> None:
    schedule = Schedule(drill_steps=100)
    assert schedule.drill(0) == 1
    assert schedule.drill(50) == 0.5
    assert schedule.drill(100) == schedule.drill(10**6) == 0


def test_a_run_that_goes_on_from_weights_has_photographs_at_once_and_no_drill() -> None:
    onward = Schedule.onward(5e-4)
    assert onward.real(0.0) == Schedule().real_share
    assert onward.drill(0) == 0
    assert onward.rate(onward.warm_up_steps, 0.0) == pytest.approx(5e-4)
