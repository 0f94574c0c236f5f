"""Vehicles: which body a plate class drives, and how bodies are put together from meshes and pictures.

A `Model` is a list of layers in the order they are painted, farthest first; every layer is a `Mesh` or a `Decal`. The
end nearest to the camera lies at z = 0: the front of a vehicle that approaches, the rear of one that leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Colour
from .fascia import EndSize, front_end, rear_end, windscreen
from .meshes import Mesh, Span, cabin, cuboid, hull
from .people import HEAD_M, LOOKS, face_in_head
from .plate_art import draw_plate, size_mm
from .plates import Plate, PlateClass

PAINTS: tuple[Colour, ...] = (
    (206, 208, 210), (176, 178, 180), (60, 58, 56), (44, 36, 150), (132, 78, 40), (92, 100, 46), (70, 120, 178),
    (150, 150, 146), (110, 40, 60), (28, 27, 27),
)  # fmt: skip
_TYRE: Colour = (26, 25, 25)
_WHITE: Colour = (208, 210, 212)


@dataclass(frozen=True, slots=True)
class Decal:
    """A premultiplied BGRA picture on a quad (4, 3): upper left, upper right, lower right, lower left."""

    picture: NDArray[np.uint8]
    quad: NDArray[np.float64]


Layers = tuple[Mesh | Decal, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A vehicle ready to be placed; `plate` and `face` are quads in its own metres."""

    layers: Layers
    plate: NDArray[np.float64]
    face: NDArray[np.float64] | None
    length_m: float
    half_width_m: float
    height_m: float


def build(plate: Plate, rng: Random, *, is_approaching: bool, with_driver_photo: bool) -> Model:
    """A vehicle of the plate's class, its paint and details drawn from `rng`."""
    maker = _MAKERS[plate.plate_class]
    return maker(_Order(plate, rng, is_approaching, with_driver_photo))


@dataclass(frozen=True, slots=True)
class _Order:
    plate: Plate
    rng: Random
    is_approaching: bool
    with_driver_photo: bool


@dataclass(frozen=True, slots=True)
class _Car:
    """Proportions of a car by its front; the rear end mirrors the profile."""

    half_width: float
    bottom: float
    bumper: float
    profile: tuple[tuple[float, float], ...]
    cabin_base: float
    roof: float
    front: tuple[float, float]
    back: tuple[float, float]
    tail_y: float


_SEDAN = _Car(0.81, 0.19, 0.56, ((0, 0.78), (0.3, 0.86), (1.15, 0.95), (3.4, 0.98), (4.1, 0.96)), 0.92, 1.40,
              (1.02, 1.72), (3.62, 3.0), 0.94)  # fmt: skip
_HATCH = _Car(0.80, 0.20, 0.57, ((0, 0.80), (0.25, 0.90), (0.95, 1.0), (3.6, 1.02), (3.7, 1.0)), 0.96, 1.50,
              (0.80, 1.50), (3.58, 3.25), 0.98)  # fmt: skip
_SUV = _Car(0.86, 0.27, 0.66, ((0, 0.96), (0.2, 1.04), (1.1, 1.10), (4.1, 1.14), (4.3, 1.1)), 1.06, 1.70,
            (1.0, 1.62), (4.2, 3.9), 1.08)  # fmt: skip
_PICKUP = _Car(0.88, 0.30, 0.68, ((0, 0.98), (0.2, 1.06), (1.3, 1.10), (3.0, 1.08), (5.0, 1.04)), 1.05, 1.70,
               (1.2, 1.75), (2.95, 2.75), 1.02)  # fmt: skip


def _car(order: _Order, shape: _Car, paint: Colour) -> Model:
    length = shape.profile[-1][0]
    if order.is_approaching:
        profile, near, far = list(shape.profile), shape.front, shape.back
        size = EndSize(shape.half_width, shape.bottom + 0.02, shape.bumper, shape.profile[0][1])
        end = front_end(size, order.rng, paint=paint)
        plate_y = (shape.bottom + shape.bumper) / 2 + 0.06
    else:
        profile = [(length - z, y) for z, y in reversed(shape.profile)]
        near, far = ((length - z[0], length - z[1]) for z in (shape.back, shape.front))
        size = EndSize(shape.half_width, shape.bottom + 0.02, shape.bumper, shape.tail_y)
        end = rear_end(size, order.rng, paint=paint)
        plate_y = (shape.bumper + shape.tail_y) / 2 - 0.05
    body = hull(half_width=shape.half_width, bottom=shape.bottom, top=profile, colour=paint)
    greenhouse = cabin(half_width=shape.half_width - 0.02, base=shape.cabin_base, top=shape.roof, front=near, back=far,
                       colour=paint)  # fmt: skip
    glass, face = _glass(order, shape, near)
    plate, holder = _plate(order.plate, plate_y, -0.03)
    layers: Layers = (*_wheels(shape.half_width, 0.31, length), greenhouse, *_side_glass(shape, near, far), glass, body,
              _upright(end, 0.0), *_mirrors(shape, near[0] + 0.25, paint, order), holder, plate)  # fmt: skip
    return Model(layers, plate.quad, face, length, shape.half_width, shape.roof)


def _private(order: _Order) -> Model:
    return _car(order, order.rng.choice((_SEDAN, _HATCH, _SUV, _SEDAN)), order.rng.choice(PAINTS))


def _pickup(order: _Order) -> Model:
    return _car(order, _PICKUP, order.rng.choice(PAINTS))


def _taxi(order: _Order) -> Model:
    model = _car(order, _SEDAN, _WHITE)
    z = 1.95
    sign = cuboid((-0.20, 0.20), (1.41, 1.55), (z, z + 0.14), (60, 190, 240))
    stripe = Canvas.cover(-0.7, 0.0, 0.7, 0.09, px_per_m=200)
    stripe.box(-0.7, 0.0, 0.7, 0.09, (60, 60, 160))
    label = _upright_at(stripe, 1.44, z - 0.01, half_width=0.18)
    return Model((*model.layers, sign, label), model.plate, model.face, model.length_m, model.half_width_m, 1.55)


def _truck(order: _Order) -> Model:
    """A rigid truck of a carrier: cab and box when it approaches, doors and lamps when it leaves."""
    paint = order.rng.choice(PAINTS[3:7])
    box = cuboid((-1.12, 1.12), (0.95, 3.1), (1.75 if order.is_approaching else 0.0, 7.4), (214, 216, 214))
    wheels = _wheels(1.05, 0.48, 6.8)
    if not order.is_approaching:
        return _truck_rear(order, box, wheels)
    cab = hull(half_width=1.05, bottom=0.42, top=[(0, 2.25), (0.5, 2.42), (1.7, 2.45)], colour=paint, nose_m=0.12)
    glass = windscreen(0.94, 0.78, driver=order.with_driver_photo, look=order.rng.randrange(LOOKS))
    screen = _upright(glass, -0.015, lift=1.42)
    end = front_end(EndSize(1.04, 0.46, 0.86, 1.30), order.rng, paint=paint)
    plate, holder = _plate(order.plate, 0.74, -0.05)
    layers: Layers = (*wheels, box, cab, screen, _upright(end, -0.01), holder, plate)
    return Model(layers, plate.quad, _face_quad(order, 0.94, 0.78, screen.quad), 7.4, 1.12, 3.1)


def _truck_rear(order: _Order, box: Mesh, wheels: tuple[Mesh, ...]) -> Model:
    doors = Canvas.cover(-1.12, 0.42, 1.12, 3.1, px_per_m=260)
    doors.line([(0, 0.98), (0, 3.08)], (110, 112, 112), 0.02)
    for x in (-0.5, -0.42, 0.42, 0.5):
        doors.line([(x, 1.0), (x, 3.05)], (150, 152, 150), 0.025)
    doors.box(-1.08, 0.44, 1.08, 0.80, (40, 40, 42), radius=0.02)
    doors.box(-1.1, 0.80, 1.1, 0.96, (60, 60, 62), radius=0.02)
    for x in np.arange(-1.05, 1.0, 0.3):
        doors.box(x, 0.985, x + 0.15, 1.035, (40, 36, 200))
        doors.box(x + 0.15, 0.985, x + 0.30, 1.035, (238, 238, 240))
    for side in (-1, 1):
        doors.box(side * 0.86 - 0.16, 0.55, side * 0.86 + 0.16, 0.70, (40, 30, 200), radius=0.02)
        doors.box(side * 0.76 - 0.05, 0.57, side * 0.76 + 0.05, 0.68, (20, 130, 240), radius=0.01)
    plate, holder = _plate(order.plate, 0.62, -0.04)
    layers: Layers = (*wheels, box, _upright(doors, -0.01), holder, plate)
    return Model(layers, plate.quad, None, 7.4, 1.12, 3.1)


def _bus(order: _Order) -> Model:
    """A town bus; destination board above the glass."""
    paint = order.rng.choice(((60, 140, 210), (170, 110, 40), (90, 130, 60)))
    body = hull(half_width=1.15, bottom=0.34, top=[(0, 2.85), (0.4, 2.95), (8.5, 2.95)], colour=paint, nose_m=0.14)
    glass = windscreen(
        1.04, 1.12, driver=order.with_driver_photo and order.is_approaching, look=order.rng.randrange(LOOKS)
    )
    screen = _upright(glass, -0.015, lift=1.26)
    board = Canvas.cover(-0.8, 2.46, 0.8, 2.72, px_per_m=200)
    board.box(-0.8, 2.46, 0.8, 2.72, (20, 20, 20), radius=0.04)
    make_end = front_end if order.is_approaching else rear_end
    end = make_end(EndSize(1.1, 0.40, 0.76, 1.14), order.rng, paint=paint)
    plate, holder = _plate(order.plate, 0.60 if order.is_approaching else 0.88, -0.05)
    layers: Layers = (
        *_wheels(1.05, 0.46, 7.8),
        body,
        screen,
        _upright(board, -0.01),
        _upright(end, -0.01),
        holder,
        plate,
    )
    face = _face_quad(order, 1.04, 1.12, screen.quad) if order.is_approaching else None
    return Model(layers, plate.quad, face, 8.5, 1.15, 2.95)


def _motorcycle(order: _Order) -> Model:
    """Seen from behind, where its only plate is: rider with helmet and jacket over wheel and lamp."""
    jacket = order.rng.choice(((60, 50, 46), (40, 60, 120), (120, 70, 40)))
    canvas = Canvas.cover(-0.45, 0.0, 0.45, 1.66, px_per_m=420)
    canvas.gradient([(-0.07, 0.0), (0.07, 0.0), (0.07, 0.62), (-0.07, 0.62)], (34, 34, 34), _TYRE)
    for side in (-1, 1):
        canvas.gradient([(side * 0.10, 0.86), (side * 0.27, 0.80), (side * 0.25, 0.30), (side * 0.15, 0.28)],
                        (92, 70, 56), (40, 32, 28))  # fmt: skip
        canvas.box(side * 0.22 - 0.06, 0.24, side * 0.22 + 0.06, 0.34, (22, 22, 24), radius=0.03)
        canvas.line([(side * 0.12, 1.02), (side * 0.42, 1.06)], (30, 30, 30), 0.03)
        canvas.ellipse(side * 0.40, 1.24, 0.06, 0.04, (40, 40, 42))
        canvas.gradient([(side * 0.12, 1.36), (side * 0.27, 1.28), (side * 0.38, 1.04), (side * 0.28, 1.02)], jacket,
                        (20, 20, 22))  # fmt: skip
    canvas.gradient([(-0.10, 1.40), (0.10, 1.40), (0.25, 1.30), (0.22, 0.84), (-0.22, 0.84), (-0.25, 1.30)], jacket,
                    tuple(c * 0.5 for c in jacket))  # type: ignore[arg-type]  # fmt: skip
    canvas.gradient([(-0.19, 0.86), (0.19, 0.86), (0.15, 0.72), (-0.15, 0.72)], (46, 44, 44), (20, 20, 20))
    canvas.gradient(_round(0, 1.50, 0.145, 0.155), (60, 60, 200), (24, 24, 96))
    canvas.ellipse(-0.05, 1.57, 0.04, 0.03, (160, 160, 240))
    canvas.box(-0.11, 0.69, 0.11, 0.745, (40, 34, 215), radius=0.02)
    canvas.box(-0.05, 0.40, 0.05, 0.70, (30, 30, 30))
    plate, holder = _plate(order.plate, 0.60, -0.10)
    return Model((_upright(canvas, 0.0), holder, plate), plate.quad, None, 2.0, 0.42, 1.66)


_MAKERS: dict[PlateClass, Callable[[_Order], Model]] = {
    PlateClass.PRIVATE: _private,
    PlateClass.PRIVATE_CDMX: _private,
    PlateClass.PRIVATE_OLD: _private,
    PlateClass.TRUCK: _pickup,
    PlateClass.TAXI: _taxi,
    PlateClass.FEDERAL: _truck,
    PlateClass.MOTORCYCLE: _motorcycle,
    PlateClass.BUS: _bus,
}


def _round(x: float, y: float, rx: float, ry: float) -> list[tuple[float, float]]:
    return [(x + rx * np.cos(a), y + ry * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40, endpoint=False)]


def _quad(x: Span, y: Span, z_top: float, z_bottom: float) -> NDArray[np.float64]:
    (x0, x1), (y0, y1) = x, y
    return np.array([[x0, y1, z_top], [x1, y1, z_top], [x1, y0, z_bottom], [x0, y0, z_bottom]])


def _upright(canvas: Canvas, z: float, lift: float = 0.0) -> Decal:
    """A canvas standing across the street at its own place."""
    return Decal(canvas.pixels, _quad((canvas.x0, canvas.x1), (canvas.y0 + lift, canvas.y1 + lift), z, z))


def _upright_at(canvas: Canvas, y: float, z: float, half_width: float) -> Decal:
    return Decal(canvas.pixels, _quad((-half_width, half_width), (y, y + 0.08), z, z))


def _plate(plate: Plate, y: float, z: float) -> tuple[Decal, Decal]:
    """The plate and the dark holder behind it."""
    width, height = (mm / 1000 for mm in size_mm(plate.plate_class))
    holder = Canvas.cover(-width / 2 - 0.012, y - height / 2 - 0.012, width / 2 + 0.012, y + height / 2 + 0.012)
    holder.box(holder.x0, holder.y0, holder.x1, holder.y1, (30, 30, 30), radius=0.015)
    quad = _quad((-width / 2, width / 2), (y - height / 2, y + height / 2), z, z)
    return Decal(draw_plate(plate), quad), _upright(holder, z + 0.005)


def _wheels(half_width: float, radius: float, length: float) -> tuple[Mesh, ...]:
    """Tyres under the near end and the dark floor between them."""
    floor = cuboid((-half_width + 0.1, half_width - 0.1), (0.14, radius + 0.1), (0.3, length - 0.4), (22, 22, 22))
    tyres = [
        cuboid((x - 0.10, x + 0.10), (0.0, radius * 2), (z, z + radius * 1.6), _TYRE)
        for z in (length - 1.0, 0.45)
        for x in (-half_width + 0.13, half_width - 0.13)
    ]
    return (floor, *tyres)


def _glass(order: _Order, shape: _Car, near: tuple[float, float]) -> tuple[Decal, NDArray[np.float64] | None]:
    """The window at the near end, lying on the cabin's slope."""
    y0, y1 = shape.cabin_base + 0.03, shape.roof - 0.065
    rise0, rise1 = ((y - shape.cabin_base) / (shape.roof - shape.cabin_base) for y in (y0, y1))
    z0, z1 = (near[0] + (near[1] - near[0]) * rise - 0.02 for rise in (rise0, rise1))
    half = shape.half_width - 0.10
    height = (y1 - y0) * 1.25
    driver = order.is_approaching and order.with_driver_photo
    look = order.rng.randrange(LOOKS)
    canvas = windscreen(half, height, driver=driver, look=look)
    quad = _quad((-half, half), (y0, y1), z1, z0)
    return Decal(canvas.pixels, quad), _face_quad(order, half, height, quad) if driver else None


def _face_quad(order: _Order, half: float, height: float, quad: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Where the driver's face lies on the glass."""
    if not order.with_driver_photo:
        return None
    x, y = half * 0.45, height * 0.38 - 0.03
    left, top, right, bottom = face_in_head()
    u = [(x - HEAD_M[0] / 2 + part * HEAD_M[0] + half) / (2 * half) for part in (left, right)]
    v = [1 - (y + (1 - part) * HEAD_M[1]) / height for part in (top, bottom)]
    return np.array([_on(quad, a, b) for a, b in ((u[0], v[0]), (u[1], v[0]), (u[1], v[1]), (u[0], v[1]))])


def _on(quad: NDArray[np.float64], u: float, v: float) -> NDArray[np.float64]:
    upper = quad[0] + (quad[1] - quad[0]) * u
    lower = quad[3] + (quad[2] - quad[3]) * u
    point: NDArray[np.float64] = upper + (lower - upper) * v
    return point


def _side_glass(shape: _Car, near: tuple[float, float], far: tuple[float, float]) -> tuple[Decal, ...]:
    """Dark side windows, hardly seen by a long lens but for their reflections."""
    canvas = Canvas.cover(0.0, 0.0, 1.0, 0.4, px_per_m=120)
    canvas.gradient([(0.02, 0.02), (0.98, 0.02), (0.90, 0.38), (0.12, 0.38)], (120, 110, 100), (30, 28, 26))
    y0, y1 = shape.cabin_base + 0.04, shape.roof - 0.09
    decals = []
    for side in (-1, 1):
        low, high = side * (shape.half_width - 0.03), side * (shape.half_width - 0.125)
        quad = np.array([[high, y1, near[1]], [high, y1, far[1]], [low, y0, far[0]], [low, y0, near[0]]])
        decals.append(Decal(canvas.pixels, quad))
    return tuple(decals)


def _mirrors(shape: _Car, z: float, paint: Colour, order: _Order) -> tuple[Mesh, ...]:
    if not order.is_approaching:
        return ()
    y, near, far = shape.cabin_base + 0.07, shape.half_width - 0.04, shape.half_width + 0.13
    return tuple(cuboid(x, (y, y + 0.10), (z, z + 0.06), paint) for x in ((-far, -near), (near, far)))
