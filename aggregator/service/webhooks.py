"""The webhooks' task: each receiver is told in turn, one that hangs holds up no other, and ingest waits for none."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from aggregator.adapters.database import AWAY, Access, unwell
from aggregator.adapters.hearing import hearing
from aggregator.adapters.webhook_desk import secret_file
from aggregator.adapters.webhook_queue import Message, WebhookQueue
from aggregator.adapters.webhook_sender import WebhookSender, senders
from aggregator.core.webhooks import Answer, headers_of, read_secrets
from aggregator.errors import BadInput, DatabaseUnwell

_LOOK_EVERY_S: Final = 2.0
_AGAIN_AFTER_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Webhooks:
    """Tells receivers until cancelled. `warnings` are of the last look."""

    queue: WebhookQueue
    access: Access
    folder: Path
    timeout_s: float
    warnings: tuple[str, ...] = field(default=())
    _busy: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Tell what is to be told, at the start, and whenever something is."""
        async with senders(self.timeout_s) as sender, asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._follow(sender, group)
                except (*AWAY, asyncpg.PostgresError) as exc:
                    log.warning("webhooks_put_off", problem=str(unwell(exc)))
                except DatabaseUnwell as exc:
                    log.warning("webhooks_put_off", problem=str(exc))
                await asyncio.sleep(_AGAIN_AFTER_S)

    async def _follow(self, sender: WebhookSender, group: asyncio.TaskGroup) -> None:
        async with hearing(self.access, "webhook_due") as heard:
            while not heard.is_lost:
                for webhook in await self.queue.waiting(datetime.now(UTC)):
                    if webhook not in self._busy:
                        self._busy.add(webhook)
                        group.create_task(self._tell_all(sender, webhook), name=f"webhook-{webhook}")
                dead = await self.queue.dead_letters()
                self.warnings = tuple(f"webhook {name}: {count} dead letters" for name, count in dead.items())
                await heard.wait(_LOOK_EVERY_S)

    async def _tell_all(self, sender: WebhookSender, webhook: str) -> None:
        """Everything that is due to one receiver, until it fails."""
        try:
            while (message := await self.queue.take(webhook, datetime.now(UTC))) is not None:
                answer = await self._send(sender, message)
                self.queue.step("webhooks.sent")
                if not answer.is_taken:
                    log.warning("webhook_failed", webhook=webhook, number=message.number, problem=answer.text)
                if not await self.queue.settle(message, answer, datetime.now(UTC)):
                    break
        except (*AWAY, asyncpg.PostgresError) as exc:
            log.warning("webhook_put_off", webhook=webhook, problem=str(unwell(exc)))
        finally:
            self._busy.discard(webhook)

    async def _send(self, sender: WebhookSender, message: Message) -> Answer:
        try:
            path = secret_file(self.folder, message.webhook)
            keys = read_secrets(await asyncio.to_thread(path.read_text, encoding="utf-8"))
        except (OSError, UnicodeDecodeError, BadInput) as exc:
            return Answer(problem=f"its secret cannot be read ({type(exc).__name__})")
        body = message.body.encode()
        headers = headers_of(message.id, body, keys, at=datetime.now(UTC))
        return await sender.send(message.url, body, headers, is_private=message.is_private)
