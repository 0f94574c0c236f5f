"""The Python client against the real API, over the story of two cities."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import nbclient
import nbformat
import polars as pl
import pytest
from traitlets.config import Config

from aggregator.adapters.database import Access, Pool
from aggregator.http.api.openapi import SCOPES
from aggregator.settings import Settings
from atalaya_client import BadQuestion, Client, NotAdmitted, ReasonNeeded, Unreachable
from atalaya_client.question import Asked
from tests.simulators.api_peer import ApiPeer, Reply
from tests.simulators.api_place import ApiPlace, serving, with_api
from tests.simulators.asked_city import seed

T = TypeVar("T")
Made = Callable[..., Awaitable[Client]]
STORY: Final[Asked] = {"from_at": "2026-11-01T00:00:00Z", "to_at": datetime(2026, 11, 4, tzinfo=UTC)}
NOTEBOOK: Final = Path(__file__).resolve().parents[2] / "docs" / "notebooks" / "first-questions.ipynb"
ADD: Final = """
INSERT INTO alert_history (alert_id, at, act, state, actor) VALUES (1, now(), $1, 'seen', 'os:ana') RETURNING number
"""


@pytest.fixture
async def place(founded: Settings, database: Access, pool: Pool) -> AsyncIterator[ApiPlace]:
    """The API over the story."""
    async with pool.acquire() as connection:
        await seed(connection)
    async with serving(with_api(founded), database) as served:
        yield served


@pytest.fixture
async def made(place: ApiPlace, tmp_path: Path) -> AsyncIterator[Made]:
    """Make a client with a token of some scopes, in a file."""
    clients: list[Client] = []

    async def make(name: str, *scopes: str, page_rows: int = 10_000) -> Client:
        analyst = await place.analyst(name, *scopes)
        (tmp_path / name).write_text(f"{analyst.token}\n", encoding="ascii")
        clients.append(Client(url_of(place), token_file=tmp_path / name, page_rows=page_rows, patience_s=10))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def url_of(place: ApiPlace) -> str:
    """Where the API is."""
    return f"http://{place.settings.api.host}:{place.settings.api.port}"


async def do(work: Callable[[], T]) -> T:
    """Let the client work while the server, in this loop, answers."""
    return await asyncio.to_thread(work)


async def test_every_resource_comes_as_rows_and_frames_of_ones_own_city(made: Made) -> None:
    client = await made("ana")
    for name in SCOPES:
        asked: Asked = {} if name in ("devices", "cameras", "points", "cities") else STORY
        if name in ("counts", "coverage", "reactions", "precision"):
            asked = {**asked, "group_by": ["city"]}
        answer = client.plates(reason="case 7", **asked) if name == "plates" else client.ask(name, **asked)
        rows = await do(answer.rows)
        assert {row["city"] for row in rows} == {"saltillo"}, name
        polars, pandas = await do(answer.polars), await do(answer.pandas)
        assert (polars.height, polars.columns) == (len(rows), list(rows[0])), name
        assert (len(pandas), list(pandas.columns)) == (len(rows), list(rows[0])), name
        assert pl.Null not in polars.dtypes, name


async def test_pages_are_the_whole_answer(made: Made) -> None:
    small, large = await made("small", page_rows=7), await made("large")
    asked: Asked = {**STORY, "point": "p-1", "bucket": "hour", "group_by": ["camera"]}
    paged = await do(small.counts(**asked).rows)
    assert paged == await do(large.counts(**asked).rows)
    assert len(paged) > 7
    asked["limit"] = 9
    assert await do(small.counts(**asked).rows) == paged[:9]


async def test_a_count_is_what_was_counted_beside_what_was_seen(made: Made) -> None:
    client = await made("ana", "counts")
    asked: Asked = {**STORY, "point": "p-2", "bucket": "hour"}
    counts = await do(client.counts(**asked).polars)
    seen = counts.filter(pl.col("coverage_s") > 0)
    assert (seen["vehicles"].sum(), seen.height) == (3 * 60 * 3, 3)
    assert counts.schema["at"] == pl.Datetime("us", "UTC")


async def test_plates_are_shown_for_a_reason_which_is_audited(made: Made, place: ApiPlace) -> None:
    client = await made("ana")
    with pytest.raises(ReasonNeeded, match="plates"):
        await do(client.ask("plates", **STORY).rows)
    rows = await do(client.plates(reason="expediente señal 7", **STORY).rows)
    plate = str(rows[0]["plate"])
    again = await do(client.plates(reason="case 8", plate=plate, **STORY).rows)
    assert {row["plate"] for row in again} == {plate}
    audited = await place.audited()
    assert {reason for _, action, _, reason in audited if action == "hit.show"} == {"expediente señal 7", "case 8"}
    assert plate not in str(audited)


async def test_what_the_server_does_not_take_or_open_is_an_error_with_its_words(made: Made, place: ApiPlace) -> None:
    client = await made("ana", "counts")
    with pytest.raises(BadQuestion, match="no parameter of that name"):
        await do(client.counts(where={"colour": "red"}).rows)
    with pytest.raises(NotAdmitted) as said:
        await do(client.hits(**STORY).rows)
    assert said.value.word == "wrong-scope"
    with Client(url_of(place), token="atalaya_" + "A" * 43) as stranger, pytest.raises(NotAdmitted):
        await do(stranger.cities().rows)


async def test_alerts_are_told_as_they_happen_and_again_after_a_number(made: Made, pool: Pool) -> None:
    client = await made("ana", "alerts")
    first = await pool.fetchval(ADD, "ack")
    lines = client.live_alerts(after=first - 1)
    line = await asyncio.wait_for(do(lambda: next(lines)), 20)
    assert (line.number, line.row["act"], line.row["city"]) == (first, "ack", "saltillo")
    assert isinstance(line.row["at"], datetime)
    second = await pool.fetchval(ADD, "dispatch")
    line = await asyncio.wait_for(do(lambda: next(lines)), 20)
    assert (line.number, line.row["act"]) == (second, "dispatch")


async def test_the_servers_certificate_is_checked(founded: Settings) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(founded.http.certificate, founded.http.key)
    with ApiPeer([Reply()], tls=context) as peer:
        with Client(peer.url, token="t", ca=founded.broker.ca) as client:
            assert await do(client.cities().rows) == []
        with Client(peer.url, token="t", patience_s=0) as client, pytest.raises(Unreachable, match="CERTIFICATE"):
            await do(client.cities().rows)


async def test_the_notebook_runs(made: Made, place: ApiPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await made("ana")
    monkeypatch.setenv("ATALAYA_URL", url_of(place))
    monkeypatch.setenv("ATALAYA_TOKEN_FILE", str(tmp_path / "ana"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
    assert not [cell for cell in notebook.cells if cell.get("outputs")]  # outputs would hold somebody's data
    # By sockets that are files: of free ports another process may take one before the kernel does.
    by_files = Config(KernelManager={"transport": "ipc", "ip": str(tmp_path / "kernel")})
    run = nbclient.NotebookClient(notebook, timeout=100, kernel_name="python3", config=by_files)
    done = await run.async_execute()
    shown = [
        output["data"]["text/plain"] for cell in done.cells for output in cell.get("outputs", []) if "data" in output
    ]
    assert len(shown) == len([cell for cell in done.cells if cell.cell_type == "code"]) - 1  # all but the first show
    assert not [text for text in shown if "shape: (0" in text]
