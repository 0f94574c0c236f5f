"""Which ingest workers run beside the first one."""

import pytest

from aggregator.core.workers import MOST_BY_ITSELF, further_workers
from aggregator.errors import BadSettings

CERTIFIED = frozenset({"worker.1", "worker.2", "worker.3", "worker.4", "worker.5", "worker.6"})


@pytest.mark.parametrize(
    ("certified", "cores", "expected"),
    [
        ({"worker.1"}, 2, ()),
        ({"worker.1", "worker.2"}, 2, ("worker.2",)),
        ({"worker.1", "worker.2"}, 1, ()),
        ({"worker.1", "worker.3"}, 8, ()),
        (CERTIFIED, 3, ("worker.2", "worker.3")),
    ],
)
def test_there_is_one_for_each_core_as_far_as_certificates_go(
    certified: set[str], cores: int, expected: tuple[str, ...]
) -> None:
    assert further_workers("worker.1", certified, wanted=0, cores=cores) == expected


def test_the_machine_does_not_take_more_than_a_few_by_itself() -> None:
    assert len(further_workers("worker.1", CERTIFIED, wanted=0, cores=64)) == MOST_BY_ITSELF - 1


def test_what_the_settings_want_is_taken_whatever_the_cores() -> None:
    assert further_workers("worker.1", CERTIFIED, wanted=6, cores=1) == tuple(f"worker.{n}" for n in range(2, 7))
    assert further_workers("worker.1", CERTIFIED, wanted=1, cores=8) == ()


def test_numbers_go_on_from_the_first_one() -> None:
    assert further_workers("worker.4", CERTIFIED, wanted=0, cores=2) == ("worker.5",)


def test_one_without_a_certificate_is_refused_with_the_command_that_makes_it() -> None:
    with pytest.raises(BadSettings, match=r"worker\.7 has no certificate; `aggregator broker client worker\.7`"):
        further_workers("worker.1", CERTIFIED, wanted=7, cores=2)


def test_a_first_one_without_a_number_has_none_to_follow_it() -> None:
    assert further_workers("ingest", {"ingest"}, wanted=0, cores=4) == ()
    with pytest.raises(BadSettings, match=r"name it worker\.1"):
        further_workers("ingest", {"ingest"}, wanted=2, cores=4)
