"""docs/hotlist.md says what the code does: the confusion table, the reasons, the refusals, the commands."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from cyclopts import App

from aggregator.adapters.hotlist_deltas import BASES
from aggregator.cli import hotlist, officer
from aggregator.core.hotlist import ReasonClass
from aggregator.core.hotlist_import import ADVICE
from aggregator.core.hotlist_snapshot import WITHDRAWAL_LAPSED
from edge_agent.adapters.artefacts import Problem
from edge_agent.adapters.hotlist_fetch import MOST_CUTS
from edge_agent.core.matching import MAX_MATCHES
from protocol.hotlist_delta import DeltaRefusal
from protocol.plates import CONFUSIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "hotlist.md").read_text(encoding="utf-8")


def table(heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table under a heading."""
    part = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert part, f"no heading {heading}"
    rows = re.findall(r"^\|(.+)\|$", part[1], re.MULTILINE)[2:]
    return [tuple(cell.strip() for cell in row.split("|")) for row in rows]


def quoted(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def test_the_confusion_table_is_the_codes() -> None:
    assert table("Confusion table") == [
        (quoted(character), quoted(sorted(others)) or "nothing else") for character, others in CONFUSIONS.items()
    ]


def test_the_reasons_are_the_closed_list() -> None:
    assert [row[0] for row in table("Reasons")] == [quoted([reason.value]) for reason in ReasonClass]


def test_each_refusal_of_a_line_is_explained_as_the_command_explains_it() -> None:
    assert table("Lines") == [(quoted([why.value]), advice) for why, advice in ADVICE.items()]


def test_each_reason_for_a_failed_fetch_is_named() -> None:
    assert [row[0] for row in table("Fetching")] == [quoted([problem.value]) for problem in Problem]


def test_each_reason_for_a_useless_delta_is_named() -> None:
    reasons = {word for row in table("Changes") for word in re.findall(r"`(\w+)`", row[0])}
    tried_again = {Problem.UNREACHABLE, Problem.SUPERSEDED}
    assert reasons == {each.value for each in DeltaRefusal} | {each.value for each in set(Problem) - tried_again}


@pytest.mark.parametrize("app", [hotlist.app, officer.app], ids=lambda app: str(app.name[0]))
def test_every_command_is_shown(app: App) -> None:
    commands = [name for name in app if not name.startswith("-")]
    assert commands
    assert [name for name in commands if f"aggregator {app.name[0]} {name}" not in PAGE] == []


def test_the_bounds_are_the_codes() -> None:
    assert f"at most {MAX_MATCHES} matches" in PAGE
    assert f"`{WITHDRAWAL_LAPSED}`" in PAGE
    assert f"each of the {BASES} lists before" in PAGE
    assert MOST_CUTS == 3
    assert "broke off three times" in PAGE
