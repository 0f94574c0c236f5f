"""The run itself as a state that can be put down and taken up: network, its averaged twin, optimiser, step.

All chance of a step comes from the run's seed and the step's number, and one thread computes in a fixed order; so a run
killed at any moment and taken up from its last checkpoint ends with the very weights of one that was never killed.
"""

import copy
import os
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch

from reader_training.network import Reader, Shape, drill_of, loss_of
from reader_training.photos import Photo
from reader_training.schedule import Schedule, averaging
from reader_training.shards import Pressed, batch_of

CHECKPOINT: Final = "checkpoint.pt"
LARGEST_GRADIENT: Final = 5.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a run, but for its pictures and the weights that it starts from."""

    seed: int = 1
    batch: int = 48
    weight_decay: float = 0.02
    schedule: Schedule = Schedule()
    shape: Shape = Shape()


class Training:
    """A run at some step of it."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.network = Reader(plan.shape)
        self.averaged = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        self.optimizer = torch.optim.AdamW(_groups(self.network, plan.weight_decay), fused=True)
        self.step = 0
        self.images = 0
        self.elapsed_s = 0.0

    def advance(self, pressed: Pressed, photos: tuple[Photo, ...], progress: float) -> float:
        """One step; returns the loss."""
        schedule, size = self.plan.schedule, self.plan.batch
        rng = np.random.default_rng([self.plan.seed, self.step])
        batch = batch_of(pressed, photos, round(size * schedule.real(progress)), size, rng)
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.rate(self.step, progress)
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.network(torch.from_numpy(batch.pictures))
        loss = whole = loss_of(logits, torch.from_numpy(batch.symbols), torch.from_numpy(batch.lengths))
        if weight := schedule.drill(self.step):
            whole = loss + weight * drill_of(logits, torch.from_numpy(batch.guess))
        self.optimizer.zero_grad()
        whole.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self._average()
        self.step += 1
        self.images += size
        return float(loss.detach())

    def _begin_from(self, start: Path) -> None:
        """Take another run's averaged weights; its optimiser, steps and clock stay behind."""
        state = _read(start)
        if msgspec.json.decode(state["plan"], type=Plan).shape != self.plan.shape:
            raise SystemExit(f"{start} holds a network of another shape: train one from the beginning")
        self.network.load_state_dict(state["averaged"])
        self.averaged.load_state_dict(state["averaged"])

    def _average(self) -> None:
        keep = averaging(self.step)
        pairs = zip(self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True)
        with torch.no_grad():
            for mean, now in pairs:
                if mean.is_floating_point():
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)

    def put_down(self, folder: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "plan": msgspec.json.encode(self.plan).decode(),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "images": self.images,
            "elapsed_s": self.elapsed_s,
        }
        partial = folder / f"{CHECKPOINT}.part"
        torch.save(state, partial)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(folder / CHECKPOINT)

    @classmethod
    def take_up(cls, folder: Path, plan: Plan, start: Path | None = None) -> "Training":
        """Go on from the folder's checkpoint, or begin, from `start`'s averaged weights if it is given.

        A checkpoint of another plan is refused, and a start of another shape.
        """
        training, path = cls(plan), folder / CHECKPOINT
        if not path.exists():
            if start is not None:
                training._begin_from(start)
            return training
        state = _read(path)
        if msgspec.json.decode(state["plan"], type=Plan) != plan:
            raise SystemExit(f"{path} belongs to a run with other settings: use them, another --run, or remove it")
        training.network.load_state_dict(state["network"])
        training.averaged.load_state_dict(state["averaged"])
        training.optimizer.load_state_dict(state["optimizer"])
        training.step, training.images, training.elapsed_s = state["step"], state["images"], state["elapsed_s"]
        return training


def _read(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except FileNotFoundError as exc:
        raise SystemExit(f"no checkpoint at {path}: it is written by a run into its --run folder") from exc
    return state


def _groups(network: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Weights of convolutions and layers decay; biases, norms and places do not."""
    decaying = [each for each in network.parameters() if each.ndim > 1]
    others = [each for each in network.parameters() if each.ndim <= 1]
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
