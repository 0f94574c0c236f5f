"""`edge-agent doctor`: look at the box, its cameras and its line, and say what to do where something is not well."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.adapters.profiles import box_profile
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.core.checks import Check, Verdict, worst
from edge_agent.service.doctor import examine
from edge_agent.settings import find_settings, load_settings

_STYLES: Final = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


def doctor(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    profile: Annotated[str, Parameter(help="Profile's name or path; else the settings' `profile`.")] = "",
    language: Annotated[Language | None, Parameter(help="Language; else the terminal's.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")] = False,
) -> int:
    """Compare this box with its profile; exit code 1 if anything must be mended.

    It runs beside the agent and before enrolment, and changes nothing.
    """
    say = texts(language_of(os.environ, language))
    settings = load_settings(find_settings(config, os.environ))
    found = box_profile(profile or settings.profile)
    with Console(stderr=True).status("") as status:

        def on_progress(name: str) -> None:
            kind, _, camera = name.partition(" ")
            status.update(say("doctor-looking", what=say(f"doctor-check-{kind}", camera=camera)))

        checks = asyncio.run(examine(settings, found, on_progress=on_progress))
    if json_:
        print(json.dumps(as_json(found.name, checks)))
    else:
        show(Console(), say, found.name, checks)
    return int(worst(checks) is Verdict.FAIL)


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


def show(console: Console, say: Texts, profile: str, checks: tuple[Check, ...]) -> None:
    """The examination for people: what is wrong beside what to do."""
    title = say("doctor-title", device=_device(checks) or say("doctor-nobody"), profile=profile)
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
    return say(f"doctor-check-{check.name}", camera=check.camera or "")


def remedy_of(check: Check, say: Texts) -> str:
    """What to do; empty for what is well."""
    return say(check.remedy.message, **check.remedy.variables) if check.remedy else ""


def _device(checks: tuple[Check, ...]) -> str:
    return next((each.value for each in checks if each.name == "identity" and each.verdict is Verdict.PASS), "")
