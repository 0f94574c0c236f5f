"""The audit chain: every change within it is found, and a plate never enters it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.audit import AuditRow, findings, next_row, problem_with_reason

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def make_rows(count: int) -> list[AuditRow]:
    """A good chain."""
    rows: list[AuditRow] = []
    for n in range(count):
        last = rows[-1] if rows else None
        rows.append(next_row(last, at=NOW, actor="ana", action="hits.show", subject=f"hit-{n}", reason="case FGE-1"))
    return rows


def test_a_good_chain_has_no_findings() -> None:
    assert list(findings(make_rows(5))) == []


@given(st.integers(0, 4), st.sampled_from(["actor", "action", "subject", "reason"]))
def test_a_changed_row_is_found(at: int, column: str) -> None:
    rows = make_rows(5)
    change: dict[str, Any] = {column: "another"}  # mypy cannot see that the four are texts
    rows[at] = replace(rows[at], **change)
    assert [finding.number for finding in findings(rows)] == [at + 1]


@given(st.integers(0, 3))
def test_a_removed_row_is_found(at: int) -> None:
    rows = make_rows(5)
    del rows[at]
    assert next(findings(rows)).number == at + 2


def test_a_rewritten_row_is_found_by_the_one_after_it() -> None:
    rows = make_rows(3)
    rows[1] = next_row(rows[0], at=NOW, actor="luis", action="hits.show", subject="hit-1", reason="case FGE-1")
    assert [finding.number for finding in findings(rows)] == [3]


def test_a_part_is_checked_against_the_row_before_it() -> None:
    rows = make_rows(4)
    assert list(findings(rows[2:], after=rows[1])) == []
    assert next(findings(rows[2:], after=rows[0])).number == 3


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "looking for ABC-123-D", "abc123d of yesterday"])
def test_a_reason_that_says_nothing_or_a_plate_is_refused(reason: str) -> None:
    assert problem_with_reason(reason) is not None


@pytest.mark.parametrize("reason", ["case FGE-1/2026", "shift handover of 22 November", "entry e-77"])
def test_a_reason_that_names_the_case_is_taken(reason: str) -> None:
    assert problem_with_reason(reason) is None
