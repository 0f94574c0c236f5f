"""A region's policy file that changes under the running service: taken, kept, audited; a broken one is told."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import structlog

from aggregator.adapters.audit_log import rows
from aggregator.adapters.database import Access, Pool
from aggregator.adapters.policy_file import SETTLED_AFTER, InForce, changed, policy_of
from aggregator.cli import app
from aggregator.core.visibility import Sight, What, seen_by
from aggregator.errors import BadSettings
from aggregator.service import notices
from aggregator.service.notices import NoticeKeeper
from aggregator.settings import Settings
from tests.simulators.alerting import Street
from tests.simulators.enrolment import Box
from tests.simulators.noticing import Region, region_of
from tests.simulators.running import until
from tests.simulators.settings_file import write_settings

NEIGHBOURS = '[neighbours]\nsaltillo = ["monclova"]\n'
BROKEN = "[neighbours]\nsaltillo = 3\n"


@dataclass
class House:
    """A region, its settings, and the file of its policy."""

    region: Region
    access: Access
    settings: Settings

    @property
    def file(self) -> Path:
        """The policy's."""
        path = self.settings.federation.policy
        assert path is not None
        return path

    def write(self, text: str) -> None:
        """Another policy, written a while ago: it is there whole, and old, at once."""
        other = self.file.with_suffix(".new")
        other.write_text(text)
        then = (datetime.now(UTC) - 2 * SETTLED_AFTER).timestamp()
        os.utime(other, (then, then))
        other.replace(self.file)

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[NoticeKeeper]:
        """The task of the service, running in the test."""
        maker = self.region.maker()
        maker.policy.file = policy_of(self.settings)
        keeper = NoticeKeeper(maker, self.access, self.settings)
        task = asyncio.create_task(keeper.run(), name="notices")
        try:
            yield keeper
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def region(pool: Pool, box: Box, installation: Settings) -> Region:
    """Torreón asked for `e-1`, and nobody is anybody's neighbour yet."""
    made = region_of(Street(pool, box), installation)
    await made.link("torreon", "monclova")
    await made.share("torreon", "e-1")
    return made


@pytest.fixture
def house(
    region: Region, database: Access, installation: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> House:
    """The file is looked at all the time."""
    monkeypatch.setattr(notices, "_LOOK_EVERY_S", 0.05)
    replace = msgspec.structs.replace
    federation = replace(installation.federation, policy=tmp_path / "policy.toml")
    made = House(region, database, replace(installation, role="region", federation=federation))
    made.write("")
    return made


async def until_so(keeper: NoticeKeeper, warnings: int) -> None:
    """The keeper has so many warnings."""
    async with asyncio.timeout(30):
        while len(keeper.warnings) != warnings:
            await asyncio.sleep(0.01)


async def test_a_changed_file_is_in_force_without_a_restart_and_what_was_told_stays_told(house: House) -> None:
    region = house.region
    async with house.keeping() as keeper:
        await until(region.pool, "SELECT count(*) = 1 FROM notice_policy")
        first, second, third = (region.street.hit(minutes_ago=n) for n in range(3))
        await region.street.store(first)
        await until(region.pool, "SELECT NOT EXISTS (SELECT FROM notice_due)")
        assert await region.told("monclova") == []
        house.write(NEIGHBOURS)
        await until(region.pool, "SELECT count(*) = 2 FROM notice_policy")
        await region.street.store(second)
        await until(region.pool, "SELECT NOT EXISTS (SELECT FROM notice_due)")
        house.write("")
        await until(region.pool, "SELECT count(*) = 3 FROM notice_policy")
        await region.street.store(third)
        await until(region.pool, "SELECT NOT EXISTS (SELECT FROM notice_due)")
        assert [notice.hit for notice in await region.told("monclova")] == [second.taken.hash]
        assert keeper.warnings == ()
    async with region.pool.acquire() as connection:
        done = [row.action for row in await rows(connection)]
    assert done.count("policy.apply") == 3


async def test_a_broken_file_changes_nothing_is_told_once_in_the_log_and_in_health_until_it_is_mended(
    house: House,
) -> None:
    region = house.region
    house.write(NEIGHBOURS)
    with structlog.testing.capture_logs() as lines:
        async with house.keeping() as keeper:
            await until(region.pool, "SELECT count(*) = 1 FROM notice_policy")
            house.write(BROKEN)
            await until_so(keeper, 1)
            (warning,) = keeper.warnings
            assert "of before stays in force" in warning
            assert str(house.file) in warning
            await region.street.store(region.street.hit())
            await until(region.pool, "SELECT NOT EXISTS (SELECT FROM notice_due)")
            assert len(await region.told("monclova")) == 1
            house.file.unlink()
            await until_so(keeper, 1)
            async with asyncio.timeout(30):
                while "cannot be read" not in keeper.warnings[0]:
                    await asyncio.sleep(0.01)
            house.write(NEIGHBOURS)
            await until_so(keeper, 0)
    assert [line["event"] for line in lines if line["event"].startswith("policy")] == ["policy_not_taken"] * 2
    assert await region.pool.fetchval("SELECT count(*) FROM notice_policy") == 1


async def test_hotlists_are_told_by_the_same_policy(house: House) -> None:
    maker = house.region.maker()
    in_force: InForce = maker.policy
    keeper = NoticeKeeper(maker, house.access, house.settings)
    assert seen_by(in_force.policy, "torreon", "monclova", What.HOTLIST) is Sight.PLATE
    house.write('[sees]\nhotlist = "nothing"\n')
    await keeper.look(now=datetime.now(UTC))
    assert seen_by(in_force.policy, "torreon", "monclova", What.HOTLIST) is Sight.NOTHING


async def test_a_file_that_is_being_written_is_not_read_yet(house: House) -> None:
    """The half of it may let see more than the whole: exceptions stand at its end."""
    held = policy_of(house.settings)
    house.file.write_text(NEIGHBOURS)
    written_at = datetime.fromtimestamp(house.file.stat().st_mtime, UTC)
    assert changed(house.settings, held, now=written_at + SETTLED_AFTER / 2) is None
    found = changed(house.settings, held, now=written_at + SETTLED_AFTER)
    assert found is not None
    assert found.text == NEIGHBOURS
    assert changed(house.settings, found, now=written_at + SETTLED_AFTER) is None
    house.file.write_text(BROKEN)
    with pytest.raises(BadSettings, match=r"policy\.toml"):
        changed(house.settings, found, now=datetime.now(UTC) + timedelta(minutes=1))


async def test_commands_say_which_policy_is_in_force(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(write_settings(house.settings, tmp_path / "aggregator.toml"))]
    maker = house.region.maker()
    await maker.begin(datetime.now(UTC) - timedelta(hours=1))
    house.write(NEIGHBOURS)
    await NoticeKeeper(maker, house.access, house.settings).look(now=datetime.now(UTC))
    wanted = policy_of(house.settings).sha256.hex()

    async def do(*arguments: str) -> tuple[str, str]:
        capsys.readouterr()
        assert await asyncio.to_thread(app.run, [*arguments, *config]) == 0
        said = capsys.readouterr()
        return said.out, said.err

    out, _ = await do("notices", "policies", "--json")
    first, second = msgspec.json.decode(out)
    assert (first["sha256"], first["until"], first["is_built_in"]) == (wanted, None, False)
    assert (second["until"], second["is_built_in"]) == (first["since"], True)
    await house.region.pool.execute("TRUNCATE federated_city CASCADE")  # made by hand: no root stands behind them
    _, told = await do("federation", "status")
    assert f"policy {wanted[:12]} in force since " in told
    house.write("")
    _, told = await do("notices", "policies")
    assert "something else by now" in told
    city = msgspec.structs.replace(house.settings, role="city")
    config[1] = str(write_settings(city, tmp_path / "city.toml"))
    assert await asyncio.to_thread(app.run, ["notices", "policies", *config]) == 2
