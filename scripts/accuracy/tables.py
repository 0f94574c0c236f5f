"""The tables for people."""

import os
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from accuracy.answers import (
    Answer,
    calibration_errors,
    character_reliability,
    is_vote,
    rejecting,
    score,
    text_reliability,
)
from accuracy.calibration import Bin
from accuracy.causes import Cause, tally
from accuracy.rendered import Rendered, by_kind, by_width, exact, false_reads
from accuracy.run import Run
from accuracy.scoring import Errors
from accuracy.stacks import Stack

Pressings = Mapping[str, Sequence[Rendered]]
THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95)


def of_errors(errors: Errors) -> str:
    """`3 of 36 (2.9-21.8 %)`."""
    low, high = errors.interval
    return f"{errors.errors} of {errors.n} ({low * 100:.1f}-{high * 100:.1f} %)"


def show(
    console: Console, heading: str, *, stacks: Sequence[Stack], run: Run, rendered: Pressings, street: Pressings
) -> None:
    """Everything, for each stack."""
    console.print(f"[bold]{heading}[/bold], load average {', '.join(f'{value:.1f}' for value in os.getloadavg())}")
    for stack in stacks:
        console.print(f"{stack.name}: {'; '.join(stack.running)}", highlight=False)
    console.print(scores(run))
    console.print(causes(run))
    for name, answers in run.answers.items():
        if is_vote(name):
            continue
        errors = calibration_errors(answers)
        console.print(f"{name}: calibration error {errors[0]:.4f} of characters, {errors[1]:.4f} of texts")
        console.print(reliabilities(name, answers))
    console.print(rejects(run))
    if rendered:
        console.print(presses(rendered, street))
    console.print(times(run))


def scores(run: Run) -> Table:
    """Errors, characters and boxes by group and stack."""
    table = _table("errors of n with Wilson's 95 % interval; a text counts whole", left=2)
    for heading in ("strict", "folded", "characters", "IoU 0.5", "IoU 0.7", "read box 0.5", "rejects"):
        table.add_column(heading, justify="right")
    for group in run.groups:
        for name in run.answers:
            if answers := run.of(name, group):
                table.add_row(group, name, *_score_cells(answers))
    return table


def _score_cells(answers: Sequence[Answer]) -> list[str]:
    total = score(answers)
    shares = [f"{share * 100:.1f} %" for share in (total.recall_50, total.recall_70, total.recall_read_50)]
    is_crop = answers[0].picture.box is None
    return [
        of_errors(total.strict),
        of_errors(total.folded),
        f"{total.character_accuracy * 100:.2f} %",
        *(["-"] * 3 if is_crop else shares),
        str(total.rejects),
    ]


def causes(run: Run) -> Table:
    """Texts that are not exact, by cause."""
    table = _table("texts that are not exact, by cause", left=1)
    columns = [
        (name, group) for name in run.answers if not is_vote(name) for group in run.groups if run.of(name, group)
    ]
    for name, group in columns:
        table.add_column(f"{name}\n{group}", justify="right")
    tallies = [tally(run.of(name, group)) for name, group in columns]
    for kind in Cause:
        if any(each[kind] for each in tallies):
            table.add_row(kind, *(str(each[kind]) for each in tallies))
    return table


def reliabilities(name: str, answers: Sequence[Answer]) -> Table:
    """Said and right, bin for bin: characters and texts."""
    table = _table(f"{name}: what was said and what was right, folded", left=1)
    for heading in ("characters", "said", "right", "texts", "said ", "right "):
        table.add_column(heading, justify="right")
    for one, other in zip(character_reliability(answers), text_reliability(answers), strict=True):
        if one.n or other.n:
            table.add_row(f"{one.low:.2f} to {one.high:.2f}", *_bin_cells(one), *_bin_cells(other))
    return table


def _bin_cells(each: Bin) -> list[str]:
    return [str(each.n), f"{each.said:.3f}", f"{each.share_right:.3f}"] if each.n else ["0", "", ""]


def rejects(run: Run) -> Table:
    """What rejecting the less sure would leave."""
    table = _table("rejecting texts below a confidence: errors left of texts kept, folded", left=1)
    for threshold in THRESHOLDS:
        table.add_column(f"{threshold:.2f}", justify="right")
    for name, answers in run.answers.items():
        table.add_row(name, *(f"{row.errors} of {row.kept}" for row in rejecting(answers, THRESHOLDS)))
    return table


def presses(rendered: Pressings, street: Pressings) -> Table:
    """Rendered plates, by kind and by width."""
    table = _table("rendered plates read at their own box: strict errors", left=1)
    for name in rendered:
        table.add_column(name, justify="right")
    for breakdown in (by_width, by_kind):
        parts = [breakdown(answers) for answers in rendered.values()]
        for key in dict.fromkeys(key for part in parts for key in part):
            table.add_row(f"{key} px" if breakdown is by_width else key, *(of_errors(part[key]) for part in parts))
        table.add_section()
    table.add_row("all", *(of_errors(exact(answers)) for answers in rendered.values()))
    table.add_row("as harsh as the training", *(of_errors(exact(answers)) for answers in street.values()))
    table.add_row("no plate, and still a text", *(of_errors(false_reads(answers)) for answers in rendered.values()))
    table.add_row("... of 0.5 and more", *(of_errors(false_reads(answers, 0.5)) for answers in rendered.values()))
    return table


def times(run: Run) -> Table:
    """Median milliseconds of each stage."""
    table = _table("one thread, median picture", left=1)
    for heading in ("CPU ms", "wall ms", "pictures"):
        table.add_column(heading, justify="right")
    for stage, pictures in run.clock.cpu_ms.items():
        cpu_ms, wall_ms = run.clock.median_cpu_ms(stage), run.clock.median_wall_ms(stage)
        table.add_row(stage, f"{cpu_ms:.2f}", f"{wall_ms:.2f}", str(len(pictures)))
    return table


def _table(title: str, *, left: int) -> Table:
    table = Table(title=title, title_justify="left")
    for _ in range(left):
        table.add_column("")
    return table
