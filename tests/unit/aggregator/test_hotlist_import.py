"""A hotlist file: what becomes of each line."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.hotlist import Draft, ReasonClass
from aggregator.core.hotlist_import import ADVICE, MAX_LIFE, Accepted, Refused, Rules, Verdict, Why, read_file
from aggregator.errors import BadInput

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
SALTILLO = timezone(timedelta(hours=-6))
HEADER = "plate,reason,case_number,expires,scope\n"
RULES = Rules(
    now=NOW,
    time_zone=SALTILLO,
    own_city="saltillo",
    cities=frozenset({"saltillo", "torreon"}),
    listed=frozenset({("OLD1234", "C-0")}),
)


def judged(line: str, header: str = HEADER) -> Verdict:
    (verdict,) = read_file(header + line, RULES)
    return verdict


def draft_of(line: str, header: str = HEADER) -> Draft:
    verdict = judged(line, header)
    assert isinstance(verdict, Accepted)
    return verdict.draft


def test_a_plate_is_normalised_and_nothing_else_of_it_is_changed() -> None:
    draft = draft_of("fab-123·o ,stolen-vehicle,C-1,2026-12-31,")
    assert (draft.plate, draft.reason, draft.case_number) == ("FAB123O", ReasonClass.STOLEN_VEHICLE, "C-1")


def test_a_day_lasts_to_its_end_where_we_are() -> None:
    expires_at = draft_of("FAB123C,abduction,C-1,2026-12-31,").expires_at
    assert expires_at == datetime(2027, 1, 1, 6, tzinfo=UTC)


def test_an_instant_is_taken_with_its_offset() -> None:
    expires_at = draft_of("FAB123C,abduction,C-1,2026-12-31T18:00:00-06:00,").expires_at
    assert expires_at == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scope", "meant"),
    [("", ("saltillo",)), ("torreon", ("torreon",)), ("torreon; saltillo", ("saltillo", "torreon")), ("*", ())],
)
def test_an_empty_scope_is_our_city_and_the_region_has_to_be_written(scope: str, meant: tuple[str, ...]) -> None:
    assert draft_of(f"FAB123C,abduction,C-1,2026-12-31,{scope}").scope == meant


def test_the_scope_column_may_be_left_out() -> None:
    header = "Plate, Reason,expires,CASE_NUMBER\n"
    assert draft_of("FAB123C,abduction,2026-12-31,C-1", header).scope == ("saltillo",)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("FAB123C,abduction,C-1", Why.COLUMNS),
        ("FAB123C,abduction,C-1,2026-12-31,,", Why.COLUMNS),
        ("FAB,abduction,C-1,2026-12-31,", Why.PLATE),
        ("ABCDEFGHIJKLM,abduction,C-1,2026-12-31,", Why.PLATE),
        ("--,abduction,C-1,2026-12-31,", Why.PLATE),
        ("FAB123C,annoying,C-1,2026-12-31,", Why.REASON),
        ("FAB123C,abduction, ,2026-12-31,", Why.CASE_MISSING),
        (f"FAB123C,abduction,{'9' * 65},2026-12-31,", Why.CASE_LENGTH),
        ("FAB123C,abduction,C-1,,", Why.EXPIRY_MISSING),
        ("FAB123C,abduction,C-1,31/12/2026,", Why.EXPIRY_FORM),
        ("FAB123C,abduction,C-1,2026-12-31T18:00:00,", Why.EXPIRY_FORM),
        ("FAB123C,abduction,C-1,9999-12-31,", Why.EXPIRY_FORM),
        ("FAB123C,abduction,C-1,2026-11-21,", Why.EXPIRY_PAST),
        ("FAB123C,abduction,C-1,2027-11-24,", Why.EXPIRY_TOO_FAR),
        ("FAB123C,abduction,C-1,2026-12-31,monclova", Why.UNKNOWN_CITY),
        ("FAB123C,abduction,C-1,2026-12-31,*;saltillo", Why.UNKNOWN_CITY),
        ("OLD-1234,abduction,C-0,2026-12-31,", Why.ALREADY_LISTED),
    ],
)
def test_a_line_is_refused_and_the_reason_is_said(line: str, why: Why) -> None:
    assert judged(line) == Refused(2, why)
    assert ADVICE[why]


def test_every_reason_of_refusal_is_explained() -> None:
    assert set(ADVICE) == set(Why)


def test_a_day_that_has_not_ended_here_is_not_past() -> None:
    assert draft_of("FAB123C,abduction,C-1,2026-11-22,").expires_at > NOW


def test_the_longest_life_is_taken_and_a_moment_more_is_not() -> None:
    last = NOW + MAX_LIFE
    assert draft_of(f"FAB123C,abduction,C-1,{last.isoformat()},").expires_at == last
    assert judged(f"FAB123C,abduction,C-1,{(last + timedelta(seconds=1)).isoformat()},") == Refused(
        2, Why.EXPIRY_TOO_FAR
    )


def test_one_plate_under_two_cases_is_two_entries_and_under_one_case_a_duplicate() -> None:
    text = HEADER + "".join(f"FAB123C,abduction,{case},2026-12-31,\n" for case in ("C-1", "C-2", "C-1"))
    verdicts = read_file(text, RULES)
    assert [v.why if isinstance(v, Refused) else None for v in verdicts] == [None, None, Why.DUPLICATE]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    text = HEADER + '\n"FAB123C",abduction,"C\n1",2026-12-31,\n\nFAB1,none,C-1,2026-12-31,\n'
    assert [verdict.line for verdict in read_file(text, RULES)] == [3, 6]


@pytest.mark.parametrize("header", ["", "plate,reason\n", HEADER.replace("scope", "colour"), "plate," + HEADER])
def test_a_file_without_its_header_is_refused_whole(header: str) -> None:
    with pytest.raises(BadInput, match="the first line must name"):
        read_file(header + "FAB123C,abduction,C-1,2026-12-31,\n", RULES)


def test_a_file_that_is_not_csv_is_refused_at_its_line() -> None:
    with pytest.raises(BadInput, match="line 2 is not CSV"):
        read_file(HEADER + 'FAB123C,"abduction', RULES)


def test_a_mark_of_byte_order_before_the_header_is_passed_over() -> None:
    assert isinstance(judged("FAB123C,abduction,C-1,2026-12-31,", "\ufeff" + HEADER), Accepted)


@given(st.text())
def test_no_text_does_more_than_be_judged_or_be_refused_whole(text: str) -> None:
    try:
        verdicts = read_file(HEADER + text, RULES)
    except BadInput:
        return
    lines = [verdict.line for verdict in verdicts]
    assert lines == sorted(set(lines))


def test_no_verdict_prints_a_plate_or_a_case() -> None:
    assert not {"FAB123C", "C-77"} & set(repr(judged("FAB123C,abduction,C-77,2026-12-31,")).split("'"))
