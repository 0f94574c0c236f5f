"""What a company may be told of its own cameras: what its terms show, and not a row more is read.

Each part is a statement of its own, run only if the terms in force show it. No part reads a plate, a picture or an
entry; there is no word in the terms that would (`protocol.terms.Shown`). Making a report is a look, and audited as one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeAlias

from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.partner_desk import Deed
from aggregator.adapters.statements import statements
from protocol.terms import Shown, Terms

Cell: TypeAlias = str | int | bool | datetime | date | None
Rows: TypeAlias = tuple[Mapping[str, Cell], ...]

# Part of a report: what terms must show, the statement, and how many of its parameters it takes.
PARTS: Final[dict[str, tuple[Shown, str, int]]] = {
    "counts": (Shown.COUNTS, "shown_counts", 4),
    "cameras": (Shown.HEALTH, "shown_health", 4),
    "boxes": (Shown.HEALTH, "shown_boxes", 3),
    "hits_by_day": (Shown.HIT_COUNTS, "shown_hit_counts", 5),
    "hits": (Shown.HIT_TIMES, "shown_hit_times", 4),
}


@dataclass(frozen=True, slots=True)
class PartnerReport:
    """A report: the parts that are shown, by name."""

    partner: str
    terms: int
    begins: datetime
    ends: datetime
    parts: Mapping[str, Rows]


async def partner_report(
    pool: Pool, city: str, terms: Terms, span: tuple[datetime, datetime], deed: Deed
) -> PartnerReport:
    """What the terms show of a stretch of time."""
    sql = statements("partner")
    begins, ends = span
    values = (terms.partner, city, begins, ends, terms.time_zone)
    parts: dict[str, Rows] = {}
    async with transaction(pool) as connection:
        for name, (shown, statement, count) in PARTS.items():
            if shown in terms.shown:
                rows = await connection.fetch(sql[statement], *values[:count])
                parts[name] = tuple(dict(row) for row in rows)
        subject = f"partner:{terms.partner} terms:{terms.number}"
        await audit(connection, actor=deed.actor, action="partner.report", subject=subject, reason=deed.reason)
    return PartnerReport(terms.partner, terms.number, begins, ends, parts)
