"""Matching against the rules said the slow way: every entry, every difference, one by one."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.matching import MAX_MATCHES, HotlistIndex, completed, substituted
from protocol.hotlist import Entry
from protocol.messages import Match, Quality
from protocol.plates import CONFUSIONS

NOW_MS = 1_800_000_000_000
CITY = "saltillo"


def make_entry(plate: str, entry: str = "e-1", *, expires_ms: int = NOW_MS + 1, scope: tuple[str, ...] = ()) -> Entry:
    return Entry(
        entry=entry, plate=plate, reason="stolen", expires_ms=expires_ms, case_commitment=bytes(32), scope=scope
    )


def exact(entry: str) -> Match:
    return Match(entry=entry, quality=Quality.EXACT, reason="stolen")


def possible(entry: str) -> Match:
    return Match(entry=entry, quality=Quality.POSSIBLE, reason="stolen")


def matched(read: str, *plates: str) -> tuple[Match, ...]:
    entries = [make_entry(plate, f"e-{number}") for number, plate in enumerate(plates)]
    return HotlistIndex(entries).match(read, NOW_MS, CITY)


def rank_by_the_rules(read: str, plate: str) -> int | None:
    """0 exact, 1 one confused character, 2 one missing end; None no match."""
    if read == plate:
        return 0
    if len(read) == len(plate):
        different = [(a, b) for a, b in zip(read, plate, strict=True) if a != b]
        return 1 if len(different) == 1 and different[0][1] in CONFUSIONS[different[0][0]] else None
    return 2 if read in (plate[1:], plate[:-1]) else None


def match_by_the_rules(entries: list[Entry], read: str, now_ms: int, city: str) -> tuple[Match, ...]:
    found = []
    for entry in entries:
        rank = rank_by_the_rules(read, entry.plate)
        if rank is not None and entry.expires_ms > now_ms and (entry.scope == () or city in entry.scope):
            quality = Quality.POSSIBLE if rank else Quality.EXACT
            found.append((rank, entry.entry, Match(entry=entry.entry, quality=quality, reason=entry.reason)))
    return tuple(match for _, _, match in sorted(found, key=lambda each: each[:2])[:8])


# Few characters, much alike, so that near misses are common.
texts = st.text("0ODQ1IL8BA", min_size=1, max_size=5)
entry_lists = st.lists(
    st.builds(
        make_entry,
        texts,
        expires_ms=st.sampled_from([NOW_MS - 1, NOW_MS, NOW_MS + 1]),
        scope=st.sampled_from([(), (CITY,), ("torreon",), ("torreon", CITY)]),
    ),
    max_size=40,
).map(
    lambda found: [make_entry(e.plate, f"e-{n}", expires_ms=e.expires_ms, scope=e.scope) for n, e in enumerate(found)]
)


@given(entry_lists, texts)
def test_the_index_finds_what_the_rules_find(entries: list[Entry], read: str) -> None:
    found = HotlistIndex(entries).match(read, NOW_MS, CITY)
    assert found == match_by_the_rules(entries, read, NOW_MS, CITY)


@given(entry_lists, texts, st.randoms(use_true_random=False))
def test_the_order_of_the_entries_changes_nothing(entries: list[Entry], read: str, rng: object) -> None:
    backwards = list(reversed(entries))
    assert HotlistIndex(entries).match(read, NOW_MS, CITY) == HotlistIndex(backwards).match(read, NOW_MS, CITY)


@given(entry_lists, entry_lists, st.sets(st.integers(0, 39)), texts)
def test_an_index_made_of_the_last_one_is_as_if_built_anew(
    entries: list[Entry], more: list[Entry], off: set[int], read: str
) -> None:
    before = HotlistIndex(entries, list_version=1)
    told = before.match(read, NOW_MS, CITY)
    gone = [entry for number, entry in enumerate(entries) if number in off]
    added = [msgspec.structs.replace(entry, entry=f"{entry.entry}-b") for entry in more]
    index = before.changed(
        added=added, gone=[(entry.entry, entry.plate) for entry in gone], list_version=2, expires_ms=NOW_MS + 1
    )
    anew = HotlistIndex([*(e for e in entries if e not in gone), *added], list_version=2, expires_ms=NOW_MS + 1)
    assert index.match(read, NOW_MS, CITY) == anew.match(read, NOW_MS, CITY)
    assert (len(index), repr(index)) == (len(anew), repr(anew))
    assert before.match(read, NOW_MS, CITY) == told, "the old index goes on as it was"


def test_taking_off_what_is_not_there_changes_nothing() -> None:
    index = HotlistIndex([make_entry("FAB1230")])
    gone = [("e-1", "XYZ987"), ("e-2", "FAB1230")]
    after = index.changed(added=(), gone=gone, list_version=2, expires_ms=None)
    assert (len(after), after.match("FAB1230", NOW_MS, CITY)) == (1, (exact("e-1"),))


def test_an_exact_match_stands_before_a_possible_one() -> None:
    assert matched("FAB1230", "FAB123O", "FAB1230") == (exact("e-1"), possible("e-0"))


def test_two_mistaken_characters_match_nothing() -> None:
    assert matched("FA8123O", "FAB1230") == ()


def test_a_mistaken_and_a_missing_character_match_nothing() -> None:
    assert matched("FA8123", "FAB1230") == ()


def test_the_last_character_may_be_missing_as_when_a_plate_upf337a_was_read_upf337() -> None:
    assert matched("UPF337", "UPF337A") == (possible("e-0"),)


def test_the_first_character_may_be_missing() -> None:
    assert matched("PF337A", "UPF337A") == (possible("e-0"),)


def test_a_character_missing_inside_or_one_too_many_matches_nothing() -> None:
    assert matched("UP337A", "UPF337A") == ()
    assert matched("UPF337AT", "UPF337A") == ()


def test_a_substitution_outside_the_table_matches_nothing() -> None:
    assert "X" not in CONFUSIONS["A"]
    assert matched("FXB1230", "FAB1230") == ()


def test_an_entry_stops_matching_at_the_instant_it_expires() -> None:
    index = HotlistIndex([make_entry("FAB1230", expires_ms=NOW_MS)])
    assert index.match("FAB1230", NOW_MS - 1, CITY) == (exact("e-1"),)
    assert index.match("FAB1230", NOW_MS, CITY) == ()


def test_an_entry_of_another_city_does_not_match() -> None:
    index = HotlistIndex([make_entry("FAB1230", scope=("torreon",))])
    assert index.match("FAB1230", NOW_MS, CITY) == ()
    assert index.match("FAB1230", NOW_MS, "torreon") == (exact("e-1"),)


def test_a_list_whose_manifest_expired_arms_nothing() -> None:
    index = HotlistIndex([make_entry("FAB1230", expires_ms=NOW_MS + 1000)], list_version=3, expires_ms=NOW_MS)
    assert index.match("FAB1230", NOW_MS - 1, CITY) == (exact("e-1"),)
    assert index.match("FAB1230", NOW_MS, CITY) == ()


def test_no_more_matches_are_given_than_a_hit_can_carry() -> None:
    plates = ["FAB1230"] * 5 + ["FAB123O"] * 5
    found = matched("FAB1230", *plates)
    assert [match.quality for match in found] == [Quality.EXACT] * 5 + [Quality.POSSIBLE] * 3
    assert len(found) == MAX_MATCHES


def test_an_index_prints_no_plate() -> None:
    assert "FAB1230" not in f"{HotlistIndex([make_entry('FAB1230')])!r}"


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", max_size=12))
def test_a_match_is_about_a_hundred_look_ups_whatever_the_list(read: str) -> None:
    assert len(list(substituted(read))) + len(completed(read)) <= 72 + 6 * len(read)
