"""Panic buttons wired to the box, through the kernel's GPIO character device (libgpiod 2).

The kernel debounces, so that a line that has changed has held still; its pull-up or pull-down is switched on with the
request. What a line holds at the start is told first: a button that is pressed while the agent starts is pressed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import timedelta
from typing import Final, Protocol

import gpiod
from gpiod.line import Bias, Direction, Edge, Value

from edge_agent.errors import BadSettings
from edge_agent.settings import PanicSettings

CONSUMER: Final = "atalaya-panic"


class Lines(Protocol):
    """What is used of `gpiod.LineRequest`; a test has one without a chip."""

    @property
    def fd(self) -> int:
        """Readable when a line has changed."""

    @property
    def offsets(self) -> Sequence[int]:
        """The lines."""

    def get_values(self) -> Sequence[Value]:
        """What each line holds now."""

    def wait_edge_events(self, timeout: float) -> bool:
        """Whether there is something to read within so many seconds."""

    def read_edge_events(self) -> Sequence[gpiod.EdgeEvent]:
        """What changed."""

    def release(self) -> None:
        """Give the lines back."""


def request_lines(settings: PanicSettings) -> Lines:
    """Ask the kernel for the lines; raises `BadSettings`, also where there is no such chip."""
    wanted = gpiod.LineSettings(
        direction=Direction.INPUT,
        edge_detection=Edge.BOTH,
        bias=Bias.PULL_UP if settings.gpio_active_low else Bias.PULL_DOWN,
        active_low=settings.gpio_active_low,
        debounce_period=timedelta(milliseconds=settings.debounce_ms),
    )
    try:
        return gpiod.request_lines(
            str(settings.gpio_chip), consumer=CONSUMER, config={tuple(settings.gpio_lines): wanted}
        )
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise BadSettings(
            f"panic.gpio_chip {settings.gpio_chip}: lines {', '.join(map(str, settings.gpio_lines))} cannot be had "
            f"({why}); `gpioinfo` lists chips and lines, and the service's user must be in the group that owns them"
        ) from exc


async def presses(open_lines: Callable[[], Lines]) -> AsyncGenerator[tuple[int, bool], None]:
    """Yield line and whether it is pressed: first as each is, then every change. Ends with an `OSError` of the chip."""
    lines = open_lines()
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(lines.fd, changed.set)
        for offset, value in zip(lines.offsets, lines.get_values(), strict=True):
            yield offset, bool(value)
        while True:
            await changed.wait()
            changed.clear()
            # The loop may wake us twice for one change, and reading then would block the whole agent.
            for event in lines.read_edge_events() if lines.wait_edge_events(0) else ():
                yield event.line_offset, event.event_type is event.Type.RISING_EDGE
    finally:
        loop.remove_reader(lines.fd)
        lines.release()
