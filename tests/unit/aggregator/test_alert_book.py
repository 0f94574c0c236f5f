"""Which events make one alert: the same ones in every order, each event once, and what people decided left alone."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.alert_book import Book, Known, Sighting
from aggregator.core.alerts import Act, Alert, Kind, State, stepped
from protocol.messages import Quality

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=30)


def make_hit(
    n: int, *, at: float, entries: Iterable[str] = ("e-1",), quality: Quality | None = Quality.EXACT, city: str = "s"
) -> Sighting:
    """A hit so many minutes after noon."""
    when = NOW + timedelta(minutes=at)
    return Sighting(
        event=bytes([n]), kind=Kind.HIT, city=city, keys=frozenset(entries), happened_at=when, quality=quality
    )


def entered(sightings: Iterable[Sighting]) -> Book:
    """A book that took them in their order."""
    book = Book(WINDOW)
    for each in sightings:
        book.take(each)
    return book


def outcome_of(book: Book) -> set[tuple[frozenset[bytes], State, object, object, object]]:
    """The alerts of a book without their numbers: events, state, quality, first and last instant."""
    homes: dict[int, set[bytes]] = {}
    for event, known in book.known.items():
        homes.setdefault(book.home(known.alert), set()).add(event)
    return {
        (frozenset(events), alert.state, alert.quality, alert.outcome, book.times[home])
        for home, events in homes.items()
        for alert in [book.alerts[home]]
    }


def alerts_of(book: Book) -> list[list[int]]:
    """The numbers of the events of each alert."""
    return sorted(sorted(event[0] for event in found[0]) for found in outcome_of(book))


def test_hits_of_one_entry_within_the_window_are_one_alert() -> None:
    book = entered([make_hit(1, at=0), make_hit(2, at=29), make_hit(3, at=58), make_hit(4, at=89)])
    assert alerts_of(book) == [[1, 2, 3], [4]]
    assert [line.act for line in book.lines] == [Act.RAISE, Act.ADD, Act.ADD, Act.RAISE]


def test_another_entry_or_city_is_another_alert() -> None:
    others = [make_hit(1, at=0), make_hit(2, at=1, entries=["e-2"]), make_hit(3, at=1, city="m")]
    assert alerts_of(entered(others)) == [[1], [2], [3]]


def test_a_late_hit_joins_two_alerts_and_the_older_one_stays() -> None:
    book = entered([make_hit(1, at=0), make_hit(2, at=50), make_hit(3, at=25)])
    assert alerts_of(book) == [[1, 2, 3]]
    first, second = sorted(book.alerts)
    assert (book.merges, book.alerts[second].state) == ({second: first}, State.MERGED)


def test_an_event_that_comes_twice_changes_nothing() -> None:
    once, twice = entered([make_hit(1, at=0)]), entered([make_hit(1, at=0), make_hit(1, at=0)])
    assert (outcome_of(once), once.lines) == (outcome_of(twice), twice.lines)


def test_the_end_of_an_alarm_belongs_to_its_start_whichever_comes_first() -> None:
    start = Sighting(event=b"1", kind=Kind.ALARM, city="s", keys=frozenset({"alarm"}), happened_at=NOW)
    end = replace(start, event=b"2", over_at=NOW + timedelta(minutes=1))
    for order in ([start, end], [end, start]):
        book = entered(order)
        (alert,) = book.alerts.values()
        assert (alert.state, alert.ended_at) == (State.NEW, end.over_at)


def decided(book: Book, act: Act, *, at: float) -> Book:
    """The book after a person's step on its only alert."""
    ((number, alert),) = book.alerts.items()
    found = stepped(alert, act, by="os:ana", at=NOW + timedelta(minutes=at))
    assert isinstance(found, Alert)
    book.alerts[number] = found
    book.lines.clear()
    return book


def test_a_hit_from_before_a_decision_was_decided_on_and_a_later_one_is_news() -> None:
    book = decided(entered([make_hit(1, at=0)]), Act.REJECT, at=10)
    book.take(make_hit(2, at=5))
    assert [alert.state for alert in book.alerts.values()] == [State.REJECTED]
    book.take(make_hit(3, at=11))
    assert alerts_of(book) == [[1, 2], [3]]


def test_a_certain_hit_is_never_hidden_behind_the_rejection_of_a_possible_one() -> None:
    book = decided(entered([make_hit(1, at=0, quality=Quality.POSSIBLE)]), Act.REJECT, at=10)
    book.take(make_hit(2, at=5))
    ((_, alert),) = book.alerts.items()
    assert (alert.state, [line.act for line in book.lines]) == (State.NEW, [Act.ADD, Act.UPGRADE, Act.REOPEN])


def test_an_open_alert_takes_hits_before_a_decided_one_does() -> None:
    book = decided(entered([make_hit(1, at=0)]), Act.REJECT, at=10)
    book.take(make_hit(2, at=12))
    book.take(make_hit(3, at=9))
    assert alerts_of(book) == [[1], [2, 3]]


@st.composite
def streets(draw: st.DrawFn) -> list[Sighting]:
    """Some hits of a few vehicles."""
    hits = []
    for n in range(draw(st.integers(1, 7))):
        entries = draw(st.sets(st.sampled_from(["e-1", "e-2", "e-3"]), min_size=1, max_size=2))
        hits.append(make_hit(n, at=draw(st.integers(0, 150)), entries=entries, quality=Quality.POSSIBLE))
    return hits


def together(hits: Sequence[Sighting]) -> list[list[int]]:
    """What hangs together, the plain way: pairs that share an entry within the window."""
    groups = [{n} for n in range(len(hits))]
    for a, first in enumerate(hits):
        for b, second in enumerate(hits):
            if first.keys & second.keys and abs(first.happened_at - second.happened_at) <= WINDOW:
                mine, theirs = (next(each for each in groups if n in each) for n in (a, b))
                if mine is not theirs:
                    groups.remove(theirs)
                    mine |= theirs
    return sorted(sorted(each) for each in groups)


@given(
    streets(), st.randoms(use_true_random=False), st.lists(st.sampled_from([*Quality, None]), min_size=7, max_size=7)
)
def test_the_order_in_which_events_come_makes_no_difference(
    hits: list[Sighting], rng: random.Random, became: list[Quality | None]
) -> None:
    amended = [replace(hit, quality=quality) for hit, quality in zip(hits, became, strict=False)]
    told_in_order = entered([*hits, *amended])
    mixed = rng.sample(hits, len(hits))
    told_late = entered([*mixed, *mixed, *rng.sample(amended, len(amended))])
    only_the_last = entered(rng.sample(amended, len(amended)))
    assert alerts_of(told_in_order) == together(hits)
    assert outcome_of(told_in_order) == outcome_of(told_late) == outcome_of(only_the_last)


@given(streets(), st.integers(0, 7))
def test_a_book_that_is_closed_and_opened_again_goes_on_as_before(hits: list[Sighting], at: int) -> None:
    book = entered(hits[:at])
    again = Book(WINDOW, alerts=dict(book.alerts), known=dict(book.known), times=dict(book.times))
    again.merges, again._new = dict(book.merges), len(book.alerts)
    again.add_spans(span for spans in book.spans.values() for span in spans)
    for each in hits[at:]:
        again.take(each)
    assert outcome_of(again) == outcome_of(entered(hits))
    assert all(isinstance(each, Known) for each in again.known.values())
