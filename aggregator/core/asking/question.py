"""A question, and what it may be about: resources with columns and measures.

1. A question names a resource of the catalogue, a stretch of time, and may filter, sum by a bucket of time and by
   columns, and go on where an answer ended. Everything else is refused by name.
2. A filter is a column and a value as text. Several values of one column mean any of them; a column may carry an
   operator: `confidence>=`, `counted_at<`, `camera!=`. A text `a` of a column that holds several means: has `a`. An
   empty value means: has none.
3. Times are [from, to). Asked in buckets, counts widen the stretch to whole buckets: half an hour's count beside whole
   ones would mislead.
"""

from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import msgspec

Kind: TypeAlias = Literal["text", "integer", "number", "boolean", "time", "texts", "date"]
Bucket: TypeAlias = Literal["minute", "hour", "day", "week", "month"]
Order: TypeAlias = Literal["ascending", "descending"]
# How a resource becomes SQL: rows of a view as they are, or summed in a way of its own.
Shape: TypeAlias = Literal["rows", "sums", "counts", "coverage", "reactions"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer has a field for. `values`: all that it can be, where that is a closed list."""

    name: str
    kind: Kind
    about: str
    is_filter: bool = True
    is_group: bool = False
    values: tuple[str, ...] = ()


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted over many rows: an aggregate, in SQL."""

    name: str
    kind: Kind
    about: str
    sql: str

    @property
    def column(self) -> Column:
        """The field of the answer."""
        return Column(name=self.name, kind=self.kind, about=self.about, is_filter=False)


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """Something that may be asked about.

    `time`: the column that a stretch of time is of; empty for what has none (places, as they are now). `key`: columns
    that order rows and tell one from another. `always`: what is grouped by whatever is asked. `secret`: columns whose
    values no record of the question may hold.
    """

    name: str
    about: str
    view: str
    columns: tuple[Column, ...]
    time: str = ""
    key: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    shape: Shape = "rows"
    always: tuple[str, ...] = ()
    buckets: tuple[Bucket, ...] = ("minute", "hour", "day", "week", "month")
    is_descending: bool = False
    reason_needed: bool = False
    secret: tuple[str, ...] = ()

    @property
    def filters(self) -> tuple[Column, ...]:
        """Columns that an answer can be narrowed by."""
        return tuple(column for column in self.columns if column.is_filter)

    @property
    def groups(self) -> tuple[Column, ...]:
        """Columns that an answer can be summed by."""
        return tuple(column for column in self.columns if column.is_group)

    def column(self, name: str) -> Column | None:
        """The column of a name."""
        return next((column for column in self.columns if column.name == name), None)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to know. `limit`: none for all of it; `after`: the cursor where an answer ended."""

    resource: str
    from_at: datetime
    to_at: datetime
    bucket: Bucket | None = None
    group_by: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    limit: int | None = 100
    after: str | None = None
    order: Order | None = None


class Row(Protocol):
    """A row as the database's driver hands it out: its fields by their names."""

    def __getitem__(self, name: str, /) -> object:
        """The value of a field."""
