"""How a city's knowledge of others stands, read from the database: for health, figures and commands alike."""

from aggregator.adapters import foreign_lists
from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.core.link_standing import LinkStanding
from protocol.clock import from_ms
from protocol.federation import Followed, ItemKind


async def followed(connection: Connection, log_id: bytes) -> Followed:
    """How far a log has been taken."""
    row = await connection.fetchrow(_sql("followed"), log_id)
    return Followed(log_id) if row is None else Followed(log_id, row["number"], row["hash"])


async def standing(connection: Connection, log_id: bytes) -> LinkStanding:
    """All of it."""
    row = await connection.fetchrow(_sql("followed"), log_id)
    refused = await connection.fetch(_sql("refused"), log_id)
    left_out = await foreign_lists.left_out(connection)
    rest = {} if row is None else {name: row[name] for name in ("number", "problem", "problems")}
    return LinkStanding(
        as_of=None if row is None or row["as_of_ms"] is None else from_ms(row["as_of_ms"]),
        batches=await foreign_lists.count_batches(connection),
        left_out={(each["city_id"], each["left_out"]): each["batches"] for each in left_out},
        refused={ItemKind(each["kind"]).slug: each["items"] for each in refused},
        **rest,
    )


def _sql(name: str) -> str:
    return statements("region_items")[name]
