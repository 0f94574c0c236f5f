"""The HTTP API as a part of the service: connections of its own, its port's TLS, and who rings for its live streams.

Questions never wait behind the ingest for a connection, nor the ingest behind them: the API's pool is its own, with a
connection for each question that may be answered at once, and some for tokens and streams.
"""

import asyncio
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import structlog

from aggregator.adapters.alert_feed import AlertFeed
from aggregator.adapters.api_tokens import TokenDesk
from aggregator.adapters.asker import Asker
from aggregator.adapters.database import Access, Pool, pooled
from aggregator.adapters.hearing import hearing
from aggregator.adapters.picture_desk import PictureDesk
from aggregator.adapters.picture_store import PictureStore
from aggregator.core.attempts import Attempts
from aggregator.errors import BadSettings, DatabaseUnwell
from aggregator.http.api.app import api_app
from aggregator.http.api.door import Door
from aggregator.http.api.limits import Streams, Turns
from aggregator.http.api.live import Bell, Live
from aggregator.http.api.problems import ApiTally
from aggregator.http.api.resources import Resources, routes_of
from aggregator.http.api.site import ProblemSite
from aggregator.http.open_port import own_context
from aggregator.service.ports import serve
from aggregator.settings import Api, Settings

_STREAM_TURNS: Final = 2
_OTHERS: Final = 2  # tokens, and the beginnings of streams
_LOOK_EVERY_S: Final = 30.0
_AGAIN_AFTER_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApiPort:
    """The open port: what it has answered, and who rings for its streams."""

    tally: ApiTally
    bell: Bell
    access: Access

    async def run(self) -> None:
        """Ring whenever something happens to an alert or a token is revoked."""
        while True:
            try:
                async with hearing(self.access, "alert_changed", "api_token_revoked") as heard:
                    while not heard.is_lost:
                        self.bell.ring()
                        await heard.wait(_LOOK_EVERY_S)
            except DatabaseUnwell as exc:
                log.warning("api_listening_put_off", problem=str(exc))
            await asyncio.sleep(_AGAIN_AFTER_S)


async def open_api(stack: AsyncExitStack, settings: Settings, access: Access, files: PictureStore) -> ApiPort | None:
    """Serve the API, if the settings want it; raises `BadSettings`."""
    own = settings.api
    if not own.enabled:
        return None
    tls, tally, bell = tls_of(settings), ApiTally(), Bell()
    pool = await stack.enter_async_context(pooled(access, own.queries_at_once + _STREAM_TURNS + _OTHERS))
    app = api_app(routes_of(_resources(own, pool, files, bell)), tally)
    app.on_shutdown.append(lambda _: _close(bell))
    await serve(stack, app, own.host, own.port, tls, site=ProblemSite, ends_with_client=True)
    return ApiPort(tally, bell, access)


def _resources(own: Api, pool: Pool, files: PictureStore, bell: Bell) -> Resources:
    asker, tokens, feed = Asker(pool), TokenDesk(pool), AlertFeed(pool, Asker(pool))
    turns = Turns(_STREAM_TURNS, wait_s=_LOOK_EVERY_S)
    return Resources(
        door=Door(tokens, Attempts(own.requests_per_minute), Attempts(own.requests_per_minute)),
        asker=asker,
        turns=Turns(own.queries_at_once),
        pictures=PictureDesk(pool, asker, files),
        feed=feed,
        live=Live(feed, tokens, Streams(own.streams), turns, bell),
        limits=own,
    )


async def _close(bell: Bell) -> None:
    bell.close()


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """TLS as the settings say; raises `BadSettings` for plain HTTP that others could listen to."""
    own = settings.api
    if not own.is_plain:
        certificate, key = own.certificate or settings.http.certificate, own.key or settings.http.key
        return own_context(certificate, key, "api" if own.certificate is not None else "http")
    if not _is_loopback(own):
        raise BadSettings(f"api.is_plain would send tokens in the clear to {own.host}: set api.host to 127.0.0.1")
    return None


def _is_loopback(own: Api) -> bool:
    try:
        return ip_address(own.host).is_loopback
    except ValueError:
        return own.host == "localhost"
