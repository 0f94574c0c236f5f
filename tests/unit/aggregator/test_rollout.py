"""Rollouts: who is in a share, whose turn it is, and when nothing more is sent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.adapters.profile_texts import profile_names, profile_text
from aggregator.core.rollout import (
    Course,
    Ring,
    RolloutBox,
    Standing,
    check_settings_text,
    course_of,
    due,
    is_in_share,
    plan_of,
    standing_of,
)
from aggregator.errors import BadInput
from protocol.settings import LONGEST_TRIAL_S, MAX_TEXT_CHARACTERS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DEVICES = [f"box-{n}" for n in range(2_000)]


def box(device: str, ring: Ring, standing: Standing, *, sent: timedelta | None = timedelta(minutes=5)) -> RolloutBox:
    is_sent = standing is not Standing.WAITING
    return RolloutBox(
        device=device,
        point="p-1",
        profile="n100",
        ring=ring,
        standing=standing,
        number=1 if is_sent else None,
        sent_at=NOW - sent if is_sent and sent is not None else None,
    )


def turns(*boxes: RolloutBox) -> list[str]:
    return [each.device for each in due(boxes, now=NOW, ring_wait=DAY)]


@given(st.integers(1, 100), st.integers(1, 100))
def test_a_share_that_grows_only_adds_boxes(one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    inside = {device for device in DEVICES[:200] if is_in_share("r-1", device, smaller)}
    assert inside <= {device for device in DEVICES[:200] if is_in_share("r-1", device, larger)}


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_a_share_is_about_its_size_and_another_rollout_begins_with_others(percent: int) -> None:
    first = {device for device in DEVICES if is_in_share("r-1", device, percent)}
    second = {device for device in DEVICES if is_in_share("r-2", device, percent)}
    assert abs(len(first) - len(DEVICES) * percent / 100) < 100
    assert first != second


def test_all_are_in_the_whole() -> None:
    assert all(is_in_share("r-1", device, 100) for device in DEVICES)


def test_a_profile_says_ring_and_trial_and_an_operator_outranks_its_trial() -> None:
    for name in profile_names():
        plan = plan_of(profile_text(name), None)
        assert plan.trial_s >= 60
        assert plan_of(profile_text(name), 7).trial_s == 7
    assert plan_of('[update]\nring = "canary"\ntrial_s = 9', None) == replace(plan_of("", 9), ring=Ring.CANARY)
    assert plan_of("", None).ring is Ring.BROAD
    assert plan_of("", 10**9).trial_s == LONGEST_TRIAL_S


def test_canaries_go_first_and_the_next_ring_when_all_of_them_have_kept_it() -> None:
    canary, early, broad = Ring.CANARY, Ring.EARLY, Ring.BROAD
    waiting, sent, kept = Standing.WAITING, Standing.SENT, Standing.KEPT
    everybody = [("a", canary), ("b", canary), ("c", early), ("d", broad)]
    assert turns(*(box(name, ring, waiting) for name, ring in everybody)) == ["a", "b"]
    rest = [box("c", early, waiting), box("d", broad, waiting)]
    assert turns(box("a", canary, kept), box("b", canary, sent), *rest) == []
    assert turns(box("a", canary, kept), box("b", canary, kept), *rest) == ["c"]
    assert turns(box("a", canary, kept), box("b", canary, Standing.SUPERSEDED), box("c", early, kept), rest[1]) == ["d"]
    assert turns(*rest) == ["c"], "a rollout without canaries begins with who is first"


def test_silent_boxes_hold_the_others_up_for_a_day_and_not_if_nobody_kept_it() -> None:
    silent = box("a", Ring.CANARY, Standing.SENT, sent=DAY)
    waiting = box("c", Ring.EARLY, Standing.WAITING)
    assert turns(silent, waiting) == []
    assert turns(silent, box("b", Ring.CANARY, Standing.KEPT), waiting) == ["c"]
    young = box("a", Ring.CANARY, Standing.SENT, sent=DAY - timedelta(seconds=1))
    assert turns(young, box("b", Ring.CANARY, Standing.KEPT), waiting) == []


@pytest.mark.parametrize("failed", [Standing.ROLLED_BACK, Standing.REFUSED])
def test_one_box_that_fails_halts_the_rings_behind_it(failed: Standing) -> None:
    boxes = [
        box("a", Ring.CANARY, Standing.KEPT),
        box("b", Ring.CANARY, failed),
        box("c", Ring.EARLY, Standing.WAITING),
    ]
    assert turns(*boxes) == []
    assert course_of(boxes, is_aborted=False) is Course.HALTED
    assert turns(*boxes, box("d", Ring.CANARY, Standing.WAITING)) == ["d"], "who joined the ring that is open"


def test_a_rollout_is_done_when_everybody_has_kept_it_or_something_newer() -> None:
    kept, newer = box("a", Ring.CANARY, Standing.KEPT), box("b", Ring.BROAD, Standing.SUPERSEDED)
    assert course_of([kept, newer], is_aborted=False) is Course.DONE
    assert course_of([kept, box("c", Ring.BROAD, Standing.SENT)], is_aborted=False) is Course.RUNNING
    assert course_of([kept], is_aborted=True) is Course.ABORTED


def test_a_box_stands_where_it_said_last() -> None:
    assert standing_of(None, None, is_superseded=False) is Standing.WAITING
    assert standing_of(4, None, is_superseded=False) is Standing.SENT
    assert standing_of(4, None, is_superseded=True) is Standing.SUPERSEDED
    assert [standing_of(4, state, is_superseded=True) for state in (1, 2, 3)] == [
        Standing.KEPT,
        Standing.ROLLED_BACK,
        Standing.REFUSED,
    ]


def test_settings_that_no_box_could_read_are_not_signed() -> None:
    assert check_settings_text("a = 1\r\n") == "a = 1\n"
    for text in ("[[", "#" * (MAX_TEXT_CHARACTERS + 1)):
        with pytest.raises(BadInput):
            check_settings_text(text)
