"""Entries of a linked city that boxes of other cities look for: what is to be withdrawn before the city leaves.

Only the city's own officers withdraw them, and only over the link: once it is gone, they stay armed until they expire.
So one that is withdrawn counts as long as the region does not have the withdrawal.
"""

from datetime import datetime

from aggregator.adapters.database import Pool
from aggregator.adapters.federation_link import Link
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.queries import Found
from aggregator.adapters.statements import statements


async def shared_entries(pool: Pool, link: Link, *, now: datetime) -> Found:
    """Entries that the region has from us, without plates, by what expires first."""
    async with transaction(pool) as connection:
        return await connection.fetch(statements("federated")["shared_entries"], link.log_id, link.city, now)


async def armed_elsewhere(pool: Pool, city: str, *, now: datetime) -> int:
    """At the region: how many of a city's entries others look for."""
    async with transaction(pool) as connection:
        count: int = await connection.fetchval(statements("federated")["armed_elsewhere"], city, now)
    return count
