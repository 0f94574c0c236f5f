"""A city's two officers at their desk, in this process: what their commands do, without a start of the program each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from stack.city import LocalCity

from aggregator.adapters import keyfiles, officer_keys
from aggregator.adapters.database import Pool, opened
from aggregator.adapters.hotlist_desk import Desk
from aggregator.adapters.trust_file import read_trust
from aggregator.settings import load
from protocol.keys import Signer

REGION: Final = "*"
OWN_CITY: Final = ""


@dataclass(frozen=True, slots=True)
class Officers:
    """The desk, and the two keys that sign at it."""

    city: str
    pool: Pool
    desk: Desk
    first: Signer
    second: Signer

    async def propose(self, *plates: str, scope: str = REGION) -> str:
        """Import plates and put the first signature under them; the batch that waits for the second."""
        now = datetime.now(UTC)
        expires = (now + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = (
            f"{plate},stolen-vehicle,BENCH/{number}/2026,{expires},{scope}" for number, plate in enumerate(plates, 1)
        )
        text = "\n".join(("plate,reason,case_number,expires,scope", *lines, ""))
        imported = await self.desk.import_file(text.encode(), actor="bench", now=now)
        return (await self.desk.propose(self.first, imported.number, now=now)).batch_id

    async def approve(self, batch: str) -> None:
        """The second signature: from its commit on the entry is to be armed."""
        await self.desk.approve(self.second, batch, now=datetime.now(UTC))


@asynccontextmanager
async def officers_of(city: LocalCity) -> AsyncIterator[Officers]:
    """The officers of a city whose aggregator runs."""
    settings = load(city.config)
    first, second = (_signer(city, name) for name in city.officers)
    async with opened(settings.database, role=settings.role) as database:
        desk = Desk(database.pool, read_trust(settings.keys), settings.city)
        yield Officers(settings.city, database.pool, desk, first, second)


def _signer(city: LocalCity, name: str) -> Signer:
    key, passphrase = city.officer(name)[1::2]
    return officer_keys.file_signer(Path(key), keyfiles.read_passphrase(Path(passphrase)))
