"""docs/privacy.md names, for each limit, the code that holds it and a test that tries to break it: both must exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text()
SECTIONS = dict(re.findall(r"^## (\d)\. .*?\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
# A path in backticks, with the name of a test after it or without.
REFERENCE = re.compile(r"`([a-z_]+/[\w./-]+\.\w+)(?:::(\w+))?`")
LIMITS = ("1", "2", "3", "4", "5")


def references(limit: str) -> list[tuple[str, str]]:
    """Path and test name ("" for a whole file) of all that a limit's section names."""
    return REFERENCE.findall(SECTIONS[limit])


def test_the_page_has_the_five_limits() -> None:
    assert tuple(SECTIONS) == LIMITS


@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_names_code_and_a_test(limit: str) -> None:
    paths = [path for path, _ in references(limit)]
    assert [path for path in paths if not path.startswith("tests/")], "no code named"
    assert [path for path in paths if path.startswith("tests/")], "no test named"


@pytest.mark.parametrize("limit", LIMITS)
def test_all_that_a_limit_names_exists(limit: str) -> None:
    missing = [path for path, _ in references(limit) if not (ROOT / path).is_file()]
    assert missing == []


@pytest.mark.parametrize("limit", LIMITS)
def test_each_named_test_file_defines_the_named_test(limit: str) -> None:
    named = [(path, test) for path, test in references(limit) if path.startswith("tests/") and (ROOT / path).is_file()]
    without = [
        (path, test) for path, test in named if not any(test in ("", name) for name in defined_tests(ROOT / path))
    ]
    assert without == []


def defined_tests(path: Path) -> list[str]:
    """Names of the test functions that a file defines."""
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = (node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [name for name in functions if name.startswith("test_")]
