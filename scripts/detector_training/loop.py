"""The training loop: batches from the shelf, ultralytics' loss, an average of the weights, checkpoints to go on from.

Every draw follows from the seed and the step's number, and a checkpoint holds all the rest, so a run that was stopped
ends as one that was not. What is kept as `best.pt` is the averaged network that scored best on the pictures held out.
"""

import copy
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from edge_agent.adapters.detector_openvino import decode_yolo
from edge_agent.core.boxes import Boxes
from edge_agent.core.detections import Detections

from . import shelf
from .augment import seen
from .composites import Composite
from .network import DAMAGED_FROM, Module, freeze_early
from .offline import v8DetectionLoss
from .pasting import Picture
from .tally import Tally, tally

CONFIDENCE: Final = 0.25
"""Boxes less sure than this do not count when checkpoints are compared."""
_LAST, _BEST, _HISTORY = "last.pt", "best.pt", "history.csv"
_COLUMNS: Final = ("step", "box", "score", "edge", "recall_50", "recall_70", "precision")


@dataclass(frozen=True, slots=True)
class Lesson:
    """How long, how large and how fast; the rate falls along a cosine after a short rise."""

    steps: int = 2500
    batch: int = 16
    side_px: int = 448
    seed: int = 1
    rate: float = 1e-3
    rise_steps: int = 100
    averaging: float = 0.998
    score_every: int = 250

    def rate_at(self, step: int) -> float:
        """The share of `rate` at a step."""
        if step < self.rise_steps:
            return (step + 1) / self.rise_steps
        done = (step - self.rise_steps) / max(1, self.steps - self.rise_steps)
        return 0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, done))) / 2


@dataclass(slots=True)
class Pupil:
    """The network being taught, its average, and how far it is."""

    network: Module
    average: Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    best: float = -1.0
    history: list[tuple[float, ...]] = field(default_factory=list)

    @classmethod
    def fresh(cls, network: Module, lesson: Lesson) -> "Pupil":
        """At the start; the backbone learns at half the rate of what is new or damaged."""
        network = network.to(memory_format=torch.channels_last)
        freeze_early(network)
        deep, new = (_learning(network.model[part]) for part in (slice(0, DAMAGED_FROM), slice(DAMAGED_FROM, None)))
        groups = [{"params": deep, "scale": 0.5}, {"params": new, "scale": 1.0}]
        optimizer = torch.optim.AdamW(groups, lr=lesson.rate, weight_decay=5e-4)
        return cls(network, copy.deepcopy(network).eval(), optimizer)

    def save(self, folder: Path) -> None:
        """Write all of it, whole or not at all."""
        state = {"step": self.step, "best": self.best, "history": self.history}
        state |= {name: getattr(self, name).state_dict() for name in ("network", "average", "optimizer")}
        torch.save(state, folder / f"{_LAST}.new")
        (folder / f"{_LAST}.new").replace(folder / _LAST)

    def resume(self, folder: Path) -> None:
        """Go on from what was saved, if anything was."""
        if not (folder / _LAST).exists():
            return
        state = torch.load(folder / _LAST, weights_only=True)
        for name in ("network", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.best, self.history = state["step"], state["best"], [tuple(row) for row in state["history"]]

    def follow(self, lesson: Lesson) -> None:
        """Move the average towards the network; faster at the start."""
        keep = lesson.averaging * (1 - math.exp(-self.step / 100))
        ours, theirs = self.average.state_dict(), self.network.state_dict()
        for name, value in ours.items():
            if value.dtype.is_floating_point:
                value.lerp_(theirs[name].detach(), 1 - keep)


def teach(pupil: Pupil, lesson: Lesson, shelves: tuple[Path, Path], folder: Path) -> Iterator[dict[str, float]]:
    """Train to the lesson's end, yielding each step's losses; scores and saves every `score_every` steps."""
    taught, chosen = shelves
    numbers = shelf.numbers(taught)
    criterion = v8DetectionLoss(pupil.network)
    while pupil.step < lesson.steps:
        losses = _step(pupil, lesson, _batch(taught, numbers, lesson, pupil.step), criterion)
        pupil.step += 1
        yield dict(zip(_COLUMNS[1:4], losses, strict=True))
        if pupil.step % lesson.score_every == 0 or pupil.step == lesson.steps:
            _score(pupil, lesson, chosen, folder, losses)


def exam(network: Module, folder: Path, side_px: int) -> Tally:
    """What a network finds of a shelf's plates, each picture seen whole."""
    return tally(_sightings(network, folder, side_px))


def _sightings(network: Module, folder: Path, side_px: int) -> Iterator[tuple[Detections, Boxes]]:
    network.eval()
    for number in shelf.numbers(folder):
        composite = shelf.read(folder, number)
        share = side_px / composite.image.shape[0]
        image = torch.nn.functional.interpolate(_pictures([composite.image]), size=(side_px, side_px), mode="bilinear")
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            answer, _ = network(image)
        yield decode_yolo(answer[0].float().numpy(), CONFIDENCE), (composite.boxes * share).astype(np.float32)


def _learning(layers: Module) -> list[torch.nn.Parameter]:
    return [each for each in layers.parameters() if each.requires_grad]


def _step(pupil: Pupil, lesson: Lesson, batch: list[Composite], criterion: Any) -> list[float]:
    pupil.network.train()
    freeze_early(pupil.network)
    for group in pupil.optimizer.param_groups:
        group["lr"] = lesson.rate * group["scale"] * lesson.rate_at(pupil.step)
    with torch.autocast("cpu", torch.bfloat16):
        answer = pupil.network(_pictures([each.image for each in batch]))
    answer = {key: value.float() if isinstance(value, torch.Tensor) else value for key, value in answer.items()}
    loss, _ = criterion(answer, _targets([each.boxes for each in batch], lesson.side_px))
    loss.sum().backward()
    torch.nn.utils.clip_grad_norm_(pupil.network.parameters(), 10.0)
    pupil.optimizer.step()
    pupil.optimizer.zero_grad()
    pupil.follow(lesson)
    return [float(each) / len(batch) for each in loss.detach()]


def _batch(folder: Path, numbers: list[int], lesson: Lesson, step: int) -> list[Composite]:
    rng = np.random.default_rng([lesson.seed, step])
    chosen = rng.choice(numbers, lesson.batch, replace=len(numbers) < lesson.batch)
    return [seen(shelf.read(folder, int(number)), lesson.side_px, rng) for number in chosen]


def _pictures(images: list[Picture]) -> torch.Tensor:
    """RGB in 0..1, (n, 3, height, width), channels last in memory."""
    stacked = np.stack(images)[..., ::-1].astype(np.float32) / 255
    return torch.from_numpy(np.ascontiguousarray(stacked)).permute(0, 3, 1, 2)


def _targets(boxes: list[Boxes], side_px: int) -> dict[str, torch.Tensor]:
    """The form of ultralytics' loss: picture's index, class, centre and size as shares of the side."""
    index = np.concatenate([np.full(len(each), number, np.float32) for number, each in enumerate(boxes)])
    xyxy = np.concatenate(boxes) / side_px
    xywh = np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    return {
        "batch_idx": torch.from_numpy(index),
        "cls": torch.zeros(len(index), 1),
        "bboxes": torch.from_numpy(xywh.astype(np.float32)),
    }


def _score(pupil: Pupil, lesson: Lesson, chosen: Path, folder: Path, losses: list[float]) -> None:
    found = exam(pupil.average, chosen, lesson.side_px)
    pupil.history.append((float(pupil.step), *losses, *found.recall, found.precision))
    if found.merit > pupil.best:
        pupil.best = found.merit
        torch.save({"model": copy.deepcopy(pupil.average).float()}, folder / _BEST)
    pupil.save(folder)
    with (folder / _HISTORY).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([_COLUMNS, *pupil.history])
