"""Steps: passed without effect in service, stopping a drill at the n-th time of one name."""

import pytest

from protocol.steps import no_step, stop_at


@pytest.mark.parametrize(("spec", "stops_at"), [("b", 2), ("b:1", 2), ("b:2", 4), ("b:9", None), ("x", None)])
def test_a_drill_stops_at_the_step_it_names(spec: str, stops_at: int | None) -> None:
    stopped: list[int] = []
    passed = 0
    step = stop_at(spec, lambda: stopped.append(passed))
    for name in ("a", "b", "a", "b"):
        passed += 1
        step(name)
        no_step(name)
    assert stopped == ([] if stops_at is None else [stops_at])
