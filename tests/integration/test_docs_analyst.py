"""docs/analyst.md: each question, by command, by SQL under an analyst's role and over HTTP, has the answer it shows."""

import asyncio
import io
import re
import secrets
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from aggregator.adapters.analyst_login import Login, as_analyst, run_sql
from aggregator.adapters.analyst_roles import AnalystRoles
from aggregator.adapters.database import Access, Pool
from aggregator.cli import app
from aggregator.errors import BadInput
from aggregator.settings import Settings
from tests.simulators.api_place import serving, with_api
from tests.simulators.asked_city import CITIES, seed
from tests.simulators.settings_file import write_settings

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "analyst.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Documented:
    """A question of the page, the ways to ask it, and its answer."""

    title: str
    command: str
    sql: str
    path: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def documented() -> list[Documented]:
    """The page's questions."""
    part = PAGE.split("\n## Twenty questions\n", 1)[1].split("\n## ", 1)[0]
    return [_question(text) for text in part.split("\n### ")[1:]]


def _question(text: str) -> Documented:
    table = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    blocks = dict(re.findall(r"```(\w+)\n(.*?)\n```", text, re.DOTALL))
    return Documented(
        title=text.splitlines()[0],
        command=blocks["sh"],
        sql=blocks["sql"],
        path=blocks["http"].removeprefix("GET "),
        columns=tuple(table[0]),
        rows=[tuple(row) for row in table[2:]],
    )


def shown(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows as the page writes them."""
    return [tuple(_cell(row[column]) for column in columns) for row in rows]


def _cell(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
            return value[:19].replace("T", " ")
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
        case int() | float():
            return f"{value:.12g}"
        case _:
            return str(value)


@pytest.fixture
async def asked(pool: Pool) -> Pool:
    """A database with the story of two cities."""
    async with pool.acquire() as connection:
        await seed(connection)
    return pool


def test_there_are_twenty_questions() -> None:
    found = documented()
    assert len(found) == 20
    assert all(each.rows for each in found)


async def test_the_command_line_answers_them(
    asked: Pool, installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_settings(installation, tmp_path / "aggregator.toml")
    for each in documented():
        program, *arguments = shlex.split(each.command)
        assert program == "aggregator"
        capsys.readouterr()
        assert await asyncio.to_thread(app.run, [*arguments, "--json", "--config", str(file)]) == 0, each.title
        rows = msgspec.json.decode(capsys.readouterr().out)
        assert shown(each.columns, rows) == each.rows, each.title


async def test_sql_answers_them(asked: Pool, database: Access) -> None:
    name = f"ana_{secrets.token_hex(4)}"
    roles = AnalystRoles(asked, actor="os:eva")
    await roles.add(name, CITIES, verifier=None, reason="case 7")
    try:
        async with as_analyst(None, Login(name, database.dsn), sql="", actor="os:eva") as connection:
            for each in documented():
                names, rows = await run_sql(connection, each.sql, 100)
                told = [dict(zip(names, row.values(), strict=True)) for row in rows]
                assert shown(each.columns, _numbers(told)) == each.rows, each.title
            with pytest.raises(BadInput, match="permission denied"):
                await run_sql(connection, "SELECT plate FROM ask.hit_plate", 1)
    finally:
        await roles.remove(name, reason="case 7")


def _numbers(rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Sums of bigint come as numeric, which a program gets as text."""
    for row in rows:
        yield {
            name: float(value) if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) else value
            for name, value in row.items()
        }


async def test_the_api_answers_them(asked: Pool, database: Access, founded: Settings) -> None:
    assert asked is not None
    async with serving(with_api(founded), database) as place:
        ana = await place.analyst("ana", cities=CITIES)
        for each in documented():
            address = urlsplit(each.path)
            sent = parse_qsl(address.query, keep_blank_values=True)
            async with ana.session.get(address.path, params=sent, headers=ana.headers) as answer:
                assert answer.status == 200, (each.title, await answer.text())
                assert shown(each.columns, (await answer.json())["rows"]) == each.rows, each.title


async def test_plates_are_for_a_reason(
    asked: Pool,
    installation: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = PAGE.split("\n## Plates\n", 1)[1]
    (command,) = re.findall(r"```sh\n(.*?)\n```", part, re.DOTALL)
    file = write_settings(installation, tmp_path / "aggregator.toml")
    arguments = shlex.split(command)[1:]
    monkeypatch.setattr(sys, "stdin", io.StringIO("ABC123D\n"))
    assert await asyncio.to_thread(app.run, [*arguments, "--json", "--config", str(file)]) == 0
    assert len(msgspec.json.decode(capsys.readouterr().out)) == 3
    assert await asked.fetchval("SELECT count(*) FROM audit WHERE action = 'hit.show'") == 3
