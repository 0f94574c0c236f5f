"""`POST /renewals`: a certificate for another term by the registered key, over the real port and database."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509

from aggregator.adapters import founding, keyfiles, pki
from aggregator.adapters.database import Pool
from aggregator.adapters.registry_store import Registry
from aggregator.http.open_port import Tally, open_app, open_context
from aggregator.http.renewal import renewal_routes
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.keys import KeySigner, spki_of
from protocol.renewal import RenewalAnswer, decode_answer, sign_request
from tests.simulators.enrolment import Box


@pytest.fixture
async def desk(registry: Pool, installation: Settings) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the running port, with no certificate of its own."""
    tally = Tally()
    app = open_app(installation, renewal_routes(registry, installation, tally), tally)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        port = installation.http.enrol_port
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=open_context(installation)).start()
        trusting = ssl.create_default_context(cafile=str(installation.broker.ca))
        async with aiohttp.ClientSession(
            f"https://127.0.0.1:{port}", connector=aiohttp.TCPConnector(ssl=trusting)
        ) as session:
            yield session
    finally:
        await runner.cleanup()


async def granted(desk: aiohttp.ClientSession, request: bytes) -> RenewalAnswer:
    async with desk.post("/renewals", data=request) as answer:
        assert answer.status == 200, await answer.text()
        return decode_answer(await answer.read())


async def refused(desk: aiohttp.ClientSession, request: bytes) -> tuple[int, str]:
    async with desk.post("/renewals", data=request) as answer:
        return answer.status, (await answer.json())["error"]


def now_ms(minutes: int = 0) -> int:
    return to_ms(datetime.now(UTC) + timedelta(minutes=minutes))


async def test_the_new_certificate_is_for_the_same_key_and_ends_at_the_root(
    desk: aiohttp.ClientSession, box: Box, installation: Settings, registry: Pool
) -> None:
    answer = await granted(desk, sign_request("box-1", box.signer, time_ms=now_ms()))
    leaf, issuer = (x509.load_der_x509_certificate(der) for der in answer.chain)
    assert (answer.device, answer.city, answer.point) == ("box-1", "saltillo", "p-1")
    assert spki_of(leaf.public_key()) == box.signer.public_key.spki  # type: ignore[arg-type]  # it is Ed25519
    assert leaf.not_valid_after_utc > datetime.now(UTC) + timedelta(days=pki.DEVICE_DAYS - 1)
    leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(keyfiles.read_certificate(installation.keys.root_certificate))
    assert len(answer.authorities) == 2
    row = await registry.fetchrow("SELECT serial, not_after FROM device_key WHERE device_id = 'box-1'")
    assert row is not None
    assert (row["serial"], row["not_after"]) == (pki.serial_text(leaf), leaf.not_valid_after_utc)


async def test_a_request_heard_on_the_way_cannot_be_told_again(desk: aiohttp.ClientSession, box: Box) -> None:
    request = sign_request("box-1", box.signer, time_ms=now_ms())
    await granted(desk, request)
    assert await refused(desk, request) == (409, "replayed")
    await granted(desk, sign_request("box-1", box.signer, time_ms=now_ms()))


async def test_of_one_request_doubled_on_the_way_one_is_granted(
    desk: aiohttp.ClientSession, box: Box, registry: Pool
) -> None:
    request = sign_request("box-1", box.signer, time_ms=now_ms())

    async def post() -> int:
        async with desk.post("/renewals", data=request) as answer:
            return answer.status

    async with asyncio.TaskGroup() as group:
        posted = [group.create_task(post()) for _ in range(4)]
    assert sorted(each.result() for each in posted) == [200, 409, 409, 409]
    assert await registry.fetchval("SELECT count(*) FROM device_certificate") == 1


async def test_a_wrong_clock_is_told_the_time_and_spends_nothing(desk: aiohttp.ClientSession, box: Box) -> None:
    async with desk.post("/renewals", data=sign_request("box-1", box.signer, time_ms=1000)) as answer:
        assert (answer.status, (await answer.json())["error"]) == (409, "wrong_time")
        assert "GMT" in answer.headers["Date"]
    await granted(desk, sign_request("box-1", box.signer, time_ms=now_ms()))


async def test_a_key_that_was_revoked_or_never_registered_gets_nothing(
    desk: aiohttp.ClientSession, box: Box, registry: Pool
) -> None:
    stranger = sign_request("box-1", KeySigner.generate(), time_ms=now_ms())
    assert await refused(desk, stranger) == (403, "unknown_key")
    async with registry.acquire() as connection:
        await Registry(connection).revoke("box-1", "stolen", now=datetime.now(UTC))
    assert await refused(desk, sign_request("box-1", box.signer, time_ms=now_ms())) == (403, "revoked_key")
    assert await refused(desk, b"nonsense") == (400, "bad_form")


async def test_every_certificate_of_a_key_is_on_the_list_when_the_key_is_revoked(
    desk: aiohttp.ClientSession, box: Box, registry: Pool, installation: Settings
) -> None:
    serials = set()
    for minutes in (-1, 0):
        answer = await granted(desk, sign_request("box-1", box.signer, time_ms=now_ms(minutes)))
        serials.add(x509.load_der_x509_certificate(answer.chain[0]).serial_number)
    async with registry.acquire() as connection:
        held = Registry(connection)
        await held.revoke("box-1", "stolen", now=datetime.now(UTC))
        async with connection.transaction():
            revoked = [pki.Revoked(*one) for one in await held.revoked_serials()]
    crl = pki.read_crl(pki.make_crl(founding.read_issuing(installation), revoked, now=datetime.now(UTC)))
    assert {each.serial_number for each in crl} == serials
