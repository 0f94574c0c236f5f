"""What a technician is told when it does not work: each cause by its own words, and nothing half done."""

import asyncio
import contextlib
import errno
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.adapters import keyfiles, pki
from aggregator.adapters.founding import Passphrases, found, read_issuing
from aggregator.core.founding import Plan
from aggregator.settings import Settings
from edge_agent.adapters import enroll_files, enroll_line
from edge_agent.adapters.keystore import CERTIFICATE
from edge_agent.core.enrolment import PASSING, Problem
from edge_agent.errors import EnrolmentFailed
from edge_agent.service.enroll import enroll
from protocol.enrolment import Token
from protocol.keys import spki_of
from tests.simulators.broker import free_port
from tests.simulators.new_box import Heard, make_setting

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_token(settings: Settings, port: int, *, host: str = "127.0.0.1") -> Token:
    """A token of an installation that leads to a port of the test's."""
    return Token(
        version=1, host=host, port=port, server_name="localhost", device="box-1",
        expires_ms=4_000_000_000_000, root_sha256=sha256(settings.keys.root_spki.read_bytes()).digest(),
        secret=bytes(16),
    )  # fmt: skip


async def stopped_by(token: Token, folder: Path) -> EnrolmentFailed:
    """What stopped an enrolment; nothing of it is left but the key."""
    with pytest.raises(EnrolmentFailed) as caught:
        await enroll(token, make_setting(folder))
    assert not (folder / "identity" / CERTIFICATE).exists()
    return caught.value


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None, **answers: Handler) -> AsyncIterator[int]:
    """An HTTP server of the test's own; its port."""
    app = web.Application()
    for name, handler in answers.items():
        app.router.add_route("*", f"/{name}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        yield port
    finally:
        await runner.cleanup()


def server_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def own_tls(settings: Settings) -> ssl.SSLContext:
    """The installation's own server."""
    return server_tls(settings.http.certificate, settings.http.key)


def another_tls(folder: Path, issuing: pki.Authority, *, now: datetime) -> ssl.SSLContext:
    """A server certificate for localhost, of an authority and a time."""
    key = Ed25519PrivateKey.generate()
    spki, valid = spki_of(key.public_key()), timedelta(days=30)
    leaf = pki.issue(issuing, "localhost", spki, pki.Use.SERVER, now=now, valid=valid, hosts=["localhost"])
    keyfiles.write_private(folder / "key.pem", key)
    keyfiles.write_certificates(folder / "crt.pem", leaf, issuing.certificate)
    return server_tls(folder / "crt.pem", folder / "key.pem")


def shows(path: Path) -> Handler:
    async def authority(_request: web.Request) -> web.Response:
        return web.Response(body=path.read_bytes())

    return authority


def says(status: int, body: object, **headers: str) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=msgspec.json.encode(body), headers=headers)

    return answer


async def test_a_name_that_nobody_knows(founded: Settings, tmp_path: Path) -> None:
    found = await stopped_by(make_token(founded, 1, host="no-such-host.invalid"), tmp_path)
    assert (found.problem, found.values["host"]) == ("no-name", "no-such-host.invalid")


async def test_a_port_where_nobody_listens(founded: Settings, tmp_path: Path) -> None:
    assert (await stopped_by(make_token(founded, free_port()), tmp_path)).problem == "refused-port"


async def test_no_way_there(founded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enroll_line, "_CONNECT_S", 1.0)
    found = await stopped_by(make_token(founded, 1, host="255.255.255.255"), tmp_path)
    assert found.problem in ("no-network", "no-answer")


@asynccontextmanager
async def silent_port(*, hang_up: bool) -> AsyncIterator[int]:
    """Somebody who takes a connection and says nothing, or leaves."""
    held = list[asyncio.StreamWriter]()

    async def on_client(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        if hang_up:
            writer.transport.abort()

    server = await asyncio.start_server(on_client, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for writer in held:
            writer.transport.abort()
        server.close()


async def test_a_port_that_never_answers(founded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enroll_line, "_CONNECT_S", 0.3)
    async with silent_port(hang_up=False) as port:
        assert (await stopped_by(make_token(founded, port), tmp_path)).problem == "no-answer"


async def test_a_line_that_is_cut(founded: Settings, tmp_path: Path) -> None:
    async with silent_port(hang_up=True) as port:
        assert (await stopped_by(make_token(founded, port), tmp_path)).problem == "cut"


async def test_something_that_speaks_no_tls(founded: Settings, tmp_path: Path) -> None:
    async with serving(None) as port:
        assert (await stopped_by(make_token(founded, port), tmp_path)).problem == "not-ours"


async def test_a_captive_portal(founded: Settings, tmp_path: Path) -> None:
    async with serving(own_tls(founded), authority=says(200, "<html>Log in</html>")) as port:
        assert (await stopped_by(make_token(founded, port), tmp_path)).problem == "not-ours"


async def test_a_token_of_another_command_centre(founded: Settings, tmp_path: Path) -> None:
    secrets = Passphrases(root=b"a root passphrase", evidence=b"an evidence passphrase")
    other = found(tmp_path / "other", Plan(city="torreon", name="Torreón"), secrets, now=datetime.now(UTC))
    async with serving(own_tls(other), authority=shows(other.broker.ca)) as port:
        assert (await stopped_by(make_token(founded, port), tmp_path)).problem == "foreign"


async def test_somebody_who_opens_tls_and_passes_all_else_on(founded: Settings, tmp_path: Path) -> None:
    stranger = pki.make_root("proxy", Ed25519PrivateKey.generate(), now=datetime.now(UTC))
    tls = another_tls(tmp_path, stranger, now=datetime.now(UTC))
    async with serving(tls, authority=shows(founded.broker.ca)) as port:
        assert (await stopped_by(make_token(founded, port), tmp_path)).problem == "intercepted"


@pytest.mark.parametrize("days", [-400, 400])
async def test_a_clock_by_which_the_certificate_does_not_hold(founded: Settings, tmp_path: Path, days: int) -> None:
    tls = another_tls(tmp_path, read_issuing(founded), now=datetime.now(UTC) + timedelta(days=days))
    async with serving(tls, authority=shows(founded.broker.ca)) as port:
        found = await stopped_by(make_token(founded, port), tmp_path)
    assert found.problem == "clock"
    assert str(found.values["their_time"]).endswith("UTC")


async def test_a_clock_that_is_known_to_be_wrong_judges_no_dates(founded: Settings, tmp_path: Path) -> None:
    tls = another_tls(tmp_path, read_issuing(founded), now=datetime.now(UTC) - timedelta(days=400))
    refused = says(410, {"error": "expired", "text": ""})
    async with serving(tls, authority=shows(founded.broker.ca), enrolments=refused) as port:
        stopped = make_setting(tmp_path, wall_clock=lambda: datetime(1970, 1, 1, tzinfo=UTC))
        with pytest.raises(EnrolmentFailed) as caught:
            await enroll(make_token(founded, port), stopped)
    assert caught.value.problem == "expired"


@pytest.mark.parametrize(
    ("status", "word", "problem"),
    [
        (404, "unknown_invitation", "unknown"),
        (410, "cancelled", "cancelled"),
        (403, "revoked", "revoked"),
        (400, "bad_request", "bad-request"),
        (429, "too_many_attempts", "busy"),
        (503, "unavailable", "unavailable"),
        (502, "", "unavailable"),
        (404, "", "not-ours"),
    ],
)
async def test_what_the_command_centre_refuses(
    founded: Settings, tmp_path: Path, status: int, word: str, problem: str
) -> None:
    refused = says(status, {"error": word, "text": "-"})
    async with serving(own_tls(founded), authority=shows(founded.broker.ca), enrolments=refused) as port:
        assert (await stopped_by(make_token(founded, port), tmp_path)).problem == problem


async def test_an_answer_that_does_not_hold(founded: Settings, tmp_path: Path) -> None:
    nonsense = says(200, "nonsense")
    async with serving(own_tls(founded), authority=shows(founded.broker.ca), enrolments=nonsense) as port:
        found = await stopped_by(make_token(founded, port), tmp_path)
    assert (found.problem, found.values["why"]) == ("bad-answer", "bad_form")


async def test_an_answer_without_end_is_not_read_to_its_end(founded: Settings, tmp_path: Path) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(bytes(64 * 1024))
        return response

    async with serving(own_tls(founded), authority=endless) as port:
        assert (await stopped_by(make_token(founded, port), tmp_path)).problem == "not-ours"


async def test_what_may_pass_is_tried_again_by_itself(
    founded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enroll_line, "_LEAST_WAIT_S", 0.01)
    heard, asked = Heard(), 0

    async def at_last(_request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        word = "unavailable" if asked < 3 else "expired"
        return web.Response(status=503 if asked < 3 else 410, body=msgspec.json.encode({"error": word}))

    async with serving(own_tls(founded), authority=shows(founded.broker.ca), enrolments=at_last) as port:
        setting = make_setting(tmp_path, heard=heard, pauses_s=(0.01, 0.01))
        with pytest.raises(EnrolmentFailed, match="expired"):
            await enroll(make_token(founded, port), setting)
    assert heard.stages == ["key", *["pin", "request", "again"] * 2, "pin", "request"]


def test_what_cannot_pass_is_not_tried_again() -> None:
    assert {"cut", "no-answer", "busy", "unavailable"} == PASSING


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four blocks."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "t", folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(12 * 1024))
    with pytest.raises(EnrolmentFailed) as caught, enroll_files.working_in(small_disk):
        enroll_files.own_key(small_disk, "box-1", "file")
    assert (caught.value.problem, caught.value.values["folder"]) == ("disk-full", str(small_disk))
    (small_disk / "ballast").unlink()
    with enroll_files.working_in(small_disk):
        enroll_files.own_key(small_disk, "box-1", "file")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_is_not_ours(tmp_path: Path, number: int) -> None:
    with pytest.raises(EnrolmentFailed, match=Problem.NOT_WRITABLE.value), enroll_files.working_in(tmp_path / "i"):
        raise OSError(number, "no")
