"""A region's database with linked cities and the boxes of one of them, and what it told each city.

python -m tests.simulators.noticing SETTINGS STEP    tells what is due, and dies (-9) at a step
"""

import asyncio
import os
import secrets
import signal
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from aggregator.adapters.database import Pool, opened
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.keyfiles import read_signer
from aggregator.adapters.notice_desk import NoticeDesk, take_notice
from aggregator.adapters.notice_maker import NoticeMaker
from aggregator.adapters.policy_file import InForce, PolicyFile
from aggregator.core.visibility import Policy
from aggregator.settings import Settings, load
from protocol.clock import to_ms
from protocol.federation import ItemKind, Notice, accept_notice
from protocol.keys import KeySigner, Signer
from protocol.steps import Step, no_step, stop_at
from protocol.trust import Grant, Role, TrustStore
from tests.simulators.alerting import Said, Street

REGION: Final = "coahuila"


@dataclass
class Region:
    """Boxes of Saltillo, cities that are linked, and the region between them."""

    street: Street
    signer: Signer
    policy: Policy = field(default_factory=Policy)
    text: str = ""

    @property
    def pool(self) -> Pool:
        """The region's database; a test's one city takes its notices in the same one."""
        return self.street.pool

    @property
    def desk(self) -> NoticeDesk:
        """The desk of the city that was told."""
        return NoticeDesk(self.pool)

    @property
    def trust(self) -> TrustStore:
        """What the region's root grants."""
        grant = Grant(
            role=Role.RECEIPT, spki=self.signer.public_key.spki, subject="region", not_before_ms=0,
            not_after_ms=to_ms(self.street.now + timedelta(days=365)), cities=(),
        )  # fmt: skip
        return replace(TrustStore(KeySigner.generate().public_key), number=1, grants=(grant,))

    def maker(self, step: Step = no_step) -> NoticeMaker:
        """The region's maker of notices, by its policy."""
        return NoticeMaker(self.pool, REGION, InForce(PolicyFile(self.policy, self.text)), self.signer, step)

    async def begin(self) -> None:
        """From here on what is stored is noted."""
        await self.maker().begin(self.street.now)

    async def link(self, *cities: str) -> None:
        """Cities that have joined."""
        for city in cities:
            log = secrets.token_bytes(16)
            await self.pool.execute("INSERT INTO city (city_id, name, time_zone) VALUES ($1, 'A city', 'UTC')", city)
            await self.pool.execute(
                "INSERT INTO federated_city (city_id, joined_at, log_id) VALUES ($1, now(), $2)", city, log
            )
            await self.pool.execute(
                "INSERT INTO federation_log (city_id, log, opened_at) VALUES ($1, $2, now())", city, log
            )

    async def share(self, owner: str, *entries: str, scope: tuple[str, ...] = ()) -> None:
        """Entries that a city listed for others too."""
        for entry in entries:
            await self.pool.execute(
                "INSERT INTO federated_entry (entry_id, city_id, sha256, reason, expires_at, scope)"
                " VALUES ($1, $2, $3, 'stolen-vehicle', now() + interval '1 day', $4)",
                *(entry, owner, bytes(32), list(scope)),
            )

    async def withdraw(self, owner: str, entry: str) -> None:
        """An officer of its city withdraws an entry."""
        digest = secrets.token_bytes(32)
        await self.pool.execute(
            "INSERT INTO federation_body (sha256, bytes, size_bytes, kept_at) VALUES ($1, '', 0, now())", digest
        )
        await self.pool.execute(
            "INSERT INTO foreign_withdrawal (sha256, city_id, created_ms, taken_at) VALUES ($1, $2, 0, now())",
            *(digest, owner),
        )
        await self.pool.execute("INSERT INTO federated_withdrawn (entry_id, sha256) VALUES ($1, $2)", entry, digest)

    async def make(self, *, now: datetime | None = None) -> int:
        """Tell what is due."""
        return await self.maker().make(now or self.street.now)

    async def see(self, *said: Said) -> None:
        """Store messages, and tell whom they concern."""
        await self.street.store(*said)
        await self.make()

    async def told(self, city: str) -> list[Notice]:
        """What stands in a city's log, as it reads it."""
        rows = await self.pool.fetch(
            "SELECT bytes FROM federation_log_item JOIN federation_body USING (sha256)"
            " WHERE city_id = $1 AND kind = $2 ORDER BY number",
            *(city, int(ItemKind.NOTICE)),
        )
        at_ms = to_ms(self.street.now)
        found = [accept_notice(row["bytes"], self.trust, city=city, at_ms=at_ms) for row in rows]
        return [each for each in found if isinstance(each, Notice)]

    async def take(self, city: str) -> list[bool]:
        """The city takes whatever stands in its log; which of it was new."""
        taken = []
        for notice in await self.told(city):
            async with transaction(self.pool) as connection:
                taken.append(await take_notice(connection, notice))
        return taken


def region_of(street: Street, settings: Settings, policy: Policy | None = None) -> Region:
    """A region under an installation's keys."""
    return Region(street, read_signer(settings.keys.server_key), policy or Policy())


async def die_at(settings_file: Path, step: str) -> None:
    """Tell what is due, until a step."""
    settings = load(settings_file)
    crash = stop_at(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    async with opened(settings.database) as database:
        signer = read_signer(settings.keys.server_key)
        await NoticeMaker(database.pool, REGION, InForce(), signer, crash).make(datetime.now(UTC))


if __name__ == "__main__":
    asyncio.run(die_at(Path(sys.argv[1]), sys.argv[2]))
