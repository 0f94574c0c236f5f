"""Time of single calls on one thread, of several stacks in turns.

The clock is the processor time of this process, so that neighbours on a shared machine count little; the wall's is kept
beside it. Each picture is given to all stacks in turns, the order reversed from round to round. The median over the
rounds is a picture's time, so the first call with a new shape, which compiles, falls out; the median over the pictures
is the stack's.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Clock:
    """Times by stage and picture, in milliseconds."""

    cpu_ms: defaultdict[str, defaultdict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    wall_ms: defaultdict[str, defaultdict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def timed(self, stage: str, picture: str, call: Callable[[], T]) -> T:
        """Run a call and keep what it took."""
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        result = call()
        self.cpu_ms[stage][picture].append((time.process_time() - cpu_s) * 1000)
        self.wall_ms[stage][picture].append((time.perf_counter() - wall_s) * 1000)
        return result

    def note(self, stage: str, picture: str, *, cpu_ms: float, wall_ms: float) -> None:
        """Keep what another process measured."""
        self.cpu_ms[stage][picture].append(cpu_ms)
        self.wall_ms[stage][picture].append(wall_ms)

    def median_cpu_ms(self, stage: str) -> float:
        """Processor time of a stage's median picture; 0 if it never ran."""
        return _median(self.cpu_ms[stage])

    def median_wall_ms(self, stage: str) -> float:
        """The same on the wall's clock."""
        return _median(self.wall_ms[stage])


def _median(by_picture: dict[str, list[float]]) -> float:
    return median(median(times) for times in by_picture.values()) if by_picture else 0.0
