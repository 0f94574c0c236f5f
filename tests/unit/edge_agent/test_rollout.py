"""A settings document's way on a box: at every instant one document holds, and what became of each is owed once."""

import msgspec
import pytest
from hypothesis import settings as rounds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_agent.core import rollout as rules
from edge_agent.core.rollout import MOST_STARTS, Named, Seen, State, Trial
from protocol.point_messages import SettingsState
from protocol.settings import Taken

NOTHING = Seen(cameras=(), was_connected=False)


def name(number: int) -> Named:
    return Named(number=number, sha256=f"{number:064x}", rollout=f"r-{number}")


def on_trial(number: int = 1, state: State | None = None) -> State:
    return rules.tried(state or State(), name(number), 60, Seen(cameras=("cam-1",), was_connected=True))


def owed(state: State) -> list[tuple[int, int, str]]:
    return [(each.number, each.state, each.reason) for each in state.owed]


def test_a_document_on_trial_is_not_kept_yet() -> None:
    state = on_trial(2, rules.kept(on_trial(1)))
    assert (state.kept, state.trial is not None) == (name(1), True)
    assert state.last == Taken(2, bytes.fromhex(name(2).sha256))


def test_a_kept_document_leaves_the_one_before_it_in_reserve() -> None:
    state = rules.kept(on_trial(2, rules.kept(on_trial(1))))
    assert (state.kept, state.before, state.trial) == (name(2), name(1), None)
    assert owed(state) == [(1, 1, "healthy"), (2, 1, "healthy")]


def test_rolling_back_brings_back_what_was_kept_and_never_tries_the_same_again() -> None:
    state = rules.rolled_back(on_trial(2, rules.kept(on_trial(1))), "inference", "GPU: not there")
    assert (state.kept, state.trial) == (name(1), None)
    assert state.last.number == 2
    assert state.needed == {name(1).sha256}


def test_each_start_counts_and_the_fourth_gives_the_document_up() -> None:
    state = on_trial()
    for expected in range(1, MOST_STARTS + 1):
        state = rules.started(state)
        assert state.trial is not None
        assert state.trial.starts == expected
    state = rules.started(state)
    assert (state.trial, owed(state)) == (None, [(1, 2, "crashed")])


def test_a_start_that_ended_in_order_does_not_count() -> None:
    state = on_trial()
    for _ in range(3 * MOST_STARTS):
        state = rules.ended_in_order(rules.started(state))
    assert state.trial is not None
    assert state.trial.starts == 0


@pytest.mark.parametrize(
    ("cameras", "was_connected", "why"),
    [
        ((), False, "no_frames"),
        (("cam-2",), True, "no_frames"),
        (("cam-1",), False, "no_uplink"),
        (("cam-1",), True, None),
        (("cam-1", "cam-2"), True, None),
    ],
)
def test_a_trial_needs_what_there_was_before_it(cameras: tuple[str, ...], was_connected: bool, why: str | None) -> None:
    trial = on_trial().trial
    assert trial is not None
    assert rules.judged(trial, Seen(cameras=cameras, was_connected=was_connected)) == why


def test_a_box_that_was_off_line_and_dark_is_judged_by_its_start_alone() -> None:
    trial = rules.tried(State(), name(1), 60, NOTHING).trial
    assert trial is not None
    assert rules.judged(trial, NOTHING) is None


def test_a_newer_document_supersedes_the_one_on_trial() -> None:
    state = on_trial(2, on_trial(1))
    assert state.trial is not None
    assert state.trial.document == name(2)
    assert owed(state) == [(1, 2, "superseded")]


def test_a_refused_document_leaves_the_trial_alone() -> None:
    state = rules.refused(on_trial(1), name(2), "bad_settings", "data_dir: not\nfor a document to say" + "!" * 200)
    assert state.trial is not None
    assert state.trial.document == name(1)
    (result,) = state.owed
    assert result.body.state is SettingsState.REFUSED
    assert len(result.note) == 120
    assert result.note.isprintable()


def test_the_state_survives_its_file() -> None:
    for state in (State(), on_trial(2, rules.kept(on_trial(1))), rules.rolled_back(on_trial(), "no_frames")):
        assert msgspec.json.decode(msgspec.json.encode(state), type=State) == state


class Box(RuleBasedStateMachine):
    """Any order of events: documents, starts, ends, judgements, results told."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.number = State(), 0
        self.results: list[tuple[int, int]] = []

    @rule()
    def comes(self) -> None:
        self.number += 1
        self.state = rules.tried(self.state, name(self.number), 60, NOTHING)

    @rule()
    def is_unfit(self) -> None:
        self.number += 1
        self.state = rules.refused(self.state, name(self.number), "bad_settings", "")

    @rule()
    def says_the_same(self) -> None:
        self.number += 1
        self.state = rules.adopted(self.state, name(self.number))

    @rule()
    def starts(self) -> None:
        self.state = rules.started(self.state)

    @rule()
    def ends(self) -> None:
        self.state = rules.ended_in_order(self.state)

    @rule(is_good=st.booleans())
    def is_judged(self, is_good: bool) -> None:
        self.state = rules.kept(self.state) if is_good else rules.rolled_back(self.state, "no_frames")

    @rule(share=st.integers(0, 3))
    def tells(self, share: int) -> None:
        self.results += [(each.number, each.state) for each in self.state.owed[:share]]
        self.state = rules.told(self.state, share)

    @invariant()
    def every_document_is_on_trial_or_has_one_result(self) -> None:
        said = [number for number, _ in self.results] + [each.number for each in self.state.owed]
        trial: Trial | None = self.state.trial
        tried = [trial.document.number] if trial else []
        assert sorted(said + tried) == list(range(1, self.number + 1))

    @invariant()
    def what_is_kept_was_found_good(self) -> None:
        good = {number for number, state in self.results if state == SettingsState.KEPT}
        good |= {each.number for each in self.state.owed if each.state == SettingsState.KEPT}
        for each in (self.state.kept, self.state.before):
            assert each is None or each.number in good
        assert self.state.last.number == self.number


TestAnyOrder = Box.TestCase
TestAnyOrder.settings = rounds(max_examples=60, stateful_step_count=25, deadline=None)
