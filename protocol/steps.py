"""Named steps of a durable path, so that a drill can stop a program between any two of them.

An adapter that must survive a crash calls `step("outbox.committed")` where one durable effect has happened and the
next has not. In service the call does nothing. A drill names a step and which time it is passed, `outbox.committed:3`,
and the command line turns that into a kill -9 of its own process at exactly that place.
"""

from collections.abc import Callable
from typing import TypeAlias

Step: TypeAlias = Callable[[str], None]


def no_step(name: str) -> None:
    """What runs in service: nothing."""


def stop_at(spec: str, stop: Callable[[], None]) -> Step:
    """A step that calls `stop` when the step of the spec, `name` or `name:n`, is passed for the n-th time."""
    wanted, _, nth = spec.partition(":")
    left = int(nth or 1)

    def step(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                stop()

    return step
