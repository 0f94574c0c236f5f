"""What ends one day, of a whole installation: told by command and health, with the clock moved."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.dates_probe import judged
from aggregator.cli.app import run
from aggregator.core.broker_health import Grade
from aggregator.core.dates import Kind
from aggregator.service.dates import DatesWatch
from aggregator.settings import Settings
from tests.simulators.enrolment import Box
from tests.simulators.installation import make_installation


def later(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


async def test_a_new_installation_has_nothing_that_ends_soon(registry: Pool, installation: Settings) -> None:
    async with registry.acquire() as connection:
        found = await judged(connection, installation, now=datetime.now(UTC))
    assert {each.grade for each in found} == {Grade.GOOD}
    assert {each.dated.kind for each in found} == set(Kind) - {Kind.DEVICE, Kind.LINK}


@pytest.mark.parametrize(
    ("days", "problem"),
    [
        (825 - 10, "server broker ends"),
        (825 + 1, "client of ours worker.1 ended"),
        (3 * 365 - 10, "grant of role receipt ends"),
        (10 * 365 - 80, "issuing CA of the installation ends"),
        (10 * 365 - 50, "revocation list of Atalaya issuing CA of saltillo ends"),
        (20 * 365 - 80, "root of the installation ends"),
    ],
)
async def test_health_turns_bad_before_anybody_is_locked_out(
    registry: Pool, installation: Settings, days: int, problem: str
) -> None:
    watch = DatesWatch(registry, installation)
    await watch.look(now=later(days))
    assert [line for line in watch.problems if line.startswith(problem)], watch.problems


async def test_the_issuing_ca_is_a_warning_years_before(registry: Pool, installation: Settings) -> None:
    watch = DatesWatch(registry, installation)
    await watch.look(now=later(10 * 365 - 880))
    assert [line for line in watch.warnings if "ca rotate --begin" in line]


async def test_boxes_that_do_not_renew_are_counted_and_not_named(
    registry: Pool, installation: Settings, box: Box
) -> None:
    watch = DatesWatch(registry, installation)
    await watch.look(now=datetime.now(UTC))
    (said,) = watch.warnings
    assert said.startswith("boxes whose certificates end soon: 1")
    assert box.who.device not in said
    assert watch.problems == ()


async def test_a_list_that_cannot_be_read_is_a_problem(registry: Pool, installation: Settings) -> None:
    kept = installation.keys.crl.read_bytes()
    try:
        installation.keys.crl.write_bytes(b"nothing")
        watch = DatesWatch(registry, installation)
        await watch.look(now=datetime.now(UTC))
    finally:
        installation.keys.crl.write_bytes(kept)
    assert [line for line in watch.problems if "cannot be read" in line]


def test_the_command_shows_every_date(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    made = asyncio.run(make_installation(tmp_path_factory.mktemp("dates") / "inst"))
    assert run(["ca", "status", "--json", "--config", str(made.config)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["what"] for row in rows} == {kind.value for kind in Kind if kind is not Kind.LINK}
    assert rows == sorted(rows, key=lambda row: row["until"])
    assert run(["ca", "crl", "--config", str(made.config)]) == 0
