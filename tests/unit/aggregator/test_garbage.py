"""The collector looks seldom, and still finds cycles."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from aggregator.service.garbage import MORE_BEFORE_A_LOOK, look_seldom


class Knot:
    """An object that holds itself."""

    def __init__(self) -> None:
        self.held = self


@pytest.fixture
def seldom() -> Iterator[None]:
    """A collector that looks seldom, put back afterwards."""
    before = gc.get_threshold()
    look_seldom()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


@pytest.mark.usefixtures("seldom")
def test_cycles_are_found_and_never_many_of_them_are_left() -> None:
    assert gc.get_freeze_count() > 0
    knots = [weakref.ref(Knot()) for _ in range(3 * MORE_BEFORE_A_LOOK)]
    left = sum(knot() is not None for knot in knots)
    assert left <= MORE_BEFORE_A_LOOK
