"""The street itself: sky and hills, two rows of painted houses, pavements, asphalt with a speed bump.

It is painted once per video, at twice the resolution, and never changes: the camera stands still. Noise comes from
the seed, so that the same seed gives the same street.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import HEIGHT_M, Camera
from .canvas import Canvas, Colour

KERB_M = 2.75
_WALL_M = 4.3
_WALL_FROM_M, _WALL_TO_M = 14.0, 130.0
_BUMP_M = (13.6, 14.9)
_WALLS: tuple[Colour, ...] = (
    (92, 152, 214), (120, 180, 226), (150, 120, 90), (96, 112, 196), (196, 204, 214), (110, 150, 120), (140, 96, 150),
    (80, 128, 200), (180, 160, 120),
)  # fmt: skip
_SIGNS = ("PANADERIA", "ABARROTES", "ZAPATERIA", "FARMACIA", "LIBRERIA", "CAFE")


def paint_street(camera: Camera, seed: int) -> NDArray[np.uint8]:
    """The empty street, BGR."""
    fine = camera.finer(2)
    rng = np.random.default_rng(seed)
    picture = _sky(fine, rng)
    _hills(picture, fine, rng)
    _ground(picture, fine, rng)
    for side in (-1, 1):
        _wall(picture, fine, side, rng)
    _wires(picture, fine)
    small = cv2.resize(picture, (camera.width_px, camera.height_px), interpolation=cv2.INTER_AREA)
    return np.clip(_vignette(small.astype(np.float32)), 0, 255).astype(np.uint8)


def noise(rng: np.random.Generator, size: int, octaves: int) -> NDArray[np.float32]:
    """A tile of cloudy noise around 0, size x size."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        cells = min(size, 4 << octave)
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        cloud = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) / (1.6**octave)
        total += cloud.astype(np.float32)
    return total / float(np.abs(total).max())


def _sky(camera: Camera, rng: np.random.Generator) -> NDArray[np.float32]:
    ramp = np.clip(np.arange(camera.height_px) / camera.horizon_px, 0, 1).astype(np.float32)[:, None, None]
    blue, haze = np.array([226, 178, 122], np.float32), np.array([236, 226, 208], np.float32)
    picture = np.broadcast_to(blue * (1 - ramp) + haze * ramp, (camera.height_px, camera.width_px, 3)).copy()
    tile = cv2.resize(noise(rng, 512, 6), (camera.width_px, int(camera.horizon_px)))
    cloud = np.clip(tile * 2.2 - 0.15, 0, 0.85)[..., None]
    band = picture[: int(camera.horizon_px)]
    band[:] = band * (1 - cloud) + 248 * cloud
    return picture


def _hills(picture: NDArray[np.float32], camera: Camera, rng: np.random.Generator) -> None:
    """Two ridges in the haze where the street ends, and a church before them."""
    xs = np.arange(camera.width_px)
    for height, colour in ((0.16, (190, 172, 152)), (0.10, (146, 146, 128))):
        knots = rng.uniform(0.35, 1.0, 14) * height * camera.height_px
        ridge = camera.horizon_px - np.interp(xs, np.linspace(0, camera.width_px, 14), knots)
        outline = np.stack([xs, ridge], axis=1)
        corners = [(camera.width_px, camera.horizon_px + 4), (0, camera.horizon_px + 4)]
        cv2.fillPoly(picture, [np.concatenate([outline, corners]).astype(np.int32)], colour)
    _church(picture, camera)


def _church(picture: NDArray[np.float32], camera: Camera) -> None:
    canvas = Canvas.cover(-6, 0, 6, 14, px_per_m=24)
    stone: Colour = (150, 184, 214)
    for x in (-4.2, 4.2):
        canvas.gradient([(x - 1.3, 0), (x + 1.3, 0), (x + 1.3, 9.5), (x - 1.3, 9.5)], stone, (128, 156, 186))
        canvas.gradient([(x - 1.0, 9.5), (x + 1.0, 9.5), (x + 0.8, 11.3), (x - 0.8, 11.3)], stone, (120, 150, 180))
        canvas.polygon([(x - 0.9, 11.3), (x + 0.9, 11.3), (x, 13.4)], (70, 90, 170))
        canvas.box(x - 0.4, 7.6, x + 0.4, 9.0, (70, 76, 90), radius=0.38)
    canvas.gradient([(-3, 0), (3, 0), (3, 7), (0, 8.6), (-3, 7)], stone, (134, 166, 196))
    canvas.box(-0.9, 0, 0.9, 3.4, (50, 64, 90), radius=0.8)
    canvas.ellipse(0, 5.4, 0.9, 0.9, (90, 96, 120))
    depth = 225.0
    scale = camera.focal_px / depth
    h, w = canvas.pixels.shape[:2]
    size = (round(w / 24 * scale), round(h / 24 * scale))
    small = cv2.resize(canvas.pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    y1 = round(camera.horizon_px + HEIGHT_M * scale)
    x0, y0 = camera.width_px // 2 - size[0] // 2, y1 - size[1]
    small = small[max(0, -y0) :]
    view = picture[max(0, y0) : y1, x0 : x0 + size[0]]
    hazed = small[..., :3] * 0.78 + small[..., 3:] * 0.22 * 0.86
    view[:] = view * (1 - small[..., 3:] / 255) + hazed


def _ground(picture: NDArray[np.float32], camera: Camera, rng: np.random.Generator) -> None:
    """Every pixel below the horizon takes the colour of the asphalt, kerb or pavement it looks at."""
    top = int(camera.horizon_px) + 1
    rows = np.arange(top, camera.height_px, dtype=np.float32) + 0.5
    depth = camera.focal_px * HEIGHT_M / np.maximum(rows - camera.horizon_px, 1.0)
    z = np.repeat(depth[:, None], camera.width_px, axis=1)
    x = (np.arange(camera.width_px, dtype=np.float32)[None, :] + 0.5 - camera.width_px / 2) * z / camera.focal_px
    colour = _asphalt(x, z, rng)
    _markings(colour, x, z)
    _pavement(colour, x, z)
    haze = np.clip((z - 30) / 260, 0, 0.5)[..., None]
    picture[top:] = colour * (1 - haze) + np.array([222, 214, 200], np.float32) * haze


def _asphalt(x: NDArray[np.float32], z: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    coarse, fine = noise(rng, 512, 5), noise(rng, 1024, 9)
    patches = _sample(coarse, x * 40, z * 14)
    grain = _sample(fine, x * 170, z * 60) * np.clip(18 / z, 0, 1)
    tracks = sum(np.exp(-(((np.abs(x) - c) / 0.22) ** 2)) for c in (0.62, 1.9))
    shade = 104 + 13 * patches + 40 * grain - 9 * tracks
    shadow = 1 - 0.34 / (1 + np.exp(np.clip(-(x - 1.9 - 0.25 * patches) * 9, -30, 30)))
    lit = (shade * shadow)[..., None] * np.array([1.0, 0.99, 0.965])
    return np.asarray(lit, np.float32)


def _sample(tile: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    size = tile.shape[0]
    where = (np.mod(u, size).astype(np.float32), np.mod(v, size).astype(np.float32))
    return np.asarray(cv2.remap(tile, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


def _markings(colour: NDArray[np.float32], x: NDArray[np.float32], z: NDArray[np.float32]) -> None:
    """The broken yellow centre line, and the yellow speed bump that makes everybody slow."""
    yellow = np.array([60, 176, 214], np.float32)
    dashes = (np.abs(x) < 0.06) & (np.mod(z, 5.0) < 2.6)
    colour[dashes] = colour[dashes] * 0.35 + yellow * 0.6
    z0, z1 = _BUMP_M
    bump = (z > z0) & (z < z1) & (np.abs(x) < KERB_M)
    rise = np.clip(np.sin((z - z0) / (z1 - z0) * np.pi), 0, 1)[..., None]
    stripes = (np.mod(x + 0.35 * (z - z0), 0.9) < 0.45) & bump
    colour[bump] *= (0.82 + 0.32 * rise)[bump]
    colour[stripes] = colour[stripes] * 0.30 + yellow * 0.68 * (0.8 + 0.3 * rise[stripes])


def _pavement(colour: NDArray[np.float32], x: NDArray[np.float32], z: NDArray[np.float32]) -> None:
    side = np.abs(x)
    gutter = (side > KERB_M - 0.28) & (side <= KERB_M)
    colour[gutter] *= 0.86
    kerb = (side > KERB_M) & (side <= KERB_M + 0.16)
    painted = kerb & (np.mod(z, 4.0) < 2.0)
    colour[kerb] = np.array([168, 172, 174], np.float32)
    colour[painted] = np.array([66, 170, 208], np.float32)
    walk = side > KERB_M + 0.16
    joints = (np.mod(z, 1.2) < 0.05) | (np.mod(side, 0.8) < 0.02)
    colour[walk] = colour[walk] * 0.45 + np.array([96, 102, 106], np.float32)
    colour[walk & joints] *= 0.86


def _wall(picture: NDArray[np.float32], camera: Camera, side: int, rng: np.random.Generator) -> None:
    """A row of houses as one long picture laid along the pavement."""
    px_per_m = 56
    length = _WALL_TO_M - _WALL_FROM_M
    canvas = Canvas.cover(0, 0, length, 7.5, px_per_m=px_per_m)
    x = 0.0
    while x < length:
        width = float(rng.uniform(5.5, 9.0))
        _house(canvas, x, min(length, x + width), rng)
        x += width
    _grain(canvas, rng, brightness=1.06 if side < 0 else 0.74)
    z = (_WALL_FROM_M, _WALL_TO_M)
    left, right = (0, 1) if side < 0 else (1, 0)
    corners = np.array([[side * _WALL_M, y, z[i]] for i, y in ((left, 7.5), (right, 7.5), (right, 0), (left, 0))])
    target = (camera.project(corners) - 0.5).astype(np.float32)
    h, w = canvas.pixels.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, target)
    size = (camera.width_px, camera.height_px)
    warped = cv2.warpPerspective(canvas.pixels, matrix, size, flags=cv2.INTER_AREA).astype(np.float32)
    haze = np.clip(1 - np.abs(np.arange(size[0]) - size[0] / 2) / (size[0] * 0.30), 0, 1)[None, :, None] * 0.42
    tinted = warped[..., :3] * (1 - haze) + np.array([222, 214, 200]) * haze * (warped[..., 3:] / 255)
    picture[:] = picture * (1 - warped[..., 3:] / 255) + tinted


def _house(canvas: Canvas, x0: float, x1: float, rng: np.random.Generator) -> None:
    wall = _WALLS[rng.integers(len(_WALLS))]
    height = float(rng.uniform(4.2, 7.0))
    shade = tuple(c * 0.86 for c in wall)
    canvas.gradient([(x0, 0), (x1, 0), (x1, height), (x0, height)], wall, (shade[0], shade[1], shade[2]))
    dado = tuple(c * 0.55 for c in wall)
    canvas.box(x0, 0, x1, 0.9, (dado[0], dado[1], dado[2]))
    canvas.box(x0 - 0.05, height - 0.28, x1 + 0.05, height - 0.04, (206, 214, 220))
    canvas.box(x0, height - 0.36, x1, height - 0.28, (dado[0], dado[1], dado[2]))
    count = max(2, int((x1 - x0) / 2.3))
    door = int(rng.integers(count))
    for i in range(count):
        x = x0 + (i + 0.5) * (x1 - x0) / count
        if i == door:
            _door(canvas, x, rng)
        else:
            _window(canvas, x, 1.05, 2.75)
        if height > 6:
            _window(canvas, x, 3.9, 5.4)
    if rng.random() < 0.45:
        _sign(canvas, (x0 + x1) / 2, str(rng.choice(_SIGNS)), rng)


def _door(canvas: Canvas, x: float, rng: np.random.Generator) -> None:
    wood = ((34, 52, 92), (50, 70, 60), (60, 44, 40))[rng.integers(3)]
    canvas.box(x - 0.72, 0.0, x + 0.72, 2.75, (188, 200, 208))
    canvas.gradient([(x - 0.58, 0.06), (x + 0.58, 0.06), (x + 0.58, 2.6), (x - 0.58, 2.6)], wood,
                    (wood[0] * 0.6, wood[1] * 0.6, wood[2] * 0.6))  # fmt: skip
    canvas.line([(x, 0.06), (x, 2.6)], (16, 20, 30), 0.03)
    for y in (0.5, 1.3, 2.05):
        canvas.line([(x - 0.5, y), (x + 0.5, y)], (18, 24, 36), 0.03)


def _window(canvas: Canvas, x: float, y0: float, y1: float) -> None:
    canvas.box(x - 0.62, y0 - 0.12, x + 0.62, y1 + 0.12, (196, 208, 214))
    canvas.gradient([(x - 0.5, y0), (x + 0.5, y0), (x + 0.5, y1), (x - 0.5, y1)], (150, 130, 104), (50, 46, 40))
    canvas.line([(x, y0), (x, y1)], (206, 212, 214), 0.05)
    for bar in np.linspace(x - 0.5, x + 0.5, 7):
        canvas.line([(float(bar), y0), (float(bar), y1)], (28, 28, 28), 0.025)
    canvas.line([(x - 0.5, (y0 + y1) / 2), (x + 0.5, (y0 + y1) / 2)], (28, 28, 28), 0.03)
    canvas.box(x - 0.66, y0 - 0.2, x + 0.66, y0 - 0.12, (160, 170, 176))


def _sign(canvas: Canvas, x: float, text: str, rng: np.random.Generator) -> None:
    board = ((60, 60, 170), (150, 90, 50), (70, 120, 60), (40, 170, 220))[rng.integers(4)]
    half = 0.16 * len(text) + 0.25
    canvas.box(x - half, 3.05, x + half, 3.6, board, radius=0.08)
    column = round((x - half + 0.2 - canvas.x0) * canvas.px_per_m)
    row = round((canvas.y1 - 3.19) * canvas.px_per_m)
    cv2.putText(canvas.pixels, text, (column, row), cv2.FONT_HERSHEY_DUPLEX, 0.78, (245, 245, 245, 255), 2, cv2.LINE_AA)


def _grain(canvas: Canvas, rng: np.random.Generator, brightness: float) -> None:
    h, w = canvas.pixels.shape[:2]
    stains = cv2.resize(noise(rng, 256, 7), (w, h), interpolation=cv2.INTER_CUBIC) * 0.12 + brightness
    rgb = canvas.pixels[..., :3] * stains[..., None]
    canvas.pixels[..., :3] = np.minimum(rgb, canvas.pixels[..., 3:])


def _wires(picture: NDArray[np.float32], camera: Camera) -> None:
    """Cables that hang across the street, as they do."""
    for z, y, sag in ((38.0, 5.6, 0.5), (40.0, 5.9, 0.7), (62.0, 6.2, 0.6)):
        xs = np.linspace(-_WALL_M, _WALL_M, 40)
        ys = y - sag * (1 - (xs / _WALL_M) ** 2)
        points = camera.project(np.stack([xs, ys, np.full(40, z)], axis=1))
        cv2.polylines(picture, [points.astype(np.int32)], False, (52, 50, 48), 2, cv2.LINE_AA)


def _vignette(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    h, w = picture.shape[:2]
    y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    shaded: NDArray[np.float32] = picture * (1 - 0.13 * (x**2 + y**2) ** 1.2).astype(np.float32)[..., None]
    return shaded
