"""Feeds systemd's watchdog while the aggregator works, and only then (`core.watchdog` says when it does)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from aggregator.adapters.systemd import Supervisor
from aggregator.core.watchdog import is_stuck
from aggregator.http.health import Health

_ANSWER_S: Final = 20.0

log = structlog.get_logger(__name__)


async def watch(check: Callable[[], Awaitable[Health]], supervisor: Supervisor) -> None:
    """Feed until cancelled, if anybody watches."""
    if supervisor.feed_every_s is None:
        return
    while True:
        try:
            async with asyncio.timeout(_ANSWER_S):
                health = await check()
        except TimeoutError:
            supervisor.stuck("health does not answer")
            log.warning("watchdog_starves", what="no_answer")
            continue
        said = "; ".join(health.problems) or f"well, {health.stored} messages stored"
        if is_stuck(database_answers=health.database, lag_s=health.lag_s):
            supervisor.stuck(said)
            log.warning("watchdog_starves", what="delivery_waits", lag_s=round(health.lag_s))
        else:
            supervisor.feed(said)
        await asyncio.sleep(supervisor.feed_every_s)
