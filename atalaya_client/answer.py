"""An answer: rows that are fetched page by page while somebody reads them, and frames of them.

Reading an answer twice asks twice; `rows()` and the frames are the way to keep one. For millions of rows ask whoever
runs the server for `aggregator export`, which writes Parquet.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import override

from atalaya_client.errors import BadAnswer
from atalaya_client.kinds import Kind, Value, kind_of, read

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Row: TypeAlias = dict[str, Value]
# Fetches a page: its raw rows, and where the next page is.
Pages: TypeAlias = Callable[[], Iterator[Sequence[Mapping[str, object]]]]
_PANDAS: Final[dict[Kind, str]] = {
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "time": "datetime64[us, UTC]",
    "text": "string",
}


class Answer:
    """Rows of a resource. Iterate over it, or take `.rows()`, `.polars()`, `.pandas()`."""

    def __init__(self, resource: str, pages: Pages, limit: int | None = None) -> None:
        """Nothing is asked before somebody reads."""
        self.resource, self._pages, self._limit = resource, pages, limit

    def __iter__(self) -> Iterator[Row]:
        """The rows, a page at a time. Times are aware `datetime`s, in UTC."""
        return islice(self._all(), self._limit)

    def rows(self) -> list[Row]:
        """All of them."""
        return list(self)

    def polars(self) -> "pl.DataFrame":
        """All of them as a polars frame; needs polars."""
        import polars as pl  # noqa: PLC0415  only who wants a frame needs it

        types: dict[Kind, pl.DataType | type[pl.DataType]] = {
            "text": pl.String, "integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean,
            "time": pl.Datetime("us", "UTC"), "date": pl.Date, "texts": pl.List(pl.String),
        }  # fmt: skip
        rows = self.rows()
        known = {name: types[kind] for name, kind in self._kinds(rows).items() if kind is not None}
        return pl.DataFrame(rows, infer_schema_length=None, schema_overrides=known)

    def pandas(self) -> "pd.DataFrame":
        """All of them as a pandas frame, with types that have room for nothing; needs pandas."""
        import pandas as pd  # noqa: PLC0415  only who wants a frame needs it

        rows = self.rows()
        frame = pd.DataFrame.from_records(rows)
        known = {name: _PANDAS[kind] for name, kind in self._kinds(rows).items() if kind in _PANDAS}
        return frame.astype(known)

    @override
    def __repr__(self) -> str:
        """What it is of."""
        return f"<Answer of {self.resource}>"

    def _all(self) -> Iterator[Row]:
        for page in self._pages():
            for row in page:
                yield {name: self._read(name, value) for name, value in row.items()}

    def _read(self, name: str, value: object) -> Value:
        try:
            return read(kind_of(self.resource, name), value)
        except ValueError as exc:
            raise BadAnswer(f"{self.resource}: the column {name} holds what it cannot hold") from exc

    def _kinds(self, rows: Sequence[Row]) -> dict[str, Kind | None]:
        return {name: kind_of(self.resource, name) for name in (rows[0] if rows else ())}
