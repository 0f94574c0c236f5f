"""`POST /joinings`: a city asks to join this region, and is given all that its link needs (see `protocol.joining`).

It is on the open port, since a city that joins has no certificate of ours yet. 200 carries the parcel (CBOR); a refusal
has the open port's form. An invitation may be tried no oftener than an address may. Only a region has the route.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from aggregator.adapters import joining_desk
from aggregator.adapters.database import Pool
from aggregator.core.attempts import Attempts
from aggregator.core.joining import TEXTS, Refusal
from aggregator.http.open_port import Refused, Tally, body_of, check_attempts
from aggregator.settings import Settings
from protocol.joining import JOIN_PATH, MAX_JOIN_BYTES, invitation_of
from protocol.refusals import Refusal as WireRefusal
from protocol.steps import Step

GRANTED: Final = "joining"
_STATUS: Final = {
    Refusal.BAD_REQUEST: 400,
    Refusal.UNKNOWN: 404,
    Refusal.OTHER_CITY: 403,
    Refusal.BAD_TRUST: 403,
    Refusal.ROLLED_BACK: 409,
    Refusal.USED: 409,
    Refusal.EXPIRED: 410,
    Refusal.CANCELLED: 410,
    Refusal.LEFT: 410,
}


def joining_routes(pool: Pool, settings: Settings, tally: Tally, step: Step) -> Sequence[web.RouteDef]:
    """The route of a region, for the application of the open port; none for a city."""
    attempts = Attempts(settings.enrolment.attempts_per_minute)

    async def joinings(request: web.Request) -> web.Response:
        raw = await body_of(request, MAX_JOIN_BYTES)
        name = invitation_of(raw)
        if not isinstance(name, WireRefusal):
            check_attempts(attempts, name.hex())
        found = await joining_desk.answer(pool, settings, raw, now=datetime.now(UTC), step=step)
        if isinstance(found, Refusal):
            raise Refused(_STATUS[found], found.value, TEXTS[found])
        tally.granted[GRANTED] += 1
        return web.Response(body=found, content_type="application/cbor")

    return [web.post(JOIN_PATH, joinings)] if settings.role == "region" else []
