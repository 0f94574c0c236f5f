"""Processor time by stage, taken around the agent's own methods while it runs, as it runs.

    clocks = StageClocks()
    with clocks.around((Network, "run", "models"), (PlateDetector, "detect", "detect")): ...

A stage is charged with the time of the thread that runs it, less what the stages inside it took. A method that returns
an iterator is charged for every step of it. Time of threads that a library starts for itself is not seen here; the
process's own clock has it.
"""

import functools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

Point: TypeAlias = tuple[type, str, str]
"""A class, its method, and the stage that the method is."""


class StageClocks:
    """Seconds and calls of each stage, summed over all threads."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._inner = threading.local()

    @contextmanager
    def around(self, *points: Point) -> Iterator[None]:
        """Measure these methods until the context ends."""
        with ExitStack() as stack:
            for kind, method, stage in points:
                original = kind.__dict__[method]
                setattr(kind, method, self._measured(original, stage))
                stack.callback(setattr, kind, method, original)
            yield

    @contextmanager
    def stage(self, stage: str) -> Iterator[None]:
        """Charge a block to a stage."""
        outer = getattr(self._inner, "seconds", 0.0)
        self._inner.seconds = 0.0
        begun = time.thread_time()
        try:
            yield
        finally:
            taken = time.thread_time() - begun
            with self._guard:
                self.seconds[stage] += taken - self._inner.seconds
                self.calls[stage] += 1
            self._inner.seconds = outer + taken

    def _measured(self, original: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @functools.wraps(original)
        def measured(*args: Any, **kwargs: Any) -> Any:
            with self.stage(stage):
                result = original(*args, **kwargs)
            return self._steps(result, stage) if isinstance(result, Iterator) else result

        return measured

    def _steps(self, iterator: Iterator[Any], stage: str) -> Iterator[Any]:
        while True:
            with self.stage(stage):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
