"""The workers beside the first one: each a program of its own, started, listened to, and started again when it ends.

A worker gets its settings as one line on stdin, and ends when its stdin does, so that none outlives a killed service.
Every moment it says on stdout how it stands. What it holds when it dies is un-acknowledged: the broker gives it to
the others, and the boxes send again what has no receipt.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from aggregator.adapters.broker import certified_workers
from aggregator.core.workers import News, further_workers
from aggregator.settings import Settings, to_json

PROGRAM: Final = "aggregator.cli.worker"
_AGAIN_AFTER_S: Final = 1.0
_STOP_TIMEOUT_S: Final = 10.0
_SILENT_AFTER_S: Final = 10.0
_START_WITHIN_S: Final = 30.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Heard:
    """The last that was heard of a worker; nothing yet of one that starts."""

    news: News | None
    at_s: float


class Workers:
    """Keeps the further workers running until cancelled."""

    def __init__(self, settings: Settings, names: Sequence[str], pieces_stored: Callable[[], None]) -> None:
        """`pieces_stored` is called when one of them has stored pieces of pictures."""
        self._settings, self._pieces_stored = settings, pieces_stored
        self._heard = {name: _Heard(None, time.monotonic()) for name in names}

    def news(self) -> tuple[News, ...]:
        """How those stand that were heard of."""
        return tuple(heard.news for heard in self._heard.values() if heard.news is not None)

    def named(self) -> dict[str, News]:
        """The same, by name."""
        return {name: heard.news for name, heard in self._heard.items() if heard.news is not None}

    @property
    def wanted(self) -> int:
        """How many should run."""
        return len(self._heard)

    def problems(self) -> Iterator[str]:
        """What is wrong with whom."""
        for name, heard in self._heard.items():
            limit_s = _START_WITHIN_S if heard.news is None else _SILENT_AFTER_S
            if time.monotonic() - heard.at_s > limit_s:
                yield f"{name} does not answer"
            elif heard.news is not None and not heard.news.is_subscribed:
                yield f"{name} is not connected to the broker"

    async def run(self) -> None:
        """Start them, and start again what ends."""
        async with asyncio.TaskGroup() as group:
            for name in self._heard:
                group.create_task(self._keep(name), name=name)

    async def _keep(self, name: str) -> None:
        while True:
            exit_code = await self._live(name)
            log.warning("worker_ended", worker=name, exit_code=exit_code)
            self._heard[name].news = None
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _live(self, name: str) -> int:
        """One life of a worker."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", PROGRAM, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        try:
            with suppress(ConnectionError):
                await _give_settings(process, self._settings, name)
                await self._listen(process, name)
            return await process.wait()
        finally:
            await _ended(process)

    async def _listen(self, process: Process, name: str) -> None:
        assert process.stdout is not None  # noqa: S101  a pipe
        heard, pieces = self._heard[name], 0
        async for line in process.stdout:
            heard.news, heard.at_s = msgspec.json.decode(line, type=News), time.monotonic()
            if heard.news.pieces > pieces:
                pieces = heard.news.pieces
                self._pieces_stored()


def further(settings: Settings, cores: int) -> tuple[str, ...]:
    """The names of the workers that run beside the first one; raises `BadSettings` if one lacks its certificate."""
    certified = certified_workers(settings.broker)
    return further_workers(settings.broker.worker, certified, wanted=settings.ingest.workers, cores=cores)


async def _give_settings(process: Process, settings: Settings, name: str) -> None:
    assert process.stdin is not None  # noqa: S101  a pipe
    own = msgspec.structs.replace(settings, broker=msgspec.structs.replace(settings.broker, worker=name))
    process.stdin.write(to_json(own) + b"\n")
    await process.stdin.drain()


async def _ended(process: Process) -> None:
    """Let it finish, and kill it if it does not."""
    assert process.stdin is not None  # noqa: S101  a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
