"""Arrow's half of an export: CSV of the database to columns and to JSON, and Python's values to the same."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.exporting import tables


@dataclass(frozen=True)
class Told:
    """A column."""

    name: str
    kind: str


COLUMNS: Final = [
    Told("at", "time"), Told("day", "date"), Told("name", "text"), Told("n", "integer"), Told("share", "number"),
    Told("is_on", "boolean"), Told("reasons", "texts"),
]  # fmt: skip
FULL: Final = (
    datetime(2026, 11, 22, 14, 5, 0, 250_000, tzinfo=UTC), date(2026, 11, 22), 'a "b"\n,ñ', -3, 0.5, True, ["x", "y;z"],
)  # fmt: skip
BARE: Final = (None, None, "", None, None, None, None)
# The same two rows as PostgreSQL writes them.
CSV: Final = ('2026-11-22T14:05:00.25Z,2026-11-22,"a ""b""\n,ñ",-3,0.5,true,"[""x"",""y;z""]"\n,,"",,,,\n').encode()


def test_a_block_becomes_typed_columns_as_the_values_do() -> None:
    from_csv, from_values = tables.typed(COLUMNS, CSV), tables.table_of(COLUMNS, [FULL, BARE])
    assert from_csv.equals(from_values)
    assert [tuple(row.values()) for row in from_csv.to_pylist()] == [FULL, BARE]


def test_a_block_becomes_json_as_the_values_do() -> None:
    made = tables.json_lines(COLUMNS, CSV)
    assert [json.loads(line) for line in made.splitlines()] == [
        json.loads(line) for line in tables.json_lines_of(COLUMNS, [FULL, BARE]).splitlines()
    ]
    assert json.loads(made.splitlines()[0]) == {
        "at": "2026-11-22T14:05:00.25Z", "day": "2026-11-22", "name": 'a "b"\n,ñ', "n": -3, "share": 0.5, "is_on": True,
        "reasons": ["x", "y;z"],
    }  # fmt: skip
    assert json.loads(made.splitlines()[1])["name"] == ""


def test_a_number_that_is_not_finite_is_null_in_json_and_itself_in_columns() -> None:
    share = [Told("share", "number")]
    assert tables.json_lines(share, b"NaN\nInfinity\n1.5\n") == b'{"share":null}\n{"share":null}\n{"share":1.5}\n'
    assert tables.json_lines_of(share, [(float("nan"),)]) == b'{"share":null}\n'
    assert str(tables.typed(share, b"NaN\nInfinity\n").column("share").to_pylist()) == "[nan, inf]"


def test_a_sum_that_comes_as_numeric_is_the_number_its_column_promises() -> None:
    both = [Told("n", "integer"), Told("share", "number")]
    assert tables.table_of(both, [(Decimal(7), Decimal("0.25"))]).to_pylist() == [{"n": 7, "share": 0.25}]
    assert tables.json_lines_of(both, [(Decimal(7), Decimal("0.25"))]) == b'{"n":7,"share":0.25}\n'


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00")), min_size=1, max_size=20))
def test_any_text_comes_back_out_of_json(texts: list[str]) -> None:
    block = "".join('"' + text.replace('"', '""') + '"\n' for text in texts).encode()
    made = tables.json_lines([Told("name", "text")], block)
    assert [json.loads(line)["name"] for line in made.split(b"\n")[:-1]] == texts


def test_rows_of_nothing_in_one_column_are_not_skipped() -> None:
    assert tables.json_lines([Told("name", "text")], b"\n\n") == b'{"name":null}\n{"name":null}\n'


def test_an_integer_beyond_a_double_keeps_its_digits() -> None:
    assert tables.json_lines([Told("n", "integer")], b"9007199254740993\n") == b'{"n":9007199254740993}\n'
