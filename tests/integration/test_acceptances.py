"""`aggregator acceptances`: what a box signed is found by the hash on the paper, with what has drifted since."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.store import Store
from aggregator.cli import app
from aggregator.core.ingest import TimeRules
from aggregator.core.rows import Taken
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import envelope_hash, parse
from protocol.messages import body_of, decode_message
from protocol.point_messages import Acceptance, CheckResult, Verdict
from tests.integration.test_point_messages import NOW
from tests.simulators.enrolment import Box
from tests.simulators.settings_file import write_settings

Asked = Callable[..., tuple[int, str, str]]
ACCEPTED_MS = to_ms(NOW)
CHECKS = (
    CheckResult(check="clock-offset", verdict=Verdict.PASS, value="3 ms"),
    CheckResult(check="camera", verdict=Verdict.PASS, value="10.0/s", camera="cam-1"),
    CheckResult(check="plate-width", verdict=Verdict.WARN, value="84 px", camera="cam-1"),
)


def acceptance(*checks: CheckResult, is_drift: bool = False) -> Acceptance:
    return Acceptance(
        accepted_ms=ACCEPTED_MS, technician="Rosa Núñez", profile="n100", verdict=max(each.verdict for each in checks),
        checks=checks, versions=("agent/1",), is_drift=is_drift,
    )  # fmt: skip


def taken(box: Box, body: Acceptance) -> Taken:
    raw = box.say(body)
    message = decode_message(parse(raw).payload)
    return Taken(message, body_of(message), raw, envelope_hash(raw), NOW)


@pytest.fixture
async def said(pool: Pool, box: Box) -> str:
    """An acceptance, a drift of two checks, and the end of one of them; the hash of the first."""
    dead = CheckResult(check="camera", verdict=Verdict.FAIL, value="stalled", camera="cam-1")
    moved = CheckResult(check="camera-scene", verdict=Verdict.WARN, value="moved", camera="cam-1")
    well = CheckResult(check="camera", verdict=Verdict.PASS, camera="cam-1")
    bodies = [
        acceptance(*CHECKS),
        acceptance(dead, moved, is_drift=True),
        acceptance(moved, well, is_drift=True),
    ]
    rows = [taken(box, body) for body in bodies]
    await Store(pool, TimeRules()).write(rows, [])
    return rows[0].hash.hex()


@pytest.fixture
def ask(installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Run a command; gives its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        config = write_settings(installation, tmp_path / "aggregator.toml")
        code = app.run(["acceptances", *words, "--config", str(config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_acceptances_are_listed_and_one_is_shown_with_its_checks_and_its_drift(said: str, ask: Asked) -> None:
    (row,) = json.loads(ask("list", "--json")[1])
    assert (row["acceptance"], row["technician"], row["verdict"], row["checks"]) == (said, "Rosa Núñez", "warn", 3)
    assert len(json.loads(ask("list", "--drift", "--json")[1])) == 3
    assert json.loads(ask("list", "--device", "box-9", "--json")[1]) == []
    for name in (said[:8], said, f"atalaya:acceptance:{said}"):
        code, out, _ = ask("show", name, "--json")
        shown = json.loads(out)
        assert (code, shown["acceptance"], shown["device"], shown["versions"]) == (0, said, "box-1", ["agent/1"])
        assert [(each["check"], each["verdict"]) for each in shown["checks"]] == [
            ("clock-offset", "pass"),
            ("camera", "pass"),
            ("plate-width", "warn"),
        ]
        assert [(each["check"], each["value"]) for each in shown["drift"]] == [("camera-scene", "moved")]
    _, out, _ = ask("show", said[:8])
    assert "Rosa Núñez" in out
    assert "plate-width" in out


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(("name", "code"), [("00000000", 1), ("xyz", 2), ("abc", 2)])
def test_a_paper_that_nobody_knows_is_told_as_such(name: str, code: int, ask: Asked) -> None:
    found, out, err = ask("show", name)
    assert (found, out) == (code, "")
    assert name in err
