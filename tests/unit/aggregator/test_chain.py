"""The chain auditor: the same final state for any order of arrival, and what each state means."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.chain import GRACE, MAX_ASKS, Chain, Gap, Link, Stone, reconciled
from protocol.order import NO_PREVIOUS

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def name(number: int, fork: int = 0) -> bytes:
    """A hash, as good as any."""
    return bytes([number, fork]) + bytes(30)


def make_chain(length: int) -> list[Link]:
    """An unbroken chain from number 1."""
    return [Link(n, name(n), name(n - 1) if n > 1 else NO_PREVIOUS) for n in range(1, length + 1)]


def judged_whole(links: set[Link], stones: set[Stone]) -> Chain:
    """The rules of the module's docstring, applied to the whole set at once. `runs` is left out."""
    items: dict[int, set[Link]] = defaultdict(set)
    told: dict[int, set[bytes]] = defaultdict(set)
    for link in links:
        items[link.sequence].add(link)
    for stone in stones:
        told[stone.sequence].add(stone.hash)
    forks = {n for n, found in items.items() if len(found) > 1}
    dropped = {n: hashes.pop() if len(hashes) == 1 else b"" for n, hashes in told.items() if n not in items}

    def hash_at(n: int) -> bytes:
        if n == 0:
            return NO_PREVIOUS
        if n in items:
            return b"" if n in forks else next(iter(items[n])).hash
        return dropped.get(n, b"")

    singles = {n: next(iter(found)) for n, found in items.items() if n not in forks}
    breaks = {n for n, link in singles.items() if hash_at(n - 1) and hash_at(n - 1) != link.previous}
    return Chain((), dropped, frozenset(forks), frozenset(breaks))


small_hashes = st.integers(0, 8).flatmap(lambda n: st.integers(0, 1).map(lambda fork: name(n, fork)))
links = st.builds(Link, st.integers(1, 8), small_hashes, st.one_of(small_hashes, st.just(NO_PREVIOUS)))
stones = st.builds(Stone, st.integers(1, 8), small_hashes)


@given(st.data())
def test_any_order_of_arrival_gives_the_state_of_the_whole_set(data: st.DataObject) -> None:
    events = data.draw(st.lists(st.one_of(links, stones), unique=True, max_size=14))
    distinct = {(e.sequence, e.hash, isinstance(e, Link)): e for e in events}  # the ledger holds an envelope once
    chain = Chain()
    for event in data.draw(st.permutations(list(distinct.values()))):
        chain = chain.after([event]) if isinstance(event, Link) else chain.after([], [event])
    whole = judged_whole(
        {e for e in distinct.values() if isinstance(e, Link)}, {e for e in distinct.values() if isinstance(e, Stone)}
    )
    assert (chain.dropped, chain.forks, chain.breaks) == (whole.dropped, whole.forks, whole.breaks)
    known = {e.sequence for e in distinct.values()}
    missing = {n for first, last in chain.missing() for n in range(first, last + 1)}
    assert missing == set(range(1, max(known, default=0) + 1)) - known


@given(st.permutations(make_chain(12)), st.integers(1, 11))
def test_a_reordered_chain_is_whole_and_has_no_flag(shuffled: list[Link], cut: int) -> None:
    chain = Chain().after(shuffled[:cut]).after(shuffled[cut:])
    assert (chain.head, chain.highest, list(chain.missing())) == (12, 12, [])
    assert (chain.forks, chain.breaks) == (frozenset(), frozenset())
    assert len(chain.runs) == 1


def test_a_missing_message_is_a_gap_until_it_arrives() -> None:
    one, two, three = make_chain(3)
    chain = Chain().after([one, three])
    assert (list(chain.missing()), chain.head) == ([(2, 2)], 1)
    assert list(chain.after([two]).missing()) == []


def test_a_tombstone_closes_a_gap_and_carries_the_chain_over_it() -> None:
    one, two, three = make_chain(3)
    chain = Chain().after([one, three], [Stone(2, two.hash)])
    assert (list(chain.missing()), set(chain.dropped), chain.breaks) == ([], {2}, frozenset())
    lying = Chain().after([one, three], [Stone(2, name(9))])
    assert lying.breaks == {3}


def test_a_message_that_names_another_predecessor_is_a_break() -> None:
    one, two, three = make_chain(3)
    changed = Link(3, three.hash, name(9))
    assert Chain().after([one, two, changed]).breaks == {3}


def test_the_first_message_of_an_outbox_follows_nothing() -> None:
    assert Chain().after([Link(1, name(1), name(7))]).breaks == {1}


def test_what_is_left_of_a_gap_keeps_its_age_and_its_count() -> None:
    old = Gap(3, 9, NOW - timedelta(hours=1), asked=4, next_ask_at=NOW)
    assert reconciled([old], [(3, 4), (8, 9), (20, 21)], NOW) == (
        Gap(3, 4, old.opened_at, 4, NOW),
        Gap(8, 9, old.opened_at, 4, NOW),
        Gap(20, 21, NOW, 0, NOW + GRACE),
    )


def test_a_gap_is_asked_for_ever_less_often_and_then_lost() -> None:
    gap, pauses = Gap(1, 1, NOW, next_ask_at=NOW), []
    while gap.next_ask_at is not None:
        asked = gap.after_asking(NOW)
        if asked.next_ask_at is not None:
            pauses.append(asked.next_ask_at - NOW)
        gap = asked
    assert gap.asked == MAX_ASKS
    assert pauses == sorted(pauses)
    assert gap.is_lost
