"""`aggregator export` on the real database: what the files hold, who may have them, and what of it is audited first."""

import asyncio
import csv
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import pytest
from pyarrow import parquet

from aggregator.adapters.asker import Asker, Look
from aggregator.adapters.database import Pool
from aggregator.adapters.export_landing import landed
from aggregator.adapters.export_writers import Form, Format
from aggregator.adapters.exporter import Exporter, Order
from aggregator.cli import app
from aggregator.core.asking.question import Question
from aggregator.core.exporting.manifest import Manifest
from aggregator.core.time_range import parse_instant
from aggregator.settings import Settings
from protocol.messages import Alarm, Body
from tests.integration.test_queries import keep
from tests.simulators.enrolment import Box
from tests.simulators.full_disk import left_in
from tests.simulators.running import make_hit
from tests.simulators.settings_file import write_settings

# An alarm's note is text that a camera's maker chose: here one that a spreadsheet would run.
FORMULA: Final = '=HYPERLINK("http://x","y")'
AGGREGATOR: Final = str(Path(sys.executable).with_name("aggregator"))
WAITING: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
Command = Callable[..., Awaitable[int]]


@pytest.fixture
def settings_file(installation: Settings, tmp_path: Path) -> Path:
    """The installation's settings, for commands."""
    (tmp_path / "out").mkdir()
    return write_settings(installation, tmp_path / "aggregator.toml")


@pytest.fixture
def command(settings_file: Path) -> Command:
    """Run a command; its exit code."""

    async def run(*arguments: str) -> int:
        return await asyncio.to_thread(app.run, [*arguments, "--config", str(settings_file)])

    return run


@pytest.fixture
async def three(pool: Pool, box: Box) -> list[str]:
    """Two hits and an alarm; the events' ids, sorted."""
    started_ms = int(datetime.now(UTC).timestamp() * 1000)
    alarm = Alarm(camera="cam-1", alarm="tamper", started_ms=started_ms, is_active=True, note=FORMULA)
    said: list[Body] = [make_hit(plate="ABC123D"), make_hit(plate="XYZ987W"), alarm]
    return sorted([(await keep(pool, box, each)).hex() for each in said])


def manifest_of(path: Path) -> Manifest:
    """The manifest beside a file."""
    return msgspec.json.decode(path.with_name(path.name + ".manifest.json").read_bytes(), type=Manifest)


async def test_each_format_holds_the_whole_answer_and_its_manifest_is_true(
    three: list[str], command: Command, tmp_path: Path
) -> None:
    paths = [tmp_path / "out" / f"events.{ending}" for ending in ("csv", "jsonl", "parquet")]
    for path in paths:
        assert await command("export", "events", "--out", str(path)) == 0
        manifest = manifest_of(path)
        assert (manifest.rows, manifest.bytes) == (3, path.stat().st_size)
        assert manifest.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (manifest.file, manifest.question["resource"]) == (path.name, "events")
    with paths[0].open(newline="") as file:
        from_csv = list(csv.DictReader(file))
    from_json = [msgspec.json.decode(line) for line in paths[1].read_bytes().splitlines()]
    from_parquet = parquet.read_table(paths[2]).to_pylist()
    for rows in (from_csv, from_json, from_parquet):
        assert sorted(row["event"] for row in rows) == three
    assert {row["note"] for row in from_json} >= {f"tamper: {FORMULA}"}
    assert len(left_in(tmp_path / "out")) == 6


async def test_filters_narrow_an_export_and_a_city_that_is_not_there_is_said(
    three: list[str], command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out" / "alarms.jsonl"
    assert await command("export", "events", "--where", "kind=alarm", "--point", "p-1", "--out", str(path)) == 0
    assert manifest_of(path).rows == 1
    assert await command("export", "events", "--where", "kind=dropped", "--out", str(path), "--force") == 0
    assert (manifest_of(path).rows, path.read_bytes()) == (0, b"")
    assert await command("export", "events", "--city", "torreon", "--out", str(path), "--force") == 1
    assert "no city torreon" in capsys.readouterr().err


@pytest.mark.parametrize("resource", ["events", "plates"])
async def test_no_export_holds_rows_of_a_city_that_was_not_asked_for(
    pool: Pool, three: list[str], tmp_path: Path, resource: str
) -> None:
    await pool.execute("INSERT INTO city (city_id, name, time_zone) VALUES ('torreon', 'Torreón', 'America/Monterrey')")
    now = datetime.now(UTC)
    question = Question(resource=resource, from_at=parse_instant("1h", "", now=now), to_at=now, limit=None)
    for cities, rows in ((("torreon",), 0), (("saltillo",), 3 if resource == "events" else 2)):
        order = Order(question=question, look=Look("os:ana", "case 1"), form=Form(Format.CSV), cities=cities)
        with landed(tmp_path / f"{cities[0]}.csv") as landing:
            assert (await Exporter(Asker(pool)).export(order, landing, lambda _: None)).rows == rows


async def test_plates_leave_for_a_reason_audited_and_into_a_file_of_its_owners_own(
    pool: Pool, three: list[str], command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out" / "plates.csv"
    assert await command("export", "plates", "--out", str(path)) == 2
    assert "--reason" in capsys.readouterr().err
    assert (left_in(path.parent), await pool.fetchval("SELECT count(*) FROM audit")) == ([], 0)
    asked = ("export", "plates", "--where", "plate=XYZ987W", "--reason", "case FGE-1/2026", "--out", str(path))
    assert await command(*asked) == 0
    assert ("XYZ987W" in path.read_text(), "ABC123D" in path.read_text()) == (True, False)
    assert path.stat().st_mode & 0o777 == 0o600
    rows = await pool.fetch("SELECT action, subject, reason, actor FROM audit ORDER BY number")
    assert [row["action"] for row in rows] == ["export", "hits.query", "hit.show"]
    assert {row["reason"] for row in rows} == {"case FGE-1/2026"}
    assert "XYZ987W" not in str(rows) + path.with_name("plates.csv.manifest.json").read_text()


async def test_an_export_without_plates_is_audited_too(
    pool: Pool, three: list[str], command: Command, tmp_path: Path
) -> None:
    assert await command("export", "events", "--out", str(tmp_path / "out" / "a.parquet")) == 0
    (row,) = await pool.fetch("SELECT action, subject, reason FROM audit")
    assert (row["action"], row["reason"]) == ("export", "without plates")
    assert row["subject"].startswith("events 20")


async def test_a_formula_reaches_no_spreadsheet(three: list[str], command: Command, tmp_path: Path, pool: Pool) -> None:
    path = tmp_path / "out" / "alarms.csv"
    assert await command("export", "alarms", "--out", str(path), "--bom") == 0
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(text.decode("utf-8-sig").splitlines())
    assert row["note"] == "'" + FORMULA


async def test_stdout_gets_the_rows_and_stderr_the_manifest(
    three: list[str], command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    assert await command("export", "events", "--out", "-", "--format", "jsonl") == 0
    said = capfd.readouterr()
    assert sorted(msgspec.json.decode(line)["event"] for line in said.out.splitlines()) == three
    manifest = msgspec.json.decode(said.err, type=Manifest)
    assert manifest.sha256 == hashlib.sha256(said.out.encode()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("events", "--out", "a.xlsx"), "ends in .csv"),
        (("nonsense", "--out", "a.csv"), "there are events"),
        (("events", "--out", "none/a.csv"), "make it first"),
        (("events", "--out", "out/a.csv", "--where", "kind"), "such as"),
        (("events", "--out", "out/a.csv", "--where", "colour=red"), "no filter"),
        (("events", "--out", "out/a.parquet", "--bom"), "for CSV"),
        (("events", "--out", "-", "--json"), "--json"),
    ],
)
async def test_what_cannot_be_exported_is_said_and_leaves_nothing(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = tuple(str(tmp_path / each) if "/" in each or "." in each else each for each in arguments)
    assert await command("export", *arguments) != 0
    assert word in capsys.readouterr().err
    assert left_in(tmp_path / "out") == []


async def test_ctrl_c_says_so_and_leaves_nothing(pool: Pool, three: list[str], settings_file: Path) -> None:
    folder = settings_file.parent / "out"
    argv = [AGGREGATOR, "export", "events", "--out", str(folder / "a.csv")]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE hit IN ACCESS EXCLUSIVE MODE")  # so that the export waits in the middle
        with subprocess.Popen([*argv, "--config", str(settings_file)], stderr=subprocess.PIPE, text=True) as process:
            try:
                await until(pool, WAITING)
                assert [Path(name).suffix for name in left_in(folder)] == [".part"]
                process.send_signal(signal.SIGINT)
                _, said = await asyncio.to_thread(process.communicate, timeout=60)
            finally:
                process.kill()
    assert (process.returncode, left_in(folder)) == (130, [])
    assert said.startswith("stopped: ")


async def test_a_reader_that_went_away_is_said(three: list[str], settings_file: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    argv = [AGGREGATOR, "export", "events", "--out", "-", "--config", str(settings_file)]
    done = await asyncio.to_thread(
        subprocess.run, argv, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(writing)
    assert done.returncode == 1
    assert "nobody reads any more" in done.stderr
    assert "Traceback" not in done.stderr


async def until(pool: Pool, sql: str) -> None:
    """Wait until a count is not zero."""
    async with asyncio.timeout(60):
        while not await pool.fetchval(sql):
            await asyncio.sleep(0.05)
