"""Alerts on the real database: every event becomes one, once, whatever is killed; people's steps follow one another."""

import asyncio
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from aggregator.adapters import foreign_lists
from aggregator.adapters.alert_desk import AlertDesk, Wish
from aggregator.adapters.alert_maker import STEPS, AlertMaker
from aggregator.adapters.audit_log import rows, verify
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.due_notes import MOST_TRIES, DueNotes
from aggregator.adapters.queries import Filter
from aggregator.adapters.statements import statements
from aggregator.core.alerts import Act, Kind, Outcome, State
from aggregator.errors import BadInput, NotAllowed, NotThere, Overtaken
from aggregator.settings import Settings
from protocol.hotlist import Batch, Entry
from protocol.messages import Quality
from tests.simulators.alerting import WINDOW, Street
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box
from tests.simulators.running import running, until
from tests.simulators.settings_file import write_settings


@pytest.fixture
def street(pool: Pool, box: Box) -> Street:
    """`box-1`, and nothing said yet."""
    return Street(pool, box)


async def summary(street: Street) -> set[tuple[frozenset[bytes], str, int, int, int]]:
    """Every alert that was not merged: its events, its state, its counts."""
    found = await street.pool.fetch(
        "SELECT array_agg(event) AS events, state, exact, possible, withdrawn"
        " FROM alert JOIN alert_sighting USING (alert_id) GROUP BY alert_id"
    )
    return {(frozenset(row["events"]), *list(row.values())[1:]) for row in found}


async def test_hits_of_one_vehicle_are_one_alert_with_its_cameras_in_order(street: Street) -> None:
    second = street.hit(minutes_ago=5, camera="cam-2")
    await street.tell(second, street.hit(minutes_ago=40, entries=["e-2"]))
    await street.tell(street.hit(minutes_ago=15))
    wide = await street.desk.listed(_ever(street), list(State), None, actor="os:ana", reason=None)
    assert [(row["cameras"], row["exact"], row["entries"], row["plates"]) for row in wide] == [
        ("p-1/cam-1 > p-1/cam-2", 2, "e-1", ""),
        ("p-1/cam-1", 1, "e-2", ""),
    ]
    assert await street.acts(wide[0]["alert"]) == ["raise", "add"]  # type: ignore[arg-type]  # a record's cell


async def test_a_hit_of_another_citys_entry_names_that_citys_list(street: Street) -> None:
    entry = Entry(entry="e-1", plate="ABC123D", reason="stolen", expires_ms=0, case_commitment=bytes(32))
    batch = Batch(version=1, batch="b-1", created_ms=0, entries=(entry,))
    async with street.pool.acquire() as connection:
        await foreign_lists.add_batch(connection, "torreon", b"as signed", batch, now=street.now)
    await street.tell(street.hit())
    assert await street.pool.fetchval("SELECT lists FROM alert_sighting") == ["torreon/b-1"]


def _ever(street: Street) -> Filter:
    return Filter(from_at=street.now - timedelta(days=3), to_at=street.now + timedelta(days=1))


async def test_an_event_stored_twice_makes_one_alert(street: Street) -> None:
    hit = street.hit()
    await street.tell(hit)
    await street.tell(hit)
    await street.pool.execute("INSERT INTO alert_due (what, event) VALUES ('hit', $1)", hit.taken.hash)
    assert await street.make() == 1
    (alert,) = await street.alerts()
    assert (alert["state"], alert["exact"], await street.acts(alert["alert_id"])) == ("new", 1, ["raise"])
    assert await street.pool.fetchval("SELECT count(*) FROM alert_due") == 0


async def test_late_and_resent_events_make_the_same_alerts_in_any_order(street: Street, box: Box) -> None:
    rng = random.Random(7)
    hits = [
        street.hit(minutes_ago=rng.randrange(150), entries=rng.sample(["e-1", "e-2", "e-3"], 2), quality=quality)
        for quality in rng.choices(list(Quality), k=14)
    ]
    amended = [street.amended(hit, quality=rng.choice([*Quality, None])) for hit in hits[:8]]
    for said in ([*hits, *amended], rng.sample([*amended, *hits], 22)):
        for each in said:
            await street.store(each)
            await street.make()
        in_pieces = await summary(street)
        tables = "alert, alert_due, alert_sighting, alert_span, delivery, hit, hit_amendment, hit_match"
        await street.pool.execute("ALTER TABLE alert_history DISABLE TRIGGER alert_history_is_not_emptied")
        await street.pool.execute(f"TRUNCATE {tables} CASCADE")
        await street.store(*said)
        assert await street.make(batch=5) == len(said)
        assert await summary(street) == in_pieces
        await street.pool.execute(f"TRUNCATE {tables} CASCADE")


async def test_an_amendment_that_comes_before_its_hit_counts_from_the_first(street: Street) -> None:
    hit = street.hit(quality=Quality.POSSIBLE)
    await street.tell(street.amended(hit, quality=Quality.EXACT))
    assert await street.alerts() == []
    await street.tell(hit)
    (alert,) = await street.alerts()
    assert (alert["exact"], alert["possible"]) == (1, 0)


async def test_a_late_hit_makes_one_alert_of_two_and_their_history_says_so(street: Street) -> None:
    await street.tell(street.hit(minutes_ago=60), street.hit(minutes_ago=10))
    first, second = [row["alert_id"] for row in await street.alerts()]
    for act in (Act.CONFIRM, Act.DISPATCH):
        await street.step(act, number=second)
    await street.tell(street.hit(minutes_ago=35))
    one, other = await street.alerts()
    assert (one["state"], one["exact"], one["decided_by"], one["unit"]) == ("dispatched", 3, "os:ana", "unit 7")
    assert (other["state"], other["merged_into"]) == ("merged", first)
    assert (await street.acts(first))[-2:] == ["merge", "add"]
    assert (await street.acts(second))[-1] == "merge"
    with pytest.raises(Overtaken, match=f"as {first}: go on there"):
        await street.step(Act.ARRIVE, number=second)


async def test_a_possible_that_becomes_exact_upgrades_its_alert(street: Street) -> None:
    hit = street.hit(quality=Quality.POSSIBLE)
    await street.tell(hit)
    await street.step(Act.REJECT)
    await street.tell(street.amended(hit, quality=Quality.EXACT))
    (alert,) = await street.alerts()
    assert (alert["state"], alert["exact"], alert["decided_by"]) == ("new", 1, None)
    assert await street.acts(alert["alert_id"]) == ["raise", "reject", "amend", "upgrade", "reopen"]


async def test_alarms_panic_and_reports_become_alerts_and_an_end_belongs_to_its_start(street: Street) -> None:
    start = street.now - timedelta(minutes=1)
    await street.tell(street.alarm(started_at=start), street.alarm("panic", started_at=start))
    await street.tell(street.alarm(started_at=start, is_active=False))
    number = await street.desk.report("p-1", "cam-1", "a crash", actor="os:ana", happened_at=street.now, now=street.now)
    found = [(row["kind"], row["word"], row["state"], row["ended_at"] is not None) for row in await street.alerts()]
    assert sorted(found) == [
        ("alarm", "tamper", "new", True),
        ("panic", "panic", "new", False),
        ("report", "", "new", False),
    ]
    assert await street.step(Act.DISPATCH, number=number) is State.DISPATCHED
    ranked = await street.desk.listed(_ever(street), list(State), None, actor="os:ana", reason=None)
    assert [row["kind"] for row in ranked][-1] == Kind.ALARM


async def test_a_report_is_of_a_place_that_there_is_and_of_something_that_was(street: Street) -> None:
    when = {"happened_at": street.now, "now": street.now}
    with pytest.raises(NotThere, match="p-9"):
        await street.desk.report("p-9", None, "a crash", actor="os:ana", **when)
    ahead = street.now + timedelta(hours=1)
    with pytest.raises(BadInput, match="lies ahead"):
        await street.desk.report("p-1", None, "x", actor="os:ana", happened_at=ahead, now=street.now)


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_every_event_is_in_one_alert(
    street: Street, installation: Settings, tmp_path: Path, step: str
) -> None:
    settings_file = write_settings(installation, tmp_path / "aggregator.toml")
    hits = [street.hit(minutes_ago=n * 20, entries=[f"e-{n % 2}"]) for n in range(6)]
    await street.store(*hits)
    argv = [sys.executable, "-m", "tests.simulators.alerting", str(settings_file), step]
    assert await asyncio.to_thread(subprocess.call, argv) == -signal.SIGKILL
    before = await street.pool.fetchval("SELECT count(*) FROM alert")
    assert (before > 0) is (step == "alerts.committed")
    await street.make()
    assert sorted(len(events) for events, *_ in await summary(street)) == [1] * 6
    raised = await street.pool.fetchval("SELECT count(*) FROM alert_history WHERE act = 'raise'")
    assert raised == await street.pool.fetchval("SELECT count(*) FROM alert") == 6


async def test_an_event_that_cannot_become_an_alert_holds_up_no_other(street: Street) -> None:
    good, bad = street.hit(), street.hit(entries=["e-2"])
    await street.store(bad, good)
    await street.pool.execute("UPDATE hit SET city_id = $1 WHERE envelope_hash = $2", "x", bad.taken.hash)
    await street.pool.execute("ALTER TABLE alert ADD CHECK (city_id <> 'x')")
    await street.make()
    assert [row["city_id"] for row in await street.alerts()] == ["saltillo"]
    for _ in range(MOST_TRIES):
        await street.make()
    assert await AlertMaker(street.pool, WINDOW).stuck() == 1


async def test_what_is_noted_meanwhile_waits_for_the_next_look(street: Street) -> None:
    async def noting(connection: Connection, due: Sequence[asyncpg.Record], _now: datetime) -> None:
        await connection.execute("DELETE FROM alert_due WHERE number = ANY($1)", [row["number"] for row in due])
        await connection.execute("INSERT INTO alert_due (what, event) VALUES ('hit', $1)", bytes(32))

    await street.store(street.hit(), street.hit())
    notes = DueNotes(street.pool, "alerts", noting, lambda: None)
    async with asyncio.timeout(20):
        assert await notes.take(street.now, batch=10) == 2
        assert await notes.take(street.now, batch=10) == 1
    assert await street.pool.fetchval("SELECT count(*) FROM alert_due") == 1


async def test_two_dispatchers_at_once_one_wins_and_the_other_is_told_who(street: Street) -> None:
    await street.tell(street.hit())
    await street.step(Act.CONFIRM)
    (alert,) = await street.alerts()

    async def send(who: str) -> State | str:
        wish = Wish(act=Act.DISPATCH, unit=f"{who}'s unit")
        try:
            return await street.desk.step(alert["alert_id"], wish, actor=f"os:{who}", reason="case 7", now=street.now)
        except Overtaken as exc:
            return str(exc)

    said = await asyncio.gather(*(send(who) for who in ("ana", "luis", "eva")))
    won = [who for who, each in zip(("ana", "luis", "eva"), said, strict=True) if each is State.DISPATCHED]
    assert len(won) == 1
    assert all(f"dispatch by os:{won[0]}" in str(each) for each in said if each is not State.DISPATCHED)
    assert (await street.alerts())[0]["unit"] == f"{won[0]}'s unit"
    assert (await street.acts(alert["alert_id"])).count("dispatch") == 1


async def test_a_step_is_audited_with_its_reason_and_a_refused_one_leaves_nothing(street: Street) -> None:
    await street.tell(street.hit())
    with pytest.raises(Overtaken, match="confirm"):
        await street.step(Act.DISPATCH)
    await street.step(Act.CONFIRM)
    async with street.pool.acquire() as connection:
        audited = await rows(connection)
        assert [(row.action, row.reason) for row in audited] == [("alert.confirm", "case 7")]
        assert (await verify(connection))[1] == []
    assert await street.acts((await street.alerts())[0]["alert_id"]) == ["raise", "confirm"]


async def test_only_those_whom_the_settings_name_dispatch(street: Street) -> None:
    await street.tell(street.hit())
    desk, (alert,) = AlertDesk(street.pool, ["luis"]), await street.alerts()

    async def step(act: Act, actor: str) -> State:
        return await desk.step(alert["alert_id"], Wish(act=act), actor=actor, reason="case 7", now=street.now)

    assert await step(Act.ACK, "os:ana") is State.SEEN
    with pytest.raises(NotAllowed, match=r"alerts\.dispatchers"):
        await step(Act.CONFIRM, "os:ana")
    assert await step(Act.CONFIRM, "os:luis") is State.CONFIRMED


async def test_the_history_is_never_changed_and_goes_only_with_its_alert(street: Street) -> None:
    await street.tell(street.hit())
    for attempt in ("UPDATE alert_history SET actor = 'x'", "DELETE FROM alert_history", "TRUNCATE alert_history"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await street.pool.execute(attempt)
    await street.pool.execute("DELETE FROM alert")
    assert await street.pool.fetchval("SELECT count(*) FROM alert_history") == 0


async def test_a_database_role_sees_the_alerts_of_its_cities_and_changes_none(street: Street) -> None:
    await street.tell(street.hit())
    await street.step(Act.CONFIRM)
    role = f"reader_{secrets.token_hex(6)}"
    await street.pool.execute(f"CREATE ROLE {role}")
    try:
        tables = "alert, alert_sighting, alert_history, alert_decided, alert_precision"
        await street.pool.execute(f"GRANT SELECT ON {tables} TO {role}")
        assert await seen_by(street.pool, role) == [0, 0, 0, 0, 0]
        await street.pool.execute("INSERT INTO city (city_id, name, time_zone) VALUES ('monclova', 'M', 'UTC')")
        for city, count in (("monclova", 0), ("saltillo", 1)):
            await street.pool.execute("INSERT INTO city_reader VALUES ($1, $2)", role, city)
            assert [min(each, 1) for each in await seen_by(street.pool, role)] == [count] * 5
        for attempt in ("UPDATE alert SET state = 'closed'", "SELECT plate FROM hit", "SELECT FROM city_reader"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await as_role(street.pool, role, attempt)
    finally:
        await street.pool.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


async def as_role(pool: Pool, role: str, sql: str) -> list[asyncpg.Record]:
    """Ask as another role."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {role}")
        return await connection.fetch(sql)


async def seen_by(pool: Pool, role: str) -> list[int]:
    """How many rows a role sees of each table of alerts."""
    names = ("alert", "alert_sighting", "alert_history", "alert_decided", "alert_precision")
    return [(await as_role(pool, role, f"SELECT count(*) FROM {name}"))[0][0] for name in names]  # noqa: S608


async def test_outcomes_give_precision_by_camera_list_and_reader(street: Street) -> None:
    outcomes = [Outcome.RECOVERED, Outcome.WRONG_VEHICLE, Outcome.NOT_FOUND, None]
    for n, outcome in enumerate(outcomes):
        await street.tell(street.hit(minutes_ago=n, entries=[f"e-{n}"], camera="cam-1" if n < 2 else "cam-2"))
        number = (await street.alerts())[-1]["alert_id"]
        street.now += timedelta(minutes=1)
        if outcome is None:
            await street.step(Act.REJECT, number=number)
            continue
        for act in (Act.CONFIRM, Act.DISPATCH, Act.ARRIVE):
            await street.step(act, number=number)
        await street.step(Act.CLOSE, number=number, outcome=outcome)
    found = {by: await street.desk.precision(by, None) for by in ("camera", "reader", "reason")}
    assert {row["what"]: (row["n"], row["errors"]) for row, _ in found["camera"]} == {
        "p-1/cam-1": (2, 1),
        "p-1/cam-2": (2, 1),
    }
    assert [(row["what"], each.n, each.errors) for row, each in found["reader"]] == [("unknown", 4, 2)]
    assert found["reason"][0][1].interval == pytest.approx((0.15, 0.85), abs=0.005)


async def test_the_service_makes_alerts_by_itself_of_what_any_worker_stored(
    street: Street, installation: Settings, broker: Broker
) -> None:
    async with running(installation):
        await street.store(street.hit())
        await until(street.pool, "SELECT EXISTS (SELECT FROM alert)")
    assert await street.pool.fetchval("SELECT actor FROM alert_history") == "service:alerts"


@pytest.mark.parametrize("name", sorted(statements("alerts")))
async def test_every_statement_is_one_that_the_schema_takes(pool: Pool, name: str) -> None:
    async with pool.acquire() as connection:
        await connection.prepare(statements("alerts")[name])
