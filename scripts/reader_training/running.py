"""A run from its first step or its last checkpoint to the exported model, with what it shows on the way.

Between steps, by the clock: put down a checkpoint, read what was held back, take up shards that have come, export. What
is examined and exported are the averaged weights; at the end of the cosine they are the best there are.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from reader_training import card, history
from reader_training.evaluation import HeldBack, examine
from reader_training.export import export
from reader_training.history import Moment
from reader_training.photos import Photos
from reader_training.schedule import Budget
from reader_training.shards import Pressed
from reader_training.training import Training

CHECKED: Final = 32
"""Pictures on which the exported model is compared with torch."""
SMOOTHING: Final = 50
"""Steps over which the loss on the terminal is averaged."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between what is done beside training."""

    checkpoint_s: float = 60
    examine_s: float = 150
    export_s: float = 600


@dataclass(slots=True)
class Timer:
    """Says once in every interval that it has passed."""

    interval_s: float
    last_s: float

    def is_due(self, now_s: float) -> bool:
        """Whether the interval has passed since this was last so."""
        if now_s - self.last_s < self.interval_s:
            return False
        self.last_s = now_s
        return True


class Run:
    """A training with its pictures, its budget and its folders."""

    def __init__(
        self, training: Training, pressed: Pressed, photos: Photos, *, budget: Budget, folder: Path, into: Path
    ) -> None:
        self._training, self._pressed, self._photos, self._budget = training, pressed, photos, budget
        self._folder, self._into = folder, into
        self._plates = pressed.look_again()
        self._held = HeldBack.of_photos(photos.held_back), HeldBack.of_pressed(pressed)
        self._moments = history.read(folder, up_to=training.step)
        self._losses: list[float] = []

    def go(self, intervals: Intervals, console: Console) -> Moment:
        """Train until the budget is spent; returns the last examination."""
        began_s = time.monotonic() - self._training.elapsed_s
        checkpoint, examination, exporting = (
            Timer(each, time.monotonic()) for each in (intervals.checkpoint_s, intervals.examine_s, intervals.export_s)
        )
        with self._bar(console) as bar:
            task = bar.add_task("reader", total=1.0, said="")
            while (progress := self._progress()) < 1:
                self._losses.append(self._training.advance(self._pressed, self._photos.teaching, progress))
                now_s = time.monotonic()
                self._training.elapsed_s = now_s - began_s
                bar.update(task, completed=progress, said=self._said())
                if checkpoint.is_due(now_s):
                    self._training.put_down(self._folder)
                if examination.is_due(now_s):
                    console.print(summary(self.examine()))
                if exporting.is_due(now_s):
                    self.export()
        self._training.put_down(self._folder)
        return self.export()

    def examine(self) -> Moment:
        """Read what was held back, and write it into the history; then look for new shards."""
        found = examine(self._training.averaged, *self._held)
        progress = self._progress()
        moment = Moment(
            step=self._training.step,
            images=self._training.images,
            plates=self._plates,
            elapsed_s=round(self._training.elapsed_s, 1),
            loss=sum(self._losses) / max(1, len(self._losses)),
            rate=self._training.plan.schedule.rate(self._training.step, progress),
            temperature=found.temperature,
            photos=found.photos,
            pressed=found.pressed,
        )
        self._moments.append(moment)
        self._losses.clear()
        history.write(self._folder, self._moments)
        self._plates = self._pressed.look_again()
        return moment

    def export(self) -> Moment:
        """Examine, and write the model with its card."""
        moment, averaged = self.examine(), self._training.averaged
        export(averaged, moment.temperature, self._into, self._held[1].pictures[:CHECKED])
        card.write(
            self._into,
            self._training.plan,
            moment,
            parameters=sum(each.numel() for each in averaged.parameters()),
            photographs=len(self._photos.teaching),
            made_on=datetime.now(UTC).date(),
        )
        return moment

    def _progress(self) -> float:
        return self._budget.progress(self._training.images, self._training.elapsed_s)

    def _said(self) -> str:
        recent = self._losses[-SMOOTHING:]
        rate = self._training.images / max(1e-9, self._training.elapsed_s)
        return f"{self._training.images:,} pictures, {rate:.0f}/s, loss {sum(recent) / len(recent):.3f}"

    @staticmethod
    def _bar(console: Console) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        return Progress(*columns, TextColumn("{task.fields[said]}"), TimeElapsedColumn(), console=console)


def summary(moment: Moment) -> str:
    """One examination in a line."""
    sides = (("photographs", moment.photos), ("pressed", moment.pressed))
    read = ", ".join(
        f"{name} {each.folded}/{each.n} (exact {each.exact}, ECE {each.calibration_error:.3f})" for name, each in sides
    )
    minutes = moment.elapsed_s / 60
    return f"{minutes:.1f} min, {moment.images:,} pictures of {moment.plates:,}: loss {moment.loss:.3f}; {read}"
