"""`edge-agent config`: look at the settings without running anything."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from edge_agent.settings import find_settings, load_settings

app = App(name="config", help="Look at the settings.")


@app.command
def check(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print the whole settings as JSON.", negative="")] = False,
) -> int:
    """Say whether the settings file can be used; names the key that cannot."""
    path = find_settings(config, os.environ)
    settings = load_settings(path)
    if json_:
        shown = msgspec.to_builtins(settings, enc_hook=str)
        for camera in shown["cameras"]:
            camera["url"] = camera["url"].partition("://")[0] + "://..." if "://" in camera["url"] else camera["url"]
        print(msgspec.json.encode(shown).decode())
    else:
        Console().print(f"{path}: good; {len(settings.cameras)} cameras")
    return 0
