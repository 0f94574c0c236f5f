"""The resources of the API and their handlers: who may ask them, and what is audited.

Every resource of the catalogue is a path; its scope stands in `SCOPES`, and a resource without a line there is not
served, so that a new one is opened on purpose. Alerts are audited whenever rows of them are handed out, plates and
pictures before, with the reason that was given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from aggregator.adapters.alert_desk import NO_PLATES
from aggregator.adapters.alert_feed import AlertFeed
from aggregator.adapters.asker import Answer, Asker, Look
from aggregator.adapters.audit_log import Deed, checked_reason
from aggregator.adapters.picture_desk import PictureDesk
from aggregator.core.api_tokens import Scope, Token
from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.core.asking.compiling import described
from aggregator.core.asking.question import Question
from aggregator.http.api.answers import Page, answer
from aggregator.http.api.docs_page import docs_routes
from aggregator.http.api.door import Door, reason_of
from aggregator.http.api.limits import Turns
from aggregator.http.api.live import Live
from aggregator.http.api.openapi import SCOPES, document
from aggregator.http.api.problems import PREFIX, Problem
from aggregator.http.api.questions import Asked, asked_by, form_of
from aggregator.settings import Api

AUDITED: Final = frozenset({"alerts", "alert-history"})
_LONGEST_HISTORY: Final = 10_000
_EVER: Final = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Resources:
    """What the handlers stand on."""

    door: Door
    asker: Asker
    turns: Turns
    pictures: PictureDesk
    feed: AlertFeed
    live: Live
    limits: Api
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def answered(self, question: Question, token: Token, *, time_zone: str | None, look: Look | None) -> Answer:
        """One page of an answer, in its turn and within the token's cities."""
        async with self.turns.taken():
            return await self.asker.ask(
                question, token.cities, look=look, time_zone=time_zone, timeout_s=self.limits.query_timeout_s
            )


def routes_of(resources: Resources) -> list[web.RouteDef]:
    """Every route of the API."""
    told = document()
    own = [web.get(f"{PREFIX}/{name}", _resource(resources, name, scope)) for name, scope in SCOPES.items()]
    return [
        *own,
        web.get(f"{PREFIX}/alerts/{{alert:[1-9][0-9]{{0,15}}}}/history", _history(resources)),
        web.get(f"{PREFIX}/pictures/{{hash:[0-9a-f]{{64}}}}", _picture(resources)),
        web.get(f"{PREFIX}/live/alerts", _live(resources)),
        web.get(f"{PREFIX}/openapi.json", _openapi(told)),
        *docs_routes(told),
    ]


def _resource(resources: Resources, name: str, scope: Scope | None) -> Handler:
    form = form_of(CATALOGUE[name])

    async def ask(request: web.Request) -> web.StreamResponse:
        token = await resources.door.admitted(request, scope)
        asked = asked_by(request, form, now=resources.now(), most_rows=resources.limits.rows_per_page)
        look = _look(request, token) if form.resource.reason_needed else None
        found = await resources.answered(asked.question, token, time_zone=asked.time_zone, look=look)
        page = Page([dict(row) for row in found.rows], _next(request, asked, found.next))
        response = answer(request, page, is_kept=look is None)
        if name in AUDITED and response.status != 304:
            await _audit_alerts(resources, request, token, Deed("alerts.list", described(asked.question)))
        return response

    return ask


def _history(resources: Resources) -> Handler:
    async def history(request: web.Request) -> web.StreamResponse:
        token = await resources.door.admitted(request, Scope.ALERTS)
        _takes_none(request)
        number = request.match_info["alert"]
        question = Question(
            resource="alert-history", from_at=_EVER[0], to_at=_EVER[1], filters=(("alert", number),),
            order="ascending", limit=_LONGEST_HISTORY,
        )  # fmt: skip
        found = await resources.answered(question, token, time_zone=None, look=None)
        if not found.rows:
            raise Problem("not-found", f"there is no alert {number}, or none of your cities")
        response = answer(request, Page([dict(row) for row in found.rows], None))
        if response.status != 304:
            await _audit_alerts(resources, request, token, Deed("alert.show", f"alert:{number}"))
        return response

    return history


def _picture(resources: Resources) -> Handler:
    async def picture(request: web.Request) -> web.StreamResponse:
        token = await resources.door.admitted(request, Scope.PICTURES)
        _takes_none(request, but="reason")
        look, sha256 = _look(request, token), bytes.fromhex(request.match_info["hash"])
        async with resources.turns.taken():
            jpeg = await resources.pictures.show(sha256, token.cities, actor=look.actor, reason=look.reason)
        return web.Response(body=jpeg, content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    return picture


def _live(resources: Resources) -> Handler:
    async def live(request: web.Request) -> web.StreamResponse:
        token = await resources.door.admitted(request, Scope.ALERTS)
        _takes_none(request, but="after")
        return await resources.live.follow(request, token)

    return live


def _openapi(told: Mapping[str, object]) -> Handler:
    body = msgspec.json.encode(told)

    async def openapi(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-cache"})

    return openapi


def _look(request: web.Request, token: Token) -> Look:
    reason = request.query.get("reason") or reason_of(request)
    if reason is None:
        raise Problem("reason-needed", "this shows plates or pictures")
    return Look(token.actor, checked_reason(reason))


async def _audit_alerts(resources: Resources, request: web.Request, token: Token, deed: Deed) -> None:
    reason = reason_of(request)
    await resources.feed.audit(deed, actor=token.actor, reason=NO_PLATES if reason is None else checked_reason(reason))


def _next(request: web.Request, asked: Asked, cursor: str | None) -> str | None:
    """The next page: the same question with its times said in full, so that it does not move."""
    if cursor is None:
        return None
    question = asked.question
    query = {"after": cursor}
    if CATALOGUE[question.resource].time:
        query |= {"from": question.from_at.isoformat(), "to": question.to_at.isoformat()}
    return str(request.rel_url.update_query(query))


def _takes_none(request: web.Request, *, but: str = "") -> None:
    if any(name != but for name in request.query):
        raise Problem("bad-parameter", f"this path takes no parameter but {but}" if but else "this path takes none")
