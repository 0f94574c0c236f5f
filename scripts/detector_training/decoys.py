"""What looks like a plate and is none: the camera's own text, signs, badges. Drawn into pictures without a label."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from plate_press.press import press

from edge_agent.core.boxes import Boxes

from .pasting import Picture, Pose, hull, paste, touches

Rng = np.random.Generator
Colour = tuple[float, float, float]

WORDS: Final = (
    "FARMACIA", "ABARROTES", "TALLER", "RENTA", "SE VENDE", "TACOS", "OXXO", "BANCO", "HOTEL", "TELCEL", "PARE", "ALTO",
    "EXIT", "SALIDA", "ESCUELA", "OFERTA", "2x1", "LLANTAS", "PEMEX", "DEPOSITO", "Panaderia", "Open", "Sale", "TAXI",
    "Reforma", "Calle 5", "KM 12", "NO ESTACIONARSE", "VIDEOVIGILANCIA", "Ruta 33", "www.tienda.mx", "FRAGIL",
)  # fmt: skip
BADGES: Final = (
    "TURBO", "GTI", "2.0", "1.6", "4x4", "XLT", "SE", "LTZ", "VERSA", "JETTA", "HILUX", "FORD", "NISSAN", "TOYOTA",
    "V6", "HYBRID", "S 350", "TSURU", "AVEO", "Sentra", "RAM 1500", "L200",
)  # fmt: skip
CAMERAS: Final = ("CAM", "CAMARA", "PTZ", "CH", "IPC", "C4", "AV JUAREZ", "CRUCE", "LPR", "ACCESO")
_FONTS: Final = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_TRIPLEX)


def with_decoys(image: Picture, boxes: Boxes, rng: Rng) -> Picture:
    """The picture with some decoys, often none; signs and badges keep off its plates, a camera's text need not."""
    for draw, chance in _DRAWERS:
        while rng.random() < chance:
            image = draw(image, boxes, rng)
    return image


def with_overlay(image: Picture, _boxes: Boxes, rng: Rng) -> Picture:
    """The camera's own text: date, time and name in a corner, outlined or on a bar."""
    out = image.copy()
    height, width = out.shape[:2]
    scale, font = rng.uniform(0.35, 1.1) * width / 640, int(rng.choice(_FONTS))
    scale = max(0.3, scale) * (1.6 if font == cv2.FONT_HERSHEY_PLAIN else 1)
    text = _stamp(rng)
    (long, high), _ = cv2.getTextSize(text, font, scale, 1)
    left = int(rng.choice([width * 0.01, max(0, width - long - width * 0.01)]))
    base = int(rng.choice([high * 1.6, height - high * 0.6]))
    if rng.random() < 0.3:
        cv2.rectangle(out, (left - 4, base - high - 4), (left + long + 4, base + 6), (0, 0, 0), -1)
    else:
        cv2.putText(out, text, (left, base), font, scale, (0, 0, 0), 3, cv2.LINE_AA)
    ink = (255, 255, 255) if rng.random() < 0.8 else tuple(int(each) for each in rng.integers(0, 255, 3))
    cv2.putText(out, text, (left, base), font, scale, ink, 1, cv2.LINE_AA)
    return out


def with_sign(image: Picture, boxes: Boxes, rng: Rng) -> Picture:
    """A shop's or street's sign somewhere: a coloured board with a word or two."""
    board = _board(rng)
    height, width = image.shape[:2]
    wide = float(np.exp(rng.uniform(np.log(0.06), np.log(0.5)))) * width
    centre = (float(rng.uniform(0.1, 0.9) * width), float(rng.uniform(0.05, 0.9) * height))
    quad = Pose.draw(rng, 1.5).quad(centre, wide, wide * board.shape[0] / board.shape[1])
    return image if touches(hull(quad), boxes) else paste(image, board, quad, rng)


def with_badge(image: Picture, boxes: Boxes, rng: Rng) -> Picture:
    """Letters on the bodywork, without a board: bright metal or dark, with a shade below."""
    out = image.copy()
    height, width = out.shape[:2]
    text, font = str(rng.choice(BADGES)), int(rng.choice(_FONTS))
    scale, weight = rng.uniform(0.3, 1.4) * width / 640, int(rng.integers(1, 4))
    spot = (int(rng.uniform(0, 0.85) * width), int(rng.uniform(0.15, 0.95) * height))
    (long, high), _ = cv2.getTextSize(text, font, scale, weight)
    if touches(np.array([spot[0], spot[1] - high, spot[0] + long, spot[1] + 2], np.float32), boxes):
        return image
    shade = int(rng.uniform(150, 240)) if rng.random() < 0.7 else int(rng.uniform(10, 60))
    cv2.putText(out, text, (spot[0] + 1, spot[1] + 1), font, scale, (30, 30, 30), weight, cv2.LINE_AA)
    cv2.putText(out, text, spot, font, scale, (shade, shade, shade), weight, cv2.LINE_AA)
    return out


def with_pressed_decoy(image: Picture, boxes: Boxes, rng: Rng) -> Picture:
    """One of the press's own pictures without a plate: a poster-like patch with a badge, a sign, a lamp, a wall."""
    decoy = press(rng, "none").image
    height, width = image.shape[:2]
    wide = float(np.exp(rng.uniform(np.log(0.08), np.log(0.4)))) * width
    centre = (float(rng.uniform(0.1, 0.9) * width), float(rng.uniform(0.1, 0.9) * height))
    quad = Pose.draw(rng).quad(centre, wide, wide * decoy.shape[0] / decoy.shape[1])
    if touches(hull(quad), boxes):
        return image
    return paste(image, np.dstack([decoy, np.full(decoy.shape[:2], 255, np.uint8)]), quad, rng)


def _stamp(rng: Rng) -> str:
    day = f"{rng.integers(2018, 2030)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
    if rng.random() < 0.4:
        day = f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/{rng.integers(2018, 2030)}"
    clock = f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}"
    name = f"{rng.choice(CAMERAS)} {rng.integers(1, 40):02d}"
    return str(rng.choice([f"{day} {clock}", clock, name, f"{name} {clock}", f"{day} {clock} {name}"]))


def _board(rng: Rng) -> Picture:
    """A sign's flat picture, BGRA."""
    lines = [str(rng.choice(WORDS)) for _ in range(rng.integers(1, 4))]
    if rng.random() < 0.3:
        lines[-1] = f"{rng.integers(100, 999)} {rng.integers(1000, 9999)}"
    font = int(rng.choice(_FONTS[:2]))
    longest = max(cv2.getTextSize(line, font, 2, 4)[0][0] for line in lines)
    pad = int(rng.uniform(15, 90))
    ground, ink = _colours(rng)
    board = np.full((75 * len(lines) + 2 * pad, longest + 2 * pad, 3), ground, np.uint8)
    for row, line in enumerate(lines):
        cv2.putText(board, line, (pad, pad + 60 + 75 * row), font, 2, ink, int(rng.integers(3, 8)), cv2.LINE_AA)
    return np.dstack([board, np.full(board.shape[:2], 255, np.uint8)])


def _colours(rng: Rng) -> tuple[Colour, Colour]:
    ground = rng.integers(0, 256, 3)
    light = (255.0, 255.0, 255.0) if ground.mean() < 130 else (20.0, 20.0, 20.0)
    return (float(ground[0]), float(ground[1]), float(ground[2])), light


_DRAWERS: Final[tuple[tuple[Callable[[Picture, Boxes, Rng], Picture], float], ...]] = (
    (with_overlay, 0.35),
    (with_sign, 0.3),
    (with_badge, 0.3),
    (with_pressed_decoy, 0.15),
)
