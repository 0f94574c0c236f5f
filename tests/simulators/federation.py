"""A region and its cities inside a test, each with keys, a database and ports of its own, linked through our own code.

    async with federated(postgres, tmp_path, "saltillo", "torreon") as state:
        state.region.pool, state.region.settings
        city = state["saltillo"]                 # its pool, settings, boxes; `city.speaker("saltillo-1")` says things
        city.link                                # the files of its link to the region
        await state.tell_roster("saltillo")      # what the service does by itself: the region knows its boxes

Ids are unique in a region: city NAME has the point `NAME-p1` with `cam-1`, and there the box `NAME-1`. Brokers run with
`brokers=True`; `tests.simulators.running.running(centre.settings)` runs a centre's aggregator. `postgres` is the
session's server (the fixture of that name).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import asyncpg
import msgspec

from aggregator.adapters import federation_desk, federation_link, joining_desk, membership, roster
from aggregator.adapters.database import Access, Pool, pooled
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.federation_desk import Invited
from aggregator.adapters.federation_link import Link
from aggregator.adapters.region_door import door_of
from aggregator.adapters.roster import TakenRoster
from aggregator.core.joining import TEXTS, Refusal
from aggregator.errors import BadInput, RegionAway
from aggregator.settings import Settings
from protocol.enrolment import Token
from protocol.refusals import Refusal as WireRefusal
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box
from tests.simulators.installation import Installation, make_installation

REGION: Final = "coahuila"
TEMPLATE: Final = "template_atalaya"
ANA: Final = "os:ana"
_POOL: Final = 8
_PATIENCE_S: Final = 30.0


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass
class Centre:
    """A command centre: a city's or the region's."""

    installation: Installation
    settings: Settings
    access: Access
    pool: Pool
    broker: Broker | None = None
    _speakers: dict[str, Box] = field(default_factory=dict)

    @property
    def city(self) -> str:
        """Its id."""
        return self.settings.city

    @property
    def link(self) -> Link:
        """The link of a city that has joined."""
        found = federation_link.read(self.settings)
        assert found is not None, f"{self.city} has not joined"
        return found

    @property
    def boxes(self) -> list[str]:
        """Its enrolled boxes."""
        return sorted(self.installation.boxes)

    def speaker(self, device: str) -> Box:
        """A box that says things: each call of `say` gives the next envelope of the same outbox."""
        if device not in self._speakers:
            made = self.installation.box(device)
            self._speakers[device] = Box(made.identity, made.signer, made.certificate, made.key_file)
        return self._speakers[device]


@dataclass(frozen=True)
class Federation:
    """The region and its cities by their ids."""

    region: Centre
    cities: dict[str, Centre]

    def __getitem__(self, city: str) -> Centre:
        """A city."""
        return self.cities[city]

    async def invite(self, city: str, *, valid: timedelta = timedelta(hours=1)) -> Invited:
        """An invitation of the region."""
        region = self.region
        return await federation_desk.invite(region.pool, region.settings, city, valid=valid, actor=ANA, now=now())

    async def join(self, city: str, token: Token | None = None) -> Link:
        """The city joins, with an invitation of now unless a token is given; nothing goes over a network."""
        centre, whose = self.cities[city], token or (await self.invite(city)).token
        return await membership.join(centre.pool, centre.settings, whose, actor=ANA, now=now(), ask=self.answer)

    async def answer(self, _token: Token, raw: bytes) -> bytes:
        """What the region answers a request, as a city hears it."""
        found = await joining_desk.answer(self.region.pool, self.region.settings, raw, now=now())
        if isinstance(found, Refusal):
            raise BadInput(f"{found.value}: {TEXTS[found]}")
        return found

    async def tell_roster(self, city: str) -> TakenRoster:
        """The city signs its roster and the region takes it."""
        centre = self.cities[city]
        async with centre.pool.acquire() as connection, connection.transaction():
            raw = await roster.current(connection, centre.settings, now=now())
        async with self.region.pool.acquire() as connection, connection.transaction():
            taken = await roster.take(connection, city, raw, now=now())
        assert not isinstance(taken, WireRefusal), taken
        return taken


async def let_in(link: Link) -> None:
    """Wait until a region that runs lets a link in: its port hears a moment later of who has joined."""
    async with asyncio.timeout(_PATIENCE_S), door_of(link) as door:
        while True:
            with suppress(RegionAway):
                await door.trust()
                return
            await asyncio.sleep(0.02)


async def turned_away(link: Link) -> None:
    """Wait until a region that runs turns a link away: its port hears a moment later of who has left."""
    async with asyncio.timeout(_PATIENCE_S), door_of(link) as door:
        while True:
            try:
                await door.trust()
            except RegionAway as exc:
                if "403" in str(exc):
                    return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def federated(
    postgres: EmbeddedPostgres,
    folder: Path,
    *cities: str,
    brokers: bool = False,
    is_joined: bool = True,
    devices: int = 1,
) -> AsyncIterator[Federation]:
    """A region and cities, joined and known to the region unless `is_joined` is false."""
    async with AsyncExitStack() as stack:
        region = await stack.enter_async_context(_centre(postgres, folder, REGION, role="region", brokers=brokers))
        made = {}
        for city in cities:
            centre = _centre(postgres, folder, city, brokers=brokers, devices=devices)
            made[city] = await stack.enter_async_context(centre)
        state = Federation(region, made)
        for city in cities if is_joined else ():
            await state.join(city)
            await state.tell_roster(city)
        yield state


@asynccontextmanager
async def _centre(
    postgres: EmbeddedPostgres,
    folder: Path,
    city: str,
    *,
    role: Literal["city", "region"] = "city",
    brokers: bool = False,
    devices: int = 0,
) -> AsyncIterator[Centre]:
    async with AsyncExitStack() as stack:
        access = await stack.enter_async_context(_cloned(postgres))
        installation = await make_installation(
            folder / city,
            city=city,
            role=role,
            point=f"{city}-p1",
            devices=[f"{city}-{number}" for number in range(1, devices + 1)],
            dsn=access.dsn,
        )
        settings = _for_tests(installation.settings, folder / city)
        broker = stack.enter_context(Broker(settings)) if brokers else None
        pool = await stack.enter_async_context(pooled(access, _POOL))
        yield Centre(installation, settings, access, pool, broker)


def _for_tests(settings: Settings, folder: Path) -> Settings:
    """One ingest worker, in the test's own process; every second word to the region."""
    replace = msgspec.structs.replace
    return replace(
        settings,
        ingest=replace(settings.ingest, workers=1),
        federation=replace(settings.federation, contact_every_s=1),
        alerts=replace(settings.alerts, webhooks_dir=folder / "webhooks"),
    )


@asynccontextmanager
async def _cloned(postgres: EmbeddedPostgres) -> AsyncIterator[Access]:
    """A migrated database of a centre's own."""
    name = f"test_{secrets.token_hex(6)}"
    await _administer(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield Access(postgres.dsn(name))
    finally:
        await _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server: EmbeddedPostgres, sql: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(sql)
    await connection.close()
