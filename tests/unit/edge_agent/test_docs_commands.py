"""docs/commands.md names every command and every option of `edge-agent run`, and no other."""

import re
from pathlib import Path

from cyclopts import App

from edge_agent.cli.app import app

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
PART = PAGE.split("## edge-agent\n", 1)[1].split("\n## ", 1)[0]


def commands_of(parent: App, *path: str) -> set[str]:
    """Full names of all commands, those that only hold others left out."""
    found: set[str] = set()
    for name in (each for each in parent if not each.startswith("-")):
        child = parent[name]
        inner = commands_of(child, *path, name)
        found |= inner or {" ".join((*path, name))}
    return found


def test_every_command_is_documented_and_no_other() -> None:
    named = set(re.findall(r"^\| `edge-agent ((?:[a-z-]+ ?)+?)(?: [A-Z-].*)?`", PART, re.MULTILINE))
    assert named == commands_of(app)


def test_every_option_of_run_is_documented() -> None:
    options = {
        name
        for argument in app["run"].assemble_argument_collection()
        for name in argument.names
        if name.startswith("--") and not name.startswith("--no-")
    }
    assert options
    undocumented = {name for name in options if name not in PART and f"--no-{name[2:]}" not in PART}
    assert undocumented == set()


def test_every_step_that_a_drill_may_name_is_told_by_the_command() -> None:
    assert "ATALAYA_CRASH_AT" in PART
