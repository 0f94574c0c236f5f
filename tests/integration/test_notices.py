"""Notices on the real database: whom a hit is told, once, whatever is killed; and at the desk of who was told."""

import asyncio
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters.asker import Asker
from aggregator.adapters.audit_log import rows, verify
from aggregator.adapters.database import Pool
from aggregator.adapters.due_notes import MOST_TRIES
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.notice_maker import STEPS
from aggregator.adapters.retention_store import RetentionStore
from aggregator.cli import app
from aggregator.core.asking.question import Question
from aggregator.core.retention import Keeping, Rule
from aggregator.core.visibility import Corridor, Policy, Sees, Sight, What
from aggregator.errors import NotThere
from aggregator.settings import Settings
from protocol.federation import Notice
from protocol.messages import HitAmended, Match, Quality
from tests.simulators.alerting import Street
from tests.simulators.enrolment import Box
from tests.simulators.noticing import Region, region_of
from tests.simulators.settings_file import write_settings

PLATE = "XYZ987W"
ROAD = Corridor(name="40", cities=("saltillo", "monclova", "acuna"))
# A command's JSON; `Any`, since it is of any command.
Told = Any


@pytest.fixture
async def region(pool: Pool, box: Box, installation: Settings) -> Region:
    """Torreón asked for `e-1`; nothing was seen yet."""
    made = region_of(Street(pool, box), installation)
    await made.link("torreon", "monclova")
    await made.share("torreon", "e-1")
    await made.begin()
    return made


async def test_who_asked_is_told_with_the_boxes_own_message_and_the_audit_knows(region: Region) -> None:
    hit = region.street.hit(plate=PLATE)
    await region.see(hit)
    (notice,) = await region.told("torreon")
    assert (notice.city, notice.point, notice.camera, notice.why) == ("saltillo", "p-1", "cam-1", "asked")
    assert (notice.entries, notice.hit, notice.envelope) == (("e-1",), hit.taken.hash, hit.taken.raw)
    assert await region.told("monclova") == []
    async with region.pool.acquire() as connection:
        sent = [row for row in await rows(connection) if row.action == "notice.send"]
        assert (await verify(connection))[1] == []
    assert [(row.subject, row.reason) for row in sent] == [(f"hit:{hit.taken.hash.hex()}", "to torreon as asked")]


async def test_what_was_told_is_not_told_again(region: Region) -> None:
    hit = region.street.hit()
    await region.see(hit)
    await region.see(hit)
    await region.pool.execute("INSERT INTO notice_due (hit) VALUES ($1)", hit.taken.hash)
    assert await region.make() == 1
    assert len(await region.told("torreon")) == 1


async def test_where_no_policy_ever_was_in_force_nothing_is_noted(pool: Pool, box: Box) -> None:
    street = Street(pool, box)
    await street.store(street.hit())
    assert await pool.fetchval("SELECT count(*) FROM notice_due") == 0


async def test_which_policy_is_in_force_is_kept_and_audited_once(region: Region) -> None:
    await region.begin()
    region.text = "neighbour_minutes = 30\n"
    await region.begin()
    assert [row["policy"] for row in await region.pool.fetch("SELECT policy FROM notice_policy ORDER BY number")] == [
        "",
        region.text,
    ]
    async with region.pool.acquire() as connection:
        assert [row.action for row in await rows(connection)] == ["policy.apply"] * 2


async def test_neighbours_and_the_corridor_are_told_the_place_and_no_plate(region: Region) -> None:
    await region.link("acuna")
    region.policy = Policy(neighbours={"saltillo": ("monclova",)}, corridors=(ROAD,))
    await region.see(region.street.hit(plate=PLATE))
    for city, why, corridor in (("monclova", "neighbour", ""), ("acuna", "corridor", "40")):
        (notice,) = await region.told(city)
        assert (notice.why, notice.corridor, notice.camera, notice.reason) == (why, corridor, "cam-1", "stolen")
        assert (notice.entries, notice.envelope) == ((), b"")


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_every_hit_is_told_once(
    region: Region, installation: Settings, tmp_path: Path, step: str
) -> None:
    settings_file = write_settings(installation, tmp_path / "aggregator.toml")
    hits = [region.street.hit(minutes_ago=n) for n in range(3)]
    await region.street.store(*hits)
    argv = [sys.executable, "-m", "tests.simulators.noticing", str(settings_file), step]
    assert await asyncio.to_thread(subprocess.call, argv) == -signal.SIGKILL
    assert (len(await region.told("torreon")) > 0) is (step == "notices.committed")
    await region.make()
    told = await region.told("torreon")
    assert sorted(notice.hit for notice in told) == sorted(hit.taken.hash for hit in hits)
    assert await region.pool.fetchval("SELECT count(*) FROM notice_due") == 0


async def test_what_comes_last_is_told_first(region: Region) -> None:
    """A link that comes back after hours brings many hits; one of this moment does not wait behind them."""
    old, new = region.street.hit(minutes_ago=300), region.street.hit()
    await region.street.store(old)
    await region.street.store(new)
    await region.maker().make(region.street.now, batch=1)
    assert [notice.hit for notice in await region.told("torreon")] == [new.taken.hash, old.taken.hash]


async def test_a_hit_that_cannot_be_told_holds_up_no_other(region: Region) -> None:
    good, bad = region.street.hit(), region.street.hit(camera="cam-9")
    await region.pool.execute("ALTER TABLE notice_sent ADD CHECK (camera_id <> 'cam-9')")
    await region.see(bad, good)
    assert [notice.hit for notice in await region.told("torreon")] == [good.taken.hash]
    for _ in range(MOST_TRIES):
        await region.make()
    assert await region.maker().stuck() == 1


async def test_a_possible_goes_without_the_plate_and_what_became_exact_is_told_again(region: Region) -> None:
    hit = region.street.hit(quality=Quality.POSSIBLE, plate="ABC123D")
    await region.see(hit)
    await region.see(region.street.amended(hit, quality=Quality.EXACT, plate="ABC128D"))
    told = await region.told("torreon")
    assert [bool(notice.envelope) for notice in told] == [False]  # the message says another plate than the box now
    await region.see(other := region.street.hit(quality=Quality.POSSIBLE, plate="ABC128D"))
    await region.see(region.street.amended(other, quality=Quality.EXACT, plate="ABC128D"))
    told = [notice for notice in await region.told("torreon") if notice.hit == other.taken.hash]
    assert [bool(notice.envelope) for notice in told] == [False, True]


async def test_a_hit_that_its_box_takes_back_is_over_at_every_desk(region: Region) -> None:
    hit = region.street.hit()
    await region.see(hit)
    assert await region.take("torreon") == [True]
    await region.see(region.street.amended(hit, quality=None))
    assert (await region.take("torreon"))[-1]
    (row,) = await region.desk.listed(None, everything=True, limit=9, actor="os:ana")
    assert (row["state"], row["has_plate"], row["entries"]) == ("over", False, "")
    assert await region.desk.listed(None, everything=False, limit=9, actor="os:ana") == []


async def test_a_withdrawn_entry_ends_what_was_told_of_it(region: Region) -> None:
    await region.see(region.street.hit())
    await region.withdraw("torreon", "e-1")
    assert await region.make() == 1
    first, last = await region.told("torreon")
    assert (first.entries, last.entries, last.until_ms - last.created_ms) == (("e-1",), (), 1)


async def test_a_notice_is_taken_once_and_touches_no_list_and_no_alert(region: Region) -> None:
    await region.see(region.street.hit(plate=PLATE))
    tables = ("alert", "alert_due", "hotlist_batch", "hotlist_entry", "hotlist_snapshot", "foreign_batch", "hit")
    count = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in tables)  # noqa: S608
    before = await region.pool.fetchrow(count)
    assert await region.take("torreon") == [True]
    assert await region.take("torreon") == [False]
    assert await region.pool.fetchrow(count) == before
    assert await region.pool.fetchval("SELECT count(*) FROM notice") == 1


async def test_a_plate_is_shown_for_a_reason_while_the_notice_holds_and_then_goes(
    region: Region, tmp_path: Path
) -> None:
    hit = region.street.hit(plate=PLATE)
    await region.see(hit)
    await region.take("torreon")
    (row,) = await region.desk.listed("asked", everything=False, limit=9, actor="os:ana")
    assert PLATE not in str(dict(row))
    shown = await region.desk.show(row["notice"], actor="os:ana", reason="case 7")
    assert shown.hit is not None
    assert shown.hit.plate == PLATE
    async with region.pool.acquire() as connection:
        looks = [(each.action, each.subject) for each in await rows(connection, actor="os:ana")]
    assert looks == [
        ("notices.list", "notices"),
        ("notice.show", f"notice:{row['notice']}"),
        ("hit.show", f"hit:{hit.taken.hash.hex()}"),
    ]
    await age(region, timedelta(hours=25))
    assert (await region.desk.show(row["notice"], actor="os:ana", reason="case 7")).hit is None
    assert await purged(region, Rule(Keeping.LAPSED, 0), tmp_path) == {"notice": 1}
    assert await region.pool.fetchval("SELECT envelope IS NULL FROM notice")
    assert await purged(region, Rule(Keeping.NOTICES, 90), tmp_path) == {}
    await age(region, timedelta(days=91))
    assert await purged(region, Rule(Keeping.NOTICES, 90), tmp_path) == {"notice": 1, "notice_sent": 1}
    with pytest.raises(NotThere, match="aggregator notices list"):
        await region.desk.show(row["notice"], actor="os:ana", reason="case 7")


async def age(region: Region, by: timedelta) -> None:
    """Let so much time pass for what was told."""
    await region.pool.execute(
        "UPDATE notice SET captured_at = captured_at - $1::interval, told_at = told_at - $1, until_at = until_at - $1",
        by,
    )
    await region.pool.execute("UPDATE notice_sent SET until_at = until_at - $1::interval", by)


async def purged(region: Region, rule: Rule, folder: Path) -> dict[str, int]:
    """How much a purge takes of which table."""
    store, found = RetentionStore(region.pool, EvidenceFiles(folder)), dict[str, int]()
    async for receipt in store.purge(rule, datetime.now(UTC), actor="os:ana"):
        found |= receipt.tables
    return found


async def test_a_hold_keeps_the_plate_of_a_notice(region: Region, tmp_path: Path) -> None:
    hit = region.street.hit(plate=PLATE)
    await region.see(hit)
    await region.take("torreon")
    await age(region, timedelta(days=100))
    await region.pool.execute(
        "INSERT INTO legal_hold (hit_hash, reason, placed_by, placed_at) VALUES ($1, 'case 7', 'os:ana', now())",
        hit.taken.hash,
    )
    for rule in (Rule(Keeping.LAPSED, 0), Rule(Keeping.NOTICES, 90)):
        await purged(region, rule, tmp_path)
    number = await region.pool.fetchval("SELECT notice_id FROM notice")
    shown = await region.desk.show(number, actor="os:ana", reason="case 7")
    assert shown.hit is not None
    assert shown.hit.plate == PLATE


async def test_at_a_region_a_possible_leaves_no_plate_a_day_after_it_was_seen(region: Region, tmp_path: Path) -> None:
    """Nobody hears there that a city's people rejected it. What is exact stays, and what became so."""
    await region.pool.execute(
        "INSERT INTO federated_city (city_id, joined_at, log_id)"
        " VALUES ('saltillo', now(), decode(repeat('07', 16), 'hex'))"
    )
    day = 24 * 60 + 1
    gone = region.street.hit(minutes_ago=day, quality=Quality.POSSIBLE, plate=PLATE)
    young = region.street.hit(quality=Quality.POSSIBLE)
    exact = region.street.hit(minutes_ago=day)
    became = region.street.hit(minutes_ago=day, quality=Quality.POSSIBLE, plate="ABC128D")
    back = region.street.hit(minutes_ago=day)
    await region.see(gone, young, exact, became, region.street.amended(became, quality=Quality.EXACT))
    await region.see(back, region.street.amended(back, quality=None))
    await region.street.make()
    for _ in range(2):  # and what comes late of it
        await purged(region, Rule(Keeping.REJECTED, 1), tmp_path)
        left = {row["envelope_hash"] for row in await region.pool.fetch("SELECT envelope_hash FROM hit")}
        assert left == {each.taken.hash for each in (young, exact, became)}
        match = Match(entry="e-1", quality=Quality.POSSIBLE, reason="stolen")
        late = HitAmended(hit=gone.key, matches=(match,), plate=PLATE, observed=PLATE, confidence=500)
        await region.street.store(region.street.say(late, ago=timedelta(minutes=day)))
    await purged(region, Rule(Keeping.REJECTED, 1), tmp_path)
    assert await region.pool.fetchval("SELECT count(*) FROM hit_amendment WHERE plate = $1", PLATE) == 0
    assert await region.pool.fetchval("SELECT entries IS NULL FROM alert_sighting WHERE event = $1", gone.taken.hash)


async def test_notices_stand_among_the_lines_of_alerts_in_one_order(region: Region) -> None:
    begin = await region.street.desk.begin_watch(actor="os:ana")
    first, second = region.street.hit(minutes_ago=200), region.street.hit(minutes_ago=100)
    await region.see(first)
    await region.street.make()
    await region.take("torreon")
    await region.see(second)
    await region.street.make()
    lines = await region.street.desk.happened(begin, None, 100)
    assert [row["act"] for row in lines] == ["raise", "new", "raise"]
    assert [row["number"] for row in lines] == sorted({row["number"] for row in lines})
    assert await region.street.desk.begin_watch(actor="os:ana") == lines[-1]["number"]
    assert [row["act"] for row in await region.street.desk.happened(lines[0]["number"], None, 1)] == ["new"]
    assert [row["act"] for row in await region.street.desk.happened(begin, "saltillo", 9)] == ["raise", "raise"]


async def test_receivers_of_webhooks_are_told_of_notices_without_plate_or_entry(region: Region) -> None:
    add = "INSERT INTO webhook (webhook_id, url, city_id, acts, is_private, added_by, added_at) VALUES "
    await region.pool.execute(
        add + "('all', 'https://a.mx/', NULL, '{}', false, 'ana', now()),"
        " ('alerts', 'https://a.mx/', NULL, '{raise}', false, 'ana', now()),"
        " ('here', 'https://a.mx/', 'torreon', '{notice}', false, 'ana', now()),"
        " ('there', 'https://a.mx/', 'monclova', '{notice}', false, 'ana', now())"
    )
    hit = region.street.hit(plate=PLATE)
    await region.see(hit)
    await region.take("torreon")
    await region.see(region.street.amended(hit, quality=None))
    await region.take("torreon")
    found = await region.pool.fetch("SELECT webhook_id, body FROM webhook_delivery ORDER BY webhook_id, number")
    types = [(row["webhook_id"], msgspec.json.decode(row["body"])["type"]) for row in found]
    assert types == [(name, f"notice.{act}") for name in ("all", "here") for act in ("new", "over")]
    assert not any(word in row["body"] for row in found for word in (PLATE, "e-1"))


async def test_whoever_asks_sees_what_his_cities_were_told_without_plate_or_entry(region: Region) -> None:
    """What the region told, and what the city took: here they lie in one database, and so each stands there."""
    hit = region.street.hit(plate=PLATE)
    await region.see(hit)
    await region.take("torreon")
    day = timedelta(days=1)
    wanted = Question(resource="notices", from_at=region.street.now - day, to_at=region.street.now + day)
    found = (await Asker(region.pool).ask(wanted, ("torreon",))).rows
    assert [(row["hit"], row["why"], row["seen_city"], row["has_plate"], row["state"]) for row in found] == [
        (hit.taken.hash.hex(), "asked", "saltillo", True, "open")
    ] * 2
    assert {row["notice"] is None for row in found} == {True, False}
    assert not any(word in str(row) for row in found for word in (PLATE, "e-1"))
    for others in (("monclova",), ("saltillo",)):
        assert (await Asker(region.pool).ask(wanted, others)).rows == []
    await region.see(region.street.amended(hit, quality=None))
    await region.take("torreon")
    summed = msgspec.structs.replace(wanted, group_by=("city", "state", "has_plate"))
    assert [tuple(row) for row in (await Asker(region.pool).ask(summed, None)).rows] == [("torreon", "over", False, 2)]


SIGHTS = [(what, sight) for what in (What.ASKED, What.NEIGHBOUR, What.CORRIDOR) for sight in Sight]


async def test_what_reaches_a_city_is_what_the_policy_lets_it_see(region: Region) -> None:
    """Each reason with each sight: the notices in the log of the one city that it is about."""
    for what, sight in SIGHTS:
        region.policy = Policy(
            sees=msgspec.convert({what.value: sight.value}, Sees),
            neighbours={"saltillo": ("monclova",)} if what is What.NEIGHBOUR else {},
            corridors=(ROAD,) if what is What.CORRIDOR else (),
        )
        entry = "e-1" if what is What.ASKED else "e-9"
        if what is not What.ASKED:
            await region.pool.execute("DELETE FROM federated_entry")
            await region.share("saltillo", entry)
        city = "torreon" if what is What.ASKED else "monclova"
        hit = region.street.hit(plate=PLATE, entries=[entry])
        await region.see(hit)
        got = [notice for notice in await region.told(city) if notice.hit == hit.taken.hash]
        assert [_seen_in(notice) for notice in got] == ([] if sight is Sight.NOTHING else [sight]), (what, sight)
        assert {notice.why for notice in got} <= {what.value}


def _seen_in(notice: Notice) -> Sight:
    return Sight.PLATE if notice.envelope else Sight.PLACE


async def test_the_desk_by_command(
    region: Region, installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(write_settings(installation, tmp_path / "aggregator.toml"))]

    async def ask(*arguments: str) -> Told:
        capsys.readouterr()
        assert await asyncio.to_thread(app.run, [*arguments, "--json", *config]) == 0
        return msgspec.json.decode(capsys.readouterr().out.splitlines()[-1])

    await region.see(region.street.hit(plate=PLATE))
    begin = await region.street.desk.begin_watch(actor="os:ana")
    await region.take("torreon")
    (row,) = await ask("notices", "list")
    assert (row["why"], row["city"], row["state"], row["has_plate"]) == ("asked", "saltillo", "open", True)
    assert PLATE not in str(row)
    shown = await ask("notices", "show", str(row["notice"]), "--reason", "case 7")
    assert (shown["plate"], shown["entries"]) == (PLATE, "e-1")
    assert "envelope" not in shown
    line = await ask("alerts", "watch", "--after", str(begin), "--lines", "1")
    assert (line["what"], line["act"], line["notice"]) == ("notice", "new", row["notice"])
    watch = ["alerts", "watch", "--after", str(begin), "--lines", "1", *config]
    assert await asyncio.to_thread(app.run, watch) == 0
    assert f"notice {row['notice']}  new  asked  stolen  saltillo/p-1/cam-1" in capsys.readouterr().out
    assert await asyncio.to_thread(app.run, ["notices", "show", "99", "--reason", "case 7", *config]) != 0
    assert await asyncio.to_thread(app.run, ["notices", "list", "--why", "curiosity", *config]) == 2


async def test_a_region_lists_whom_it_told_and_what_its_policy_says(
    region: Region, installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[neighbours]\nsaltillo = ["monclova"]\n')
    replace = msgspec.structs.replace
    settings = replace(installation, role="region", federation=replace(installation.federation, policy=policy))
    config = ["--config", str(write_settings(settings, tmp_path / "aggregator.toml"))]

    async def ask(*arguments: str) -> Told:
        capsys.readouterr()
        assert await asyncio.to_thread(app.run, [*arguments, "--json", *config]) == 0
        return msgspec.json.decode(capsys.readouterr().out)

    hit = region.street.hit(plate=PLATE)
    await region.see(hit)
    (row,) = await ask("notices", "list")
    assert (row["to"], row["city"], row["hit"], row["has_plate"]) == ("torreon", "saltillo", hit.taken.hash.hex(), True)
    cells = {(cell["viewer"], cell["owner"], cell["what"]): cell["sight"] for cell in await ask("notices", "policy")}
    assert cells["monclova", "saltillo", "neighbour"] == "place"
    assert cells["monclova", "saltillo", "corridor"] == "nothing"
    policy.write_text("[neighbours]\nsaltillo = 3\n")
    capsys.readouterr()
    assert await asyncio.to_thread(app.run, ["notices", "policy", *config]) != 0
    assert str(policy) in capsys.readouterr().err
