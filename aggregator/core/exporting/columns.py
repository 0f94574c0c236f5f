"""What an export must know of a column: its name and its kind.

The catalogue's columns fit this; so does anything else with a name and one of the kinds.
"""

from typing import Final, Literal, Protocol, TypeAlias

Kind: TypeAlias = Literal["text", "integer", "number", "boolean", "time", "date", "texts"]
KINDS: Final = frozenset(("text", "integer", "number", "boolean", "time", "date", "texts"))


class Column(Protocol):
    """A column of an answer."""

    @property
    def name(self) -> str:
        """Its name, as the answer's header has it."""
        ...

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        ...
