"""Colours (BGR): drawn at random within what paint, print and lamps do."""

import colorsys

import numpy as np

from plate_press.chance import between, often, pick

Colour = tuple[int, int, int]
WHITES: tuple[Colour, ...] = ((250, 250, 250), (238, 242, 242), (225, 235, 238), (245, 240, 232), (232, 232, 228))
INKS: tuple[Colour, ...] = ((30, 25, 25), (15, 15, 15), (60, 45, 40), (110, 40, 20), (40, 30, 140), (60, 80, 20))


def hue(rng: np.random.Generator, *, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    """Any hue within bounds of saturation and value, each 0..1."""
    rgb = colorsys.hsv_to_rgb(float(rng.random()), between(rng, *saturation), between(rng, *value))
    return (int(rgb[2] * 255), int(rgb[1] * 255), int(rgb[0] * 255))


def paint(rng: np.random.Generator) -> Colour:
    """A car's paint: mostly white, grey, silver and black, as the car parks are."""
    if often(rng, 0.8):
        grey = int(255 * pick(rng, (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)))
        tint = int(between(rng, -8, 8))
        return (min(255, max(0, grey + tint)), grey, min(255, max(0, grey - tint)))
    return hue(rng, saturation=(0.3, 0.9), value=(0.15, 0.8))


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    b, g, r = (int(a + (c - a) * share) for a, c in zip(one, other, strict=True))
    return (b, g, r)


def luma(colour: Colour) -> float:
    """Brightness 0..255 as the eye weighs it."""
    return 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
