"""`edge-agent support-bundle`: one file that somebody far away can learn from, without secrets or plates."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from edge_agent.adapters.machine_facts import log_lines
from edge_agent.adapters.profiles import box_profile
from edge_agent.adapters.texts import Language, language_of, texts
from edge_agent.errors import BadSettings
from edge_agent.service.doctor import examine
from edge_agent.service.support import Part, as_json, known_secrets, parts_of, write_bundle
from edge_agent.settings import Settings, find_settings, load_settings

SUFFIX = ".tar.gz"


def support_bundle(
    out: Path,
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    doctor: Annotated[bool, Parameter(help="Examine the box as well; takes a minute.")] = True,
    log_file: Annotated[Path | None, Parameter(help="The log's lines, else the journal's; - is stdin.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")] = False,
    language: Annotated[Language | None, Parameter(help="Language of the answer; else the terminal's.")] = None,
) -> int:
    """Gather versions, settings, status, checks and log lines into OUT, without secrets or plates.

    Parameters
    ----------
    out
        A new file, NAME.tar.gz, or a folder to put one in.
    """
    say = texts(language_of(os.environ, language))
    settings = load_settings(find_settings(config, os.environ))
    path = out / f"atalaya-support{SUFFIX}" if out.is_dir() else out
    if not path.name.endswith(SUFFIX) or not path.parent.is_dir():
        raise BadSettings(f"{path}: give a name that ends in {SUFFIX}, in a folder that is there")
    secrets = known_secrets(settings)
    parts = parts_of(settings, log_lines if log_file is None else lambda: _read(log_file))
    with Console(stderr=True).status(say("support-bundle-gathering")):
        if doctor:
            parts = (*parts, Part("doctor.json", lambda: _examined(settings)))
        names = write_bundle(path, parts, secrets)
    if json_:
        print(json.dumps({"path": str(path), "files": names}))
    else:
        print(say("support-bundle-done", path=str(path), files=len(names)))
        print(say("support-bundle-look"))
    return 0


def _read(log_file: Path) -> str:
    data = sys.stdin.buffer.read() if log_file == Path("-") else log_file.read_bytes()
    return data.decode("utf-8", "replace")


def _examined(settings: Settings) -> object:
    return as_json(asyncio.run(examine(settings, box_profile(settings.profile))))
