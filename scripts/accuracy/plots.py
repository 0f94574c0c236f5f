"""The plots of docs/accuracy.md, drawn from a run: counts and shares only, no picture and no plate."""

from pathlib import Path
from typing import Final

from accuracy.answers import character_reliability, is_vote, rejecting, score
from accuracy.rendered import Rendered, by_width
from accuracy.run import Run
from accuracy.svg import COLOURS, Plot

GROUP_NAMES: Final = {"scenes_eu": "EU scenes", "scenes_br": "BR scenes", "crops_us": "US crops"}
THRESHOLDS: Final = (*(step / 50 for step in range(50)), 0.99, 0.995, 0.999)
RATE_STEP: Final = 0.05


def write_plots(folder: Path, run: Run, rendered: dict[str, list[Rendered]]) -> None:
    """Write the SVG files that the run has figures for."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"errors": errors(run), "reliability": reliability(run), "rejecting": rejects(run)}
    if rendered:
        made["rendered"] = widths(rendered)
    for name, plot in made.items():
        (folder / f"{name}.svg").write_text(plot.svg(), encoding="utf-8")


def errors(run: Run) -> Plot:
    """Folded error rates with their intervals, a row for each group and stack."""
    rows = [(group, name) for group in run.groups for name in run.answers if run.of(name, group)]
    found = [score(run.of(name, group)).folded for group, name in rows]
    most = max(each.interval[1] for each in found)
    plot = Plot(
        "Wrong texts (O=0, I=1), 95 % intervals",
        (0, most * 1.05),
        (-len(rows), 0),
        left_px=230,
        height_px=110 + 26 * len(rows),
    )
    step = RATE_STEP if most < 10 * RATE_STEP else 2 * RATE_STEP
    steps = [place * step for place in range(int(most * 1.05 / step) + 1)]
    plot.ticks_across(steps, [f"{each:.0%}" for each in steps], "share of the pictures")
    for place, ((group, name), each) in enumerate(zip(rows, found, strict=True)):
        y = -place - 0.5
        plot.ticks_up([y], [f"{GROUP_NAMES.get(group, group)}, {name}"])
        plot.line([(each.interval[0], y), (each.interval[1], y)], COLOURS[name])
        plot.dot((each.share, y), COLOURS[name])
    return plot


def reliability(run: Run) -> Plot:
    """What was said of a character against how often it was so; a dot's size grows with how many there are."""
    plot = Plot("Characters: said and right, folded", (0, 1), (0, 1))
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    plot.ticks_across(ticks, [f"{tick:.0%}" for tick in ticks], "probability that was said")
    plot.ticks_up(ticks, [f"{tick:.0%}" for tick in ticks])
    plot.line([(0, 0), (1, 1)], "#999", 1, "4 3")
    looks = {name: answers for name, answers in run.answers.items() if not is_vote(name)}
    plot.legend(list(looks))
    for name, answers in looks.items():
        bins = [each for each in character_reliability(answers) if each.n]
        plot.line([(each.said, each.share_right) for each in bins], COLOURS[name], 1.5)
        for each in bins:
            plot.dot((each.said, each.share_right), COLOURS[name], min(3 + each.n**0.25, 9))
    return plot


def rejects(run: Run) -> Plot:
    """Errors among the texts that are kept, against how many are, as the threshold rises from right to left."""
    curves = {
        name: [row for row in rejecting(answers, THRESHOLDS) if row.kept] for name, answers in run.answers.items()
    }
    most = max((row.errors / row.kept for rows in curves.values() for row in rows), default=0.0) or RATE_STEP
    plot = Plot("Rejecting the less sure: errors left among those kept", (0.5, 1), (0, most * 1.1))
    ticks = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    plot.ticks_across(ticks, [f"{tick:.0%}" for tick in ticks], "share of the pictures whose text is kept")
    steps = [most * quarter / 4 for quarter in range(5)]
    plot.ticks_up(steps, [f"{step:.1%}" for step in steps])
    plot.legend(list(run.answers))
    for name, rows in curves.items():
        plot.line([(row.kept / row.n, row.errors / row.kept) for row in rows if row.kept / row.n >= 0.5], COLOURS[name])
    return plot


def widths(rendered: dict[str, list[Rendered]]) -> Plot:
    """Rendered plates: errors by width."""
    parts = {name: by_width(answers) for name, answers in rendered.items()}
    keys = list(dict.fromkeys(key for part in parts.values() for key in part))
    most = max((each.share for part in parts.values() for each in part.values()), default=0.0) or RATE_STEP
    plot = Plot("Rendered Mexican plates: wrong texts by width", (-0.5, len(keys) - 0.5), (0, most * 1.1))
    plot.ticks_across(range(len(keys)), keys, "width of the plate, px")
    steps = [most * quarter / 4 for quarter in range(5)]
    plot.ticks_up(steps, [f"{step:.1%}" for step in steps])
    plot.legend(list(parts))
    for name, part in parts.items():
        points = [(float(keys.index(key)), each.share) for key, each in part.items()]
        plot.line(points, COLOURS[name])
        for point in points:
            plot.dot(point, COLOURS[name])
    return plot
