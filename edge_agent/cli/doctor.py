"""`edge-agent doctor`: look at the box, its cameras and its line, and say what to do where something is not well."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from edge_agent.adapters.profiles import box_profile
from edge_agent.adapters.signed_settings import effective_settings
from edge_agent.adapters.texts import Language, language_of, texts
from edge_agent.cli.checks import as_json, show_checks
from edge_agent.core.checks import Check, Verdict, worst
from edge_agent.service.doctor import examine
from edge_agent.settings import find_settings


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
    settings = effective_settings(find_settings(config, os.environ))
    found = box_profile(profile or settings.profile)
    with Console(stderr=True).status("") as status:

        def on_progress(name: str) -> None:
            kind, _, camera = name.partition(" ")
            status.update(say("doctor-looking", what=say(f"doctor-check-{kind}", camera=camera)))

        checks = asyncio.run(examine(settings, found, on_progress=on_progress))
    if json_:
        print(json.dumps(as_json(found.name, checks)))
    else:
        title = say("doctor-title", device=_device(checks) or say("doctor-nobody"), profile=found.name)
        show_checks(Console(), say, title, checks)
    return int(worst(checks) is Verdict.FAIL)


def _device(checks: tuple[Check, ...]) -> str:
    return next((each.value for each in checks if each.name == "identity" and each.verdict is Verdict.PASS), "")
