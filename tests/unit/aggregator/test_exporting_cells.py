"""Cells of a CSV file: what a spreadsheet must not run, what is read back, what is nothing."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.exporting.cells import DANGEROUS, cell, guarded, header, lines, unguarded


@dataclass(frozen=True)
class Told:
    """A column."""

    name: str
    kind: str = "text"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"]
)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == "'" + text


@given(st.text())
def test_no_guarded_text_begins_a_formula_and_all_come_back(text: str) -> None:
    safe = guarded(text)
    assert not safe or safe[0] == "'" or safe[0] not in DANGEROUS
    assert unguarded(safe) == text


def test_a_negative_number_is_no_formula() -> None:
    assert (cell(-5), cell(-0.5), cell(2.0), cell(True)) == ("-5", "-0.5", "2", "true")


def test_several_texts_of_which_the_first_is_a_formula_are_guarded() -> None:
    assert cell(["=1", "b"]) == "'=1; b"
    assert cell([]) == ""


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 22, 14, 5, tzinfo=UTC), "2026-11-22T14:05:00Z"),
        (datetime(2026, 11, 22, 14, 5, 0, 250_000, tzinfo=UTC), "2026-11-22T14:05:00.25Z"),
        (datetime(2026, 11, 22, 8, 5, tzinfo=timezone(-timedelta(hours=6))), "2026-11-22T14:05:00Z"),
        (date(2026, 11, 22), "2026-11-22"),
    ],
)
def test_times_are_utc_with_the_digits_that_they_have(at: datetime | date, text: str) -> None:
    assert cell(at) == text


@given(st.lists(st.tuples(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r")), st.integers())))
def test_what_is_written_is_what_a_csv_reader_reads(rows: list[tuple[str, int]]) -> None:
    text = header([Told("name"), Told("n", "integer")]) + lines([Told("name"), Told("n", "integer")], rows)
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == ["name", "n"]
    assert [(unguarded(name), int(n)) for name, n in read[1:]] == rows


def test_nothing_and_an_empty_text_differ() -> None:
    assert lines([Told("a"), Told("b"), Told("c")], [(None, "", 'say "no", twice')]) == ',"","say ""no"", twice"\n'
