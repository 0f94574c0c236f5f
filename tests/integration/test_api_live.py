"""`GET /api/v1/live/alerts` over real HTTP: every line once, within the cities, resumed, and ended with its token."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from aggregator.adapters.alert_feed import AlertFeed
from aggregator.adapters.api_tokens import TokenDesk
from aggregator.adapters.asker import Asker
from aggregator.adapters.database import Access, Pool
from aggregator.http.api.app import api_app
from aggregator.http.api.limits import Streams, Turns
from aggregator.http.api.live import Bell, Live
from aggregator.http.api.problems import ApiTally
from aggregator.service.ports import serve
from aggregator.settings import Settings
from tests.simulators.api_place import Analyst, ApiPlace, serving, with_api
from tests.simulators.asked_city import seed
from tests.simulators.broker import free_port

TIMEOUT_S = 30
PATH = "/api/v1/live/alerts"
ADD = """
INSERT INTO alert_history (alert_id, at, act, state, actor) VALUES ($1, now(), $2, 'seen', 'os:ana') RETURNING number
"""


@pytest.fixture
async def place(founded: Settings, database: Access, pool: Pool) -> AsyncIterator[ApiPlace]:
    """The API over the story of two cities."""
    async with pool.acquire() as connection:
        await seed(connection)
    async with serving(with_api(founded, streams=2), database) as served:
        yield served


class Reader:
    """A stream, read event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def block(self) -> dict[str, str]:
        """The next event, its fields by their names; nothing at the end. Heartbeats are passed over."""
        while (found := await self._block()).keys() == {""}:
            continue
        return found

    async def _block(self) -> dict[str, str]:
        found: dict[str, str] = {}
        async with asyncio.timeout(TIMEOUT_S):
            while (line := (await self.answer.content.readline()).decode()) not in ("\n", ""):
                name, _, value = line.rstrip("\n").partition(":")
                found[name] = value.strip()
        return found

    async def line(self) -> dict[str, Any]:
        """The next line of the history; `Any`: JSON."""
        while "data" not in (block := await self.block()):
            assert block, "the stream is over"
        told: dict[str, Any] = msgspec.json.decode(block["data"])
        assert block["id"] == str(told["number"])
        return told


@asynccontextmanager
async def reading(analyst: Analyst, last: int | None = None, **query: str) -> AsyncIterator[Reader]:
    """A stream that has begun. There is a place for it once the server has heard that others hung up."""
    headers = analyst.headers | ({} if last is None else {"Last-Event-ID": str(last)})
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(TIMEOUT_S):
            while (answer := await analyst.session.get(PATH, headers=headers, params=query)).status == 503:
                answer.release()
                await asyncio.sleep(0.02)
        await stack.enter_async_context(answer)
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        reader = Reader(answer)
        assert "retry" in await reader.block()
        yield reader


async def happen(pool: Pool, alert: int, act: str = "ack") -> int:
    """Something happens to an alert; the number of the line."""
    return int(await pool.fetchval(ADD, alert, act))


async def test_what_happens_is_told_once_within_the_tokens_cities_and_without_plates(place: ApiPlace) -> None:
    near, far = await place.analyst("near"), await place.analyst("far", cities=("acuna",))
    async with reading(near) as one, reading(far) as other:
        there, here = await happen(place.pool, 4), await happen(place.pool, 1)
        last = await happen(place.pool, 1, "close")
        told = [await one.line(), await one.line()]
        assert [each["number"] for each in told] == [here, last]
        assert [(each["city"], each["alert"], each["kind"], each["cameras"]) for each in told] == [
            ("saltillo", 1, "hit", ["p-1/cam-1"])
        ] * 2
        assert (await other.line())["number"] == there
        assert "ABC123D" not in str(told)
    audited = await place.audited()
    assert [(who, what) for who, what, _, _ in audited] == [
        ("token:near", "alerts.watch"),
        ("token:far", "alerts.watch"),
    ]


async def test_who_comes_back_gets_what_he_missed_and_nothing_twice(place: ApiPlace) -> None:
    near = await place.analyst("near")
    async with reading(near) as reader:
        first = await happen(place.pool, 1)
        assert (await reader.line())["number"] == first
    missed = [await happen(place.pool, number) for number in (2, 4, 3)]
    for stream in (reading(near, last=first), reading(near, after=str(first))):
        async with stream as reader:
            assert [(await reader.line())["number"] for _ in range(2)] == [missed[0], missed[2]]
    async with reading(near, last=0) as reader:
        assert (await reader.line())["act"] == "raise"


async def test_a_stream_ends_when_its_token_is_revoked(place: ApiPlace) -> None:
    near = await place.analyst("near")
    async with reading(near) as reader:
        await TokenDesk(place.pool).revoke("near", actor="os:ana", reason="it leaked", now=datetime.now(UTC))
        await happen(place.pool, 1)
        end = await reader.block()
        assert (end["event"], "#bad-token" in end["data"], await reader.block()) == ("end", True, {})
    assert (await near.get("live/alerts")).problem == "bad-token"


async def test_a_stream_ends_when_its_token_does(place: ApiPlace) -> None:
    for seconds in (3, 15):  # a machine that stalls may take longer to begin one than the first holds
        brief = await place.analyst(f"brief-{seconds}", valid=timedelta(seconds=seconds))
        async with brief.session.get(PATH, headers=brief.headers) as answer:
            if answer.status == 401:
                continue
            assert (answer.status, answer.content_type) == (200, "text/event-stream")
            reader = Reader(answer)
            assert "retry" in await reader.block()
            end = await reader.block()
            assert (end["event"], "expired" in end["data"]) == ("end", True)
            return
    pytest.fail("no stream began before its token ended")


async def test_only_so_many_streams_are_open_and_one_that_is_left_makes_room(place: ApiPlace) -> None:
    near = await place.analyst("near")
    async with reading(near), reading(near):
        assert (await near.get("live/alerts")).problem == "busy"
    async with reading(near):
        pass


async def test_a_reader_who_takes_nothing_is_cut_off(place: ApiPlace) -> None:
    await place.analyst("near")
    streams, bell = Streams(4), Bell()
    token = await TokenDesk(place.pool).named("near")
    assert token is not None
    feed = AlertFeed(place.pool, Asker(place.pool))
    slow = Live(feed, TokenDesk(place.pool), streams, Turns(2), bell, send_s=0.5)
    port = free_port()

    async def follow(request: web.Request) -> web.StreamResponse:
        return await slow.follow(request, token)

    async with AsyncExitStack() as stack:
        app = api_app([web.get(PATH, follow)], ApiTally())
        await serve(stack, app, "127.0.0.1", port, ends_with_client=True)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 200 " in await reader.readline()
        await place.pool.execute(
            "INSERT INTO alert_history (alert_id, at, act, state, actor, unit)"
            " SELECT 1, now(), 'ack', 'seen', 'os:ana', repeat('a', 50000) FROM generate_series(1, 400)"
        )
        bell.ring()
        async with asyncio.timeout(TIMEOUT_S):
            while streams.open:
                await asyncio.sleep(0.02)
        writer.close()


TELL = """
INSERT INTO notice (number, to_city, hit, city_id, point_id, camera_id, why, reason, corridor, entries, captured_at,
                    told_at, until_at, taken_at, changed_at, envelope)
SELECT nextval(pg_get_serial_sequence('alert_history', 'number')), $1, sha256('a hit'::bytea), 'torreon', 'p-7',
       'cam-2', 'asked', 'stolen-vehicle', '', '{e-secret}', now(), now(), now() + interval '1 hour', now(), now(),
       'ABC123D'
RETURNING number
"""


async def test_notices_come_among_the_lines_to_whoever_may_see_the_city_that_was_told(place: ApiPlace) -> None:
    near, far = await place.analyst("near"), await place.analyst("far", cities=("acuna",))
    async with reading(near) as one, reading(far) as other:
        told = await place.pool.fetchval(TELL, "saltillo")
        last, there = await happen(place.pool, 1), await happen(place.pool, 4)
        block = await one.block()
        notice = msgspec.json.decode(block["data"])
        assert (block["event"], block["id"], notice["number"]) == ("notice", str(told), told)
        assert (notice["act"], notice["to"], notice["city"], notice["camera"]) == (
            "new",
            "saltillo",
            "torreon",
            "cam-2",
        )
        assert not any(word in block["data"] for word in ("ABC123D", "e-secret"))
        assert (await one.line())["number"] == last
        assert (await other.line())["number"] == there
    async with reading(near, last=told - 1) as again:
        assert (await again.block())["id"] == str(told)
