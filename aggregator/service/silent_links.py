"""Linked cities that their region does not hear any more: looked for every half minute, told in health."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from aggregator.adapters import federated_store
from aggregator.adapters.database import Pool
from aggregator.adapters.federated_store import FederatedCity
from aggregator.adapters.hotlist_store import transaction
from aggregator.core.federation_status import LinkState, state_of
from aggregator.errors import DatabaseUnwell

LOOK_EVERY_S: Final = 30.0
_MINUTE: Final = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class SilentLinks:
    """Keeps knowing which cities are silent until cancelled."""

    def __init__(self, pool: Pool) -> None:
        """Nothing is known until the first look."""
        self._pool = pool
        self.warnings: tuple[str, ...] = ()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self.look(now=datetime.now(UTC))
            except DatabaseUnwell as exc:
                log.warning("links_not_looked_at", problem=str(exc))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, *, now: datetime) -> None:
        """See who was not heard for a while."""
        async with transaction(self._pool) as connection:
            cities = await federated_store.cities(connection)
        linked = [each for each in cities if each.is_linked]
        silent = [each for each in linked if state_of(each.heard_at, now=now) is LinkState.SILENT]
        self.warnings = tuple(_told(each, now) for each in silent)


def _told(city: FederatedCity, now: datetime) -> str:
    minutes = (now - city.heard_at) // _MINUTE
    return f"{city.city} has not been heard for {minutes} min; see: aggregator federation status"
