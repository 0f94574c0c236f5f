"""The city's side of its link, but for events: what it hands up as it comes, and the log that it follows.

1. Handing up: whenever a list, a box or a key changes, and every few seconds anyhow. The database says so within
   milliseconds of the commit.
2. Following: the region's broker hands over the signed head of our log (`take_head`, by whoever holds the line), and
   the follower (`log_follower`) brings us there.
3. The link is looked at every few seconds: joining and leaving need no restart. When it is gone for good, so are other
   cities' entries.

Nothing else waits for any of this: a city without its region goes on.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

import asyncpg
import structlog

from aggregator.adapters import federation_link, foreign_lists, link_standing
from aggregator.adapters.database import AWAY, Database, unwell
from aggregator.adapters.federation_link import Link
from aggregator.adapters.hearing import hearing
from aggregator.adapters.hotlist_desk import Desk
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.items_down import ItemsDown
from aggregator.adapters.items_up import ItemsUp
from aggregator.adapters.region_door import RegionDoor, door_of
from aggregator.adapters.trust_file import read_trust
from aggregator.core.contact import AGAIN
from aggregator.core.link_standing import LinkStanding
from aggregator.errors import AggregatorError, BadInput, RegionAway
from aggregator.service.log_follower import HeadInbox, LogFollower
from aggregator.settings import Settings

LOOK_EVERY_S: Final = 5.0
_AGAIN_AFTER_S: Final = 1.0
_CHANNELS: Final = ("hotlist_changed", "registry_changed")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class CityLink:
    """Keeps a city abreast of its region until cancelled. `standing` is None while there is no link.

    `passed_over` counts what came down and could not be used, since the link or the service began.
    """

    settings: Settings
    database: Database
    look_every_s: float = LOOK_EVERY_S
    standing: LinkStanding | None = field(default=None)
    inbox: HeadInbox = field(default_factory=HeadInbox)
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know."""
        if self.standing is None:
            return ()
        passed = (f"{n} items of the region's log were passed over ({why})" for why, n in self.passed_over.items())
        return (*self.standing.warnings(datetime.now(UTC)), *passed)

    def take_head(self, raw: bytes) -> None:
        """The region's broker says how far our log goes."""
        self.inbox.put(raw)

    async def run(self) -> None:
        """Hand up and follow, under whatever link there is."""
        was_alone = False
        while True:
            try:
                link = await asyncio.to_thread(federation_link.read, self.settings)
                if link is not None:
                    await self._be_linked(link)
                elif was_alone:  # twice in a row: joining again takes the link away for a moment
                    await self._forget()
                was_alone = link is None
            except (*AWAY, asyncpg.PostgresError) as exc:
                log.warning("link_put_off", problem=str(unwell(exc)))
            except AggregatorError as exc:
                log.warning("link_put_off", problem=str(exc))
            await asyncio.sleep(self.look_every_s)

    async def _be_linked(self, link: Link) -> None:
        """Work under a link until there is another, or none."""
        async with door_of(link) as door, asyncio.TaskGroup() as group:
            self.passed_over.clear()
            down = ItemsDown(self.database.pool, self.settings, link, self.passed_over)
            follower = LogFollower(link, door, self.inbox, down)
            items = ItemsUp(self.database.pool, self.settings, link.log_id)
            tasks = [
                group.create_task(_again(lambda: self._hand_up(items, door)), name="link-up"),
                group.create_task(_again(follower.follow), name="link-down"),
            ]
            while await self._is_still(link):
                await self._look(link)
                await asyncio.sleep(self.look_every_s)
            for task in tasks:
                task.cancel()

    async def _is_still(self, link: Link) -> bool:
        try:
            return await asyncio.to_thread(federation_link.read, self.settings) == link
        except AggregatorError:
            return False  # it is read again, and what is wrong with it told, by `run`

    async def _look(self, link: Link) -> None:
        """How it stands; what the database does not say now it says the next time."""
        try:
            async with transaction(self.database.pool) as connection:
                self.standing = await link_standing.standing(connection, link.log_id)
        except AggregatorError as exc:
            log.warning("link_standing_unknown", problem=str(exc))

    async def _hand_up(self, items: ItemsUp, door: RegionDoor) -> None:
        """Round after round; what the region does not take now is brought again soon, and with the next news."""
        async with hearing(self.database.access, *_CHANNELS) as heard:
            tries = 0
            while not heard.is_lost:
                try:
                    tries = tries + 1 if await items.bring(door, now=datetime.now(UTC)) else 0
                except RegionAway as exc:
                    tries += 1
                    log.warning("items_put_off", problem=str(exc))
                await heard.wait(AGAIN.wait_s(tries, Random()) if tries else self.look_every_s)  # noqa: S311  a pace

    async def _forget(self) -> None:
        """The city has left its region: its boxes look for nobody else's vehicles any more."""
        self.standing = None
        async with transaction(self.database.pool) as connection:
            if not await foreign_lists.forget(connection):
                return
            trust = await asyncio.to_thread(read_trust, self.settings.keys)
            try:
                await Desk(self.database.pool, trust, self.settings.city).publish(connection, now=datetime.now(UTC))
            except BadInput as exc:
                log.warning("hotlist_not_published", problem=str(exc))


async def _again(work: Callable[[], Awaitable[None]]) -> None:
    """Do something for ever: once more, after a moment, whenever the database was away."""
    while True:
        try:
            await work()
        except (*AWAY, asyncpg.PostgresError) as exc:
            log.warning("link_put_off", problem=str(unwell(exc)))
        except AggregatorError as exc:
            log.warning("link_put_off", problem=str(exc))
        await asyncio.sleep(_AGAIN_AFTER_S)
