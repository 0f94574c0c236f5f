"""Small tools to hold tasks together."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

log = structlog.get_logger()


@asynccontextmanager
async def background(**work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run named coroutines beside the body and cancel them at its end; one that crashes ends the body too."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each, name=name) for name, each in work.items()]
        yield
        for task in tasks:
            task.cancel()


async def within(limit_s: float, work: Coroutine[Any, Any, object], otherwise: str) -> bool:
    """Whether the work ended in time; if not it is cancelled, and the log says so."""
    try:
        async with asyncio.timeout(limit_s):
            await work
    except TimeoutError:
        log.warning(otherwise, limit_s=limit_s)
        return False
    return True


async def either(one: asyncio.Event, other: asyncio.Event, *, limit_s: float | None = None) -> None:
    """Wait until one of two events is set, or the limit has passed."""
    waits = [asyncio.create_task(event.wait(), name="event") for event in (one, other)]
    try:
        await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
