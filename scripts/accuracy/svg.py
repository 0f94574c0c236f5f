"""Just enough SVG for a plot: a frame with two axes, and marks at values instead of pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

WIDTH_PX, HEIGHT_PX = 640, 360
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 60, 24, 52, 56
COLOURS: Final = {
    "own": "#57b897",
    "own voted": "#0a7d5a",
    "ready": "#a9a9a9",
    "ready voted": "#5c5c5c",
    "SimpleLPR raw": "#c25a00",
    "SimpleLPR by syntax": "#7a4fb0",
}
Point = tuple[float, float]


@dataclass(slots=True)
class Plot:
    """`across` and `up` are the axes' ranges; y grows upwards."""

    title: str
    across: Point
    up: Point
    left_px: int = LEFT_PX
    height_px: int = HEIGHT_PX
    marks: list[str] = field(default_factory=list)

    def x_px(self, value: float) -> float:
        """Pixel of a value on the axis across."""
        low, high = self.across
        return self.left_px + (value - low) / (high - low) * (WIDTH_PX - self.left_px - RIGHT_PX)

    def y_px(self, value: float) -> float:
        """Pixel of a value on the axis up."""
        low, high = self.up
        return self.height_px - BOTTOM_PX - (value - low) / (high - low) * (self.height_px - TOP_PX - BOTTOM_PX)

    def dot(self, at: Point, colour: str, radius_px: float = 4.5) -> None:
        """A filled circle."""
        self.marks.append(
            f'<circle cx="{self.x_px(at[0]):.1f}" cy="{self.y_px(at[1]):.1f}" r="{radius_px}" fill="{colour}"/>'
        )

    def line(self, points: Sequence[Point], colour: str, width_px: float = 2, dash: str = "") -> None:
        """A line through points."""
        path = " ".join(f"{self.x_px(x):.1f},{self.y_px(y):.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.marks.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width_px}"{dashed}/>'
        )

    def ticks_across(self, values: Sequence[float], labels: Sequence[str], name: str) -> None:
        """Labels below, with a faint line each."""
        low, high = self.up
        for value, label in zip(values, labels, strict=True):
            self.line([(value, low), (value, high)], "#e2e2e2", 1)
            self.text((self.x_px(value), self.height_px - BOTTOM_PX + 18), label, "middle")
        centre_px = (self.left_px + WIDTH_PX - RIGHT_PX) / 2
        self.text((centre_px, self.height_px - 12), name, "middle")

    def ticks_up(self, values: Sequence[float], labels: Sequence[str]) -> None:
        """Labels at the left."""
        for value, label in zip(values, labels, strict=True):
            self.text((self.left_px - 10, self.y_px(value) + 4), label, "end")

    def text(self, at_px: Point, words: str, anchor: str = "start", colour: str = "#222") -> None:
        """Words at a place in pixels."""
        x, y = at_px
        self.marks.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
        )

    def legend(self, names: Sequence[str]) -> None:
        """Names in their colours, in one row below the title."""
        x = float(self.left_px)
        for name in names:
            self.text((x, TOP_PX - 12), f"● {name}", colour=COLOURS[name])
            x += 24 + 7.2 * len(name)

    def svg(self) -> str:
        """The whole file, on white so that it can be read on a dark page."""
        style = "text{font:12px system-ui,sans-serif}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {self.height_px}" role="img">'
            f"<title>{escape(self.title)}</title><style>{style}</style>"
            f'<rect width="{WIDTH_PX}" height="{self.height_px}" fill="#fff"/>'
            f'<text x="12" y="20" fill="#222" font-weight="600">{escape(self.title)}</text>'
            + "".join(self.marks)
            + "</svg>\n"
        )
