"""Pressed plates cut to the reader's input, kept in files of a fixed number each.

A shard follows from the seed and its number alone, so that workers may take them in any order, and one that exists is
not made again. It is written beside its place and renamed, so that a file that is there is whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.core.plate_crop import cut
from plate_press.chance import between, often
from plate_press.press import Pressed, press

SHARD_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Order:
    """One shard to be made. `kinds` empty: all kinds in their shares."""

    path: Path
    seed: int
    number: int
    count: int
    kinds: tuple[str, ...] = ()
    harshness: float = 1.0


def orders(
    folder: Path, *, seed: int, count: int, kinds: tuple[str, ...] = (), harshness: float = 1.0, size: int = SHARD_SIZE
) -> list[Order]:
    """The shards that hold `count` plates."""
    return [
        Order(folder / f"shard-{seed}-{n:04}.npz", seed, n, min(size, count - n * size), kinds, harshness)
        for n in range(-(-count // size))
    ]


def make_all(todo: list[Order], workers: int) -> Iterator[Order]:
    """Make the shards that are missing; each is yielded when it is there."""
    missing = [order for order in todo if not order.path.is_file()]
    if workers <= 1:
        yield from map(make, missing)
        return
    with get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(make, missing)


def make(order: Order) -> Order:
    """Press and write one shard."""
    cv2.setNumThreads(1)
    order.path.parent.mkdir(parents=True, exist_ok=True)
    fields = gather(order)
    beside = order.path.with_suffix(".part.npz")
    np.savez(beside, allow_pickle=False, **fields)
    beside.replace(order.path)
    return order


def gather(order: Order) -> dict[str, NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.str_]]:
    """The arrays of a shard: images (n, 64, 160, 3), texts, rows (joined by a space), kinds, widths_px."""
    rng = np.random.default_rng([order.seed, order.number])
    images, plates = [], []
    for i in range(order.count):
        kind = order.kinds[i % len(order.kinds)] if order.kinds else None
        pressed = press(rng, kind, harshness=order.harshness)
        images.append(_taken(rng, pressed))
        plates.append((pressed.text, " ".join(pressed.rows), pressed.kind, float(np.ptp(pressed.corners[:, 0]))))
    texts, rows, kinds, widths = zip(*plates, strict=True)
    return {
        "images": np.stack(images), "texts": np.array(texts), "rows": np.array(rows), "kinds": np.array(kinds),
        "widths_px": np.array(widths, np.float32),
    }  # fmt: skip


def _taken(rng: np.random.Generator, pressed: Pressed) -> NDArray[np.uint8]:
    """The reader's input; one picture in eight ends at its box, as pictures of a plate alone do."""
    box = loose_box(rng, pressed)
    if pressed.kind == "none" or not often(rng, 0.12):
        return cut(pressed.image, box)
    height, width = pressed.image.shape[:2]
    left, top, right, bottom = (
        max(0, int(box[0])),
        max(0, int(box[1])),
        min(width, int(box[2])),
        min(height, int(box[3])),
    )
    alone = pressed.image[top:bottom, left:right]
    return cut(alone, (0.0, 0.0, float(right - left), float(bottom - top)))


def loose_box(rng: np.random.Generator, pressed: Pressed) -> tuple[float, float, float, float]:
    """The plate's box as a detector might give it: each side -3 % .. +25 % off, mostly near, the whole moved a little.

    `cut` grows it by its own margin again. A picture without a plate is taken nearly whole.
    """
    height, width = pressed.image.shape[:2]
    if pressed.kind == "none":
        left, top, right, bottom = 0.0, 0.0, float(width), float(height)
    else:
        left, top = (float(v) for v in pressed.corners.min(axis=0))
        right, bottom = (float(v) for v in pressed.corners.max(axis=0))
    w, h = right - left, bottom - top
    # The square of an even draw: half of the sides lie within 4 % of the plate's.
    grow = [between(rng, -0.03, 0.0) + 0.25 * float(rng.random()) ** 2.5 for _ in range(4)]
    dx, dy = between(rng, -0.03, 0.03) * w, between(rng, -0.03, 0.03) * h
    return left - grow[0] * w + dx, top - grow[1] * h + dy, right + grow[2] * w + dx, bottom + grow[3] * h + dy
