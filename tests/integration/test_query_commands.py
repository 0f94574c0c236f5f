"""`aggregator query` and `aggregator analyst` on a real PostgreSQL: what they show, to whom, and what is audited."""

import asyncio
import csv
import io
import secrets
import sys
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
import pytest

from aggregator.adapters.analyst_login import Login, as_analyst
from aggregator.adapters.analyst_roles import AnalystRoles
from aggregator.adapters.audit_log import rows as audit_rows
from aggregator.adapters.database import Access, Pool, opened
from aggregator.cli import app
from aggregator.core.analysts import verifier
from aggregator.errors import BadInput, NotAllowed
from aggregator.settings import Settings
from tests.simulators.asked_city import seed
from tests.simulators.settings_file import write_settings

SPAN: Final = ("--from", "2026-11-02T12:00", "--to", "2026-11-02T18:00")
Run = Callable[..., str]


@pytest.fixture
def settings_file(installation: Settings, tmp_path: Path) -> Path:
    """The installation's settings, for commands."""
    return write_settings(installation, tmp_path / "aggregator.toml")


@pytest.fixture
async def asked(pool: Pool) -> Pool:
    """A database with the story of two cities."""
    async with pool.acquire() as connection:
        await seed(connection)
    return pool


@pytest.fixture
def run(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that succeeds; what it printed."""

    def command(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert app.run([*arguments, "--config", str(settings_file)]) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return command


@pytest.fixture
def name() -> str:
    """A role's name of the test's own: roles belong to the whole server."""
    return f"ana_{secrets.token_hex(4)}"


@pytest.fixture
async def gone(asked: Pool, name: str) -> AsyncIterator[None]:
    """The role is dropped after the test, if it is still there."""
    yield
    if await asked.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
        await asked.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


async def answered(run: Run, *arguments: str) -> list[dict[str, Any]]:
    """A command's rows, from its JSON."""
    rows: list[dict[str, Any]] = msgspec.json.decode(await asyncio.to_thread(run, *arguments, "--json"))
    return rows


async def test_a_question_is_answered_as_json_csv_and_table(asked: Pool, run: Run) -> None:
    question = ("query", "counts", *SPAN, "--group-by", "point,camera", "--city", "saltillo")
    rows = await answered(run, *question)
    assert [(row["point"], row["camera"], row["vehicles"]) for row in rows] == [
        ("p-1", "cam-1", 720),
        ("p-1", "cam-2", 360),
        ("p-2", "cam-1", 540),
    ]
    as_csv = list(csv.DictReader(io.StringIO(await asyncio.to_thread(run, *question, "--csv"))))
    assert [row["coverage_s"] for row in as_csv] == ["21600.0", "21600.0", "10800.0"]
    table = await asyncio.to_thread(run, *question)
    assert table.splitlines()[0].split()[:4] == ["point", "camera", "vehicles", "reads"]


async def test_a_city_that_is_not_there_is_named_with_those_that_are(asked: Pool, run: Run) -> None:
    refused = await asyncio.to_thread(partial(run, "query", "events", "--city", "monclova", code=1))
    assert "no city monclova: there are acuna, saltillo" in refused


async def test_filters_groups_and_order_narrow_it_down(asked: Pool, run: Run) -> None:
    where = ("--where", "kind=hit", "--where", "city!=acuna", "--camera", "cam-1", "--order", "ascending")
    rows = await answered(run, "query", "events", *SPAN, *where)
    assert [row["point"] for row in rows] == ["p-1", "p-2"]
    rows = await answered(run, "query", "alerts", *SPAN, "--by", "city", "--by", "kind")
    assert [(row["city"], row["kind"], row["n"]) for row in rows] == [
        ("acuna", "hit", 2),
        ("saltillo", "hit", 2),
        ("saltillo", "panic", 1),
    ]


async def test_an_answer_goes_on_at_its_cursor(
    asked: Pool, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found: list[str] = []
    after: tuple[str, ...] = ()
    question = ["query", "events", *SPAN, "--limit", "4", "--json", "--config", str(settings_file)]
    while True:
        assert await asyncio.to_thread(app.run, [*question, *after]) == 0
        said = capsys.readouterr()
        found += [row["event"] for row in msgspec.json.decode(said.out)]
        if "--after " not in said.err:
            break
        after = ("--after", said.err.split("--after ")[1].split(",")[0])
    assert len(found) == len(set(found)) == 9


async def test_a_blind_camera_is_a_gap_and_not_an_empty_street(asked: Pool, run: Run) -> None:
    course = ("query", "counts", *SPAN, "--bucket", "hour", "--group-by", "point", "--city", "saltillo")
    drawn = await asyncio.to_thread(run, *course, "--spark")
    lines = drawn.splitlines()
    assert lines[0].split() == ["point", "vehicles", "least", "most", "sum"]
    assert [line.split() for line in lines[1:3]] == [
        ["p-1", "██████", "180", "180", "1080"],
        ["p-2", "███···", "180", "180", "540"],
    ]
    plot = await asyncio.to_thread(run, *course, "--plot", "--measure", "reads")
    assert "reads by hour" in plot
    assert "2026-11-02 12:00" in plot
    assert {"p-1", "p-2"} <= set(plot.split())


async def test_a_look_at_alerts_is_audited_and_their_sums_are_not(asked: Pool, run: Run) -> None:
    await answered(run, "query", "alerts", *SPAN, "--group-by", "city")
    await answered(run, "query", "reactions", *SPAN)
    await answered(run, "query", "alerts", *SPAN, "--where", "kind=hit")
    await answered(run, "query", "alert-history", *SPAN, "--limit", "1")
    async with asked.acquire() as connection:
        found = [(row.action, row.subject.split()[0]) for row in await audit_rows(connection)]
    assert found == [("alerts.list", "alerts"), ("alerts.list", "alert-history")]


async def test_plates_need_a_reason_and_are_audited(asked: Pool, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    open_plate = await asyncio.to_thread(partial(run, "query", "plates", "--where", "plate=ABC123D", code=2))
    assert "write plate=- and give the plate on stdin" in open_plate
    assert "ABC123D" not in open_plate
    monkeypatch.setattr(sys, "stdin", io.StringIO("ABC123D\nABC123D\n"))
    question = ("query", "plates", *SPAN, "--where", "plate=-")
    refused = await asyncio.to_thread(lambda: run(*question, code=2))
    assert "say it with --reason" in refused
    rows = await answered(run, *question, "--reason", "case 7")
    assert {row["plate"] for row in rows} == {"ABC123D"}
    async with asked.acquire() as connection:
        found = await audit_rows(connection)
    assert [row.action for row in found] == ["hits.query", "hit.show", "hit.show", "hit.show"]
    assert "ABC123D" not in repr(found)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("query",), "name what you ask for (events, hits, plates"),
        (("query", "cars"), "nothing is called 'cars' here"),
        (("query", "hits", "--sql", "SELECT 1"), "or give --sql"),
        (("query", "hits", "--json", "--csv"), "one of --json, --csv"),
        (("query", "hits", "--where", "confidence"), "want a column, one of = != >= <"),
        (("query", "hits", "--spark"), "needs --bucket"),
        (("query", "counts", "--bucket", "hour", "--plot", "--measure", "cars"), "there are vehicles, reads"),
        (("query", "--sql", "SELECT 1"), "say your own login with --dsn"),
        (("query", "--sql", "SELECT 1", "--dsn", "postgresql://ana:secret@localhost/atalaya"), "carries a password"),
    ],
)
def test_what_is_wrong_is_said(run: Run, arguments: tuple[str, ...], words: str) -> None:
    assert words in run(*arguments, code=2)


@pytest.mark.usefixtures("gone")
async def test_an_analyst_is_made_asks_and_is_removed(
    asked: Pool, database: Access, run: Run, name: str, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("correct horse battery\n")
    made = ("analyst", "add", name, "--city", "saltillo", "--password-file", str(secret), "--reason", "case 7")
    assert msgspec.json.decode(await asyncio.to_thread(run, *made, "--json")) == {
        "analyst": name, "cities": ["saltillo"], "can_login": True,
    }  # fmt: skip
    kept = await asked.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", name)
    assert kept.startswith("SCRAM-SHA-256$4096:")

    login = ("--dsn", database.dsn, "--role", name)
    rows = await answered(run, "query", *login, "--sql", "SELECT city, count(*) AS n FROM ask.hit GROUP BY city")
    assert rows == [{"city": "saltillo", "n": 3}]
    for statement, words in (
        ("SELECT plate FROM ask.hit_plate", "permission denied for view hit_plate"),
        ("SELECT * FROM public.hit", "permission denied for table hit"),
        ("SET ROLE postgres", "permission denied to set role"),
        ("RESET ROLE; SELECT * FROM public.hit", "cannot insert multiple commands"),
        ("SELEKT", "syntax error"),
        ("CREATE TEMP TABLE mine (a int)", "read-only transaction"),
        ("DELETE FROM ask.city", "permission denied for view city"),
    ):
        assert words in await asyncio.to_thread(partial(run, "query", *login, "--sql", statement, code=2))

    with pytest.raises(NotAllowed, match="login of the service"):
        async with as_analyst(None, Login(None, database.dsn), sql="", actor="os:eva"):
            pass
    listed = await answered(run, "analyst", "list")
    assert {"analyst": name, "cities": ["saltillo"], "can_login": True} in listed
    await asyncio.to_thread(run, "analyst", "remove", name)
    with pytest.raises(NotAllowed, match="does not let"):
        async with as_analyst(None, Login(name, database.dsn), sql="", actor="os:eva"):
            pass
    async with asked.acquire() as connection:
        deeds = [(row.action, row.subject) for row in await audit_rows(connection)]
    assert deeds == [("analyst.add", f"role:{name} cities:saltillo"), ("analyst.remove", f"role:{name}")]


@pytest.mark.usefixtures("gone")
async def test_a_role_is_bounded_by_itself(asked: Pool, database: Access, name: str) -> None:
    await AnalystRoles(asked, actor="os:eva").add(name, ("acuna",), verifier=None, reason="case 7")
    login = await asyncpg.connect(database.dsn, user=name)
    try:
        assert await login.fetchval("SHOW default_transaction_read_only") == "on"
        assert await login.fetchval("SHOW statement_timeout") == "1min"
        assert not await login.fetchval("SELECT has_database_privilege(current_database(), 'TEMPORARY')")
        rights = await login.fetchrow(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = $1",
            name,
        )
        assert set(rights or (None,)) == {False}
        assert [row["city"] for row in await login.fetch("TABLE ask.city")] == ["acuna"]
    finally:
        await login.close()


@pytest.mark.usefixtures("gone")
async def test_what_cannot_be_added_or_removed_leaves_nothing(asked: Pool, run: Run, name: str, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("hunter2\n")
    for arguments, words, code in (
        (("analyst", "add", name, "--city", "nowhere", "--no-password"), "no city nowhere", 1),
        (("analyst", "add", "postgres", "--city", "saltillo", "--no-password"), "there is a role postgres", 1),
        (("analyst", "add", "Ana;--", "--city", "saltillo", "--no-password"), "a role's name is", 2),
        (("analyst", "add", name, "--city", "saltillo", "--password-file", str(short)), "at least 12", 2),
        (("analyst", "remove", "postgres"), "no analyst postgres", 1),
    ):
        assert words in await asyncio.to_thread(partial(run, *arguments, code=code))
    assert await asked.fetchval("SELECT count(*) FROM city_reader") == 0
    assert await asked.fetchval("SELECT count(*) FROM audit") == 0


@pytest.fixture
async def own_server(tmp_path: Path, founded: Settings) -> Settings:
    """Settings of an installation with an embedded PostgreSQL of its own, and the story in it."""
    settings = msgspec.structs.replace(
        founded, database=msgspec.structs.replace(founded.database, dsn=None, data_dir=tmp_path / "pg")
    )
    async with opened(settings.database) as database, database.pool.acquire() as connection:
        await seed(connection)
        await connection.execute("CREATE ROLE service LOGIN CREATEROLE")
    return settings


async def test_the_embedded_server_lets_its_owner_in_as_an_analyst(
    own_server: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_settings(own_server, tmp_path / "aggregator.toml")

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = app.run([*arguments, "--config", str(file)])
        said = capsys.readouterr()
        return code, said.out, said.err

    assert (await asyncio.to_thread(command, "analyst", "add", "ana", "--city", "saltillo"))[0] == 0
    ask = ("query", "--role", "ana", "--json", "--sql")
    code, out, _ = await asyncio.to_thread(command, *ask, "SELECT current_user::text AS me, city FROM ask.city")
    assert (code, msgspec.json.decode(out)) == (0, [{"me": "ana", "city": "saltillo"}])
    audited = msgspec.json.decode((await asyncio.to_thread(command, "audit", "list", "--json"))[1])
    assert [row["action"] for row in audited] == ["analyst.add", "sql.query"]
    code, _, err = await asyncio.to_thread(command, *ask[:1], "--sql", "SELECT 1")
    assert (code, "say whose role it is" in err) == (2, True)
    code, _, err = await asyncio.to_thread(command, "query", "--role", "postgres", "--sql", "SELECT 1")
    assert (code, "login of the service" in err) == (1, True)
    code, _, err = await asyncio.to_thread(command, "query", "--role", "service", "--sql", "SELECT 1")
    assert (code, "does not let service in" in err) == (1, True)


async def test_a_verifier_is_what_postgresql_itself_makes_of_the_password(asked: Pool, name: str, gone: None) -> None:
    await asked.execute(f"CREATE ROLE {name} PASSWORD 'correct horse battery'")
    kept = await asked.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", name)
    salt = b64decode(kept.partition(":")[2].partition("$")[0])
    assert verifier("correct horse battery", salt) == kept
    with pytest.raises(BadInput, match="at least 12"):
        verifier("contraseña larga", salt)
