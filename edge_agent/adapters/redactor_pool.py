"""Several redactors side by side, a thread each: as many pictures are looked at as the machine has cores.

What is asked for comes back in its order, and only a few items wait in memory. Decoding, encoding and inference leave
the interpreter to the other threads while they work.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec
import numpy as np

from edge_agent.adapters.hiding import open_redactor
from edge_agent.adapters.inference_openvino import PROCESSOR
from edge_agent.core.redaction import Redactor
from edge_agent.settings import InferenceSettings

BLANK: Final = np.zeros((64, 64, 3), np.uint8)
WAITING_EACH: Final = 2
"""Items given out for each redactor before the first of them is waited for."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class RedactorPool:
    """Threads that each have a redactor."""

    def __init__(self, redactors: Sequence[Redactor]) -> None:
        """Take at least one redactor."""
        self.size = len(redactors)
        self._idle: SimpleQueue[Redactor] = SimpleQueue()
        for each in redactors:
            self._idle.put(each)
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="redactor")

    def __enter__(self) -> Self:
        """Start using it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads; what was not begun is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def in_order(
        self, work: Callable[[Redactor, Item], Answer], items: Iterable[Item]
    ) -> Generator[Answer, None, None]:
        """Answers in the order of the items; the first error ends it."""
        waiting: deque[Future[Answer]] = deque()
        try:
            for item in items:
                waiting.append(self._threads.submit(self._lent, work, item))
                if len(waiting) >= WAITING_EACH * self.size:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()

    def _lent(self, work: Callable[[Redactor, Item], Answer], item: Item) -> Answer:
        redactor = self._idle.get()
        try:
            return work(redactor, item)
        finally:
            self._idle.put(redactor)


def open_redactors(settings: InferenceSettings, pictures: int) -> RedactorPool:
    """Compile as many redactors as the settings, the machine and so many pictures want; raises an `EdgeError`."""
    planned = plan(settings, pictures, processors=len(os.sched_getaffinity(0)))
    redactors = [open_redactor(planned) for _ in range(planned.workers)]
    if len(redactors) > 1:  # OpenVINO's binding is not to be given its first pictures by two threads at once
        for each in redactors:
            each.seek(BLANK)
    return RedactorPool(redactors)


def plan(settings: InferenceSettings, pictures: int, *, processors: int) -> InferenceSettings:
    """One redactor with a thread for each core, and no more of them than pictures; another device gets one."""
    workers = settings.workers or (max(1, min(processors, pictures)) if settings.device == PROCESSOR else 1)
    threads = settings.threads or (max(1, processors // workers) if workers > 1 else 0)
    return msgspec.structs.replace(settings, workers=workers, threads=threads)
