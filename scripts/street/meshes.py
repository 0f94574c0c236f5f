"""Bodywork as smooth meshes: rounded lofts, shaded once by sun, sky and reflection.

A vehicle's own metres: x across, y up, z away from the end the camera sees (z = 0). Vehicles do not turn, so the
light on each face never changes and is worked out once; a frame only projects and sorts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .canvas import Colour

_SUN = np.array([-0.42, 0.72, -0.55]) / np.linalg.norm([-0.42, 0.72, -0.55])
_EYE = np.array([0.0, 0.10, -1.0]) / np.linalg.norm([0.0, 0.10, -1.0])
_SKY_HIGH, _SKY_LOW = np.array([214.0, 172, 128]), np.array([240.0, 236, 228])
_GROUND = np.array([78.0, 82, 84])
_ROUND = 44
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mesh:
    """`quads` is (n, 4, 3), `normals` (n, 3) point outward, `colours` is (n, 3) BGR after light."""

    quads: NDArray[np.float64]
    normals: NDArray[np.float64]
    colours: NDArray[np.float64]


def hull(
    *, half_width: float, bottom: float, top: list[tuple[float, float]], colour: Colour, nose_m: float = 0.16
) -> Mesh:
    """A lower body: rounded cross-sections along z, its top following (z, y) points, both ends rounded off."""
    zs = np.array([z for z, _ in top])
    length = zs[-1]
    stations = np.unique(np.concatenate([_rounded_ends(length, nose_m), zs]))
    rings = []
    for z in stations:
        inset = _end_inset(z, length, nose_m)
        crown = np.interp(z, zs, [y for _, y in top]) - 0.30 * inset
        rings.append(_ring(half_width - 0.75 * inset, bottom + 0.35 * inset, crown, z, exponent=5.5))
    return _shade(_loft(np.array(rings)), colour)


def cabin(
    *, half_width: float, base: float, top: float, front: tuple[float, float], back: tuple[float, float],
    colour: Colour, tumblehome: float = 0.13,
) -> Mesh:  # fmt: skip
    """A greenhouse: `front` and `back` are z at its base and at its roof; sides lean in by `tumblehome`."""
    rings = []
    for rise in (0.0, 0.5, 0.84, 0.94, 0.985, 1.0):
        inset = tumblehome * rise + (0.0, 0.05)[rise > 0.9] * (rise - 0.9) * 20
        z0 = front[0] + (front[1] - front[0]) * rise + (rise == 1) * 0.12
        z1 = back[0] + (back[1] - back[0]) * rise - (rise == 1) * 0.12
        rings.append(_level_ring(half_width - inset, z0, z1, base + (top - base) * rise))
    shell = _loft(np.array(rings))
    roof = _fan(np.array(rings[-1]))
    return _shade(np.concatenate([shell, roof]), colour)


def cuboid(x: Span, y: Span, z: Span, colour: Colour) -> Mesh:
    """A plain box with its five visible sides."""
    c = np.array([[cx, cy, cz] for cz in z for cy in y for cx in x])
    sides = [(0, 2, 3, 1), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5), (4, 5, 7, 6)]
    return _shade(np.array([c[list(side)] for side in sides]), colour)


def light(normals: NDArray[np.float64], colour: Colour, gloss: float = 1.0) -> NDArray[np.float64]:
    """Colour of faces with unit normals (n, 3): sun, sky, and the paint's reflection of both."""
    base = np.array(colour)
    sun = np.clip(normals @ _SUN, 0, None)[:, None]
    ambient = (0.50 + 0.26 * normals[:, 1])[:, None]
    cosine = np.clip(normals @ _EYE, 0, 1)[:, None]
    mirror = 2 * cosine * normals - _EYE
    upward = np.clip(mirror[:, 1:2], -1, 1)
    sky = _SKY_LOW + (_SKY_HIGH - _SKY_LOW) * np.clip(upward, 0, 1) ** 0.6
    seen = np.where(upward > 0, sky, _GROUND)
    fresnel = gloss * (0.05 + 0.85 * (1 - cosine) ** 4)
    glint = gloss * np.clip(mirror @ _SUN, 0, None)[:, None] ** 40
    lit = base * (ambient + 0.62 * sun) * (1 - fresnel) + seen * fresnel + 190 * glint
    return np.asarray(np.clip(lit, 0, 255), np.float64)


def _rounded_ends(length: float, nose_m: float) -> NDArray[np.float64]:
    turn = nose_m * (1 - np.cos(np.linspace(0, np.pi / 2, 7)))
    return np.concatenate([turn, np.linspace(nose_m, length - nose_m, 6), length - turn])


def _end_inset(z: float, length: float, nose_m: float) -> float:
    depth = min(1.0, min(z, length - z) / nose_m)
    return float(nose_m * (1 - np.sqrt(max(0.0, 1 - (1 - depth) ** 2))))


def _ring(half_width: float, bottom: float, top: float, z: float, exponent: float) -> NDArray[np.float64]:
    turns = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
    cos, sin = np.cos(turns), np.sin(turns)
    x = half_width * np.sign(cos) * np.abs(cos) ** (2 / exponent)
    y = (bottom + top) / 2 + (top - bottom) / 2 * np.sign(sin) * np.abs(sin) ** (2 / exponent)
    return np.stack([x, y, np.full(_ROUND, z)], axis=1)


def _level_ring(half_width: float, z0: float, z1: float, y: float) -> NDArray[np.float64]:
    turns = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
    cos, sin = np.cos(turns), np.sin(turns)
    x = half_width * np.sign(cos) * np.abs(cos) ** (2 / 9)
    z = (z0 + z1) / 2 - (z1 - z0) / 2 * np.sign(sin) * np.abs(sin) ** (2 / 9)
    return np.stack([x, np.full(_ROUND, y), z], axis=1)


def _loft(rings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quads between neighbouring rings (k, n, 3), plus a cap on the first."""
    turned = np.roll(rings, -1, axis=1)
    quads = np.stack([rings[:-1], turned[:-1], turned[1:], rings[1:]], axis=2).reshape(-1, 4, 3)
    return np.concatenate([quads, _fan(rings[0])])


def _fan(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    centre = np.broadcast_to(ring.mean(axis=0), ring.shape)
    turned = np.roll(ring, -1, axis=0)
    return np.stack([centre, ring, turned, turned], axis=1)


def _shade(quads: NDArray[np.float64], colour: Colour) -> Mesh:
    """Outward unit normals decide the light; faces without area are dropped."""
    normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    flat = np.linalg.norm(normals, axis=1) < 1e-9
    fan = np.cross(quads[:, 1] - quads[:, 0], quads[:, 2] - quads[:, 0])
    normals = np.where(flat[:, None], fan, normals)
    area = np.linalg.norm(normals, axis=1)
    keep = area > 1e-9
    quads, normals = quads[keep], normals[keep] / area[keep][:, None]
    outward = np.einsum("ij,ij->i", normals, quads.mean(axis=1) - quads.reshape(-1, 3).mean(axis=0)) > 0
    normals = np.where(outward[:, None], normals, -normals)
    return Mesh(quads, normals, light(normals, colour))
