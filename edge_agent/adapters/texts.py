"""What the technician reads: a catalogue in English and in Mexican Spanish, one Fluent file for each command.

`texts/en/*.ftl` and `texts/es-MX/*.ftl` hold the same messages with the same variables; a test holds them to each other
and to the code. Logs, JSON and errors for programmers stay English. Fluent (projectfluent.org) gives each language its
own plurals and its own way to write numbers and dates.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal, TypeAlias, get_args

from fluent.runtime import FluentBundle, FluentResource

Language: TypeAlias = Literal["en", "es-MX"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
# The order in which POSIX looks for the language of messages.
_POSIX_KEYS: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


class Texts:
    """One language's messages, by id."""

    def __init__(self, language: Language) -> None:
        """Read the catalogue of a language."""
        self.language: Final = language
        self._bundle = FluentBundle([language], use_isolating=False)
        for _, source in sources(language):
            self._bundle.add_resource(FluentResource(source))

    def __call__(self, message: str, **values: str | float) -> str:
        """The text of a message with its variables filled in; raises `KeyError` for one that is not there."""
        pattern = self._bundle.get_message(message).value
        if pattern is None:
            raise KeyError(message)
        text, problems = self._bundle.format_pattern(pattern, dict(values))
        if problems:
            raise KeyError(f"{message}: {problems[0]}")
        return str(text)


@cache
def texts(language: Language) -> Texts:
    """The catalogue of a language, read once."""
    return Texts(language)


def sources(language: Language) -> Iterable[tuple[str, str]]:
    """The files of a language: name and content, by name."""
    folder = files("edge_agent") / "texts" / language
    found = sorted((each for each in folder.iterdir() if each.name.endswith(".ftl")), key=lambda each: each.name)
    return [(each.name, each.read_text(encoding="utf-8")) for each in found]


def language_of(environment: Mapping[str, str], asked: Language | None = None) -> Language:
    """The language asked for, else the terminal's: Spanish of any country is answered in Mexico's."""
    spoken = next((environment[key] for key in _POSIX_KEYS if environment.get(key)), "")
    return asked or ("es-MX" if spoken.startswith("es") else "en")
