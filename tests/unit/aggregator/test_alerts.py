"""The states of an alert: what may follow what, who may do it, and that no order of events makes another alert."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.alerts import (
    OPEN,
    OUTCOMES,
    PEOPLES,
    Act,
    Alert,
    Denied,
    Kind,
    Outcome,
    State,
    may,
    merged,
    priority,
    settled,
    stepped,
    with_hit,
)
from protocol.messages import Quality

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EXACT = Alert(kind=Kind.HIT, exact=1)
POSSIBLE = Alert(kind=Kind.HIT, possible=1)


def after(alert: Alert, *acts: Act, outcome: Outcome = Outcome.NOT_FOUND) -> Alert:
    """The alert after steps, each of which must be taken."""
    for act in acts:
        found = stepped(alert, act, by="os:ana", at=NOW, outcome=outcome if act is Act.CLOSE else None)
        assert isinstance(found, Alert), (act, found)
        alert = found
    return alert


def test_a_hit_goes_from_new_to_its_outcome() -> None:
    done = after(EXACT, Act.ACK, Act.CONFIRM, Act.DISPATCH, Act.ARRIVE, Act.CLOSE, outcome=Outcome.RECOVERED)
    assert (done.state, done.outcome, done.was_right) == (State.CLOSED, Outcome.RECOVERED, True)


@pytest.mark.parametrize("alert", [EXACT, POSSIBLE])
def test_nobody_is_sent_for_a_hit_that_nobody_confirmed(alert: Alert) -> None:
    for each in (alert, after(alert, Act.ACK)):
        assert stepped(each, Act.DISPATCH, by="os:ana", at=NOW) is Denied.NOT_CONFIRMED
    assert stepped(after(alert, Act.REJECT), Act.DISPATCH, by="os:ana", at=NOW) is Denied.NOT_FROM_HERE


@pytest.mark.parametrize("kind", [Kind.PANIC, Kind.ALARM, Kind.REPORT])
def test_for_a_call_for_help_somebody_is_sent_at_once(kind: Kind) -> None:
    assert after(Alert(kind=kind), Act.DISPATCH).state is State.DISPATCHED


def test_what_nobody_has_seen_is_not_closed() -> None:
    assert stepped(EXACT, Act.CLOSE, by="os:ana", at=NOW, outcome=Outcome.NO_ACTION) is Denied.NOT_FROM_HERE


def test_whoever_comes_second_is_told_and_takes_back_only_on_purpose() -> None:
    confirmed = after(EXACT, Act.CONFIRM)
    assert stepped(confirmed, Act.CONFIRM, by="os:luis", at=NOW) is Denied.NOT_FROM_HERE
    assert stepped(confirmed, Act.REJECT, by="os:luis", at=NOW) is Denied.TAKES_BACK
    taken_back = stepped(confirmed, Act.REJECT, by="os:luis", at=NOW, is_correction=True)
    assert isinstance(taken_back, Alert)
    assert (taken_back.state, taken_back.was_right, taken_back.decided_by) == (State.REJECTED, False, "os:luis")


def test_an_outcome_is_corrected_on_purpose_only() -> None:
    closed = after(EXACT, Act.CONFIRM, Act.CLOSE, outcome=Outcome.RECOVERED)
    again = {"by": "os:ana", "at": NOW, "outcome": Outcome.WRONG_VEHICLE}
    assert stepped(closed, Act.CLOSE, **again) is Denied.TAKES_BACK  # type: ignore[arg-type]  # a row of arguments
    corrected = stepped(closed, Act.CLOSE, is_correction=True, **again)  # type: ignore[arg-type]  # as above
    assert isinstance(corrected, Alert)
    assert corrected.was_right is False


def test_a_rejection_whose_plate_was_erased_is_not_taken_back() -> None:
    erased = replace(after(POSSIBLE, Act.REJECT), is_erased=True)
    assert stepped(erased, Act.CONFIRM, by="os:ana", at=NOW, is_correction=True) is Denied.ERASED


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_has_outcomes_of_its_own_and_none_is_the_boxes(kind: Kind) -> None:
    seen = after(Alert(kind=kind, exact=1 if kind is Kind.HIT else 0), Act.ACK)
    for outcome in Outcome:
        found = stepped(seen, Act.CLOSE, by="os:ana", at=NOW, outcome=outcome)
        assert isinstance(found, Alert) is (outcome in OUTCOMES[kind])
    assert Outcome.WITHDRAWN not in OUTCOMES[kind]
    assert stepped(seen, Act.CLOSE, by="os:ana", at=NOW) is Denied.NO_OUTCOME


def test_an_outcome_that_says_nothing_of_the_read_leaves_the_confirmation_standing() -> None:
    assert after(EXACT, Act.CONFIRM, Act.CLOSE, outcome=Outcome.NOT_FOUND).was_right is True
    assert after(EXACT, Act.ACK, Act.CLOSE, outcome=Outcome.NO_ACTION).was_right is None


def hit_changed(alert: Alert, was: Quality | None, now: Quality | None) -> tuple[Alert, tuple[Act, ...]]:
    """The alert after its box amended one of its hits."""
    return settled(alert, with_hit(with_hit(alert, was, by=-1), now))


def test_a_possible_that_becomes_exact_upgrades_and_opens_what_was_rejected() -> None:
    upgraded, acts = hit_changed(POSSIBLE, Quality.POSSIBLE, Quality.EXACT)
    assert (upgraded.state, upgraded.quality, acts) == (State.NEW, Quality.EXACT, (Act.UPGRADE,))
    opened, acts = hit_changed(after(POSSIBLE, Act.REJECT), Quality.POSSIBLE, Quality.EXACT)
    assert (opened.state, opened.was_right, acts) == (State.NEW, None, (Act.UPGRADE, Act.REOPEN))


def test_a_hit_that_its_box_withdrew_closes_what_nobody_decided_on_and_nothing_else() -> None:
    closed, acts = hit_changed(EXACT, Quality.EXACT, None)
    assert (closed.state, closed.outcome, acts) == (State.CLOSED, Outcome.WITHDRAWN, (Act.WITHDRAW,))
    confirmed, acts = hit_changed(after(EXACT, Act.CONFIRM), Quality.EXACT, None)
    assert (confirmed.state, confirmed.quality, acts) == (State.CONFIRMED, None, (Act.WITHDRAW,))


def test_one_more_hit_opens_what_its_box_had_withdrawn() -> None:
    closed, _ = hit_changed(EXACT, Quality.EXACT, None)
    opened, acts = settled(closed, with_hit(closed, Quality.POSSIBLE))
    assert (opened.state, opened.outcome, acts) == (State.NEW, None, (Act.REOPEN,))


def test_of_two_that_are_one_the_further_state_stays_with_the_hits_of_both() -> None:
    whole = merged(POSSIBLE, after(EXACT, Act.CONFIRM, Act.DISPATCH))
    assert (whole.state, whole.exact, whole.possible, whole.decided_by) == (State.DISPATCHED, 1, 1, "os:ana")


STEPS = st.tuples(st.sampled_from(PEOPLES), st.sampled_from([None, *Outcome]), st.booleans())
CHANGES = st.tuples(st.just(Act.AMEND), st.sampled_from([*Quality, None]), st.booleans())


@given(st.sampled_from(list(Kind)), st.lists(STEPS | CHANGES, max_size=12))
def test_no_sequence_of_steps_and_events_leads_where_the_rules_forbid(
    kind: Kind, tried: list[tuple[Act, Outcome | Quality | None, bool]]
) -> None:
    alert, been = Alert(kind=kind, possible=1 if kind is Kind.HIT else 0), {State.NEW}
    for act, what, flag in tried:
        if act is Act.AMEND and kind is Kind.HIT and not isinstance(what, Outcome):
            found: Alert | Denied = settled(alert, with_hit(alert, what))[0]
        elif act in PEOPLES and not isinstance(what, Quality):
            found = stepped(alert, act, by="os:ana", at=NOW, outcome=what, is_correction=flag)
        else:
            continue
        if isinstance(found, Denied):
            continue
        if found.state is State.NEW and alert.state is not State.NEW:
            been = {State.NEW}
        alert = found
        been.add(alert.state)
        assert State.MERGED not in been
        assert (alert.state is State.CLOSED) is (alert.outcome is not None)
        assert kind is not Kind.HIT or State.DISPATCHED not in been or alert.is_true is not None
        assert State.ON_SITE not in been or State.DISPATCHED in been
        assert State.REJECTED is not alert.state or alert.was_right is False
        assert alert.outcome is None or alert.outcome in OUTCOMES[kind] or alert.decided_at is None


def test_where_dispatchers_are_named_others_only_look_and_acknowledge() -> None:
    assert [act for act in PEOPLES if may("os:ana", act, ("luis",))] == [Act.ACK]
    assert all(may("os:luis", act, ("luis",)) and may("os:ana", act, ()) for act in PEOPLES)


def test_a_cry_for_help_comes_first_and_a_trial_last() -> None:
    order = [
        priority(Kind.PANIC, None, is_trial=False),
        priority(Kind.HIT, Quality.EXACT, is_trial=False),
        priority(Kind.HIT, Quality.POSSIBLE, is_trial=False),
        priority(Kind.ALARM, None, is_trial=False),
        priority(Kind.PANIC, None, is_trial=True),
    ]
    assert order == sorted(set(order))
    assert len(OPEN) == 5
