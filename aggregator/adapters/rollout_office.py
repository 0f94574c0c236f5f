"""Who makes rollouts: a city for its own boxes, or a region for those of the cities that are linked to it.

                        a city                                a region
    which boxes         its own                               of one linked city, as its roster has them
    what each runs      the profile of the last document      the profile that the city's roster names;
                        that it kept                          a box of no known profile gets none by itself
    believed because    our root grants our key SETTINGS      the city's root grants it, by the bundle that we hold
    the way there       retained on the box's own topic       into the city's log, in the transaction that signs it
    names               r-3                                   coahuila-r-3, which no city calls one of its own

A box's numbers rise over both: a region numbers above what the city's roster says, and what the box spoke of. It does
not see what the city signed a moment ago. Then the city refuses the region's document as a step back; the region learns
of it by the next roster, or when the box speaks of the city's own, and says `superseded`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import asyncpg

from aggregator.adapters import city_trust, federation_log
from aggregator.adapters.database import Connection
from aggregator.adapters.settings_store import settings_signer
from aggregator.adapters.statements import statements
from aggregator.errors import BadInput, BadKey, NotThere
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.federation import ItemKind
from protocol.trust import Role

AT_ONCE: Final = 50
"""Documents that a region signs in one transaction: the turn of all logs is held for so many."""
_MOST_OF_NAME: Final = 16
"""A name with `undo-` before it and a number behind is an id still."""


class Office(Protocol):
    """What a desk of rollouts asks of either."""

    @property
    def prefix(self) -> str:
        """What its rollouts' names begin with."""

    @property
    def own(self) -> str | None:
        """The one city that it works for; none: whichever is asked for."""

    @property
    def most_at_once(self) -> int | None:
        """How many documents it signs in one transaction."""

    @property
    def has_every_document(self) -> bool:
        """Whether nobody else signs for its boxes: then no document before is none, and no profile is none."""

    def city(self, asked: str | None) -> str:
        """Whose boxes are meant; raises `BadInput`."""

    async def check(self, connection: Connection, city: str, *, now: datetime) -> None:
        """Raise `BadKey` or `NotThere`, with what to do about it, unless boxes of a city would get and believe it."""

    async def candidates(self, connection: Connection, city: str) -> list[asyncpg.Record]:
        """The boxes of a city that may be told what to run, with the profile that each runs."""

    async def tell(self, connection: Connection, city: str, documents: Sequence[bytes], *, now: datetime) -> None:
        """Send what was signed on its way, late in the caller's transaction."""

    async def remind(self, connection: Connection, *, now: datetime) -> None:
        """Send again what was lost on its way, late in the caller's transaction."""


@dataclass(frozen=True, slots=True)
class CityOffice:
    """A city's: the publisher hands its documents to the broker."""

    own: str
    prefix: str = "r-"
    most_at_once: int | None = None
    has_every_document: bool = True

    def city(self, asked: str | None) -> str:
        """Its own, and no other."""
        if asked not in (None, self.own):
            raise BadInput(f"this is {self.own}: what boxes of another city run is said there, or by the region")
        return self.own

    async def check(self, connection: Connection, city: str, *, now: datetime) -> None:
        """Its own root's grant is looked at by whoever reads the key (`settings_signer`)."""

    async def candidates(self, connection: Connection, city: str) -> list[asyncpg.Record]:
        """Boxes with the profiles of the documents that they kept last, else those they were registered with."""
        return await connection.fetch(_sql("candidates"), city)

    async def tell(self, connection: Connection, city: str, documents: Sequence[bytes], *, now: datetime) -> None:
        """The publisher looks for itself."""

    async def remind(self, connection: Connection, *, now: datetime) -> None:
        """Nothing is: the publisher tells everything again when the broker may have lost it."""


@dataclass(frozen=True, slots=True)
class RegionOffice:
    """A region's: its documents go down the logs of its cities."""

    settings: Settings
    own: None = None
    most_at_once: int | None = AT_ONCE
    has_every_document: bool = False

    @property
    def prefix(self) -> str:
        """The region's own name goes before: results of both kinds of rollouts come from the same boxes."""
        return f"{self.settings.city[:_MOST_OF_NAME]}-r-"

    def city(self, asked: str | None) -> str:
        """One has to be named."""
        if asked is None:
            raise BadInput("this is a region: say which city's boxes are meant: --of CITY")
        return asked

    async def check(self, connection: Connection, city: str, *, now: datetime) -> None:
        """The city is linked, and stays so until the transaction ends, and its root lets our key say what boxes run."""
        if await connection.fetchval(_sql("hold_link"), city) is None:
            raise NotThere(f"{city} is not linked to this region; aggregator federation status names those that are")
        signer = await asyncio.to_thread(settings_signer, self.settings, now=now)
        trust = await city_trust.of(connection, city)
        if trust.find(Role.SETTINGS, signer.public_key.key_id, city=city, at_ms=to_ms(now)) is None:
            raise BadKey(
                f"no box of {city} would believe this region's settings: the root of {city} does not grant this server"
                f" `settings`. Who holds that root grants it in {city} with: aggregator rollout entrust"
            )

    async def candidates(self, connection: Connection, city: str) -> list[asyncpg.Record]:
        """Boxes with the profiles that the city's roster names."""
        return await connection.fetch(_sql("candidates_of_city"), city)

    async def tell(self, connection: Connection, city: str, documents: Sequence[bytes], *, now: datetime) -> None:
        """Append them to the city's log."""
        for raw in documents:
            await federation_log.append(connection, city, ItemKind.SETTINGS, self.settings.city, raw, now=now)

    async def remind(self, connection: Connection, *, now: datetime) -> None:
        """A city that joined again has a new log, without what it had not taken of the old one."""
        for row in await connection.fetch(_sql("untold")):
            await self.tell(connection, row["city_id"], (row["envelope"],), now=now)


def office_of(settings: Settings) -> Office:
    """That of this installation's role."""
    return RegionOffice(settings) if settings.role == "region" else CityOffice(settings.city)


def _sql(name: str) -> str:
    return statements("rollout")[name]
