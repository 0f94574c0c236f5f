"""The sheets' pictures: plain, graded, striped, and landscapes under the characters."""

import cv2
import numpy as np
from numpy.typing import NDArray

from plate_press.chance import between, often, pick, whole
from plate_press.ink import inked
from plate_press.palette import WHITES, Colour, hue, mixed
from plate_press.sheet import Sheet
from plate_press.textures import cloud


def plain(sheet: Sheet, colour: Colour) -> None:
    """One colour."""
    sheet.bgr[:] = colour


def graded(sheet: Sheet, colours: list[Colour]) -> None:
    """Colours from top to bottom, running into one another."""
    height = sheet.bgr.shape[0]
    stops = np.array(colours, np.uint8).reshape(-1, 1, 3)
    column = cv2.resize(stops, (1, height), interpolation=cv2.INTER_LINEAR).reshape(height, 1, 3)
    sheet.bgr[:] = cv2.repeat(column, 1, sheet.bgr.shape[1])


def landscape(rng: np.random.Generator, sheet: Sheet, *, ground: Colour) -> None:
    """Hills, a sun, a figure or clouds in pale colours, as picture plates have behind their characters."""
    for _ in range(whole(rng, 1, 3)):
        colour = mixed(hue(rng, saturation=(0.3, 0.9), value=(0.3, 0.95)), ground, between(rng, 0.25, 0.85))
        pick(rng, (_hills, _hills, _sun, _figure, _haze, _rays))(rng, sheet.bgr, colour)


def _hills(rng: np.random.Generator, bgr: NDArray[np.uint8], colour: Colour) -> None:
    height, width = bgr.shape[:2]
    count = whole(rng, 3, 14)
    base, swing = between(rng, 0.45, 0.95), between(rng, 0.05, 0.35)
    x = np.linspace(0, width, count)
    y = height * (base - swing * rng.random(count))
    points = np.vstack([np.stack([x, y], axis=1), [[width, height], [0, height]]])
    cv2.fillPoly(bgr, [np.round(points).astype(np.int32)], colour, cv2.LINE_AA)


def _sun(rng: np.random.Generator, bgr: NDArray[np.uint8], colour: Colour) -> None:
    height, width = bgr.shape[:2]
    at = (int(width * rng.random()), int(height * between(rng, 0.1, 0.9)))
    cv2.circle(bgr, at, max(2, int(height * between(rng, 0.12, 0.45))), colour, -1, cv2.LINE_AA)


def _figure(rng: np.random.Generator, bgr: NDArray[np.uint8], colour: Colour) -> None:
    """A blotch with limbs: a rider, a tree, a lighthouse, an angel on a column."""
    height, width = bgr.shape[:2]
    centre = np.array([width * between(rng, 0.1, 0.9), height * between(rng, 0.4, 0.6)])
    count = whole(rng, 5, 14)
    angles = np.sort(rng.random(count)) * 2 * np.pi
    radii = height * between(rng, 0.2, 0.5) * (0.35 + 0.65 * rng.random(count))
    points = centre + np.stack([np.cos(angles) * between(rng, 0.5, 1.2), np.sin(angles)], axis=1) * radii[:, None]
    cv2.fillPoly(bgr, [np.round(points).astype(np.int32)], colour, cv2.LINE_AA)


def _haze(rng: np.random.Generator, bgr: NDArray[np.uint8], colour: Colour) -> None:
    veil = cv2.convertScaleAbs(cloud(rng, *bgr.shape[:2]), alpha=between(rng, 0.3, 0.8))
    bgr[:] = inked(bgr, np.asarray(veil, np.uint8), colour)


def _rays(rng: np.random.Generator, bgr: NDArray[np.uint8], colour: Colour) -> None:
    height, width = bgr.shape[:2]
    step, thick = whole(rng, 6, 24), whole(rng, 1, 5)
    lean = int(height * between(rng, -1, 1))
    for x in range(-abs(lean), width + abs(lean), step):
        cv2.line(bgr, (x, 0), (x + lean, height), colour, thick, cv2.LINE_AA)


def state_ground(rng: np.random.Generator, sheet: Sheet) -> Colour:
    """A modern state plate's picture; returns the colour that the characters will mostly stand on."""
    ground = pick(rng, WHITES)
    style = rng.random()
    if style < 0.25:
        plain(sheet, ground)
        return ground
    top = mixed(hue(rng, saturation=(0.2, 0.95), value=(0.45, 1.0)), ground, between(rng, 0.0, 0.5))
    bottom = mixed(hue(rng, saturation=(0.2, 0.95), value=(0.45, 1.0)), ground, between(rng, 0.0, 0.6))
    graded(
        sheet,
        pick(
            rng, ([top, ground, ground, bottom], [top, ground, bottom], [ground, ground, bottom], [top, ground, ground])
        ),
    )
    if often(rng, 0.55):
        landscape(rng, sheet, ground=ground)
    return ground
