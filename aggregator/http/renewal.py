"""`POST /renewals`: a box's certificate for another term, on the open port (see `protocol.renewal`).

The body is the sealed request, the answer CBOR. It asks for no certificate of the box's, since that is what may have
expired; the signature of the registered key is all that counts.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from aggregator.adapters import renewal_desk
from aggregator.adapters.database import Pool
from aggregator.core.renewal import TEXTS, Refusal
from aggregator.http.open_port import Refused, Tally, body_of
from aggregator.settings import Settings
from protocol.renewal import PATH
from protocol.wire import to_bytes

GRANTED: Final = "renewal"
_STATUS: Final = {
    Refusal.BAD_FORM: 400,
    Refusal.UNKNOWN_KEY: 403,
    Refusal.REVOKED_KEY: 403,
    Refusal.BAD_SIGNATURE: 403,
    Refusal.NOT_YOUR_KEY: 403,
    Refusal.WRONG_TIME: 409,
    Refusal.REPLAYED: 409,
    Refusal.TOO_OFTEN: 429,
}


def renewal_routes(pool: Pool, settings: Settings, tally: Tally) -> Sequence[web.RouteDef]:
    """The route, for the application of the open port."""

    async def renewals(request: web.Request) -> web.Response:
        answer = await renewal_desk.renew(pool, settings, await body_of(request), now=datetime.now(UTC))
        if isinstance(answer, Refusal):
            raise Refused(_STATUS[answer], answer.value, TEXTS[answer])
        tally.granted[GRANTED] += 1
        return web.Response(body=to_bytes(answer), content_type="application/cbor")

    return [web.post(PATH, renewals)]
