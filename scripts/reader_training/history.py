"""What a run has shown so far: one line for each examination, kept beside the checkpoint, drawn as a plot."""

import os
from pathlib import Path
from typing import Final

import msgspec

from reader_training.evaluation import Score

HISTORY: Final = "history.json"
PLOT: Final = "history.png"


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One examination. `loss` is the mean since the one before."""

    step: int
    images: int
    plates: int
    elapsed_s: float
    loss: float
    rate: float
    temperature: float
    photos: Score
    pressed: Score


def read(folder: Path, *, up_to: int) -> list[Moment]:
    """The moments up to a step: what a killed run saw after its last checkpoint never was."""
    try:
        data = (folder / HISTORY).read_bytes()
    except FileNotFoundError:
        return []
    return [moment for moment in msgspec.json.decode(data, type=list[Moment]) if moment.step <= up_to]


def write(folder: Path, moments: list[Moment]) -> None:
    """Keep them, and draw them."""
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / HISTORY, msgspec.json.format(msgspec.json.encode(moments), indent=1))
    draw(folder / PLOT, moments)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f"{path.name}.part{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def draw(path: Path, moments: list[Moment]) -> None:
    """Loss, and errors of what was held back, over the pictures seen."""
    # Only the environment of training has it, and a history can be read without.
    import matplotlib as mpl  # type: ignore[import-not-found]  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    seen = [moment.images / 1000 for moment in moments]
    figure, (losses, errors) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    losses.semilogy(seen, [max(moment.loss, 1e-3) for moment in moments], color="tab:blue")
    losses.set(xlabel="thousand pictures", ylabel="CTC loss of a plate", title="Loss")
    for name, colour in (("photos", "tab:red"), ("pressed", "tab:green")):
        shares = [100 * (1 - getattr(moment, name).share) for moment in moments]
        errors.semilogy(seen, [max(share, 0.1) for share in shares], color=colour, label=name)
    errors.set(xlabel="thousand pictures", ylabel="texts not read, %", title="Held back (O = 0, I = 1)")
    errors.legend()
    for axes in (losses, errors):
        axes.grid(alpha=0.3, which="both")
    figure.savefig(path, dpi=90)
    plt.close(figure)
