"""Rows as Arrow tables, and Arrow tables as lines of JSON.

Rows come in two ways: as Python values, or as the CSV that PostgreSQL writes of `selecting.for_programs`. The second is
what millions of rows take: Arrow parses it in C++, into typed columns for Parquet, or into texts that are joined to
JSON without ever being numbers (the digits that the database wrote are the digits of the file).

Nothing and an empty text stay apart: the first is an empty cell, the second a quoted one. JSON has no word for a number
that is not finite: it becomes null, as msgspec has it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from aggregator.core.exporting.cells import instant
from aggregator.core.exporting.columns import Column

_TYPES: Final = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "texts": pa.list_(pa.string()),
}
_NOT_FINITE: Final = pa.array(["NaN", "Infinity", "-Infinity"])
_MUST_BE_ESCAPED: Final = r'["\\\x00-\x1f]'
_BLOCK_BYTES: Final = 1 << 24  # one block: Arrow wants every row to fit into one
_json: Final = msgspec.json.Encoder()


def schema_of(columns: Sequence[Column], facts: dict[str, str] | None = None) -> pa.Schema:
    """The columns of a Parquet file, with what is said about it."""
    return pa.schema([pa.field(column.name, _TYPES[column.kind]) for column in columns], metadata=facts)


def table_of(columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> pa.Table:
    """Python's values as a typed table."""
    arrays = [
        pa.array([_number(row[n], column.kind) for row in rows], type=_TYPES[column.kind])
        for n, column in enumerate(columns)
    ]
    return pa.Table.from_arrays(arrays, schema=schema_of(columns))


def typed(columns: Sequence[Column], block: bytes) -> pa.Table:
    """Whole lines of CSV, without a header, as a typed table."""
    types = {column.name: pa.string() if column.kind == "texts" else _TYPES[column.kind] for column in columns}
    table = _parsed(columns, block, types)
    for n, column in enumerate(columns):
        if column.kind == "texts":
            table = table.set_column(n, schema_of([column]).field(0), _lists(table.column(n)))
    return table


def json_lines(columns: Sequence[Column], block: bytes) -> bytes:
    """Whole lines of CSV, without a header, as lines of JSON."""
    table = _parsed(columns, block, dict.fromkeys((column.name for column in columns), pa.string()))
    return b"".join(_joined(columns, batch) for batch in table.to_batches())


def json_lines_of(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> bytes:
    """Python's values as lines of JSON."""
    names, kinds = [column.name for column in columns], [column.kind for column in columns]
    return _json.encode_lines(
        [
            dict(zip(names, (_json_value(value, kind) for value, kind in zip(row, kinds, strict=False)), strict=True))
            for row in rows
        ]
    )


def _parsed(columns: Sequence[Column], block: bytes, types: dict[str, pa.DataType]) -> pa.Table:
    return csv.read_csv(
        pa.BufferReader(block),
        read_options=csv.ReadOptions(
            column_names=[column.name for column in columns],
            use_threads=False,
            block_size=max(_BLOCK_BYTES, len(block)),
        ),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
            true_values=["true"], false_values=["false"],
        ),
    )  # fmt: skip


def _joined(columns: Sequence[Column], batch: pa.RecordBatch) -> bytes:
    """A batch of texts as lines: every column between its name and the next one's."""
    parts: list[str | pa.Array] = []
    for n, (column, values) in enumerate(zip(columns, batch.columns, strict=True)):
        parts.append(("," if n else "{") + _json.encode(column.name).decode() + ":")
        parts.append(_JSON.get(column.kind, _as_it_is)(values))
    whole = pc.binary_join_element_wise(*parts, "}\n", "", null_handling="replace", null_replacement="null")
    return _bytes_of(whole)


def _bytes_of(texts: pa.Array) -> bytes:
    """The texts of an array, which lie one behind the other in its last buffer."""
    offsets = memoryview(texts.buffers()[1]).cast("i")
    first, last = offsets[texts.offset], offsets[texts.offset + len(texts)]
    return bytes(memoryview(texts.buffers()[2])[first:last])


def _text(values: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(values, _MUST_BE_ESCAPED)).as_py():
        encoded = [None if text is None else _json.encode(text).decode() for text in values.to_pylist()]
        return pa.array(encoded, type=pa.string())
    return _between_quotes(values)


def _between_quotes(values: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', values, '"', "")


def _number_text(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(values, value_set=_NOT_FINITE), None, values)


def _as_it_is(values: pa.Array) -> pa.Array:
    return values


def _lists(texts: pa.ChunkedArray) -> pa.Array:
    decoded = [None if text is None else msgspec.json.decode(text) for text in texts.to_pylist()]
    return pa.array(decoded, type=_TYPES["texts"])


def _number(value: object, kind: str) -> object:
    """A sum that PostgreSQL gave as numeric, as the number that its column promises."""
    if value is None or kind not in ("integer", "number"):
        return value
    return int(str(value)) if kind == "integer" else float(str(value))


def _json_value(value: object, kind: str) -> object:
    if kind in ("time", "date") and value is not None:
        return instant(value)  # type: ignore[arg-type]  # the column's kind says what it is
    return _number(value, kind)


_JSON: Final[dict[str, Callable[[pa.Array], pa.Array]]] = {
    "text": _text,
    "time": _between_quotes,
    "date": _between_quotes,
    "number": _number_text,
}
