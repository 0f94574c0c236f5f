"""The API as part of the running service, under TLS; and the examples of docs/api.md, typed as they stand there."""

import asyncio
import os
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest

from aggregator.adapters import keyfiles
from aggregator.adapters.api_tokens import TokenDesk
from aggregator.adapters.database import Pool
from aggregator.core.api_tokens import Scope
from aggregator.errors import BadSettings
from aggregator.service.api import tls_of
from aggregator.settings import Api, Settings
from tests.simulators.asked_city import seed
from tests.simulators.broker import Broker, free_port
from tests.simulators.running import running

MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = [
    line for block in re.findall(r"^```sh\n(.*?)^```", MANUAL, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]


@pytest.fixture
def served(installation: Settings) -> Settings:
    """Settings with the API on a free port, under TLS."""
    return msgspec.structs.replace(installation, api=Api(enabled=True, port=free_port()))


async def typed(line: str, **environment: str) -> tuple[int, str, str]:
    """A line as a shell runs it."""
    shell = await asyncio.create_subprocess_shell(
        f"curl -sS {line.removeprefix('curl ')}", env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await shell.communicate()
    return shell.returncode or 0, out.decode(), err.decode()


async def test_the_examples_of_the_manual_answer(served: Settings, broker: Broker, pool: Pool, tmp_path: Path) -> None:
    assert broker is not None
    async with pool.acquire() as connection:
        await seed(connection)
    now = datetime.now(UTC)
    token = await TokenDesk(pool).add(
        "ana", Scope, None, expires_at=now + timedelta(hours=1), actor="os:ana", reason="a test", now=now
    )
    header = tmp_path / "token"
    keyfiles.write_new(header, f"Authorization: Bearer {token}\n".encode(), keyfiles.PRIVATE)
    environment = {
        "ATALAYA": f"https://localhost:{served.api.port}", "CA": str(served.broker.ca), "TOKEN": str(header),
    }  # fmt: skip
    async with running(served):
        assert len(EXAMPLES) >= 8
        for line in EXAMPLES:
            code, out, err = await typed(line, **environment)
            assert (code, err) == (0, ""), (line, out)
            assert set(msgspec.json.decode(out)) == {"rows", "next"}, line
        context = ssl.create_default_context(cafile=str(served.broker.ca))
        async with aiohttp.ClientSession(environment["ATALAYA"]) as session:
            async with session.get("/api/v1/docs", ssl=context) as page:
                assert (page.status, page.content_type) == (200, "text/html")
            async with session.get("/api/v1/openapi.json", ssl=context) as told:
                assert (await told.json())["openapi"] == "3.1.0"
            live = await session.get("/api/v1/live/alerts", ssl=context, headers={"Authorization": f"Bearer {token}"})
            assert (await live.content.readline()).startswith(b"retry")
    # The service has stopped, though a stream was open.
    live.close()


def test_tokens_cross_no_network_in_the_clear(installation: Settings) -> None:
    for host, is_allowed in (("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)):  # noqa: S104  that is what is refused
        api = Api(enabled=True, host=host, is_plain=True)
        settings = msgspec.structs.replace(installation, api=api)
        if is_allowed:
            assert tls_of(settings) is None
        else:
            with pytest.raises(BadSettings, match="in the clear"):
                tls_of(settings)
