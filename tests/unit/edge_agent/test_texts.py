"""The technician's catalogue: both languages say the same things, and the code asks only for what is there."""

import ast
from pathlib import Path

import pytest
from fluent.syntax import FluentParser
from fluent.syntax.ast import Junk, Message, VariableReference
from fluent.syntax.visitor import Visitor

import edge_agent
from edge_agent.adapters.texts import LANGUAGES, Language, language_of, sources, texts

CODE = Path(edge_agent.__file__).parent


class Variables(Visitor):
    """Collects the variables of a message."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_VariableReference(self, node: VariableReference) -> None:  # noqa: N802  the visitor's own naming
        self.found.add(node.id.name)


def variables_by_message(language: Language) -> dict[tuple[str, str], set[str]]:
    found = {}
    for name, source in sources(language):
        for entry in FluentParser().parse(source).body:
            assert not isinstance(entry, Junk), f"{language}/{name}: {entry.content}"
            if isinstance(entry, Message):
                visitor = Variables()
                visitor.visit(entry)
                found[name, entry.id.name] = visitor.found
    return found


def asked_for_in_code() -> set[str]:
    """Every literal that is the first argument of a call to something named `texts`, `text` or `self.texts`."""
    asked = set()
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("text", "texts", "_texts", "_text") and isinstance(node.args[0].value, str):
                asked.add(node.args[0].value)
    return asked - set(LANGUAGES)


def test_both_languages_have_the_same_messages_in_the_same_files_with_the_same_variables() -> None:
    assert variables_by_message("en") == variables_by_message("es-MX")


def test_no_message_is_defined_twice() -> None:
    names = [message for _, message in variables_by_message("en")]
    assert sorted(names) == sorted(set(names))


def test_every_message_that_the_code_asks_for_by_name_is_in_the_catalogue() -> None:
    assert asked_for_in_code() <= {message for _, message in variables_by_message("en")}


def test_each_language_has_its_own_plurals() -> None:
    assert texts("en")("cameras", count=1) == "1 camera"
    assert texts("es-MX")("cameras", count=3) == "3 cámaras"


@pytest.mark.parametrize(("message", "values"), [("no-such-message", {}), ("cameras", {})])
def test_a_message_or_a_variable_that_is_missing_is_an_error(message: str, values: dict[str, int]) -> None:
    with pytest.raises((KeyError, LookupError)):
        texts("en")(message, **values)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "es_MX.UTF-8"}, "es-MX"),
        ({"LANG": "es_AR.UTF-8"}, "es-MX"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "es_MX.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "es_MX.UTF-8"}, "es-MX"),
        ({}, "en"),
    ],
)
def test_the_terminal_decides_the_language_unless_one_is_asked_for(
    environment: dict[str, str], language: Language
) -> None:
    assert language_of(environment) == language
    assert language_of(environment, "en") == "en"
