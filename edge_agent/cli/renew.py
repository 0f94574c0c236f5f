"""`edge-agent identity renew`: a new certificate now, by the running agent if there is one."""

import asyncio
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console

from edge_agent.adapters.control_socket import MAX_ANSWER_S, NAME, ask
from edge_agent.adapters.texts import Language, language_of, texts
from edge_agent.errors import NotRunning, RenewalFailed
from edge_agent.service.renewal_alone import renew_alone
from edge_agent.settings import Settings, find_settings, load_settings

_NOBODY_LISTENS: Final = (FileNotFoundError, ConnectionRefusedError)


def renew(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")] = False,
    language: Annotated[Language | None, Parameter(help="Language; else the terminal's.")] = None,
) -> int:
    """Renew this box's certificate, whether due or not. The old one stays until the new one has been tried."""
    settings = load_settings(find_settings(config, os.environ))
    text = texts(language_of(os.environ, language))
    with Console(stderr=True).status(text("renew-asking")):
        ends, is_running = _by_the_agent(settings) or (_alone(settings), False)
    if json_:
        print(json.dumps({"ends": ends.isoformat(), "agent_runs": is_running}))
    else:
        Console().print(text("renew-done", until=f"{ends:%Y-%m-%d}"))
    return 0


def _by_the_agent(settings: Settings) -> tuple[datetime, bool] | None:
    """What the running agent made of it; None if none runs. One that runs and does not answer must be left alone."""
    try:
        found = ask(settings.data_dir / NAME, "renew", timeout_s=MAX_ANSWER_S)
    except NotRunning as exc:
        if isinstance(exc.__cause__, _NOBODY_LISTENS):
            return None
        raise
    if "error" in found:
        raise RenewalFailed(found["error"])
    return datetime.fromisoformat(found["ends"]), True


def _alone(settings: Settings) -> datetime:
    return asyncio.run(renew_alone(settings.identity_dir, settings.data_dir))
