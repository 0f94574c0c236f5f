"""The compiler of questions: what it takes, what it refuses and how it says so, and that no value becomes SQL."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.core.asking.compiling import Compiled, compiled, described, is_summed
from aggregator.core.asking.conditions import OPERATORS, split
from aggregator.core.asking.question import Bucket, Question, Resource
from aggregator.errors import BadInput

NOON: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
BUCKETS: Final[tuple[Bucket, ...]] = ("minute", "hour", "day", "week", "month")
SAMPLES: Final = {
    "text": "a", "texts": "a", "integer": "7", "number": "0.5", "boolean": "true", "time": "2026-11-02T12:00",
    "date": "2026-11-02",
}  # fmt: skip


def asking(resource: str, **more: Any) -> Question:  # any field
    """A question about a day."""
    return Question(resource=resource, from_at=NOON - timedelta(days=1), to_at=NOON, **more)


def sql(question: Question) -> Compiled:
    """What it compiles to."""
    return compiled(question, time_zone="America/Monterrey")


def buckets_of(resource: Resource) -> tuple[Bucket | None, ...]:
    """Buckets that a resource can be asked in."""
    return (None, *resource.buckets) if resource.time and resource.measures else (None,)


@some.composite
def questions(draw: some.DrawFn) -> Question:
    """Any question that the catalogue allows, values of the wildest."""
    resource = draw(some.sampled_from(list(CATALOGUE.values())))
    columns = draw(some.lists(some.sampled_from(resource.filters), max_size=4))
    groups = [column.name for column in resource.groups] if resource.measures else []
    wild = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
    filters = []
    for column in columns:
        is_ordered = column.kind in ("integer", "number", "time", "date")
        operator = draw(some.sampled_from(OPERATORS if is_ordered else ("=", "!=")))
        free = wild if column.kind in ("text", "texts") else some.just(SAMPLES[column.kind])
        value = draw(some.sampled_from(column.values) if column.values else free)
        filters.append((f"{column.name}{operator}", value))
    return asking(
        resource.name,
        bucket=draw(some.sampled_from(buckets_of(resource))),
        group_by=tuple(draw(some.lists(some.sampled_from(groups), unique=True))) if groups else (),
        filters=tuple(filters),
        limit=draw(some.none() | some.integers(1, 10_000)),
        order=draw(some.sampled_from([None, "ascending", "descending"])),
    )


@given(questions())
def test_sql_holds_names_of_the_catalogue_and_every_value_is_a_parameter(question: Question) -> None:
    found = sql(question)
    plain = sql(
        Question(
            resource=question.resource, from_at=question.from_at, to_at=question.to_at, bucket=question.bucket,
            group_by=question.group_by, limit=question.limit, order=question.order,
            filters=tuple((name, sample(question.resource, name)) for name, _ in question.filters),
        )
    )  # fmt: skip
    if all(value for _, value in question.filters):  # an empty one means none, and is another condition
        assert found.sql == plain.sql  # whatever the values are
    numbers = {int(number) for number in re.findall(r"\$(\d+)", found.sql)}
    assert numbers == set(range(1, len(found.parameters) + 1))


def sample(resource: str, name: str) -> str:
    """Some value of a filter."""
    column = CATALOGUE[resource].column(split(name)[0])
    assert column is not None
    return column.values[0] if column.values else SAMPLES[column.kind]


@given(questions(), some.data())
def test_a_cursor_goes_on_in_its_own_question_and_in_no_other(question: Question, data: some.DataObject) -> None:
    found = sql(question)
    values = {
        "time": some.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=some.just(UTC)),  # noqa: DTZ001  bounds are naive
        "integer": some.integers(-(2**62), 2**62),
        "number": some.floats(allow_nan=False),
        "boolean": some.none() | some.booleans(),
        "date": some.dates(),
        "texts": some.none(),
        "text": some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    }
    row = {column.name: data.draw(values[column.kind]) for column in found.columns}
    cursor = found.cursor_of(row)
    fields = {name: getattr(question, name) for name in ("bucket", "group_by", "filters", "limit", "order")}
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    assert sql(asking(question.resource, **fields, after=cursor)).columns == found.columns
    other = next(name for name in ("events", "points") if name != question.resource)
    with pytest.raises(BadInput, match="belongs to another question"):
        sql(asking(other, after=cursor))


@given(some.text(max_size=60) | some.from_regex(r"[A-Za-z0-9_-]{0,80}", fullmatch=True))
def test_what_is_no_cursor_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadInput, match="belongs to another question"):
        sql(asking("events", after=text))


@given(
    some.sampled_from(list(CATALOGUE)),
    some.lists(some.tuples(some.text(max_size=30), some.text(max_size=300)), max_size=3),
    some.lists(some.text(max_size=30), max_size=2),
)
def test_nonsense_is_bad_input_and_nothing_else(
    resource: str, filters: list[tuple[str, str]], groups: list[str]
) -> None:
    with suppress(BadInput):
        sql(asking(resource, filters=tuple(filters), group_by=tuple(groups)))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (asking("cars"), "nothing is called 'cars' here: there are events, hits, plates"),
        (asking("hits", filters=(("plate", "ABC123D"),)), "hits has no filter 'plate': there are hit, counted_at"),
        (asking("events", filters=(("kind", "party"),)), "kind is never 'party': want one of hit, hit-amended"),
        (asking("hits", filters=(("confidence>=", "high"),)), "confidence: 'high' is no integer"),
        (asking("hits", filters=(("quality<", "exact"),)), "quality is text, which has no order"),
        (asking("hits", filters=(("is_amended", "perhaps"),)), "is_amended: 'perhaps' is no boolean"),
        (asking("hits", filters=(("received_at>=", "noon"),)), "received_at: 'noon' is no time"),
        (asking("counts", group_by=("lane",)), "counts cannot be grouped by 'lane': there are city, point, camera"),
        (asking("plates", group_by=("city",)), "plates cannot be summed"),
        (asking("cameras", bucket="day"), "cameras have no buckets of a day"),
        (asking("events", limit=0), "the limit is at least 1"),
        (Question(resource="events", from_at=NOON, to_at=NOON), "the stretch of time is empty"),
        (Question(resource="events", from_at=NOON.replace(tzinfo=None), to_at=NOON), "a time needs its offset"),
        (Question(resource="events", from_at=NOON.replace(year=1), to_at=NOON), "between 2000 and 2200"),
    ],
)
def test_what_is_wrong_is_said_with_what_there_is(question: Question, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        sql(question)
    assert words in str(caught.value)


def test_a_time_range_is_in_every_statement_over_time() -> None:
    for resource in CATALOGUE.values():
        for bucket in buckets_of(resource):
            found = sql(asking(resource.name, bucket=bucket))
            times = [value for value in found.parameters if isinstance(value, datetime)]
            assert bool(times) == bool(resource.time), (resource.name, bucket)


def test_counts_come_from_the_coarsest_view_that_is_exact() -> None:
    def views(bucket: Bucket | None, minutes: int = 0, **more: Any) -> set[str]:  # any field
        shifted = timedelta(minutes=minutes)
        question = Question(
            resource="counts", from_at=NOON - timedelta(days=1) + shifted, to_at=NOON, bucket=bucket, **more
        )
        return set(re.findall(r"ask\.\w+", sql(question).sql))

    assert views("minute") == {"ask.minute"}
    assert views("hour") == views("hour", group_by=("city",)) == {"ask.city_hour"}
    assert views("hour", group_by=("point",)) == views("hour", filters=(("camera", "cam-1"),)) == {"ask.hour"}
    assert views("day") == views("week") == views("month") == {"ask.day"}
    assert views(None) == {"ask.hour"}
    assert views(None, minutes=7) == {"ask.hour", "ask.minute"}
    assert views(None, minutes=60 * 24 - 7) == {"ask.minute"}


def test_no_record_of_a_question_holds_a_plate() -> None:
    question = asking("plates", filters=(("plate", "ABC123D"), ("observed!=", "ABC128D"), ("city", "saltillo")))
    said = described(question)
    assert "ABC12" not in said
    assert said.endswith("plate=... observed!==... city=saltillo")


def test_a_cursor_tells_nothing_of_what_was_filtered_by() -> None:
    row = {"counted_at": NOON, "hit": "00" * 32}
    cursors = {sql(asking("plates", filters=(("plate", plate),))).cursor_of(row) for plate in ("ABC123D", "XYZ987A")}
    assert len(cursors) == 1


def test_no_answer_but_that_of_plates_has_plates() -> None:
    with_plates = {
        name for name, resource in CATALOGUE.items() if {"plate", "observed"} & {each.name for each in resource.columns}
    }
    assert with_plates == {"plates"}
    assert {name for name, resource in CATALOGUE.items() if resource.reason_needed} == {"plates"}
    assert not is_summed(CATALOGUE["plates"], asking("plates"))
