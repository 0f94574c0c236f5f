"""`POST /enrolments`: a new box's request, answered with all that it needs (see `protocol.enrolment`).

200 carries the parcel (CBOR). 202 says that a person has to approve the key first, which one, and when to ask again. A
refusal has the open port's form. An invitation may be tried no oftener than an address may.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiohttp import web

from aggregator.adapters import enrolment_desk
from aggregator.adapters.database import Pool
from aggregator.adapters.enrolment_desk import Waiting
from aggregator.core import invitation
from aggregator.core.attempts import Attempts
from aggregator.core.invitation import TEXTS, Refusal
from aggregator.http.open_port import Refused, Tally, body_of, check_attempts
from aggregator.settings import Settings
from protocol.enrolment import REQUEST_PATH
from protocol.steps import Step

GRANTED: Final = "enrolment"
ASK_AGAIN_S: Final = 5
_STATUS: Final = {
    Refusal.BAD_REQUEST: 400,
    Refusal.UNKNOWN: 404,
    Refusal.EXPIRED: 410,
    Refusal.CANCELLED: 410,
    Refusal.USED: 409,
    Refusal.REVOKED: 403,
}


def enrolment_routes(pool: Pool, settings: Settings, tally: Tally, step: Step) -> Sequence[web.RouteDef]:
    """The route, for the application of the open port."""
    attempts = Attempts(settings.enrolment.attempts_per_minute)

    async def enrolments(request: web.Request) -> web.Response:
        raw = await body_of(request)
        envelope = invitation.read(raw)
        if not isinstance(envelope, Refusal):
            check_attempts(attempts, envelope.key_id.hex())
        found = await enrolment_desk.answer(pool, settings, raw, now=datetime.now(UTC), step=step)
        match found:
            case Refusal():
                raise Refused(_STATUS[found], found.value, TEXTS[found])
            case Waiting():
                return _wait(found)
            case bytes():
                tally.granted[GRANTED] += 1
                return web.Response(body=found, content_type="application/cbor")

    return [web.post(REQUEST_PATH, enrolments)]


def _wait(waiting: Waiting) -> web.Response:
    body = {"device": waiting.device, "key": waiting.fingerprint}
    headers = {"Retry-After": str(ASK_AGAIN_S)}
    return web.Response(status=202, headers=headers, body=msgspec.json.encode(body), content_type="application/json")
