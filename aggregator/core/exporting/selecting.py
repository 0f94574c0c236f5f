"""A question's SELECT, dressed so that PostgreSQL's own COPY writes the cells: nothing is decoded only to be encoded.

`for_spreadsheets` gives the cells that `cells` gives, with the guard against formulas. `for_programs` gives the texts
as they are, and several texts as a JSON array: what Arrow reads. Neither depends on the session's time zone; both want
`datestyle` ISO.
"""

from collections.abc import Callable, Sequence
from typing import Final

from aggregator.core.exporting.cells import DANGEROUS, GUARD, TEXTS_BETWEEN
from aggregator.core.exporting.columns import Column

DATE_STYLE: Final = "SET LOCAL datestyle = 'ISO'"


def for_spreadsheets(sql: str, columns: Sequence[Column]) -> str:
    """The SELECT whose CSV is safe to open."""
    return _dressed(sql, columns, _SAFE)


def for_programs(sql: str, columns: Sequence[Column]) -> str:
    """The SELECT whose CSV is read back exactly."""
    return _dressed(sql, columns, _EXACT)


def _dressed(sql: str, columns: Sequence[Column], how: dict[str, Callable[[str], str]]) -> str:
    expressions = ", ".join(how.get(column.kind, str)(quoted(column.name)) for column in columns)
    return f"SELECT {expressions} FROM ({sql.rstrip().rstrip(';')}) AS asked"  # noqa: S608  names are quoted


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _instant(column: str) -> str:
    return f"replace(({column} AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'"


def _boolean(column: str) -> str:
    return f"{column}::text"


def _guarded(text: str) -> str:
    return f"CASE WHEN left({text}, 1) IN ({_SIGNS}) THEN {literal(GUARD)} || {text} ELSE {text} END"


def _texts(column: str) -> str:
    return _guarded(f"array_to_string({column}, {literal(TEXTS_BETWEEN)})")


_SIGNS: Final = ", ".join(literal(sign) for sign in DANGEROUS)
_EXACT: Final[dict[str, Callable[[str], str]]] = {
    "time": _instant,
    "boolean": _boolean,
    "texts": lambda column: f"to_json({column})::text",
}
_SAFE: Final = _EXACT | {"text": _guarded, "texts": _texts}
