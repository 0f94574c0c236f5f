"""Checks: what is not good says what to do, and the worst decides."""

import pytest

from edge_agent.core.checks import Check, Verdict, failed, passed, warned, worst

GOOD = passed("ram", "16 GB")
POOR = warned("swap", "2 GB", "doctor-swap-on")
BAD = failed("disk", "3 MB", "doctor-disk-full", need_mb=500)


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ((), Verdict.PASS),
        ((GOOD,), Verdict.PASS),
        ((GOOD, POOR), Verdict.WARN),
        ((BAD, GOOD, POOR), Verdict.FAIL),
    ],
)
def test_the_worst_check_decides(checks: tuple[Check, ...], verdict: Verdict) -> None:
    assert worst(checks) is verdict


def test_what_is_not_good_carries_its_remedy_with_the_figures_it_names() -> None:
    assert GOOD.remedy is None
    assert POOR.remedy is not None
    assert BAD.remedy is not None
    assert (BAD.remedy.message, dict(BAD.remedy.variables)) == ("doctor-disk-full", {"need_mb": 500})
