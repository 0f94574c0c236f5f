"""Redactors side by side: order is kept, little waits in memory, and one error ends the work."""

import threading
from collections.abc import Iterator

import pytest

from edge_agent.adapters.redactor_pool import WAITING_EACH, RedactorPool, plan
from edge_agent.core.redaction import Redactor
from edge_agent.settings import InferenceSettings
from tests.simulators.sight import ScriptedDetector


def pool(size: int) -> RedactorPool:
    return RedactorPool([Redactor(ScriptedDetector([]), ScriptedDetector([])) for _ in range(size)])


def test_answers_come_in_the_order_of_the_items_whoever_is_done_first() -> None:
    second_is_done = threading.Event()

    def work(_: Redactor, item: int) -> int:
        if item == 0:
            assert second_is_done.wait(timeout=30)
        if item == 1:
            second_is_done.set()
        return item

    with pool(2) as pair:
        assert list(pair.in_order(work, range(6))) == [0, 1, 2, 3, 4, 5]


def test_few_items_are_taken_ahead_of_what_was_answered() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(50):
            taken += 1
            yield number

    with pool(2) as pair:
        answers = pair.in_order(lambda _, item: item, items())
        for answered in range(1, 51):
            next(answers)
            assert taken <= answered + 2 * WAITING_EACH


def test_an_error_is_raised_at_its_item_and_what_waits_is_dropped() -> None:
    def work(_: Redactor, item: int) -> int:
        if item == 1:
            raise ValueError("broken")
        return item

    with pool(1) as single:
        answers = single.in_order(work, range(10))
        assert next(answers) == 0
        with pytest.raises(ValueError, match="broken"):
            next(answers)


def test_two_threads_never_share_a_redactor() -> None:
    busy: set[int] = set()
    guard, seen = threading.Lock(), set()

    def work(redactor: Redactor, _: int) -> None:
        with guard:
            assert id(redactor) not in busy
            busy.add(id(redactor))
            seen.add(id(redactor))
        with guard:
            busy.discard(id(redactor))

    with pool(2) as pair:
        assert len(list(pair.in_order(work, range(200)))) == 200


@pytest.mark.parametrize(
    ("asked", "pictures", "planned"),
    [
        (InferenceSettings(), 1, (1, 0)),
        (InferenceSettings(), 100, (4, 1)),
        (InferenceSettings(), 3, (3, 1)),
        (InferenceSettings(threads=2), 100, (4, 2)),
        (InferenceSettings(workers=2), 100, (2, 2)),
        (InferenceSettings(device="GPU"), 100, (1, 0)),
    ],
)
def test_each_core_gets_a_redactor_if_there_are_pictures_for_it(
    asked: InferenceSettings, pictures: int, planned: tuple[int, int]
) -> None:
    found = plan(asked, pictures, processors=4)
    assert (found.workers, found.threads) == planned
