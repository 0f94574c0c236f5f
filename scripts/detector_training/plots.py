"""A run drawn: losses, and what the held-out pictures said of it."""

import csv
from pathlib import Path

from .offline import plt


def plot_history(run: Path) -> None:
    """Write `history.png` beside the run's `history.csv`."""
    with (run / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [float(row["step"]) for row in rows]
    figure, axes = plt.subplots(1, 2, figsize=(11, 4))
    for place, names, title in (
        (axes[0], ("box", "score", "edge"), "losses"),
        (axes[1], ("recall_50", "recall_70", "precision"), "held-out composites"),
    ):
        for name in names:
            place.plot(steps, [float(row[name]) for row in rows], label=name)
        place.set(title=title, xlabel="step")
        place.legend()
        place.grid(alpha=0.3)
    figure.savefig(run / "history.png", dpi=110, bbox_inches="tight")
    plt.close(figure)
