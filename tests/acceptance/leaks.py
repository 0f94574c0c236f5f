"""Searching bytes for plates, however they may have been written.

A text is looked for with and without hyphens, in upper and lower case, as UTF-8 and UTF-16, with JSON's escapes, as
hex, and as base64 at each of the three places it can have in it. `planted` tries the search.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Final

_ALIGNMENTS: Final = 3


@dataclass(frozen=True, slots=True)
class Leak:
    """Where something was found. Not what: a report of a test is a log too."""

    place: str
    form: str


@dataclass(frozen=True, slots=True)
class _Needle:
    form: str
    data: bytes
    is_any_case: bool


@dataclass(frozen=True)
class Search:
    """A search for some texts. Give them as they are embossed, so that hyphens are known."""

    texts: frozenset[str]

    @cached_property
    def needles(self) -> tuple[_Needle, ...]:
        """All that is looked for."""
        return tuple(chain.from_iterable(map(_needles, sorted(self.texts))))

    def of_folder(self, folder: Path, *, but: Iterable[Path] = ()) -> list[Leak]:
        """Leaks in all files below a folder, but those below others, and in their names."""
        left_out = tuple(but)
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not any(p.is_relative_to(o) for o in left_out))
        assert files, f"{folder} holds nothing to search"
        named = self.of_bytes(f"names in {folder.name}", "\n".join(map(str, files)).encode())
        return named + [leak for file in files for leak in self.of_bytes(str(file), file.read_bytes())]

    def of_bytes(self, place: str, data: bytes) -> list[Leak]:
        """Leaks in some bytes."""
        folded = data.lower()
        return [
            Leak(place, needle.form)
            for needle in self.needles
            if needle.data in (folded if needle.is_any_case else data)
        ]


def _needles(text: str) -> Iterator[_Needle]:
    for spelling in sorted({text, text.replace("-", "")}):
        yield from _any_case(spelling.lower())
        yield from _each_case(spelling)


def _any_case(low: str) -> Iterator[_Needle]:
    yield _Needle("text", low.encode(), is_any_case=True)
    yield _Needle("utf-16", low.encode("utf-16-le"), is_any_case=True)


def _each_case(spelling: str) -> Iterator[_Needle]:
    for data in {spelling.encode(), spelling.lower().encode()}:
        yield _Needle("hex", data.hex().encode(), is_any_case=True)
        escaped = "".join(f"\\u{byte:04x}" for byte in data)
        yield _Needle("json escapes", escaped.encode(), is_any_case=True)
        for skipped in range(_ALIGNMENTS):
            yield _Needle("base64", inside_base64(data, skipped), is_any_case=False)


def inside_base64(data: bytes, skipped: int) -> bytes:
    """What of some bytes shows in the base64 of a longer text, `skipped` bytes past a group of three."""
    encoded = base64.b64encode(bytes(skipped) + data)
    first = -(-skipped * 8 // 6)
    return encoded[first : (skipped + len(data)) * 8 // 6]


def planted(text: str) -> dict[str, bytes]:
    """A text in every form that the search knows: what tries the search."""
    data = text.replace("-", "").encode()
    return {
        "plain": data,
        "hyphens": text.encode(),
        "lower case": data.lower(),
        "utf-16": text.encode("utf-16-le"),
        "hex": data.hex().encode(),
        "upper hex": data.hex().upper().encode(),
        "json escapes": "".join(f"\\u{byte:04X}" for byte in data).encode(),
        **{f"base64 after {n}": base64.b64encode(bytes(n) + data + b"...") for n in range(_ALIGNMENTS)},
        "in a line of json": f'{{"plate":"{text}"}}'.encode(),
    }
