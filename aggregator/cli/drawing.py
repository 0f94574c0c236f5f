"""Answers in buckets as people see them in a terminal: sparklines in a table, or a plot."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import plotext
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aggregator.cli.console import PIPED_WIDTH
from aggregator.core.asking.question import Bucket
from aggregator.core.asking.series import GAP, Line, Place, lines, sparkline
from aggregator.errors import BadInput

_SPARK_WIDTH: Final = 60
_PLOT_HEIGHT: Final = 20
_MOST_LINES: Final = 12
_TICKS: Final = 5


def show_sparks(rows: Sequence[Mapping[str, object]], *, bucket: Bucket, groups: tuple[str, ...], measure: str) -> None:
    """A line a group: its course, drawn to one scale for all, and its extremes."""
    grid, found = lines(rows, bucket, groups, measure)
    low, high = _bounds(found)
    told = f"{_place(grid[0])} to {_place(grid[-1])}" if grid else ""
    table = Table(*groups, measure, "least", "most", "sum", box=None, header_style="bold", pad_edge=False)
    for line in found:
        spark = sparkline(line.values, low=low, high=high, width=_SPARK_WIDTH)
        cells = [*(line.name.split(" ") if groups else ()), spark, *_summary(line)]
        table.add_row(*map(Text, cells))
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(table)
    console.print(Text(f"{told} by {bucket}; {GAP} nothing was seen"))


def show_plot(rows: Sequence[Mapping[str, object]], *, bucket: Bucket, groups: tuple[str, ...], measure: str) -> None:
    """The course of each group as a line of a plot."""
    grid, found = lines(rows, bucket, groups, measure)
    if len(found) > _MOST_LINES:
        raise BadInput(f"{len(found)} lines are too many for a plot: narrow it down to {_MOST_LINES}, or use --spark")
    if found:
        sys.stdout.write(plotted(grid, found, f"{measure} by {bucket}", has_colour=sys.stdout.isatty()) + "\n")


def plotted(grid: Sequence[Place], found: Sequence[Line], title: str, *, has_colour: bool) -> str:
    """The plot's text."""
    figure = plotext.figure
    figure.clear()
    figure.plot_size(shutil.get_terminal_size((100, _PLOT_HEIGHT)).columns, _PLOT_HEIGHT)
    figure.title(title)
    for line in found:
        for n, (first, last) in enumerate(_stretches(line)):
            signal = figure.signal(list(range(first, last)), list(line.values[first:last]))
            signal.lines()
            if n == 0 and line.name:
                signal.label(line.name)
            figure.draw(signal)
    ticks = sorted({round(n * (len(grid) - 1) / (_TICKS - 1)) for n in range(_TICKS)})
    figure.ruler("x").ticks(ticks, [_place(grid[tick]) for tick in ticks])
    text = str(figure.build().string(colorless=not has_colour))
    return text.rstrip("\n")


def _stretches(line: Line) -> list[tuple[int, int]]:
    """Where the line is without a gap: first, and one past the last."""
    found, first = [], None
    for n, value in enumerate((*line.values, None)):
        if value is not None and first is None:
            first = n
        elif value is None and first is not None:
            found.append((first, n))
            first = None
    return found


def _bounds(found: Sequence[Line]) -> tuple[float, float]:
    values = [value for line in found for value in line.seen]
    return min([0.0, *values]), max([0.0, *values])


def _summary(line: Line) -> tuple[str, str, str]:
    if not line.seen:
        return "", "", ""
    return f"{min(line.seen):g}", f"{max(line.seen):g}", f"{sum(line.seen):.12g}"


def _place(place: Place) -> str:
    return f"{place:%Y-%m-%d %H:%M}" if hasattr(place, "hour") else f"{place:%Y-%m-%d}"
