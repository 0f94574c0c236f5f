"""`GET /artefacts/{sha256}` over real TLS: who is let in, and what a range, a hash and a cache get."""

import asyncio
import contextlib
import hashlib
import io
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from aggregator.adapters.database import Access, Pool
from aggregator.adapters.mosquitto import tls_context
from aggregator.adapters.registered import Registered
from aggregator.http.artefacts import PART_BYTES, artefacts_app, server_context
from aggregator.http.line_probe import MAX_BYTES
from aggregator.settings import Settings
from tests.simulators.city import City
from tests.simulators.enrolment import Box

ARTEFACT = hashlib.shake_256(b"an artefact").digest(3 * PART_BYTES + 17)
NAME = hashlib.sha256(ARTEFACT).hexdigest()


@dataclass
class Site:
    """The served artefacts, and a session under the box's certificate."""

    url: str
    session: aiohttp.ClientSession
    registered: Registered

    async def get(self, **headers: str) -> tuple[int, bytes, Mapping[str, str]]:
        """The artefact: status, body, headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(f"{self.url}/artefacts/{NAME}", headers=named) as response:
            return response.status, await response.read(), response.headers


def session_of(context: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, force_close=True))


@pytest.fixture
async def site(registry: Pool, database: Access, installation: Settings, box: Box) -> AsyncIterator[Site]:
    registered = Registered(registry, database)
    await registered.load()

    def is_admitted(key_id: bytes) -> bool:
        key = registered.key(key_id)
        return key is not None and not key.is_revoked

    await registry.execute(
        "INSERT INTO hotlist_artefact VALUES ($1, $2, $3, now())", bytes.fromhex(NAME), ARTEFACT, len(ARTEFACT)
    )
    runner = web.AppRunner(artefacts_app(registry, is_admitted), access_log=None)
    await runner.setup()
    port = installation.http.port
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=server_context(installation)).start()
    async with session_of(tls_context(installation.broker.ca, box.certificate, box.key)) as session:
        yield Site(f"https://127.0.0.1:{port}", session, registered)
    await runner.cleanup()


async def test_the_whole_comes_with_its_name_and_may_be_kept(site: Site) -> None:
    status, body, headers = await site.get()
    assert (status, body) == (200, ARTEFACT)
    assert headers["ETag"] == f'"{NAME}"'
    assert headers["Accept-Ranges"] == "bytes"
    assert "immutable" in headers["Cache-Control"]


@pytest.mark.parametrize("start", [0, 1, PART_BYTES - 1, PART_BYTES, len(ARTEFACT) - 1])
async def test_a_range_gives_the_rest_from_there(site: Site, start: int) -> None:
    status, body, headers = await site.get(Range=f"bytes={start}-")
    assert (status, body) == (206, ARTEFACT[start:])
    assert headers["Content-Range"] == f"bytes {start}-{len(ARTEFACT) - 1}/{len(ARTEFACT)}"


async def test_a_range_with_an_end_gives_what_lies_between(site: Site) -> None:
    status, body, _ = await site.get(Range="bytes=10-19")
    assert (status, body) == (206, ARTEFACT[10:20])


async def test_a_range_past_the_end_is_told_the_size(site: Site) -> None:
    status, body, headers = await site.get(Range=f"bytes={len(ARTEFACT)}-")
    assert (status, body, headers["Content-Range"]) == (416, b"", f"bytes */{len(ARTEFACT)}")


async def test_a_range_of_something_else_gets_the_whole(site: Site) -> None:
    status, body, _ = await site.get(Range="bytes=10-19", If_Range='"another"')
    assert (status, body) == (200, ARTEFACT)
    status, body, _ = await site.get(Range="bytes=10-19", If_Range=f'"{NAME}"')
    assert (status, body) == (206, ARTEFACT[10:20])


async def test_what_the_asker_has_already_is_not_sent(site: Site) -> None:
    status, body, _ = await site.get(If_None_Match=f'"{NAME}"')
    assert (status, body) == (304, b"")


async def test_head_tells_the_size_and_sends_nothing(site: Site) -> None:
    async with site.session.head(f"{site.url}/artefacts/{NAME}") as response:
        assert (response.status, response.content_length) == (200, len(ARTEFACT))
        assert await response.read() == b""


@pytest.mark.parametrize("path", ["/artefacts/" + "0" * 64, "/artefacts/abc", "/artefacts/" + NAME.upper(), "/"])
async def test_what_is_not_there_is_404(site: Site, path: str) -> None:
    async with site.session.get(site.url + path) as response:
        assert response.status == 404


async def test_nothing_is_sent_without_a_certificate(site: Site, installation: Settings) -> None:
    context = ssl.create_default_context(cafile=str(installation.broker.ca))
    async with session_of(context) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{site.url}/artefacts/{NAME}")


async def test_nothing_is_sent_to_a_certificate_of_another_ca(
    site: Site, installation: Settings, tmp_path: Path
) -> None:
    stranger = City(tmp_path / "stranger")
    stranger.enrol(tmp_path / "box", "box-1")
    context = tls_context(installation.broker.ca, tmp_path / "box/device.crt.pem", tmp_path / "box/device.key.pem")
    async with session_of(context) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{site.url}/artefacts/{NAME}")


async def test_nothing_is_sent_to_our_own_certificates_that_are_no_boxes(site: Site, installation: Settings) -> None:
    worker = installation.broker
    async with session_of(tls_context(worker.ca, worker.certificate, worker.key)) as session:
        response = await session.get(f"{site.url}/artefacts/{NAME}")
        assert response.status == 403


async def test_a_revoked_box_is_turned_away_at_once(site: Site, registry: Pool) -> None:
    following = asyncio.create_task(site.registered.follow(), name="registered")
    await registry.execute("UPDATE device_key SET revoked_at = now(), revoked_reason = 'stolen'")
    async with asyncio.timeout(20):  # long before the registry is read again anyhow, every 30 s
        while (await site.get())[0] != 403:
            await asyncio.sleep(0.01)
    following.cancel()
    await asyncio.wait([following])


async def test_a_probe_is_told_how_much_of_it_came_and_when(site: Site) -> None:
    async with site.session.post(f"{site.url}/probe", data=bytes(200_000)) as response:
        told = await response.json()
    assert response.status == 200
    assert told["bytes"] == 200_000
    assert abs(told["now_ms"] - time.time() * 1000) < 60_000


async def test_a_probe_is_bounded(site: Site) -> None:
    with contextlib.suppress(aiohttp.ClientConnectionError):  # it may be cut off before it has sent everything
        async with site.session.post(f"{site.url}/probe", data=io.BytesIO(bytes(MAX_BYTES + 1))) as response:
            assert response.status == 413


async def test_a_revoked_box_may_not_probe(site: Site, registry: Pool) -> None:
    await registry.execute("UPDATE device_key SET revoked_at = now(), revoked_reason = 'stolen'")
    await site.registered.load()
    async with site.session.post(f"{site.url}/probe", data=b"x") as response:
        assert response.status == 403
