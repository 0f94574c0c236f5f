"""What happens to alerts, and notices of other cities, line by line: within one's cities, and without plates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from aggregator.adapters.alert_desk import AlertDesk, in_order
from aggregator.adapters.asker import Asker
from aggregator.adapters.audit_log import Deed, audit_all
from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.statements import statements
from aggregator.core.asking.catalogue import CATALOGUE

_TIMEOUT_S: Final = 10.0
_OF_HISTORY: Final = frozenset(
    ("number", "at", "act", "state", "actor", "outcome", "unit", "alert", "other", "kind", "city", "point")
)
_OF_ALERT: Final = frozenset(
    ("word", "exact", "possible", "withdrawn", "cameras", "reasons", "first_at", "last_at", "is_historical")
)
COLUMNS: Final = (
    *(column for column in CATALOGUE["alert-history"].columns if column.name in _OF_HISTORY),
    *(column for column in CATALOGUE["alerts"].columns if column.name in _OF_ALERT),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the history with its alert as it is now, or a notice as it is now, as one JSON object."""

    number: int
    json: str
    is_notice: bool = False


class AlertFeed:
    """The history of alerts from some line on. Raises `DatabaseUnwell`."""

    def __init__(self, pool: Pool, asker: Asker) -> None:
        """Nothing is held between calls."""
        self._pool, self._desk, self._asker = pool, AlertDesk(pool), asker
        self._sql, self._notices = statements("api")["lines"], statements("notices")["happened_in_cities"]

    async def begin(self, *, actor: str) -> int:
        """The number of the newest line; from here on somebody follows, and the audit knows."""
        return await self._desk.begin_watch(actor=actor)

    async def audit(self, deed: Deed, *, actor: str, reason: str) -> None:
        """Keep that somebody looked at alerts, before he is shown them."""
        async with transaction(self._pool) as connection:
            await audit_all(connection, [deed], actor=actor, reason=reason)

    async def after(self, number: int, cities: tuple[str, ...] | None, limit: int) -> Sequence[Line]:
        """The lines that follow one, the oldest first."""
        async with self._asker.asking(cities, timeout_s=_TIMEOUT_S) as connection:
            lines = await connection.fetch(self._sql, number, limit)
            notices = await connection.fetch(self._notices, number, limit)
        rows = [dict(row) for row in in_order(limit, lines, notices)]
        return [Line(row["number"], msgspec.json.encode(row).decode(), "notice" in row) for row in rows]
