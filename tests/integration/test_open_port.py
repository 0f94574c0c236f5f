"""The port for boxes without a certificate: TLS, bounds, the form of a refusal."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest
from aiohttp import web

from aggregator.adapters.keyfiles import read_file
from aggregator.errors import DatabaseUnwell
from aggregator.http import open_port, short_lines
from aggregator.http.open_port import MAX_BODY_BYTES, Refused, Tally, body_of, open_app, open_context
from aggregator.http.short_lines import ShortLineSite
from aggregator.settings import Settings


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await body_of(request))


async def refuse(_request: web.Request) -> web.Response:
    raise Refused(409, "used", "this invitation was used", retry_after_s=1.2)


async def break_down(_request: web.Request) -> web.Response:
    raise DatabaseUnwell("away")


@asynccontextmanager
async def asking(settings: Settings, tally: Tally) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a running port with three routes of the test's own."""
    routes = [web.post("/echo", echo), web.post("/refuse", refuse), web.post("/break", break_down)]
    runner = web.AppRunner(open_app(settings, routes, tally), access_log=None)
    await runner.setup()
    try:
        port = settings.http.enrol_port
        await ShortLineSite(runner, "127.0.0.1", port, ssl_context=open_context(settings)).start()
        trusting = ssl.create_default_context(cafile=str(settings.broker.ca))
        connector = aiohttp.TCPConnector(ssl=trusting)
        async with aiohttp.ClientSession(f"https://127.0.0.1:{port}", connector=connector) as session:
            yield session
    finally:
        await runner.cleanup()


async def test_the_port_shows_our_certificate_and_the_cas_that_signed_it(installation: Settings) -> None:
    async with asking(installation, Tally()) as session, session.get("/authority") as answer:
        assert answer.status == 200
        assert await answer.read() == read_file(installation.broker.ca)


async def test_a_refusal_has_one_form_and_is_counted_by_its_word(installation: Settings) -> None:
    tally = Tally()
    async with asking(installation, tally) as session:
        async with session.post("/refuse") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (409, "2")
            assert await answer.json() == {"error": "used", "text": "this invitation was used"}
        async with session.post("/break") as answer:
            assert (answer.status, (await answer.json())["error"]) == (503, "unavailable")
        async with session.get("/nowhere") as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "bad_request")
    assert dict(tally.refused) == {"used": 1, "unavailable": 1, "bad_request": 1}


async def test_a_body_past_its_bound_is_not_read(installation: Settings) -> None:
    async with asking(installation, Tally()) as session:
        async with session.post("/echo", data=bytes(MAX_BODY_BYTES)) as answer:
            assert len(await answer.read()) == MAX_BODY_BYTES
        async with session.post("/echo", data=bytes(MAX_BODY_BYTES + 1)) as answer:
            assert (answer.status, (await answer.json())["error"]) == (413, "bad_request")


async def test_a_sender_that_dawdles_is_let_go(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_port, "READ_TIMEOUT_S", 0.2)
    hold = asyncio.Event()

    async def dawdle() -> AsyncIterator[bytes]:
        yield b"a"
        await hold.wait()

    async with asking(installation, Tally()) as session, session.post("/echo", data=dawdle()) as answer:
        assert (answer.status, (await answer.json())["error"]) == (408, "too_slow")
        hold.set()


async def test_an_address_that_tries_too_often_is_told_when_to_come_back(installation: Settings) -> None:
    replace = msgspec.structs.replace
    settings = replace(installation, enrolment=replace(installation.enrolment, attempts_per_minute=2))
    async with asking(settings, Tally()) as session:
        for _ in range(2):
            async with session.get("/authority") as answer:
                assert answer.status == 200
        async with session.get("/authority") as answer:
            assert (answer.status, (await answer.json())["error"]) == (429, "too_many_attempts")
            assert 1 <= int(answer.headers["Retry-After"]) <= 30


async def test_a_connection_that_says_nothing_is_cut(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_lines, "LIFETIME_S", 0.2)
    async with asking(installation, Tally()):
        reader, writer = await connected(installation)
        writer.write(b"GET /auth")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.transport.abort()


async def test_one_connection_too_many_is_closed_and_makes_room_when_others_end(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_lines, "MOST_AT_ONCE", 2)
    async with asking(installation, Tally()) as session:
        held = [await connected(installation) for _ in range(2)]
        with pytest.raises(aiohttp.ClientError):
            await session.get("/authority")
        held[0][1].transport.abort()
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get("/authority") as answer:
                        assert answer.status == 200
                        break
        held[1][1].transport.abort()


async def connected(settings: Settings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare TLS connection."""
    tls = ssl.create_default_context(cafile=str(settings.broker.ca))
    return await asyncio.open_connection("127.0.0.1", settings.http.enrol_port, ssl=tls)
