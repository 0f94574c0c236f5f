"""docs/commands.md names every command of the aggregator with exactly the options it takes."""

import re
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App

from aggregator.cli.app import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def commands(of: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """Every command with its options, as they are typed."""
    for name in of:
        if name.startswith("-"):
            continue
        sub = of[name]
        if any(not inner.startswith("-") for inner in sub):
            yield from commands(sub, (*path, name))
        else:
            yield (*path, name), options(sub)


def options(command: App) -> frozenset[str]:
    """The options of a command, each as `--name` or, where it may be left out, `[--name]`."""
    found = set()
    for argument in command.assemble_argument_collection():
        name = next((name for name in argument.names if name.startswith("--")), None)
        if argument.show and name is not None and name != "--config":
            found.add(name if argument.required else f"[{name}]")
    return frozenset(found)


def documented() -> dict[tuple[str, ...], frozenset[str]]:
    """What the page's tables say of the aggregator's commands."""
    part = PAGE.split("\n## aggregator\n", 1)[1].split("\n## ", 1)[0]
    rows = {}
    for synopsis in re.findall(r"^\| `([a-z][^`]*)` \|", part, re.MULTILINE):
        words = synopsis.split()
        path = tuple(word for word in words if re.fullmatch("[a-z]+", word))
        rows[path] = frozenset(word for word in words if "--" in word)
    return rows


def test_every_command_is_documented_and_no_other() -> None:
    assert set(documented()) == {path for path, _ in commands(app)}


def test_every_option_is_documented_and_no_other() -> None:
    page = documented()
    assert {path: page[path] for path, _ in commands(app)} == dict(commands(app))
