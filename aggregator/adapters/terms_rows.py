"""Signed terms as ingest holds them: out of the database's rows, each document read once."""

from collections.abc import Iterable
from functools import lru_cache

import asyncpg
import structlog

from aggregator.adapters.partner_desk import zone_of
from aggregator.core.partners import PointTerms, Signed
from aggregator.errors import BadInput
from protocol.errors import Refused
from protocol.terms import read_terms

log = structlog.get_logger(__name__)


def terms_by_point(rows: Iterable[asyncpg.Record]) -> dict[str, PointTerms]:
    """Every point of a company, with all that was signed for it, the oldest first; raw rows are in that order."""
    found: dict[str, tuple[Signed, ...]] = {}
    for row in rows:
        signed = _signed(bytes(row["envelope"])) if row["envelope"] is not None else None
        found[row["point_id"]] = (*found.get(row["point_id"], ()), *((signed,) if signed else ()))
    return {point: PointTerms(point, signed) for point, signed in found.items()}


@lru_cache(maxsize=4_096)
def _signed(envelope: bytes) -> Signed | None:
    """Terms with their zone; None, and told, for what cannot be read here: it then allows nothing."""
    try:
        terms = read_terms(envelope)
        return Signed(terms, zone_of(terms.time_zone))
    except (Refused, BadInput) as exc:
        log.error("terms_unreadable", problem=str(exc))  # noqa: TRY400  no frames in a log
        return None
