"""What webhooks are still to be told, in the database: taken for a while, then gone, put off or dead.

A message that is taken comes back by itself if whoever took it died: it is then told twice, under the same id, rather
than not at all.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from aggregator.adapters.database import Pool
from aggregator.adapters.statements import statements
from aggregator.core.webhooks import Answer, Tried, after_failure
from protocol.steps import Step, no_step

STEPS: Final = ("webhooks.taken", "webhooks.sent")
LEASE: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one receiver."""

    webhook: str
    number: int
    body: str = field(repr=False)
    url: str
    is_private: bool
    tried: Tried

    @property
    def id(self) -> str:
        """Its name at every try."""
        return f"{self.webhook}-{self.number}"


class WebhookQueue:
    """Gives messages out and takes their fate down."""

    def __init__(self, pool: Pool, give_up: timedelta, rng: Random, step: Step = no_step) -> None:
        """`give_up` is how long a message is tried; `step` names the crash points."""
        self._pool, self._give_up, self._rng, self.step = pool, give_up, rng, step
        self._sql = statements("webhooks")

    async def waiting(self, now: datetime) -> list[str]:
        """The webhooks that have something to be told now."""
        return [row["webhook_id"] for row in await self._pool.fetch(self._sql["busy"], now)]

    async def take(self, webhook: str, now: datetime) -> Message | None:
        """The oldest message that is due; nobody else gets it meanwhile."""
        row = await self._pool.fetchrow(self._sql["take"], webhook, now, now + LEASE)
        if row is None:
            return None
        self.step("webhooks.taken")
        tried = Tried(row["attempts"], row["failures"], row["waiting_since"])
        return Message(row["webhook"], row["number"], row["body"], row["url"], row["is_private"], tried)

    async def settle(self, message: Message, answer: Answer, now: datetime) -> bool:
        """What came of it; whether its receiver may be told more."""
        if answer.is_taken:
            await self._pool.execute(self._sql["delivered"], message.webhook, message.number, now)
            return True
        following = after_failure(answer, message.tried, now=now, give_up=self._give_up, rng=self._rng)
        dead_at = now if following.is_dead else None
        async with self._pool.acquire() as connection, connection.transaction():
            told = (message.webhook, message.number, answer.text, following.try_at, dead_at)
            await connection.execute(self._sql["failed"], *told)
            if following.rest_until is not None:
                await connection.execute(self._sql["rest"], message.webhook, following.rest_until)
        return following.rest_until is None

    async def dead_letters(self) -> dict[str, int]:
        """How many dead letters each webhook has."""
        return {row["webhook"]: row["dead"] for row in await self._pool.fetch(self._sql["dead_letters"])}
