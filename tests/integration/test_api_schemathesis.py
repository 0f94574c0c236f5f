"""schemathesis over the API's own description, against a real server: what it promises, it keeps.

It makes requests that fit the description and requests that do not, and looks at each answer: no 5xx, no status, type
or field that is not described, nothing refused that fits (422 apart: well-formed, and not answerable as it is put
together), nothing taken that does not fit, no method but GET, no path without a token.

Parameters of one form are read by the same code: each form is tried once, where it is first described; `bucket`, which
makes other SQL of each resource, with each.
"""

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from aggregator.adapters.api_tokens import TokenDesk
from aggregator.adapters.database import Access
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.core.api_tokens import Scope
from aggregator.http.api.openapi import document
from aggregator.settings import Settings
from tests.integration.conftest import TEMPLATE
from tests.simulators.api_place import serving, with_api
from tests.simulators.asked_city import seed

EXAMPLES = 2
PATIENCE_S = 60

pytestmark = pytest.mark.timeout(300)


OWN = {"bucket"}


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without the words of its list, if it has one."""
    return {name: value for name, value in schema.items() if name != "enum"}


def each_form_once() -> dict[str, Any]:
    """The description, of its parameters each form once. `Any`: JSON."""
    told, tried = document(), set[str]()
    for item in told["paths"].values():
        parameters = item["get"].get("parameters", [])
        forms = [repr((each["in"], _form(each["schema"]), each["name"].partition(".")[2])) for each in parameters]
        item["get"]["parameters"] = [
            each
            for each, form in zip(parameters, forms, strict=True)
            if each["in"] == "path" or each["name"] in OWN or form not in tried
        ]
        tried |= set(forms)
    return told


SCHEMA = schemathesis.openapi.from_dict(each_form_once())
SCHEMA.config.checks.positive_data_acceptance.expected_statuses = ["200", "404", "422"]
# A stream has no end to wait for; test_api_live.py reads it.
OPERATIONS = sorted({item["get"]["operationId"] for item in document()["paths"].values()} - {"live"})


class Served:
    """The API in a thread of its own: schemathesis waits for its answers, and so cannot also serve them."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._settings, self._access, self._stop = settings, access, asyncio.Event()
        self._loop, self._begun = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.token = ""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self._settings.api.host}:{self._settings.api.port}"

    async def _serve(self) -> None:
        # One thread for what blocks, begun now: a test looks for threads that it has left behind.
        self._loop.set_default_executor(ThreadPoolExecutor(1))
        await asyncio.to_thread(int)
        async with serving(self._settings, self._access) as place:
            async with place.pool.acquire() as connection:
                await seed(connection)
                await connection.execute("UPDATE alert_sighting SET reasons = array_remove(reasons, NULL)")
            now = datetime.now(UTC)
            self.token = await TokenDesk(place.pool).add(
                "schemathesis", Scope, ("saltillo",), expires_at=now + timedelta(hours=1), actor="os:ana",
                reason="a test", now=now,
            )  # fmt: skip
            self._begun.set()
            await self._stop.wait()
        await self._loop.shutdown_default_executor()

    def __enter__(self) -> "Served":
        """It answers."""
        self._thread.start()
        assert self._begun.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        """It is gone."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()


async def administer(server: EmbeddedPostgres, sql: str) -> None:
    """Make or drop a database."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(sql)
    await connection.close()


@pytest.fixture(scope="module")
def served(postgres: EmbeddedPostgres, founded: Settings) -> Iterator[Served]:
    """The API over the story of two cities, in a database of this module's own."""
    name = f"test_{secrets.token_hex(6)}"
    asyncio.run(administer(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    with Served(with_api(founded, requests_per_minute=1_000_000), Access(postgres.dsn(name))) as place:
        yield place
    asyncio.run(administer(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


def described(operation: str) -> Callable[..., None]:
    """The test of one operation."""

    @SCHEMA.include(operation_id=operation).parametrize()
    @settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    def every_answer_is_as_it_is_described(case: schemathesis.Case[Any], served: Served) -> None:
        case.call_and_validate(
            base_url=served.url, headers={"Authorization": f"Bearer {served.token}"}, timeout=PATIENCE_S
        )

    found: Callable[..., None] = every_answer_is_as_it_is_described
    return found


# A function for each: those that schemathesis makes of one have one id (`tests/distribution.py`).
for each in OPERATIONS:
    globals()[f"test_every_answer_of_{each}_is_as_it_is_described"] = described(each)


def test_each_operation_of_the_description_has_its_test() -> None:
    made = {name for name in globals() if name.startswith("test_every_answer_of_")}
    assert len(made) == SCHEMA.statistic.operations.total - 1
