"""Questions asked of a real PostgreSQL: right answers, pages that join up, cities kept apart, looks audited before."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import pytest

from aggregator.adapters.asker import Asker, Cities, Look
from aggregator.adapters.audit_log import rows as audit_rows
from aggregator.adapters.database import Access, Pool, pooled
from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.core.asking.compiling import compiled
from aggregator.core.asking.question import Question
from aggregator.core.asking.words import WORDS
from aggregator.errors import BadInput, TooLong
from tests.simulators.asked_city import BLIND, FIRST, LAST, MONDAY, SUNDAY, seed

LOOK: Final = Look(actor="os:ana", reason="case 7")
DAY: Final = timedelta(days=1)


@pytest.fixture
async def asker(asked_database: Access) -> AsyncIterator[Asker]:
    """An asker over the story of two cities, which others read as well."""
    async with pooled(asked_database, 2) as connections:
        yield Asker(connections)


@pytest.fixture
async def own_asker(pool: Pool) -> Asker:
    """An asker over a story of the test's own, which it may change."""
    async with pool.acquire() as connection:
        await seed(connection)
    return Asker(pool)


def asking(resource: str, from_at: datetime = FIRST, to_at: datetime = LAST, **more: Any) -> Question:  # any field
    """A question about the hours of Monday that the story tells of."""
    return Question(resource=resource, from_at=from_at, to_at=to_at, **more)


async def told(asker: Asker, question: Question, cities: Cities = None) -> list[dict[str, Any]]:
    """The answer's rows."""
    look = LOOK if CATALOGUE[question.resource].reason_needed else None
    return [dict(row) for row in (await asker.ask(question, cities, look=look)).rows]


async def only(asker: Asker, question: Question, *columns: str, cities: Cities = None) -> list[tuple[Any, ...]]:
    """Some columns of the answer's rows."""
    return [tuple(row[column] for column in columns) for row in await told(asker, question, cities)]


@pytest.mark.parametrize("resource", [name for name in CATALOGUE if name != "plates"])
async def test_every_resource_answers_with_the_columns_that_it_says(asker: Asker, resource: str) -> None:
    for bucket in (None, *CATALOGUE[resource].buckets) if CATALOGUE[resource].measures else (None,):
        question = asking(resource, bucket=bucket if CATALOGUE[resource].time else None)
        answer = await asker.ask(question, None)
        assert answer.rows
        assert [column.name for column in answer.columns] == list(answer.rows[0].keys())


@pytest.mark.parametrize("resource", [name for name in CATALOGUE if name != "plates"])
@pytest.mark.parametrize("cities", [(), ("acuna",)])
async def test_no_answer_goes_beyond_its_cities(asker: Asker, resource: str, cities: Cities) -> None:
    groups = ("city",) if CATALOGUE[resource].measures and CATALOGUE[resource].shape != "rows" else ()
    rows = await told(asker, asking(resource, MONDAY - DAY, MONDAY + DAY, group_by=groups), cities)
    assert {row["city"] for row in rows} == set(cities or ())


@pytest.mark.parametrize("name", ["*", "acuna,saltillo", "", "Acuna", "acuna\nsaltillo"])
async def test_what_is_no_city_is_not_asked_for(asker: Asker, name: str) -> None:
    with pytest.raises(BadInput, match="no city's id"):
        await asker.ask(asking("cities"), (name,))


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize(
    "question",
    [
        asking("events", limit=2),
        asking("health", limit=400),
        asking("cameras", limit=1),
        asking("alert-history", limit=3),
        asking("counts", bucket="hour", group_by=("city", "point", "camera"), limit=5),
        asking("reactions", group_by=("city",), limit=2),
        asking("alerts", group_by=("outcome", "is_true"), limit=1),
    ],
)
async def test_pages_join_up_to_the_whole_answer(asker: Asker, question: Question, order: str) -> None:
    def turned(**more: Any) -> Question:  # any field
        fields = {name: getattr(question, name) for name in ("bucket", "group_by", "filters")}
        return asking(question.resource, **fields, order=order, **more)

    whole = await told(asker, turned(limit=None))
    pages, after = [], None
    while True:
        answer = await asker.ask(turned(limit=question.limit, after=after), None)
        pages += [dict(row) for row in answer.rows]
        if (after := answer.next) is None:
            break
        assert len(answer.rows) == question.limit
    assert pages == whole
    assert len(whole) > (question.limit or 0)


async def test_events_come_newest_first_and_are_narrowed_by_any_column(asker: Asker) -> None:
    times = [at for (at,) in await only(asker, asking("events"), "counted_at")]
    assert all(before >= after for before, after in pairwise(times))
    hits = asking("events", filters=(("kind", "hit"), ("city", "saltillo")))
    assert await only(asker, hits, "point", "camera", "note") == [
        ("p-2", "cam-1", "possible: wanted"),
        ("p-1", "cam-2", "exact: stolen"),
        ("p-1", "cam-1", "exact: stolen"),
    ]
    either = asking("hits", filters=(("point", "a-1"), ("point", "p-2"), ("reasons", "wanted")), order="ascending")
    assert await only(asker, either, "point") == [("p-2",), ("a-1",)]
    assert await only(asker, asking("alerts", filters=(("outcome", ""), ("kind!=", "hit"))), "alert") == [(2,)]
    late = asking("hits", filters=(("counted_at>=", "2026-11-02T13:00Z"), ("confidence>=", "900")))
    assert await only(asker, late, "city") == [("acuna",), ("acuna",)]


async def test_times_do_not_hold_their_end(asker: Asker) -> None:
    at = FIRST + timedelta(minutes=10)
    assert len(await told(asker, asking("hits", at, at + timedelta(seconds=1)))) == 1
    assert await told(asker, asking("hits", at - timedelta(seconds=1), at)) == []


async def test_counts_stand_beside_the_seconds_that_were_seen(asker: Asker) -> None:
    by_camera = asking("counts", group_by=("city", "point", "camera"))
    assert await only(asker, by_camera, "point", "camera", "vehicles", "coverage_s") == [
        ("a-1", "cam-1", 360, 21_600.0),
        ("p-1", "cam-1", 720, 21_600.0),
        ("p-1", "cam-2", 360, 21_600.0),
        ("p-2", "cam-1", 540, 10_800.0),
    ]
    assert await only(asker, asking("counts"), "vehicles", "reads", "minutes") == [(1_980, 1_080, 1_440)]


async def test_a_sum_over_an_odd_stretch_is_exact_to_the_minute(asker: Asker) -> None:
    odd = asking("counts", FIRST + timedelta(minutes=7), LAST - timedelta(minutes=11), filters=(("point", "p-1"),))
    assert await only(asker, odd, "vehicles", "minutes") == [(3 * 342, 2 * 342)]
    short = asking("counts", FIRST + timedelta(minutes=7), FIRST + timedelta(minutes=9), filters=(("point", "p-1"),))
    assert await only(asker, short, "vehicles") == [(6,)]


@pytest.mark.parametrize("bucket", ["minute", "hour", "day", "week", "month"])
async def test_every_bucket_adds_up_to_the_same(asker: Asker, bucket: str) -> None:
    found = await told(asker, asking("counts", bucket=bucket, limit=None, filters=(("city", "saltillo"),)))
    assert sum(row["vehicles"] for row in found) == 1_620
    assert sum(row["coverage_s"] for row in found) == 54_000


async def test_buckets_are_widened_to_whole_ones(asker: Asker) -> None:
    middle = FIRST + timedelta(minutes=30)
    found = asking("counts", middle, middle + timedelta(hours=1), bucket="hour", filters=(("point", "p-1"),))
    assert await only(asker, found, "at", "vehicles") == [(FIRST, 180), (FIRST + timedelta(hours=1), 180)]


async def test_days_follow_the_local_clock_through_its_change(asker: Asker) -> None:
    """In Acuña the Sunday has 25 hours, and each of them one vehicle."""
    days = asking("counts", SUNDAY, MONDAY + DAY, bucket="day", filters=(("city", "acuna"),))
    assert await only(asker, days, "at", "vehicles") == [(SUNDAY, 25), (MONDAY, 360)]
    hours = asking("counts", SUNDAY, MONDAY, bucket="hour", filters=(("city", "acuna"),))
    assert len(await told(asker, hours)) == 25
    events = asking("events", SUNDAY, MONDAY + DAY, bucket="day", filters=(("city", "acuna"),))
    assert await only(asker, events, "at", "local_date") == [(MONDAY, datetime(2026, 11, 2).date())]  # noqa: DTZ001


async def test_coverage_tells_of_cameras_that_said_nothing(own_asker: Asker, pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO camera (point_id, camera_id, heading_deg, registered_at) VALUES ('p-2', 'cam-9', 0, $1)",
        FIRST + timedelta(hours=1),
    )
    found = asking("coverage", group_by=("point", "camera"), filters=(("city", "saltillo"),))
    assert await only(own_asker, found, "point", "camera", "coverage_s", "blind_s", "coverage_share") == [
        ("p-1", "cam-1", 21_600, 0, 1),
        ("p-1", "cam-2", 21_600, 0, 1),
        ("p-2", "cam-1", 10_800, 10_800, 0.5),
        ("p-2", "cam-9", 0, 18_000, 0),
    ]
    hours = asking("coverage", bucket="hour", group_by=("point",), filters=(("point", "p-2"), ("camera", "cam-1")))
    assert await only(own_asker, hours, "at", "blind_s") == [
        (FIRST + timedelta(hours=n), 0 if FIRST + timedelta(hours=n) < BLIND else 3_600) for n in range(6)
    ]
    day = asking("coverage", bucket="day", filters=(("city", "acuna"),))
    assert await only(own_asker, day, "cameras", "coverage_s", "blind_s") == [(1, 21_600, 64_800)]
    sunday = asking("coverage", SUNDAY, MONDAY, bucket="day", filters=(("city", "acuna"),))
    assert await only(own_asker, sunday, "coverage_s", "blind_s") == [(25 * 60, 25 * 3_540)]


async def test_nobody_is_blind_in_the_future(asker: Asker) -> None:
    now = datetime.now(UTC)
    found = asking("coverage", now - timedelta(minutes=5), now + DAY, filters=(("city", "acuna"),))
    ((blind_s,),) = await only(asker, found, "blind_s")
    assert 300 <= blind_s < 400


async def test_reactions_are_counted_from_when_it_happened(asker: Asker) -> None:
    found = await only(asker, asking("reactions"), "step", "n", "p50_s", "max_s")
    assert found == [
        ("raised", 5, 3, 3),
        ("seen", 4, 30, 50),
        ("decided", 3, 40, 70),
        ("dispatched", 3, 60, 100),
        ("on_site", 2, 300, 360),
        ("closed", 1, 1_200, 1_200),
    ]
    by_city = asking("reactions", group_by=("city",), filters=(("step", "dispatched"),))
    assert await only(asker, by_city, "city", "p90_s") == [("acuna", 100), ("saltillo", 58)]


async def test_precision_is_counted_by_each_thing_once(asker: Asker) -> None:
    found = await only(asker, asking("precision", filters=(("by", "reason"),)), "what", "n", "errors", "precision")
    assert found == [("stolen", 2, 0, 1), ("wanted", 1, 1, 0)]


async def test_anything_with_a_time_is_counted_by_bucket_and_group(asker: Asker) -> None:
    found = asking("hits", bucket="hour", group_by=("city",), order="ascending")
    assert await only(asker, found, "at", "city", "n") == [
        (FIRST, "saltillo", 3),
        (FIRST + timedelta(hours=1), "acuna", 1),
        (FIRST + timedelta(hours=3), "acuna", 1),
    ]
    hottest = asking("health", group_by=("device",), order="ascending")
    assert await only(asker, hottest, "device", "temperature_max_c") == [("box-1", 55), ("box-2", 55), ("box-a", 81.5)]


async def test_plates_are_audited_before_they_are_handed_out(own_asker: Asker, pool: Pool) -> None:
    question = asking("plates", filters=(("plate", "ABC123D"),), limit=3)
    answer = await own_asker.ask(question, ("saltillo",), look=LOOK)
    assert [row["plate"] for row in answer.rows] == ["ABC123D", "ABC123D"]
    async with pool.acquire() as connection:
        found = await audit_rows(connection)
    assert [(row.action, row.actor, row.reason) for row in found] == [
        ("hits.query", "os:ana", "case 7"),
        *[("hit.show", "os:ana", "case 7")] * 2,
    ]
    assert {row.subject for row in found[1:]} == {f"hit:{row['hit']}" for row in answer.rows}
    assert "ABC123D" not in repr(found)


async def test_no_plate_without_a_reason_nor_reason_without_plates(asker: Asker) -> None:
    for question, look in ((asking("plates"), None), (asking("hits"), LOOK)):
        with pytest.raises(BadInput, match="a reason is given for plates"):
            await asker.ask(question, None, look=look)
        with pytest.raises(BadInput, match="a reason is given for plates"):
            await anext(asker.stream(question, None, look=look))


async def test_a_stream_gives_all_of_it_and_audits_each_plate(own_asker: Asker, pool: Pool) -> None:
    rows = [row async for row in own_asker.stream(asking("health", limit=None), None)]
    assert len(rows) == 3 * 360
    assert len([row async for row in own_asker.stream(asking("health", limit=7), None)]) == 7
    shown = [row["hit"] async for row in own_asker.stream(asking("plates", limit=None), None, look=LOOK)]
    async with pool.acquire() as connection:
        subjects = [row.subject for row in await audit_rows(connection) if row.action == "hit.show"]
    assert sorted(subjects) == sorted(f"hit:{each}" for each in shown)
    assert len(shown) == 5


async def test_a_question_that_takes_too_long_is_cut_off(asker: Asker) -> None:
    with pytest.raises(TooLong, match=r"longer than 0\.05 s"):
        async with asker.asking(None, timeout_s=0.05) as connection:
            await connection.execute("SELECT pg_sleep(10)")


async def test_a_question_writes_nothing(asker: Asker) -> None:
    with pytest.raises(Exception, match="SQLSTATE 25006"):
        async with asker.asking(None) as connection:
            await connection.execute("DELETE FROM city")


async def test_what_is_asked_by_time_is_found_by_time(asker: Asker) -> None:
    """With a year in them, no question may read a whole table of messages or alerts."""
    large = {"hit", "hit_amendment", "alarm", "evidence", "evidence_unavailable", "acceptance", "camera_condition",
             "report", "alert", "alert_history", "alert_sighting"}  # fmt: skip
    async with asker.asking(None) as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        for resource in CATALOGUE.values():
            if not resource.time or resource.shape in ("counts", "coverage"):
                continue
            statement = compiled(asking(resource.name), time_zone="UTC")
            told = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement.sql}", *statement.parameters)
            nodes = list(_nodes(json.loads(told)[0]["Plan"]))
            assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large]
            bounded = [node for node in nodes if "2026-11-02 18:00" in node.get("Index Cond", "")]
            assert bounded, resource.name


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


async def test_the_catalogue_says_what_the_database_says(pool: Pool) -> None:
    """One wording: the comments of the views, and the catalogue."""
    said = {
        (row["relname"], row["attname"]): (row["about"], row["type"])
        for row in await pool.fetch(
            "SELECT relname, attname, col_description(attrelid, attnum) AS about, format_type(atttypid, NULL) AS type"
            " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'ask'::regnamespace"
        )
    }
    types = {
        "text": "text", "texts": "text[]", "number": "double precision", "boolean": "boolean",
        "time": "timestamp with time zone",
    }  # fmt: skip
    for resource in CATALOGUE.values():
        for column in resource.columns:
            if resource.shape == "counts" or column.name == "step":
                continue
            about, type_ = said[resource.view.removeprefix("ask."), column.name]
            assert about == column.about, (resource.name, column.name)
            assert types.get(column.kind, type_ if type_ in ("bigint", "integer") else "") == type_, column.name
    assert set(WORDS) <= {column for _, column in said}
