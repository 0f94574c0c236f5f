"""`edge-agent config`: look at the settings without running anything."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from edge_agent.adapters.signed_settings import InForce, read_in_force
from edge_agent.settings import find_settings

app = App(name="config", help="Look at the settings.")


@app.command
def check(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print the whole settings as JSON.", negative="")] = False,
) -> int:
    """Say whether the settings file can be used; names the key that cannot."""
    path = find_settings(config, os.environ)
    in_force = read_in_force(path)
    settings = in_force.settings
    if json_:
        shown = msgspec.to_builtins(settings, enc_hook=str)
        for camera in shown["cameras"]:
            camera["url"] = camera["url"].partition("://")[0] + "://..." if "://" in camera["url"] else camera["url"]
        print(msgspec.json.encode(shown).decode())
    else:
        Console().print(f"{path}: good; {len(settings.cameras)} cameras", markup=False)
        for line in _signed(in_force):
            Console().print(line, markup=False)
    return 0


def _signed(in_force: InForce) -> list[str]:
    """What stands above the file: a document, and what of the file does not count for it."""
    document, lines = in_force.document, list(in_force.alarms)
    if document is not None:
        how = "is tried" if in_force.is_trial else "is in force"
        lines.append(f"settings document {document.number} of {document.rollout} {how}; profile: {document.profile}")
    if in_force.passed_over:
        lines.append(f"passed over in the file: {', '.join(in_force.passed_over)}")
    return lines
