"""Rendering: traffic over scenery, frame by frame, into an H.264 file, with the script that tells what is in it.

Deterministic: the same seed, size and length give the same pictures and script.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from .bodies import Decal, Model, build
from .camera import Camera
from .painter import Patch, lay_over, paint_decal, paint_model
from .people import HEAD_M, HEIGHT_M, LOOKS, face_in_head, pedestrian
from .plate_art import font_name
from .scenery import paint_street
from .script import READABLE_PX, Box, StreetScript, Vehicle, save_script
from .traffic import Passage, Wish, plan_traffic

Place = NDArray[np.float64]
_Grain = tuple[NDArray[np.uint8], NDArray[np.uint8]]
_GRAIN_TILES = 5
_WALKERS_FROM_M = 9.0


@dataclass(slots=True)
class _Sighting:
    """What the script will say of one passage; grows while frames are painted."""

    passage: Passage
    model: Model
    frames: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Walker:
    """Somebody on the pavement; towards the camera with a positive speed, away never."""

    x_m: float
    from_m: float
    speed_m_s: float
    look: int
    steps: tuple[Decal, ...]


def render_street(
    path: Path, *, seconds: float = 30.0, fps: int = 10, size: tuple[int, int] = (1280, 720), seed: int = 1,
    vehicles: Sequence[Wish] | None = None, progress: Callable[[int, int], None] = lambda done, total: None,
) -> StreetScript:  # fmt: skip
    """Render a video to `path` and its script beside it; `vehicles` instead of the seed's own mix."""
    camera = Camera.for_size(*size)
    rng = Random(seed)
    sightings = [_sighting(p, rng) for p in plan_traffic(seconds, seed, vehicles)]
    scene = _Scene(camera, paint_street(camera, seed), sightings, _walkers(rng), _grain(camera, seed))
    total = round(seconds * fps)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _H264(path, fps, size) as video:
        for index in range(total):
            video.write(scene.frame(index, index / fps))
            progress(index + 1, total)
    script = _script(scene, seed=seed, fps=fps, total=total)
    save_script(script, path)
    return script


# A patch, and boxes of plates and faces on it with the lists that keep those nothing hides.
_Painted = tuple[Patch, list[tuple[Box, list[Box]]]]


@dataclass(slots=True)
class _Scene:
    camera: Camera
    street: NDArray[np.uint8]
    sightings: list[_Sighting]
    walkers: list[_Walker]
    grain: list[_Grain]
    faces: list[Box] = field(default_factory=list)

    def frame(self, index: int, at_s: float) -> NDArray[np.uint8]:
        """Paint one frame and note what can be seen in it."""
        frame = self.street.copy()
        present = [(s, d) for s in self.sightings if (d := s.passage.depth_at(at_s)) is not None]
        self._shadows(frame, present)
        things: list[tuple[float, _Sighting | _Walker]] = [(d, s) for s, d in present]
        things += [(w.from_m - w.speed_m_s * at_s, w) for w in self.walkers]
        open_boxes: list[tuple[Box, list[Box]]] = []
        for depth, thing in sorted(things, key=lambda item: -item[0]):
            if isinstance(thing, _Walker):
                painted = self._walker(thing, depth, index, at_s)
            else:
                painted = self._vehicle(thing, depth, index)
            if painted is not None:
                patch, boxes = painted
                lay_over(frame, patch)
                open_boxes = [(box, kept) for box, kept in open_boxes if not _covers(patch, box)] + boxes
        for box, kept in open_boxes:
            kept.append(box)
        view = cv2.GaussianBlur(frame, (0, 0), 0.55 * self.camera.width_px / 1280)
        lighter, darker = self.grain[index % len(self.grain)]
        return np.asarray(cv2.subtract(cv2.add(view, lighter), darker), np.uint8)

    def _vehicle(self, seen: _Sighting, depth: float, index: int) -> _Painted | None:
        place = np.array([seen.passage.lane_x_m, 0.0, depth])
        patch = paint_model(seen.model, place, self.camera)
        if patch is None:
            return None
        seen.frames.append(index)
        boxes = self._box(seen.model.plate + place, index, seen.boxes)
        if seen.model.face is not None:
            boxes += self._box(seen.model.face + place, index, self.faces)
        return patch, boxes

    def _walker(self, walker: _Walker, depth: float, index: int, at_s: float) -> _Painted | None:
        if depth < _WALKERS_FROM_M:
            return None
        place = np.array([walker.x_m, 0.0, depth])
        patch = paint_decal(walker.steps[int(at_s * 4) % len(walker.steps)], place, self.camera)
        if patch is None:
            return None
        left, top, right, bottom = face_in_head(walker.look)
        corners = [((u - 0.5) * HEAD_M[0], HEIGHT_M - v * HEAD_M[1], 0.0) for u in (left, right) for v in (top, bottom)]
        return patch, self._box(np.array(corners) + place, index, self.faces)

    def _shadows(self, frame: NDArray[np.uint8], present: list[tuple[_Sighting, float]]) -> None:
        """Soft dark patches under vehicles, painted at a quarter of the size."""
        small = np.zeros((self.camera.height_px // 4, self.camera.width_px // 4), np.uint8)
        for seen, depth in present:
            half, long = seen.model.half_width_m + 0.05, seen.model.length_m
            x = seen.passage.lane_x_m
            ground = np.array(
                [[x - half, 0, depth - 0.15], [x + half + 0.25, 0, depth - 0.15], [x + half + 0.25, 0, depth + long],
                 [x - half, 0, depth + long]]
            )  # fmt: skip
            if depth + long < 2:
                continue
            ground[:, 2] = np.maximum(ground[:, 2], 1.0)
            corners = self.camera.project(ground) / 4
            cv2.fillConvexPoly(small, np.clip(corners, -9999, 9999).astype(np.int32), 255)
        soft = cv2.GaussianBlur(small, (0, 0), 3.0)
        large = cv2.resize(soft, (self.camera.width_px, self.camera.height_px)) * 0.62
        keep = cv2.cvtColor(255 - large.astype(np.uint8), cv2.COLOR_GRAY2BGR)
        cv2.multiply(frame, keep, dst=frame, scale=1 / 255)

    def _box(self, corners: Place, index: int, kept: list[Box]) -> list[tuple[Box, list[Box]]]:
        """The box of some corners and where it is kept if nothing hides it; none unless wholly inside the picture."""
        if corners[:, 2].min() < 1:
            return []
        pixels = self.camera.project(corners)
        (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
        if x0 < 0 or y0 < 0 or x1 > self.camera.width_px or y1 > self.camera.height_px:
            return []
        return [((index, round(float(x0), 1), round(float(y0), 1), round(float(x1), 1), round(float(y1), 1)), kept)]


class _H264:
    """An H.264 file that grows by frames."""

    def __init__(self, path: Path, fps: int, size: tuple[int, int]) -> None:
        self._container = av.open(str(path), "w")
        self._stream = self._container.add_stream("libx264", rate=Fraction(fps))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "veryfast", "crf": "20", "g": str(fps), "bf": "0"}

    def __enter__(self) -> "_H264":
        return self

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Append a BGR picture."""
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))

    def __exit__(self, *_: object) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


def _sighting(passage: Passage, rng: Random) -> _Sighting:
    with_driver = passage.is_approaching and rng.random() < 0.6
    model = build(passage.plate, rng, is_approaching=passage.is_approaching, with_driver_photo=with_driver)
    return _Sighting(passage, model)


def _walkers(rng: Random) -> list[_Walker]:
    """Four people on the pavements, coming this way."""
    coats = ((90, 70, 150), (70, 110, 60), (150, 120, 70), (60, 60, 66))
    walkers = []
    for i, coat in enumerate(coats):
        look = rng.randrange(LOOKS)
        steps = tuple(_walker_step(coat, stride, look) for stride in (-1.0, 0.0, 1.0, 0.0))
        side = -1 if i % 2 else 1
        walkers.append(_Walker(side * rng.uniform(3.0, 3.7), 27 + 9 * i + rng.uniform(0, 3), 0.75, look, steps))
    return walkers


def _walker_step(coat: tuple[float, float, float], stride: float, look: int) -> Decal:
    canvas = pedestrian(coat, (70, 58, 52), stride, look)
    x0, y0, x1, y1 = canvas.x0, canvas.y0, canvas.x1, canvas.y1
    return Decal(canvas.pixels, np.array([[x0, y1, 0], [x1, y1, 0], [x1, y0, 0], [x0, y0, 0]], np.float64))


def _grain(camera: Camera, seed: int) -> list[_Grain]:
    """A few sheets of sensor noise, used in turn: what to add and what to take away."""
    rng = np.random.default_rng(seed)
    tiles = []
    for _ in range(_GRAIN_TILES):
        sheet = rng.normal(0, 1.6, (camera.height_px, camera.width_px, 1)) + np.zeros((1, 1, 3))
        tiles.append((np.clip(sheet, 0, 255).astype(np.uint8), np.clip(-sheet, 0, 255).astype(np.uint8)))
    return tiles


def _covers(patch: Patch, box: Box) -> bool:
    """Whether a patch hides a noticeable part of a box."""
    _, x0, y0, x1, y1 = box
    region = patch.pixels[
        max(0, int(y0) - patch.y) : max(0, int(y1) + 1 - patch.y),
        max(0, int(x0) - patch.x) : max(0, int(x1) + 1 - patch.x), 3,
    ]  # fmt: skip
    area = (x1 - x0) * (y1 - y0)
    return bool(region.size) and float(region.sum()) / 255 > 0.02 * area


def _script(scene: _Scene, *, seed: int, fps: int, total: int) -> StreetScript:
    vehicles = [_entry(seen, scene.camera) for seen in scene.sightings if seen.frames]
    return StreetScript(
        seed=seed,
        fps=fps,
        width_px=scene.camera.width_px,
        height_px=scene.camera.height_px,
        frames=total,
        readable_px=_readable_px(scene.camera),
        font=font_name(),
        hotlist=[v.plate for v in vehicles if v.is_on_hotlist],
        vehicles=vehicles,
        face_boxes=scene.faces,
    )


def _readable_px(camera: Camera) -> int:
    return round(READABLE_PX * camera.width_px / 1280)


def _entry(seen: _Sighting, camera: Camera) -> Vehicle:
    plate = seen.passage.plate
    large = [frame for frame, x0, _, x1, _ in seen.boxes if x1 - x0 >= _readable_px(camera)]
    return Vehicle(
        plate=plate.text,
        shown=plate.shown,
        plate_class=str(plate.plate_class),
        state=plate.state,
        is_approaching=seen.passage.is_approaching,
        is_on_hotlist=seen.passage.is_on_hotlist,
        first_frame=seen.frames[0],
        last_frame=seen.frames[-1],
        readable=(large[0], large[-1]) if large else None,
        plate_boxes=seen.boxes,
    )
