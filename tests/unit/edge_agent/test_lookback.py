"""The look-back window: what it holds, what it gives back, what it forgets."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_agent.core.lookback import MAX_WINDOW_S, READ_BYTES, Lookback, Remembered
from edge_agent.core.matching import HotlistIndex
from edge_agent.core.reads import Candidate
from protocol.hotlist import Entry
from protocol.messages import Match, Quality
from protocol.names import CameraId

NOW_MS = 1_800_000_000_000
CITY = "saltillo"


def make_read(text: str = "FAB1230", *, at_s: float = 100.0, track: int = 1, thumbnail: bytes = b"") -> Remembered:
    return Remembered(
        camera=CameraId("cam-1"),
        track_id=track,
        text=text,
        observed=text,
        confidence=0.9,
        candidates=(Candidate(text, 0.9),),
        format_name=None,
        captured_ms=NOW_MS,
        captured_s=at_s,
        box=(1, 2, 3, 4),
        frame_size=(1280, 720),
        looks=4,
        thumbnail=thumbnail,
    )


def make_index(*plates: str) -> HotlistIndex:
    return HotlistIndex(
        Entry(
            entry=f"e-{plate.lower()}",
            plate=plate,
            reason="stolen",
            expires_ms=NOW_MS + 1,
            case_commitment=bytes(32),
        )
        for plate in plates
    )


def found(lookback: Lookback, *plates: str, now_s: float = 100.0) -> list[tuple[str, list[str]]]:
    late = lookback.rematch(make_index(*plates), now_s=now_s, now_ms=NOW_MS, city=CITY)
    return [(each.read.text, [match.entry for match in each.matches]) for each in late]


def test_a_car_reported_stolen_a_minute_ago_is_found_once() -> None:
    lookback = Lookback(window_s=900, started_s=0)
    lookback.add(make_read("FAB1230", at_s=40), now_s=40)
    assert found(lookback, "XYZ9876") == []
    assert found(lookback, "FAB1230") == [("FAB1230", ["e-fab1230"])]
    assert found(lookback, "FAB1230") == []


def test_a_read_is_told_again_only_for_an_entry_it_was_not_told_of() -> None:
    lookback = Lookback(window_s=900, started_s=0)
    lookback.add(make_read("FAB1230"), now_s=100)
    assert found(lookback, "FAB123O") == [("FAB1230", ["e-fab123o"])]
    assert found(lookback, "FAB123O", "FAB1230") == [("FAB1230", ["e-fab1230"])]


def test_what_was_told_live_is_not_told_again() -> None:
    lookback = Lookback(window_s=900, started_s=0)
    live = Match(entry="e-fab1230", quality=Quality.EXACT, reason="stolen")
    lookback.add(make_read("FAB1230"), now_s=100, told=[live])
    assert found(lookback, "FAB1230") == []


def test_a_later_vote_takes_the_place_of_the_tracks_earlier_one() -> None:
    lookback = Lookback(window_s=900, started_s=0)
    lookback.add(make_read("FAB123", track=7, at_s=99), now_s=99)
    lookback.amend(make_read("FAB1230", track=7), now_s=100)
    assert len(lookback) == 1
    assert found(lookback, "FAB123", "FAB1230") == [("FAB1230", ["e-fab1230"])]


def test_a_later_vote_is_not_told_again_of_what_the_earlier_was_told() -> None:
    lookback = Lookback(window_s=900, started_s=0)
    lookback.add(make_read("FAB123", track=7, at_s=99), now_s=99)
    assert found(lookback, "FAB1230") == [("FAB123", ["e-fab1230"])]
    lookback.amend(make_read("FAB1230", track=7), now_s=100)
    assert found(lookback, "FAB1230") == []


def test_a_read_is_gone_when_the_window_has_passed() -> None:
    lookback = Lookback(window_s=60, started_s=0)
    lookback.add(make_read(at_s=100), now_s=100)
    lookback.expire(159.9)
    assert len(lookback) == 1
    lookback.expire(160.0)
    assert len(lookback) == 0
    assert lookback.size_bytes == 0


def test_rematching_forgets_before_it_looks() -> None:
    lookback = Lookback(window_s=60, started_s=0)
    lookback.add(make_read(at_s=100), now_s=100)
    assert found(lookback, "FAB1230", now_s=160.0) == []


def test_a_window_of_nothing_remembers_nothing_and_covers_nothing() -> None:
    lookback = Lookback(window_s=0, started_s=0)
    lookback.add(make_read(at_s=100), now_s=100)
    assert len(lookback) == 0
    assert lookback.covers_s(100) is None


@pytest.mark.parametrize("window_s", [-1, MAX_WINDOW_S + 1])
def test_no_setting_makes_the_window_longer_than_fifteen_minutes(window_s: float) -> None:
    with pytest.raises(ValueError, match="0 to 900"):
        Lookback(window_s=window_s, started_s=0)


def test_coverage_begins_with_the_start_and_ends_at_the_window() -> None:
    lookback = Lookback(window_s=60, started_s=100)
    assert [lookback.covers_s(now_s) for now_s in (100, 130, 500)] == [0, 30, 60]


def test_when_the_budget_is_full_the_oldest_goes_and_coverage_says_so() -> None:
    lookback = Lookback(window_s=900, started_s=0, budget_bytes=3 * (READ_BYTES + 1000))
    for second in (10, 20, 30):
        lookback.add(make_read(at_s=second, thumbnail=bytes(700)), now_s=second)
    assert (len(lookback), lookback.covers_s(30)) == (3, 30)
    lookback.add(make_read(at_s=40, thumbnail=bytes(700)), now_s=40)
    assert (len(lookback), lookback.covers_s(40)) == (3, 30)


def test_a_cleared_window_covers_nothing_from_before() -> None:
    lookback = Lookback(window_s=900, started_s=0)
    lookback.add(make_read(at_s=40), now_s=40)
    lookback.clear(50)
    assert (len(lookback), lookback.size_bytes, lookback.covers_s(55)) == (0, 0, 5)


def test_nothing_prints_a_plate() -> None:
    lookback = Lookback(window_s=900, started_s=0)
    read = make_read("FAB1230")
    lookback.add(read, now_s=100)
    late = lookback.rematch(make_index("FAB1230"), now_s=100, now_ms=NOW_MS, city=CITY)
    assert "FAB1230" not in f"{lookback!r} {read!r} {late!r} {read}"


PLATES = ("FAB1230", "FAB123O", "XYZ9876")


@dataclass
class Model:
    """What was ever added, and what was told, with nothing forgotten."""

    reads: list[Remembered] = field(default_factory=list)
    told: set[tuple[int, str]] = field(default_factory=set)


class LookbackMachine(RuleBasedStateMachine):
    """Adds, waits and list changes in any order, against a model that never forgets."""

    WINDOW_S = 60.0
    BUDGET_BYTES = 6 * 1500

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.lookback = Lookback(window_s=self.WINDOW_S, started_s=self.now_s, budget_bytes=self.BUDGET_BYTES)
        self.model = Model()

    @rule(plate=st.sampled_from(PLATES), late_s=st.floats(0, 70), picture=st.integers(0, 3000))
    def read(self, plate: str, late_s: float, picture: int) -> None:
        track = len(self.model.reads)
        read = make_read(plate, at_s=self.now_s - late_s, track=track, thumbnail=bytes(picture))
        self.model.reads.append(read)
        self.lookback.add(read, now_s=self.now_s)

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.lookback.expire(self.now_s)

    @precondition(lambda self: self.model.reads)
    @rule(listed=st.sets(st.sampled_from(PLATES), min_size=1))
    def change_the_list(self, listed: set[str]) -> None:
        index = make_index(*listed)
        covered_from_s = self.now_s - (self.lookback.covers_s(self.now_s) or 0)
        late = self.lookback.rematch(index, now_s=self.now_s, now_ms=NOW_MS, city=CITY)
        told = {(each.read.track_id, match.entry) for each in late for match in each.matches}
        assert sum(len(each.matches) for each in late) == len(told)
        assert not told & self.model.told
        due = {
            (read.track_id, match.entry)
            for read in self.model.reads
            for match in index.match(read.text, NOW_MS, CITY)
            if read.captured_s > covered_from_s
        }
        assert due <= told | self.model.told
        assert all(each.read.captured_s > self.now_s - self.WINDOW_S for each in late)
        self.model.told |= told

    @invariant()
    def stays_within_its_bounds(self) -> None:
        assert self.lookback.size_bytes <= self.BUDGET_BYTES
        assert (self.lookback.size_bytes == 0) == (len(self.lookback) == 0)


LookbackMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30)
test_any_order_of_reads_waits_and_lists_keeps_the_promises = LookbackMachine.TestCase


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=30))
def test_reads_come_back_oldest_first_however_they_came_in(times_s: list[float]) -> None:
    lookback = Lookback(window_s=900, started_s=0)
    for at_s in times_s:
        lookback.add(make_read(at_s=at_s), now_s=0)
    late = lookback.rematch(make_index("FAB1230"), now_s=0, now_ms=NOW_MS, city=CITY)
    assert [each.read.captured_s for each in late] == sorted(times_s)
