"""A receiver of webhooks: a real HTTP server that keeps what it is sent, and answers as a test asks.

python -m tests.simulators.webhook_receiver SETTINGS STEP    tells what is to be told, and dies (-9) at a step
"""

import asyncio
import base64
import hmac
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from aiohttp import web

from aggregator.adapters.database import opened
from aggregator.adapters.webhook_queue import WebhookQueue
from aggregator.service.webhooks import Webhooks
from aggregator.settings import load
from protocol.steps import stop_at
from tests.simulators.broker import free_port


@dataclass(frozen=True)
class Got:
    """A request that came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        """The body; `Any`, as JSON is."""
        return dict(msgspec.json.decode(self.body))

    def is_signed(self, secret: str) -> bool:
        """Checked the way that docs/alerts.md tells receivers."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        good = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return any(hmac.compare_digest(good, each) for each in self.headers["webhook-signature"].split())


@dataclass
class Receiver:
    """Answers each request with `status`, or by `answer`."""

    port: int = field(default_factory=free_port)
    status: int = 204
    got: list[Got] = field(default_factory=list)
    is_hanging: bool = False
    answer: Callable[[Got], web.StreamResponse] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Receiver"]:
        """Serve until the block ends."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        got = Got({name.lower(): value for name, value in request.headers.items()}, await request.read())
        self.got.append(got)
        while self.is_hanging:
            await asyncio.sleep(0.02)
        return web.Response(status=self.status) if self.answer is None else self.answer(got)


async def die_at(settings_file: Path, step: str) -> None:
    """Tell what is to be told, until a step."""
    settings = load(settings_file)
    crash = stop_at(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    async with opened(settings.database) as database:
        queue = WebhookQueue(database.pool, timedelta(hours=1), Random(1), crash)
        await Webhooks(queue, database.access, settings.alerts.webhooks_dir, 5).run()


if __name__ == "__main__":
    asyncio.run(die_at(Path(sys.argv[1]), sys.argv[2]))
