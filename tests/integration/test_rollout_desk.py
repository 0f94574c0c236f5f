"""Rollouts on the real database: whose documents are signed when, what an abort brings back, and what is on record."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.profile_texts import profile_text
from aggregator.adapters.rollout_desk import RolloutDesk, Wish
from aggregator.adapters.rollout_office import CityOffice
from aggregator.adapters.settings_store import Content, first_settings, settings_signer
from aggregator.adapters.store import Store
from aggregator.adapters.trust_file import read_trust
from aggregator.cli import app
from aggregator.core.ingest import Fate, TimeRules
from aggregator.core.rollout import Course, Standing
from aggregator.core.rows import Taken
from aggregator.errors import AlreadyThere, BadInput, BadKey, NotThere
from aggregator.settings import Settings
from protocol.envelope import envelope_hash, parse
from protocol.keys import Signer
from protocol.messages import body_of, decode_message
from protocol.point_messages import SettingsResult, SettingsState
from protocol.settings import SettingsDocument, check_settings
from protocol.trust import Role
from tests.simulators.enrolment import Box, enrol
from tests.simulators.settings_file import write_settings

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
QUICK = "report_interval_s = 30.0\n"
ANA = "os:ana"
Boxes = dict[str, Box]
CarryOn = Callable[..., Awaitable[int]]


@pytest.fixture
def signer(installation: Settings) -> Signer:
    return settings_signer(installation, now=NOW)


@pytest.fixture
def desk(pool: Pool) -> RolloutDesk:
    return RolloutDesk(pool, CityOffice("saltillo"))


@pytest.fixture
async def boxes(registry: Pool, installation: Settings, tmp_path: Path) -> Boxes:
    """Three boxes: one of the canaries' profile, two of the generic one."""
    found = {name: await enrol(registry, installation, name, tmp_path) for name in ("box-1", "box-2", "box-3")}
    await registry.execute("UPDATE device SET profile = 'generic-x86-64'")
    return found


@pytest.fixture
def carry_on(desk: RolloutDesk, signer: Signer) -> CarryOn:
    """Sign what is due."""

    async def advance(now: datetime = NOW) -> int:
        return (await desk.advance(signer, now=now, ring_wait=DAY)).signed

    return advance


async def newest(pool: Pool, installation: Settings, box: Box) -> SettingsDocument:
    """The document that a box would get and believe now."""
    raw = await pool.fetchval(
        "SELECT envelope FROM settings_document WHERE device_id = $1 ORDER BY number DESC LIMIT 1", box.who.device
    )
    found = check_settings(bytes(raw), read_trust(installation.keys), box.who)
    assert isinstance(found, SettingsDocument)
    return found


async def answer(pool: Pool, box: Box, document: SettingsDocument, state: SettingsState, reason: str = "x") -> None:
    """Let a box say what became of a document."""
    body = SettingsResult(number=document.number, rollout=document.rollout, state=state, reason=reason)
    raw = box.say(body)
    message = decode_message(parse(raw).payload)
    taken = Taken(message, body_of(message), raw, envelope_hash(raw), datetime.now(UTC))
    assert await Store(pool, TimeRules()).write([taken], []) == {taken.hash: Fate.NEW}


async def test_a_named_box_gets_one_document_that_it_believes(
    pool: Pool, installation: Settings, boxes: Boxes, desk: RolloutDesk, carry_on: CarryOn
) -> None:
    begun = await desk.start(
        Wish(settings_toml=QUICK, profile="n100", devices=("box-2",), trial_s=60), actor=ANA, reason="quicker", now=NOW
    )
    assert (begun.row["rollout_id"], begun.course) == ("r-1", Course.RUNNING)
    assert [await carry_on(), await carry_on()] == [1, 0]
    document = await newest(pool, installation, boxes["box-2"])
    assert (document.number, document.rollout, document.trial_s) == (1, "r-1", 60)
    assert (document.profile, document.profile_toml) == ("n100", profile_text("n100"))
    assert document.settings_toml == QUICK
    await answer(pool, boxes["box-2"], document, SettingsState.KEPT)
    assert (await desk.show("r-1")).course is Course.DONE
    audited = await pool.fetch("SELECT actor, action, subject, reason FROM audit")
    assert [tuple(row) for row in audited] == [(ANA, "rollout.start", "rollout:r-1", "quicker")]


async def test_processes_side_by_side_sign_each_document_once(
    pool: Pool, boxes: Boxes, desk: RolloutDesk, carry_on: CarryOn
) -> None:
    await desk.start(Wish(settings_toml=QUICK, percent=100), actor=ANA, reason="x", now=NOW)
    signed = await asyncio.gather(*(carry_on() for _ in range(5)))
    assert sum(signed) == len(boxes)
    assert await pool.fetchval("SELECT count(*) FROM settings_document") == len(boxes)


async def test_canaries_go_first_and_one_that_rolls_back_halts_the_rest(
    pool: Pool, installation: Settings, boxes: Boxes, desk: RolloutDesk, carry_on: CarryOn
) -> None:
    await desk.start(Wish(settings_toml=QUICK, percent=100), actor=ANA, reason="x", now=NOW)
    # The release ships no canary class: one is made of box-1's.
    await pool.execute(
        "INSERT INTO rollout_profile SELECT rollout_id, 'canary', text, 0, trial_s FROM rollout_profile LIMIT 1"
    )
    await pool.execute("UPDATE rollout_box SET profile = 'canary' WHERE device_id = 'box-1'")
    assert [await carry_on(), await carry_on()] == [1, 0]
    document = await newest(pool, installation, boxes["box-1"])
    await answer(pool, boxes["box-1"], document, SettingsState.ROLLED_BACK, "inference")
    assert await carry_on(NOW + 2 * DAY) == 0
    shown = await desk.show("r-1")
    assert (shown.course, shown.count(Standing.WAITING), shown.boxes[0].reason) == (Course.HALTED, 2, "inference")
    await answer(pool, boxes["box-1"], document, SettingsState.KEPT)
    assert await carry_on() == 2, "what a box says last counts"


async def test_an_abort_in_the_middle_sends_boxes_back_and_the_others_nothing(
    pool: Pool, installation: Settings, boxes: Boxes, desk: RolloutDesk, carry_on: CarryOn
) -> None:
    signer = settings_signer(installation, now=NOW)
    async with transaction(pool) as connection:
        await first_settings(
            connection, installation, boxes["box-1"].who, profile=("n100", profile_text("n100")), now=NOW
        )
    before = await newest(pool, installation, boxes["box-1"])
    await answer(pool, boxes["box-1"], before, SettingsState.KEPT)
    devices = ("box-1", "box-2", "box-3")
    await desk.start(Wish(settings_toml=QUICK, devices=devices), actor=ANA, reason="x", now=NOW)
    assert await carry_on() == 3
    await answer(pool, boxes["box-3"], await newest(pool, installation, boxes["box-3"]), SettingsState.ROLLED_BACK)
    aborted = await desk.abort("r-1", signer, actor=ANA, reason="stalls", now=NOW)
    assert aborted.course is Course.ABORTED
    back = await newest(pool, installation, boxes["box-1"])
    assert (back.number, back.rollout) == (3, "undo-r-1")
    assert (back.settings_toml, back.profile_toml) == (before.settings_toml, before.profile_toml)
    bare = await newest(pool, installation, boxes["box-2"])
    assert (bare.number, bare.settings_toml, bare.profile) == (2, "", "generic-x86-64")
    assert (await newest(pool, installation, boxes["box-3"])).number == 1, "it went back by itself"
    assert await carry_on() == 0
    with pytest.raises(AlreadyThere, match="os:ana"):
        await desk.abort("r-1", signer, actor=ANA, reason="again", now=NOW)


async def test_a_share_grows_and_keeps_who_is_in_it(
    registry: Pool, installation: Settings, tmp_path: Path, desk: RolloutDesk
) -> None:
    for n in range(40):
        await registry.execute(
            "INSERT INTO device (device_id, point_id, city_id, profile) VALUES ($1, 'p-1', 'saltillo', $2)",
            f"box-{n}",
            "n100" if n % 2 else "",
        )
    first = await desk.start(Wish(settings_toml="", profile="n100", percent=30), actor=ANA, reason="x", now=NOW)
    grown = await desk.grow("r-1", 70, actor=ANA, reason="more")
    inside, more = ({box.device for box in each.boxes} for each in (first, grown))
    assert inside < more <= {f"box-{n}" for n in range(1, 40, 2)}
    everybody = await desk.grow("r-1", 100, actor=ANA, reason="all")
    assert len(everybody.boxes) == 20
    for percent in (100, 50):
        with pytest.raises(BadInput, match="only grows"):
            await desk.grow("r-1", percent, actor=ANA, reason="x")


async def test_a_newer_rollout_outranks_an_older_one(
    pool: Pool, installation: Settings, boxes: Boxes, desk: RolloutDesk, carry_on: CarryOn
) -> None:
    await desk.start(Wish(settings_toml=QUICK, percent=100), actor=ANA, reason="x", now=NOW)
    await carry_on()
    await desk.start(Wish(settings_toml="", devices=("box-1",)), actor=ANA, reason="x", now=NOW)
    assert await carry_on() == 1
    document = await newest(pool, installation, boxes["box-1"])
    assert (document.number, document.rollout) == (2, "r-2")
    assert (await desk.show("r-1")).count(Standing.SUPERSEDED) == 1


async def test_an_abort_leaves_boxes_alone_that_run_what_came_later(
    pool: Pool, installation: Settings, boxes: Boxes, desk: RolloutDesk, carry_on: CarryOn
) -> None:
    for text in (QUICK, "[lookback]\nminutes = 5\n"):
        await desk.start(Wish(settings_toml=text, devices=("box-1",)), actor=ANA, reason="x", now=NOW)
        await carry_on()
        await answer(pool, boxes["box-1"], await newest(pool, installation, boxes["box-1"]), SettingsState.KEPT)
    await desk.abort("r-1", settings_signer(installation, now=NOW), actor=ANA, reason="x", now=NOW)
    assert (await newest(pool, installation, boxes["box-1"])).rollout == "r-2"


async def test_only_boxes_that_are_there_and_active_are_meant(boxes: Boxes, pool: Pool, desk: RolloutDesk) -> None:
    await pool.execute("UPDATE device SET state = 'revoked' WHERE device_id = 'box-2'")
    for devices in (("box-2",), ("box-1", "box-9")):
        with pytest.raises(NotThere, match=devices[-1]):
            await desk.start(Wish(settings_toml="", devices=devices), actor=ANA, reason="x", now=NOW)
    with pytest.raises(NotThere, match="jetson"):
        await desk.start(Wish(settings_toml="", profile="jetson-orin-nx", percent=50), actor=ANA, reason="x", now=NOW)
    assert await pool.fetchval("SELECT count(*) FROM rollout") == 0
    begun = await desk.start(Wish(settings_toml="", percent=100), actor=ANA, reason="x", now=NOW)
    assert [box.device for box in begun.boxes] == ["box-1", "box-3"]


async def test_a_box_that_is_enrolled_again_gets_the_same_bytes_or_what_came_since(
    pool: Pool, installation: Settings, boxes: Boxes, desk: RolloutDesk, carry_on: CarryOn
) -> None:
    async def first(text: str = "") -> bytes:
        async with transaction(pool) as connection:
            profile = ("n100", profile_text("n100"))
            who = boxes["box-1"].who
            return await first_settings(connection, installation, who, profile=profile, settings_toml=text, now=NOW)

    once = await first(QUICK)
    assert await first(QUICK) == once
    assert Content.of(await first("")).settings_toml == "", "an invitation that says something else counts"
    await desk.start(
        Wish(settings_toml="[lookback]\nminutes = 5\n", devices=("box-1",)), actor=ANA, reason="x", now=NOW
    )
    await carry_on()
    assert Content.of(await first()).settings_toml == "[lookback]\nminutes = 5\n"
    numbers = await pool.fetchval("SELECT array_agg(number ORDER BY number) FROM settings_document")
    assert numbers == [1, 2, 3]


async def test_a_server_that_may_not_sign_settings_says_what_to_do(installation: Settings) -> None:
    grants = [g for g in read_trust(installation.keys).grants if g.role is Role.SETTINGS]
    with pytest.raises(BadKey, match="aggregator trust upgrade"):
        settings_signer(installation, now=datetime.fromtimestamp(grants[0].not_after_ms / 1000, UTC) + DAY)


@pytest.fixture
def ask(installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Awaitable[Any]]:
    """Run `aggregator rollout`: what it printed as JSON, else what it said."""
    settings_file = write_settings(installation, tmp_path / "aggregator.toml")

    async def run(*arguments: str, code: int = 0) -> Any:  # JSON
        capsys.readouterr()
        command = ["rollout", *arguments, "--config", str(settings_file)]
        assert await asyncio.to_thread(app.run, command) == code
        printed = capsys.readouterr()
        return msgspec.json.decode(printed.out) if "--json" in arguments else printed.err

    return run


async def test_the_commands_start_show_grow_and_abort(
    pool: Pool, installation: Settings, boxes: Boxes, ask: Callable[..., Awaitable[Any]], carry_on: CarryOn
) -> None:
    quick, names = installation.evidence_dir.with_name("quick.toml"), installation.evidence_dir.with_name("boxes.txt")
    quick.write_text(QUICK)
    names.write_text("box-1  # the one at the bridge\n\nbox-3\n")
    assert "one of: --device" in await ask("start", "--settings", str(quick), code=2)
    (line,) = await ask("start", "--settings", str(quick), "--list", str(names), "--trial-minutes", "1", "--json")
    assert (line["rollout"], line["course"], line["boxes"], line["waiting"]) == ("r-1", "running", 2, 2)
    await carry_on()
    await answer(pool, boxes["box-3"], await newest(pool, installation, boxes["box-3"]), SettingsState.REFUSED, "bad")
    shown = await ask("status", "--json", code=3)
    assert [(each["device"], each["standing"]) for each in shown["each"]] == [("box-1", "sent"), ("box-3", "refused")]
    (line,) = await ask("abort", "r-1", "--reason", "wrong", "--json")
    assert (line["course"], line["failed"]) == ("aborted", 1)
    (line,) = await ask("start", "--settings", str(quick), "--share", "100", "--json")
    assert (line["rollout"], line["boxes"]) == ("r-2", 3)
    assert [each["rollout"] for each in await ask("list", "--json")] == ["r-2", "r-1"]
    assert "only grows" in await ask("grow", "r-2", "--share", "20", code=2)
    assert "r-9" in await ask("status", "r-9", code=1)
