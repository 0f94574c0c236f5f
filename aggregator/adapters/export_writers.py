"""Writers of the three formats: each takes blocks of CSV from the database, or rows as Python's values.

CSV goes to the file as it comes. JSON lines and Parquet are made of it by Arrow. What a writer holds is one block, and
Parquet one row group: memory does not grow with the rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, Protocol

import pyarrow as pa
from pyarrow import parquet

from aggregator.adapters.export_landing import Gzip, Landing, Sink
from aggregator.core.exporting import cells, selecting, tables
from aggregator.core.exporting.columns import Column
from aggregator.errors import BadInput

ROW_GROUP_ROWS: Final = 1 << 17
GZIP_SUFFIX: Final = ".gz"


@unique
class Format(StrEnum):
    """What a file can be; the word is the ending of its name."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Form:
    """A format, and whether it is packed by gzip."""

    format: Format
    is_packed: bool = False


def form_of(name: str) -> Form:
    """The form that a file's name asks for; raises `BadInput`."""
    plain = name.removesuffix(GZIP_SUFFIX)
    is_packed = plain != name
    for format_ in Format:
        if plain.endswith(f".{format_}") and not (is_packed and format_ is Format.PARQUET):
            return Form(format_, is_packed)
    raise BadInput(f"{name}: want a name that ends in .csv, .jsonl (both also with .gz behind) or .parquet")


class Writer(Protocol):
    """What turns rows into a file's bytes."""

    @property
    def dressed(self) -> Callable[[str, Sequence[Column]], str]:
        """How the SELECT is to be dressed whose CSV comes in blocks."""
        ...

    def block(self, block: bytes) -> int | None:
        """Whole lines of the database's CSV; how many rows they were, where that was counted."""
        ...

    def rows(self, rows: Sequence[Sequence[object]]) -> None:
        """Rows as Python's values."""
        ...

    def finish(self) -> None:
        """All rows were given."""
        ...


def writer_for(
    form: Form, landing: Landing, columns: Sequence[Column], *, facts: dict[str, str], has_bom: bool = False
) -> Writer:
    """The writer of a form. `facts` go into Parquet's own metadata, the BOM in front of CSV."""
    if form.format is Format.PARQUET:
        return ParquetWriter(landing, columns, facts)
    packer = Gzip(landing) if form.is_packed else None
    if form.format is Format.CSV:
        return CsvWriter(packer or landing, columns, packer=packer, has_bom=has_bom)
    return JsonLinesWriter(packer or landing, columns, packer=packer)


class CsvWriter:
    """CSV that a spreadsheet may open."""

    dressed = staticmethod(selecting.for_spreadsheets)

    def __init__(
        self, sink: Sink, columns: Sequence[Column], *, packer: Gzip | None = None, has_bom: bool = False
    ) -> None:
        """Write the header."""
        self._sink, self._columns, self._packer = sink, columns, packer
        sink.write(((cells.BOM if has_bom else "") + cells.header(columns)).encode())

    def block(self, block: bytes) -> None:
        """As it comes; a cell may hold an end of line, so nobody counted rows."""
        self._sink.write(block)

    def rows(self, rows: Sequence[Sequence[object]]) -> None:
        """A line a row."""
        self._sink.write(cells.lines(self._columns, rows).encode())

    def finish(self) -> None:
        """Close the packing."""
        if self._packer is not None:
            self._packer.finish()


class JsonLinesWriter:
    """A JSON object a line."""

    dressed = staticmethod(selecting.for_programs)

    def __init__(self, sink: Sink, columns: Sequence[Column], *, packer: Gzip | None = None) -> None:
        """Nothing is written before the first row."""
        self._sink, self._columns, self._packer = sink, columns, packer

    def block(self, block: bytes) -> int:
        """A line a row."""
        made = tables.json_lines(self._columns, block)
        self._sink.write(made)
        return made.count(b"\n")

    def rows(self, rows: Sequence[Sequence[object]]) -> None:
        """A line a row."""
        self._sink.write(tables.json_lines_of(self._columns, rows))

    def finish(self) -> None:
        """Close the packing."""
        if self._packer is not None:
            self._packer.finish()


class ParquetWriter:
    """Parquet in row groups, packed by zstd."""

    dressed = staticmethod(selecting.for_programs)

    def __init__(self, landing: Landing, columns: Sequence[Column], facts: dict[str, str]) -> None:
        """Begin the file."""
        self._columns = columns
        schema = tables.schema_of(columns, facts)
        self._writer = parquet.ParquetWriter(pa.PythonFile(landing, mode="w"), schema, compression="zstd")
        self._schema = schema
        self._gathered: list[pa.Table] = []
        self._rows = 0

    def block(self, block: bytes) -> int:
        """Into typed columns."""
        table = tables.typed(self._columns, block)
        self._take(table)
        return int(table.num_rows)

    def rows(self, rows: Sequence[Sequence[object]]) -> None:
        """Into typed columns."""
        self._take(tables.table_of(self._columns, rows))

    def finish(self) -> None:
        """The last row group, and the footer."""
        self._put()
        self._writer.close()

    def _take(self, table: pa.Table) -> None:
        self._gathered.append(table)
        self._rows += table.num_rows
        if self._rows >= ROW_GROUP_ROWS:
            self._put()

    def _put(self) -> None:
        if self._rows:
            group = pa.concat_tables(self._gathered).replace_schema_metadata(self._schema.metadata)
            self._writer.write_table(group, row_group_size=self._rows)
        self._gathered, self._rows = [], 0
