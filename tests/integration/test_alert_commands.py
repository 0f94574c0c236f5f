"""`aggregator alerts` and `webhooks` as people type them: what is shown, what is audited, what ends with which code."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters.database import Pool
from aggregator.cli import app
from aggregator.settings import Settings
from tests.simulators.alerting import Street
from tests.simulators.enrolment import Box
from tests.simulators.running import until
from tests.simulators.settings_file import write_settings

PLATE = "XYZ987W"
# Commands' JSON; `Any`, since it is of any command.
Told = Any
Ask = Callable[..., Told]


@pytest.fixture
def street(pool: Pool, box: Box) -> Street:
    """`box-1`, and nothing said yet."""
    return Street(pool, box)


@pytest.fixture
def config(installation: Settings, tmp_path: Path) -> list[str]:
    """The installation's settings, for commands."""
    return ["--config", str(write_settings(installation, tmp_path / "aggregator.toml"))]


@pytest.fixture
def ask(config: list[str], capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command with --json, and read what it printed."""

    def run(*arguments: str) -> Told:
        capsys.readouterr()
        assert app.run([*arguments, "--json", *config]) == 0
        return msgspec.json.decode(capsys.readouterr().out)

    return run


async def typed(config: list[str], *arguments: str) -> int:
    """The exit code of a command."""
    return await asyncio.to_thread(app.run, [*arguments, *config])


async def test_plates_are_shown_for_a_reason_and_each_one_is_audited(street: Street, ask: Ask) -> None:
    hit = street.hit(plate=PLATE)
    await street.tell(hit)
    (row,) = await asyncio.to_thread(ask, "alerts", "list")
    assert (row["what"], row["priority"], row["state"], row["cameras"]) == ("exact hit", 2, "new", "p-1/cam-1")
    assert PLATE not in str(row)
    (row,) = await asyncio.to_thread(ask, "alerts", "list", "--reason", "case 7")
    assert row["plates"] == PLATE
    shown = await asyncio.to_thread(ask, "alerts", "show", str(row["alert"]), "--reason", "case 8")
    assert ([each["plate"] for each in shown["sightings"]], shown["history"][0]["act"]) == ([PLATE], "raise")
    audited = [(each["action"], each["reason"]) for each in await asyncio.to_thread(ask, "audit", "list")]
    assert audited == [
        ("alerts.list", "without plates"),
        *[(action, "case 7") for action in ("alerts.list", "hit.show", "alert.show")],
        *[(action, "case 8") for action in ("alert.show", "hit.show")],
    ]
    about = await asyncio.to_thread(ask, "audit", "list", "--hit", hit.taken.hash.hex())
    assert [each["reason"] for each in about] == ["case 7", "case 8"]


async def test_a_shift_from_the_report_to_the_outcome(
    street: Street, ask: Ask, config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    made = await asyncio.to_thread(ask, "alerts", "report", "--point", "p-1", "--note", "a crash", "--at", "2m")
    number = str(made["alert"])
    assert await typed(config, "alerts", "ack", number) == 0
    assert await typed(config, "alerts", "dispatch", number, "--unit", "unit 7") == 0
    capsys.readouterr()
    assert await typed(config, "alerts", "dispatch", number, "--unit", "unit 8") == 4
    assert "dispatch by os:" in capsys.readouterr().err
    assert await typed(config, "alerts", "arrive", number) == 0
    assert await typed(config, "alerts", "close", number, "--outcome", "recovery") == 2
    assert await typed(config, "alerts", "close", number, "--outcome", "assisted", "--reason", "two hurt") == 0
    assert await asyncio.to_thread(ask, "alerts", "list") == []
    (over,) = await asyncio.to_thread(ask, "alerts", "list", "--all")
    assert (over["outcome"], over["unit"], over["what"]) == ("assisted", "unit 7", "report")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "1", "--reason", "is it ABC-123-D?"),
        ("report", "--point", "p-1", "--note", "ABC-123-D went by"),
        ("reject", "1", "--reason", " "),
        ("list", "--state", "open"),
        ("list", "--kind", "fire"),
        ("precision", "--by", "colour"),
    ],
)
async def test_what_the_audit_cannot_take_or_nobody_knows_is_refused(
    street: Street, config: list[str], arguments: tuple[str, ...]
) -> None:
    await street.tell(street.hit())
    assert await typed(config, "alerts", *arguments) == 2
    assert await street.pool.fetchval("SELECT count(*) FROM audit") == 0


async def test_the_watch_tells_each_step_as_it_is_taken_and_goes_on_from_a_number(
    street: Street, config: list[str], ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    watching = ["alerts", "watch", "--lines", "1", "--json", *config]
    watcher = threading.Thread(target=app.run, args=(watching,))
    watcher.start()
    await until(street.pool, "SELECT EXISTS (SELECT FROM audit WHERE action = 'alerts.watch')")
    await street.tell(street.hit(plate=PLATE))
    await asyncio.to_thread(watcher.join, 60)
    said = capsys.readouterr().out
    (line,) = [msgspec.json.decode(each) for each in said.splitlines()]
    assert (line["act"], line["state"], line["what"]) == ("raise", "new", "exact hit")
    assert PLATE not in said
    assert await typed(config, "alerts", "ack", str(line["alert"])) == 0
    capsys.readouterr()
    assert await typed(config, "alerts", "watch", "--lines", "1", "--after", str(line["number"])) == 0
    assert f"alert {line['alert']}  ack  seen  exact hit  saltillo  p-1/cam-1" in capsys.readouterr().out


async def test_precision_and_webhooks_by_command(street: Street, config: list[str], ask: Ask, tmp_path: Path) -> None:
    await street.tell(street.hit())
    (row,) = await asyncio.to_thread(ask, "alerts", "list")
    assert await typed(config, "alerts", "confirm", str(row["alert"])) == 0
    (counted,) = await asyncio.to_thread(ask, "alerts", "precision", "--by", "camera")
    assert (counted["n"], counted["errors"], counted["low"], counted["high"]) == (1, 0, 0.2065, 1.0)
    secret = tmp_path / "given.secret"
    secret.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    why = ("--url", "https://cad.example.mx/", "--reason", "contract 12", "--secret-file", str(secret))
    made = await asyncio.to_thread(ask, "webhooks", "add", "cad", *why, "--act", "raise", "--act", "confirm")
    assert Path(made["secret_file"]).read_text() == secret.read_text()
    (listed,) = await asyncio.to_thread(ask, "webhooks", "list")
    assert (listed["webhook"], listed["acts"], listed["waiting"], listed["dead"]) == ("cad", "raise, confirm", 0, 0)
    assert await asyncio.to_thread(ask, "webhooks", "dead") == []
    assert await typed(config, "webhooks", "retry", "cad", "--reason", "try") == 0
    assert await typed(config, "webhooks", "remove", "cad", "--reason", "over") == 0
    assert await typed(config, "webhooks", "remove", "cad", "--reason", "over") == 1
