"""Checks on the terminal: for people in their language, for programs as JSON in English."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.adapters.texts import Texts, texts
from edge_agent.core.checks import Check, Verdict, worst

_STYLES: Final = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


def as_json(profile: str, checks: tuple[Check, ...]) -> dict[str, Any]:  # `Any`: JSON
    """The examination for programs, in English."""
    say = texts("en")
    return {
        "profile": profile,
        "verdict": worst(checks).name.lower(),
        "checks": [
            {
                "check": check.name,
                "camera": check.camera,
                "verdict": check.verdict.name.lower(),
                "value": check.value,
                "remedy": remedy_of(check, say),
            }
            for check in checks
        ],
    }


def show_checks(console: Console, say: Texts, title: str, checks: tuple[Check, ...]) -> None:
    """The examination for people: what is wrong with what to do under it."""
    table = Table("", say("doctor-column-check"), say("doctor-column-found"), title=title)
    for check in checks:
        verdict = Text(say(f"verdict-{check.verdict.name.lower()}"), _STYLES[check.verdict])
        found = "\n".join(part for part in (check.value, remedy_of(check, say)) if part)
        table.add_row(verdict, Text(title_of(check, say)), Text(found))
    console.print(table)
    counted = [check.verdict for check in checks]
    console.print(say("doctor-summary", failed=counted.count(Verdict.FAIL), warned=counted.count(Verdict.WARN)))


def title_of(check: Check, say: Texts) -> str:
    """What a check is called."""
    return say(f"doctor-check-{check.name.replace('_', '-')}", camera=check.camera or "")


def remedy_of(check: Check, say: Texts) -> str:
    """What to do; empty for what is well."""
    return say(check.remedy.message, **check.remedy.variables) if check.remedy else ""
