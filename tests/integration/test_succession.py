"""Boxes revoked, replaced and moved, on the real broker and database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aggregator.adapters.database import Access, Pool
from aggregator.adapters.registry_store import Registry
from aggregator.cli.app import run
from aggregator.core.registry import Point
from edge_agent.adapters.keystore import load_enrolment
from protocol.refusals import Refusal
from protocol.revocations import RevocationList, accept_list
from tests.simulators.installation import enrol
from tests.simulators.letters import make_hit, make_report
from tests.simulators.renewing_box import PATIENCE_S, Centre, RenewingBox, command_centre, renewing, renewing_box, until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def centre(tmp_path: Path, database: Access) -> AsyncIterator[Centre]:
    async with command_centre(tmp_path / "inst", database.dsn) as running:
        yield running


async def command(centre: Centre, *words: str) -> int:
    return await asyncio.to_thread(run, [*words, "--config", str(centre.installation.config)])


async def connected(box: RenewingBox) -> None:
    await until(lambda: box.delivery.state.is_connected, "a connection")


async def say(box: RenewingBox, track: int) -> None:
    """Say something and have it receipted."""
    await box.delivery.writer.append([make_hit(track=track)])
    await until(box.delivery.writer.is_empty.is_set, "a receipt")


async def row_until(pool: Pool, sql: str, wanted: object, *values: object) -> None:
    """Wait until a question to the database has an answer."""
    async with asyncio.timeout(60):
        while (found := await pool.fetchval(sql, *values)) != wanted:
            await asyncio.sleep(0.05)
    assert found == wanted


async def test_a_revoked_box_is_off_line_everywhere_although_its_will_is_refused(centre: Centre, pool: Pool) -> None:
    async with renewing_box(centre, "box-1") as one, renewing_box(centre, "box-2") as two:
        await connected(one)
        await connected(two)
        line = "SELECT is_online FROM presence WHERE device_id = 'box-1'"
        await row_until(pool, line, True)
        assert await command(centre, "device", "revoke", "box-1", "--reason", "stolen in the night") == 0
        await until(lambda: not one.delivery.state.is_connected, "the session's end")
        assert await pool.fetchval(line) is False
        await row_until(pool, "SELECT count(*) > 0 FROM refused WHERE reason = $1", True, int(Refusal.REVOKED_KEY))
        assert await pool.fetchval(line) is False, "its will was refused, and changes nothing"
        await say(two, 1)
        actions = [row["action"] for row in await pool.fetch("SELECT action FROM audit WHERE subject = 'device:box-1'")]
        assert actions == ["device.revoke"]


async def test_what_the_broker_still_held_for_a_revoked_box_is_gone_with_its_session(
    centre: Centre, pool: Pool
) -> None:
    async with renewing_box(centre, "box-1") as one:
        await connected(one)
    assert await command(centre, "device", "revoke", "box-1", "--reason", "stolen") == 0
    assert await command(centre, "device", "revoke", "box-1", "--reason", "stolen") == 0, "safe to repeat"
    async with renewing_box(centre, "box-1") as one:
        await until(lambda: "not yet connected" not in one.delivery.state.why_not, "the broker's refusal")
        assert not one.delivery.state.is_connected


async def test_a_replaced_box_leaves_its_history_at_the_point_and_its_successor_adds_to_it(
    centre: Centre, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    async with renewing_box(centre, "box-1") as old:
        await connected(old)
        await say(old, 1)
        assert await command(centre, "device", "replace", "box-1", "--with", "box-9") == 0
        await until(lambda: not old.delivery.state.is_connected, "the old box's end")
    async with pool.acquire() as connection:
        centre.installation.boxes["box-9"] = await enrol(connection, centre.installation, "box-9", point="p-1")
    async with renewing_box(centre, "box-9") as new:
        await connected(new)
        await say(new, 2)
    capsys.readouterr()
    assert await command(centre, "events", "--point", "p-1", "--kind", "hit", "--json") == 0
    shown = capsys.readouterr().out
    assert '"device":"box-1"' in shown
    assert '"device":"box-9"' in shown
    assert await pool.fetchval("SELECT replaces FROM device WHERE device_id = 'box-9'") == "box-1"
    assert await pool.fetchval("SELECT revoked_reason FROM device_key WHERE device_id = 'box-1'") == "replaced by box-9"


async def test_a_replacement_may_be_named_and_invited_in_one_go_and_repeated(
    centre: Centre, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    await pool.execute("UPDATE device SET profile = 'generic-x86-64'")
    assert await command(centre, "device", "replace", "box-1", "--invite") == 0
    assert "box-1-r2 takes over from box-1" in capsys.readouterr().err
    assert await command(centre, "device", "replace", "box-1", "--with", "box-1-r2") == 0
    assert await command(centre, "device", "replace", "box-1", "--with", "other") == 1
    assert "replaced by box-1-r2 already" in capsys.readouterr().err
    assert await command(centre, "device", "replace", "box-2", "--with", "box-2") == 2
    assert await pool.fetchval("SELECT count(*) FROM device") == 3


async def test_a_moved_box_delivers_what_it_wrote_at_its_old_point_and_learns_of_its_new_one(
    centre: Centre, pool: Pool
) -> None:
    async with pool.acquire() as connection:
        there = Point(point_id="p-2", city_id="saltillo", name="Dos", latitude=25.4, longitude=-101.0)
        await Registry(connection).add("point", there)
    async with renewing_box(centre, "box-1") as box:
        await connected(box)
        centre.broker.suspend()
        await box.delivery.writer.append([make_hit(track=1)])
    centre.broker.resume()
    assert await command(centre, "device", "move", "box-1", "--point", "p-2") == 0
    assert await command(centre, "device", "move", "box-1", "--point", "p-2") == 1
    async with renewing_box(centre, "box-1") as box:
        await connected(box)
        await until(box.delivery.writer.is_empty.is_set, "the old point's hit")
        await box.renewer.renew()
        assert box.renewer.moved.is_set()
    folder = centre.installation.box("box-1").folder
    assert (load_enrolment(folder).who.city, load_enrolment(folder).who.point) == ("saltillo", "p-2")
    async with renewing_box(centre, "box-1") as box:
        await connected(box)
        await say(box, 2)
        assert (await box.delivery.writer.holdings()).dead_letters == 0
    points: list[Any] = await pool.fetch("SELECT point_id FROM hit ORDER BY track")
    assert [row["point_id"] for row in points] == ["p-1", "p-2"]


async def test_a_box_that_is_refused_at_its_old_place_asks_where_it_stands(centre: Centre, pool: Pool) -> None:
    async with pool.acquire() as connection:
        there = Point(point_id="p-2", city_id="saltillo", name="Dos", latitude=25.4, longitude=-101.0)
        await Registry(connection).add("point", there)
    async with renewing_box(centre, "box-1") as box, renewing(box):
        await connected(box)
        assert await command(centre, "device", "move", "box-1", "--point", "p-2") == 0
        await pool.execute(
            "UPDATE device_past_place SET since = since - interval '1 day', until = until - interval '1 hour'"
        )
        async with asyncio.timeout(PATIENCE_S):
            while (
                not box.renewer.moved.is_set()
            ):  # the first may still be taken: the service hears of moves in its time
                await box.delivery.writer.append([make_report()])
                await asyncio.sleep(0.1)
    assert load_enrolment(centre.installation.box("box-1").folder).who.point == "p-2"


async def test_another_city_can_verify_which_keys_hold_no_more(centre: Centre, tmp_path: Path) -> None:
    lists = []
    for device in ("box-1", "box-2"):
        assert await command(centre, "device", "revoke", device, "--reason", "stolen") in (0, 1)
        assert await command(centre, "device", "revocations", "--out", str(tmp_path / "list.cbor")) == 0
        lists.append((tmp_path / "list.cbor").read_bytes())
    first, second = (accept_list(raw, centre.installation.trust, city="saltillo") for raw in lists)
    assert isinstance(first, RevocationList)
    assert isinstance(second, RevocationList)
    assert [each.device for each in first.keys] == ["box-1"]
    assert {each.key_id for each in second.keys} == {
        bytes(centre.installation.box(device).signer.public_key.key_id) for device in ("box-1", "box-2")
    }
