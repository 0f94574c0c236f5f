"""Certificates of acceptance in the store: listed, found by the hash on the paper, and what has drifted since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.errors import BadInput, NotThere

QR_PREFIX: Final = "atalaya:acceptance:"
LEAST_DIGITS: Final = 6
HASH_DIGITS: Final = 64

Row = Mapping[str, Any]  # `Any`: a database value


@dataclass(frozen=True, slots=True)
class Certificate:
    """One acceptance with its checks, and what is worse now than it was then."""

    head: Row
    checks: Sequence[Row]
    drift: Sequence[Row]


async def listing(
    connection: Connection, *, city: str | None, point: str | None, device: str | None, with_drift: bool, limit: int
) -> Sequence[Row]:
    """The newest first."""
    rows = await connection.fetch(statements("acceptance")["listing"], city, point, device, with_drift, limit)
    return [dict(row) for row in rows]


async def certificate(connection: Connection, named: str) -> Certificate:
    """The acceptance that a hash, its first digits, or a certificate's QR code names."""
    sql = statements("acceptance")
    rows = await connection.fetch(sql["named"], digits_of(named))
    if not rows:
        raise NotThere(f"no acceptance {named}: not received (yet), or the paper is not of this region")
    if len(rows) > 1:
        raise BadInput(f"{named} names several acceptances; give more digits")
    head = dict(rows[0])
    checks = await connection.fetch(sql["checks"], head["envelope_hash"])
    drift = [] if head["is_drift"] else await connection.fetch(sql["drift"], head["device"], head["accepted_at"])
    return Certificate(head, [dict(row) for row in checks], [dict(row) for row in drift])


def digits_of(named: str) -> str:
    """The hexadecimal digits of a name, from paper, screen or QR code."""
    digits = named.strip().lower().removeprefix(QR_PREFIX).replace(" ", "")
    if not (LEAST_DIGITS <= len(digits) <= HASH_DIGITS) or set(digits) - set("0123456789abcdef"):
        raise BadInput(f"{named}: want the message's hash, or at least its first {LEAST_DIGITS} hexadecimal digits")
    return digits
