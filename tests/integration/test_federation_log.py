"""The region's log for a city: what goes into it, how a city follows it, and what a city does not follow."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from aggregator.adapters import federation_desk, federation_link, federation_log, link_standing
from aggregator.adapters.database import Database, Pool
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.hotlist_store import current_snapshot, transaction
from aggregator.cli.app import run
from aggregator.core.visibility import But, Policy, Sight
from aggregator.errors import NotThere, RegionAway
from aggregator.service.federation_city import CityLink
from protocol.federation import ItemKind, make_item, sign_head
from protocol.keys import KeySigner
from protocol.order import Identity
from protocol.refusals import Refusal
from protocol.settings import make_document, sign_settings
from protocol.trust import Role
from tests.simulators.federation import ANA, Centre, Federation, federated
from tests.simulators.linked_lists import Bureau, end_of, following, hand_up, head_of, now, region_port
from tests.simulators.trickle import Trickle

ONE, TWO = "saltillo", "torreon"
PLATE = "FAB123C"


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region with two cities that have joined."""
    async with federated(postgres, tmp_path, ONE, TWO) as made:
        yield made


async def armed(city: Centre) -> int:
    """How many entries the city's boxes are to arm."""
    async with transaction(city.pool) as connection:
        current = await current_snapshot(connection, city.city)
    return 0 if current is None else current.entries


async def problem(city: Centre) -> str | None:
    """Why the city does not follow its log."""
    async with transaction(city.pool) as connection:
        return (await link_standing.standing(connection, city.link.log_id)).problem


async def items(pool: Pool, city: str) -> list[int]:
    """The kinds of the items in a city's log."""
    rows = await pool.fetch("SELECT kind FROM federation_log_item WHERE city_id = $1 ORDER BY number", city)
    return [row["kind"] for row in rows]


async def tell(state: Federation, city: str, body: bytes, kind: ItemKind = ItemKind.ROSTER) -> int:
    """Append something to a city's log."""
    async with transaction(state.region.pool) as connection:
        number = await federation_log.append(connection, city, kind, ONE, body)
    assert number is not None
    return number


async def test_what_one_city_approves_the_other_arms_once_it_has_adopted_the_officers(state: Federation) -> None:
    one, two = Bureau.of(state[ONE]), Bureau.of(state[TWO])
    async with region_port(state), following(state[TWO]) as follower:
        await one.list_plates([PLATE])
        assert await hand_up(state[ONE]) == 0
        await follower.take(await head_of(state, TWO))
        assert await armed(state[TWO]) == 0
        assert await state[TWO].pool.fetchval("SELECT left_out FROM foreign_batch") == "unknown_officer"
        await two.adopt(one)
        await two.desk.expire(now=now())  # what the publisher does when the root has spoken
        assert await armed(state[TWO]) == 1
        assert await state[TWO].pool.fetchval("SELECT left_out FROM foreign_batch") is None
        await one.withdraw(PLATE)
        await hand_up(state[ONE])
        await follower.take(await head_of(state, TWO))
        assert await armed(state[TWO]) == 0


async def test_commands_say_how_old_other_cities_lists_are_and_what_waits(
    state: Federation, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(state[TWO].installation.config)
    async with region_port(state), following(state[TWO]) as follower:
        assert await asyncio.to_thread(run, ["hotlist", "batches", "--config", config]) == 0
        assert "the region was not heard yet" in capsys.readouterr().err
        batch = await Bureau.of(state[ONE]).list_plates([PLATE])
        await hand_up(state[ONE])
        await follower.take(await head_of(state, TWO))
    capsys.readouterr()
    assert await asyncio.to_thread(run, ["hotlist", "foreign", "--json", "--config", config]) == 0
    said = capsys.readouterr()
    [row] = json.loads(said.out)
    assert (row["city_id"], row["batch_id"], row["entries"], row["in_force"]) == (ONE, batch, 1, 1)
    assert row["left_out"] == "unknown_officer"
    assert re.search(r"other cities' lists are \d+ s old", said.err)


async def test_what_concerns_nobody_else_stays_in_its_city(state: Federation) -> None:
    one = Bureau.of(state[ONE])
    async with region_port(state):
        await one.list_plates([PLATE], scope=ONE)
        await one.withdraw(PLATE)
        await hand_up(state[ONE])
    assert await state.region.pool.fetchval("SELECT count(*) FROM foreign_batch") == 0
    assert set(await items(state.region.pool, TWO)) == {ItemKind.TRUST}


async def test_no_plate_stands_in_a_column_at_the_region(state: Federation) -> None:
    async with region_port(state):
        await Bureau.of(state[ONE]).list_plates([PLATE])
        await hand_up(state[ONE])
    row = await state.region.pool.fetchrow("SELECT * FROM federated_entry")
    assert row is not None
    assert row["city_id"] == ONE
    assert PLATE not in str(tuple(row.values()))


async def test_a_policy_that_hides_a_list_keeps_it_out_of_the_log_and_lets_withdrawals_through(
    state: Federation,
) -> None:
    """What is hidden today may lie in the other city from before: a cleared vehicle is cleared there too."""
    policy, one = Policy(but=(But(owner=ONE, viewer=TWO, hotlist=Sight.NOTHING),)), Bureau.of(state[ONE])
    async with region_port(state, policy):
        await one.list_plates([PLATE])
        await hand_up(state[ONE])
        assert ItemKind.BATCH not in await items(state.region.pool, TWO)
        await one.withdraw(PLATE)
        await hand_up(state[ONE])
    told = await items(state.region.pool, TWO)
    assert ItemKind.WITHDRAWAL in told
    assert ItemKind.BATCH not in told


async def test_an_entry_cannot_be_taken_over_by_another_city(state: Federation) -> None:
    one, two = (Bureau.of(state[city], token=bytes) for city in (ONE, TWO))  # their dice fall alike
    async with region_port(state):
        await one.list_plates([PLATE])
        await two.list_plates(["EUA1234"])
        await hand_up(state[ONE])
        await hand_up(state[TWO])
    assert await state.region.pool.fetchval("SELECT array_agg(city_id::text) FROM foreign_batch") == [ONE]
    refused = "SELECT refusal FROM federation_sent WHERE kind = 1"
    assert await state[TWO].pool.fetchval(refused) == Refusal.EQUIVOCATION
    async with transaction(state[TWO].pool) as connection:
        standing = await link_standing.standing(connection, state[TWO].link.log_id)
    assert "the region refused 1 items of ours for good (batch)" in list(standing.warnings(now()))


async def test_the_same_again_is_receipted_again_and_told_once(state: Federation) -> None:
    async with region_port(state):
        await Bureau.of(state[ONE]).list_plates([PLATE])
        await hand_up(state[ONE])
        before = await items(state.region.pool, TWO)
        await state[ONE].pool.execute("DELETE FROM federation_sent")
        assert await hand_up(state[ONE]) == 0
    assert await items(state.region.pool, TWO) == before


async def test_a_city_that_joins_later_is_told_what_the_others_share(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with federated(postgres, tmp_path, ONE, TWO, is_joined=False) as state:
        await state.join(ONE)
        one, two = Bureau.of(state[ONE]), Bureau.of(state[TWO])
        await two.adopt(one)
        async with region_port(state):
            await one.list_plates([PLATE])
            await hand_up(state[ONE])
        await state.join(TWO)
        async with region_port(state), following(state[TWO]) as follower:
            await follower.take(await head_of(state, TWO))
            assert await armed(state[TWO]) == 1


async def test_a_log_that_is_rolled_back_is_not_followed_until_it_goes_on(state: Federation) -> None:
    async with region_port(state), following(state[TWO]) as follower:
        await tell(state, TWO, b"one")
        first = await head_of(state, TWO)
        await tell(state, TWO, b"two")
        await follower.take(await head_of(state, TWO))
        await follower.take(first)
        assert await problem(state[TWO]) == "rolled_back"
        await tell(state, TWO, b"three")
        await follower.take(await head_of(state, TWO))
        assert await problem(state[TWO]) is None


async def test_a_log_that_forks_is_not_followed(state: Federation) -> None:
    async with region_port(state), following(state[TWO]) as follower:
        number = await tell(state, TWO, b"what was said")
        await follower.take(await head_of(state, TWO))
        fork = (await end_of(state, TWO)).hash[::-1]
        await state.region.pool.execute("UPDATE federation_log SET hash = $1 WHERE city_id = $2", fork, TWO)
        await follower.take(await head_of(state, TWO))
        assert await problem(state[TWO]) == "rolled_back"
        await tell(state, TWO, b"and something that goes on from what was never said")
        await follower.take(await head_of(state, TWO))
        assert await problem(state[TWO]) == "broken_chain"
    assert await state[TWO].pool.fetchval("SELECT number FROM federation_followed") == number


async def test_a_log_with_a_line_cut_out_of_it_is_not_taken(state: Federation) -> None:
    async with region_port(state), following(state[TWO]) as follower:
        await follower.take(await head_of(state, TWO))
        at = [await tell(state, TWO, body) for body in (b"one", b"two", b"three")]
        await state.region.pool.execute("DELETE FROM federation_log_item WHERE number = $1", at[1])
        await follower.take(await head_of(state, TWO))
        assert await problem(state[TWO]) == "broken_chain"
        await state.region.pool.execute("DELETE FROM federation_log_item WHERE number = $1", at[0])
        with pytest.raises(NotThere, match="join again"):
            await follower.take(await head_of(state, TWO))
        assert await problem(state[TWO]) == "not_kept"
    assert await state[TWO].pool.fetchval("SELECT number FROM federation_followed") == at[0] - 1


@pytest.mark.parametrize("case", ["other_log", "other_city", "unknown_key"])
async def test_a_head_that_is_not_ours_to_follow_changes_nothing(state: Federation, case: str) -> None:
    async with region_port(state), following(state[TWO]) as follower:
        await follower.take(await head_of(state, TWO))
        end, server = await end_of(state, TWO), state.region.installation.server
        strange = {
            "other_log": msgspec.structs.replace(end, log=os.urandom(16), number=end.number + 1),
            "other_city": msgspec.structs.replace(end, city=ONE),
            "unknown_key": end,
        }[case]
        await follower.take(sign_head(strange, KeySigner.generate() if case == "unknown_key" else server))
        assert await problem(state[TWO]) == case


async def test_a_long_body_that_is_cut_goes_on_where_it_stopped(state: Federation) -> None:
    body = os.urandom(15_000_000)
    async with (
        region_port(state),
        Trickle(state.region.settings.http.port, cut_at=[9_000_000]) as line,
        following(state[TWO], port=line.port) as follower,
    ):
        await tell(state, TWO, body)
        head = await head_of(state, TWO)
        with pytest.raises(RegionAway):
            await follower.take(head)
        await follower.take(head)
        assert line.sent_bytes < 16_000_000
    assert await state[TWO].pool.fetchval("SELECT max(size_bytes) FROM federation_body") == len(body)


async def test_a_body_is_given_to_the_city_whose_log_names_it_and_to_nobody_else(state: Federation) -> None:
    body = os.urandom(100_000)
    item = make_item(1, ItemKind.ROSTER, ONE, body, created_ms=0)
    async with region_port(state), following(state[ONE]) as other, following(state[TWO]) as follower:
        await tell(state, TWO, body)
        assert await follower.door.body(item) == body
        with pytest.raises(RegionAway, match="404"):
            await other.door.body(item)


async def test_a_city_that_left_is_turned_away(state: Federation) -> None:
    await federation_desk.leave(
        state.region.pool, state.region.settings, TWO, actor=ANA, reason="the mayor said so", now=now()
    )
    async with region_port(state), following(state[TWO]) as follower:
        with pytest.raises(RegionAway, match="403"):
            await follower.door.page(0)
    async with transaction(state.region.pool) as connection:
        assert await federation_log.append(connection, TWO, ItemKind.ROSTER, ONE, b"too late") is None


async def test_a_city_that_leaves_looks_for_nobody_elses_vehicles_any_more(state: Federation) -> None:
    one, two, city = Bureau.of(state[ONE]), Bureau.of(state[TWO]), state[TWO]
    await two.adopt(one)
    async with region_port(state), following(city) as follower:
        await one.list_plates([PLATE])
        await two.list_plates(["EUA1234"], scope=TWO)
        await hand_up(state[ONE])
        await follower.take(await head_of(state, TWO))
    assert await armed(city) == 2
    federation_link.remove(city.link)
    link = CityLink(city.settings, Database(city.pool, city.access), look_every_s=0.05)
    running = asyncio.create_task(link.run(), name="link")
    async with asyncio.timeout(60):
        while await armed(city) != 1:
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])


async def test_what_a_city_has_taken_is_dropped_a_week_later_and_nothing_before(state: Federation) -> None:
    said = "UPDATE federated_city SET contact_at = now(), log_number = $2 WHERE city_id = $1"
    later = now() + timedelta(days=8)
    async with region_port(state) as desk, following(state[TWO]) as follower:
        await tell(state, TWO, b"one")
        second = await tell(state, TWO, b"two")
        await state.region.pool.execute(said, TWO, second - 1)
        await desk.tidy(now=now())
        assert len(await items(state.region.pool, TWO)) == 2
        await follower.take(await head_of(state, TWO))
        await desk.tidy(now=later)
        assert len(await items(state.region.pool, TWO)) == 1
        await state.region.pool.execute(said, TWO, second)
        await desk.tidy(now=later)
        assert await items(state.region.pool, TWO) == []
        assert await state.region.pool.fetchval("SELECT count(*) FROM federation_body") == 0
        await tell(state, TWO, b"three")
        await follower.take(await head_of(state, TWO))
    assert await problem(state[TWO]) is None


async def test_settings_of_the_region_reach_a_box_only_if_the_citys_root_lets_it(state: Federation) -> None:
    city, server = state[TWO], state.region.installation.server
    bureau, who = Bureau.of(city), Identity(device=f"{TWO}-1", city=TWO, point=f"{TWO}-p1")

    def document(number: int) -> bytes:
        made = make_document(
            who, number=number, rollout="r-of-region", created_ms=int(now().timestamp() * 1000), profile=("", ""),
            settings_toml="", trial_s=60,
        )  # fmt: skip
        return sign_settings(made, server)

    async with region_port(state), following(city) as follower:
        await tell(state, TWO, document(1), ItemKind.SETTINGS)
        await follower.take(await head_of(state, TWO))
        assert follower.items.refused == {"unknown_key": 1}
        bureau.grant(Role.SETTINGS, "region", server)
        await tell(state, TWO, document(2), ItemKind.SETTINGS)
        await follower.take(await head_of(state, TWO))
    assert await city.pool.fetchval("SELECT array_agg(number) FROM settings_document") == [2]


async def test_a_new_bundle_of_the_regions_root_reaches_its_cities(state: Federation) -> None:
    region = Bureau.of(state.region)  # its root has signed another bundle since the cities joined
    async with region_port(state) as desk, following(state[TWO]) as follower:
        raw = state.region.settings.keys.trust_bundle.read_bytes()
        await desk.tell_trust(state.region.city, raw, now=now())
        await desk.tell_trust(state.region.city, raw, now=now())
        await follower.take(await head_of(state, TWO))
    assert state[TWO].link.trust() == region.officers.trust
    assert (await items(state.region.pool, TWO)).count(ItemKind.TRUST) == 1


async def test_a_head_of_a_server_that_the_regions_root_granted_since_is_followed(state: Federation) -> None:
    region, server = Bureau.of(state.region), KeySigner.generate()
    region.grant(Role.MANIFEST, "second-server", server)
    async with region_port(state), following(state[TWO]) as follower:
        await follower.take(sign_head(await end_of(state, TWO), server))
    assert await problem(state[TWO]) is None
    assert state[TWO].link.trust() == region.officers.trust
