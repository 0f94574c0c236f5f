"""Who asks: the token of a request, looked up anew each time, and how often it may ask.

A token's rate is its own, whatever address it comes from; requests that bring no good token are counted by address.
What a token does not open is told apart from what there is not only by its scope, never by its cities: rows of another
city do not exist for it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from aggregator.adapters.api_tokens import TokenDesk
from aggregator.core.api_tokens import Scope, Standing, Token, bearer_of
from aggregator.core.attempts import Attempts, name_of_address
from aggregator.http.api.problems import Problem

REASON_HEADER: Final = "Atalaya-Reason"
_CHALLENGE: Final = 'Bearer realm="atalaya"'
_TEXTS: Final = {Standing.EXPIRED: "this token has expired", Standing.REVOKED: "this token was revoked"}


@dataclass(frozen=True, slots=True)
class Door:
    """The door. `rate` counts requests by token, `failures` those without a good one by address."""

    tokens: TokenDesk
    rate: Attempts
    failures: Attempts
    clock_s: Callable[[], float] = time.monotonic

    async def admitted(self, request: web.Request, scope: Scope | None) -> Token:
        """Who asks, if he may; raises `Problem`."""
        text = bearer_of(request.headers.get("Authorization", ""))
        if text is None:
            raise self._refused(request, Problem("no-token", "no bearer token came", headers=_challenge("")))
        token, now = await self.tokens.of_text(text, now=datetime.now(UTC)), datetime.now(UTC)
        standing = None if token is None else token.standing(now)
        if token is None or standing is not Standing.GOOD:
            detail = "nobody made this token here" if standing is None else _TEXTS[standing]
            problem = Problem("bad-token", detail, headers=_challenge(', error="invalid_token"'))
            raise self._refused(request, problem)
        self._count(self.rate, token.name, f"{token.name} asks more than {self.rate.per_minute} times a minute")
        if scope is not None and scope not in token.scopes:
            insufficient = f', error="insufficient_scope", scope="{scope}"'
            raise Problem("wrong-scope", f"this takes the scope {scope}", headers=_challenge(insufficient))
        return token

    def _refused(self, request: web.Request, problem: Problem) -> Problem:
        self._count(self.failures, name_of_address(request.remote or ""), "too many requests without a good token")
        return problem

    def _count(self, attempts: Attempts, name: str, detail: str) -> None:
        wait_s = attempts.wait_s(name, self.clock_s())
        if wait_s:
            raise Problem("too-many-requests", detail, retry_after_s=wait_s)


def _challenge(more: str) -> dict[str, str]:
    return {"WWW-Authenticate": _CHALLENGE + more}


def reason_of(request: web.Request) -> str | None:
    """Why somebody looks, as the header says it (UTF-8)."""
    said = request.headers.get(REASON_HEADER)
    return None if said is None else said.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
