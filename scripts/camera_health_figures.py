"""How often a camera's health is told right on a folder of real pictures, altered; the table of docs/camera-health.md.

    .venv/bin/python scripts/camera_health_figures.py PICTURES... [--most 120]

Each picture stands for one camera: its reference is learned from noisy copies, then one glance at each alteration is
judged. That is harder than service, where a suspicion has to hold for a minute. The last line is JSON.
"""

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import cyclopts
import numpy as np
from camera_health.alterations import HARMFUL, HARMLESS, Alteration, Picture, noisy
from rich.console import Console
from rich.progress import track
from rich.table import Table

from edge_agent.adapters.pictures import files_in, read_picture
from edge_agent.core.scene import Glance, glance
from edge_agent.core.scene_health import suspicion
from edge_agent.core.scene_reference import Reference, compare
from protocol.point_messages import Condition

LEARNED_FROM = 6


def _reference(image: Picture, rng: np.random.Generator) -> Reference:
    first, *rest = (glance(noisy(image, rng)) for _ in range(LEARNED_FROM))
    reference = Reference.of(first)
    for seen in rest:
        reference = reference.learned(seen)
    return reference


def _judged(reference: Reference, seen: Glance) -> Condition | None:
    return suspicion(seen, compare(reference, seen), has_own_light=True)


def _cost_ms() -> float:
    """Thread time of one glance and its comparison at 1080p."""
    image = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3)).astype(np.uint8)
    reference = Reference.of(glance(image))
    started = time.thread_time()
    for _ in range(50):
        compare(reference, glance(image))
    return (time.thread_time() - started) * 1000 / 50


def main(folders: list[Path], *, most: int = 120) -> None:
    """Judge every alteration of up to `most` pictures."""
    cv2.setNumThreads(1)
    files = [file for folder in folders for file in files_in(folder)]
    random.Random(1).shuffle(files)
    files = files[:most]
    if len(files) < 2:
        raise SystemExit("camera_health_figures: give a folder with at least two pictures")
    rng = np.random.default_rng(1)
    told: dict[str, Counter[Condition | None]] = {name: Counter() for name in (*HARMLESS, *HARMFUL)}
    alterations: dict[str, Alteration] = {**HARMLESS, **{name: each for name, (_, each) in HARMFUL.items()}}
    images = [read_picture(file) for file in files]
    for index, image in enumerate(track(images, console=Console(stderr=True))):
        reference = _reference(image, rng)
        other = np.asarray(cv2.resize(images[index - 1], image.shape[1::-1]), np.uint8)
        for name, alter in alterations.items():
            told[name][_judged(reference, glance(alter(image, other, rng)))] += 1
    _print(told, len(images))


def _print(told: dict[str, Counter[Condition | None]], pictures: int) -> None:
    table = Table("alteration", "wanted", "right", "told instead")
    wrong = {"harmless": 0, "harmful": 0}
    for name, counts in told.items():
        wanted = HARMFUL[name][0] if name in HARMFUL else None
        wrong["harmful" if wanted else "harmless"] += pictures - counts[wanted]
        others = ", ".join(f"{_word(each)} {n}" for each, n in counts.most_common() if each is not wanted)
        table.add_row(name, _word(wanted), f"{counts[wanted]} of {pictures}", others)
    Console(file=sys.stderr, width=110).print(table)
    print(json.dumps({"pictures": pictures, "wrong": wrong, "cost_ms_1080p": round(_cost_ms(), 2)}))


def _word(condition: Condition | None) -> str:
    return condition.name.lower() if condition else "nothing"


if __name__ == "__main__":
    cyclopts.run(main)
