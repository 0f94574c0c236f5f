"""Tokens of the HTTP API: what one is, what it opens, and until when.

1. A token is `atalaya_` and 43 characters, 256 random bits. It is shown once. Only its SHA-256 is kept: with so many
   bits nobody guesses one, so a slow hash would protect nothing.
2. It has scopes, one at least. What is asked for names the scope it needs; the registry of cities, points and cameras
   needs none of them, only some token.
3. It is of some cities, or expressly of all. Rows of other cities do not exist for it.
4. It ends at its expiry, at most `LONGEST_DAYS` after it was made, and at once when it is revoked.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from aggregator.core.time_range import parse_span
from aggregator.errors import BadInput
from protocol.names import is_id

LONGEST_DAYS: Final = 366
SECRET_BYTES: Final = 32
_PREFIX: Final = "atalaya_"
_TOKEN = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


@unique
class Scope(StrEnum):
    """What a token may be asked for."""

    COUNTS = "counts"
    EVENTS = "events"
    ALERTS = "alerts"
    PLATES = "plates"
    PICTURES = "pictures"
    HEALTH = "health"


@unique
class Standing(StrEnum):
    """Whether a token opens anything."""

    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept. No `cities`: every city."""

    name: str
    scopes: frozenset[Scope]
    cities: tuple[str, ...] | None
    expires_at: datetime
    is_revoked: bool = False

    @property
    def actor(self) -> str:
        """Who it is, in the audit."""
        return f"token:{self.name}"

    def standing(self, now: datetime) -> Standing:
        """Whether it holds at a moment."""
        if self.is_revoked:
            return Standing.REVOKED
        return Standing.EXPIRED if now >= self.expires_at else Standing.GOOD


def token_text(secret: bytes) -> str:
    """The token of 32 random bytes, as it is handed out."""
    return _PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def digest_of(text: str) -> bytes | None:
    """What is kept of a token, and it is looked up by; none if the text is no token at all."""
    return hashlib.sha256(text.encode()).digest() if _TOKEN.fullmatch(text) else None


def bearer_of(header: str) -> str | None:
    """What an `Authorization: Bearer ...` carries (RFC 6750)."""
    scheme, _, rest = header.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" and rest.strip() else None


def checked_name(name: str) -> str:
    """A token's name; raises `BadInput`."""
    if not is_id(name):
        raise BadInput(f"{name!r}: a token's name is of a-z, 0-9 and hyphens, 32 at most")
    return name


def checked_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes of some words, one at least; raises `BadInput`."""
    wanted = list(names)
    unknown = [name for name in wanted if name not in list(Scope)]
    if unknown or not wanted:
        what = f"--scope {unknown[0]!r}" if unknown else "--scope is missing"
        raise BadInput(f"{what}: want one or more of {', '.join(Scope)}")
    return frozenset(map(Scope, wanted))


def checked_expiry(text: str, *, now: datetime) -> datetime:
    """When a token that holds for so long ends; raises `BadInput`."""
    valid = parse_span(text, "--expires")
    if valid > timedelta(days=LONGEST_DAYS):
        raise BadInput(f"--expires {text!r}: a token holds for {LONGEST_DAYS} days at most; make the next one then")
    return now + valid
