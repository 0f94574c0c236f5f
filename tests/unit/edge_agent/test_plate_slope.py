"""How far a plate slopes: told from its edges, whatever way it leans, and not made up where there are none."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.core.boxes import Xyxy
from edge_agent.core.plate_slope import slope_deg
from tests.simulators.drawn import PLATE, draw_car

CENTRE = ((PLATE[0] + PLATE[2]) / 2, (PLATE[1] + PLATE[3]) / 2)


def turned(degrees: float) -> tuple[NDArray[np.uint8], Xyxy]:
    """A car's picture turned down to the right about its plate, and the box that holds the plate then."""
    turn = cv2.getRotationMatrix2D(CENTRE, -degrees, 1)
    image = cv2.warpAffine(draw_car("FKT-402-B"), turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    left, top, right, bottom = PLATE
    corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]]) @ turn.T
    (x, y), (x_end, y_end) = corners.min(axis=0), corners.max(axis=0)
    return np.asarray(image, np.uint8), (float(x), float(y), float(x_end), float(y_end))


@pytest.mark.parametrize("degrees", [-30, -14, -3, 0, 5, 16, 33])
def test_a_turned_plate_slopes_as_far_as_it_was_turned(degrees: float) -> None:
    assert slope_deg(*turned(degrees)) == pytest.approx(degrees, abs=2)


def test_a_loose_box_changes_little() -> None:
    image, (left, top, right, bottom) = turned(12)
    assert slope_deg(image, (left - 20, top - 15, right + 30, bottom + 10)) == pytest.approx(12, abs=3)


@pytest.mark.parametrize("xyxy", [(10.0, 10.0, 90.0, 50.0), (10.0, 10.0, 10.2, 50.0), (-50.0, -50.0, 10.0, 5.0)])
def test_where_there_is_nothing_there_is_no_slope(xyxy: Xyxy) -> None:
    assert slope_deg(np.full((120, 160, 3), 127, np.uint8), xyxy) is None


def test_noise_is_not_taken_for_a_turned_plate() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (120, 240, 3), np.uint8)
    assert not slope_deg(noise, (20.0, 20.0, 220.0, 100.0))
