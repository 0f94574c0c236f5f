"""The agent's runs, one after the other: each under what is in force at its start.

A run ends because it was told to, or because other settings are to hold: then the next one begins in the same process,
with everything closed and opened again. A trial that does not even start is given up here, and the next run has what
was kept; without a trial the error is the caller's. A run that crashes takes the process along: its start was counted.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from edge_agent.adapters.signed_settings import InForce, begin
from edge_agent.adapters.systemd import Supervisor
from edge_agent.core import rollout as rules
from edge_agent.errors import BadModelFile, BadSettings, EdgeError, InferenceMismatch, ModelMissing, UntrustedModel
from edge_agent.service.assembly import Options
from edge_agent.service.run import run
from edge_agent.settings import Settings

NOT_STARTED: Final = "not_started"
REASONS: Final[dict[type[EdgeError], str]] = {
    InferenceMismatch: "inference",
    ModelMissing: "models",
    BadModelFile: "models",
    UntrustedModel: "models",
    BadSettings: "bad_settings",
}

log = structlog.get_logger()

Adjust = Callable[[Settings], Settings]
"""What a command line changes of the settings; it may raise `BadSettings`."""


async def run_all(path: Path, adjust: Adjust, stop: asyncio.Event, options: Options) -> None:
    """Run until `stop`; raises an `EdgeError` that says what to do, or a group of them."""
    wants_more = True
    while wants_more and not stop.is_set():
        in_force = await asyncio.to_thread(begin, path)
        failed: EdgeError | None = None
        try:
            settings = adjust(in_force.settings)
            wants_more = await run(settings, stop, replace(options, in_force=in_force))
        except* EdgeError as group:
            if not _is_on_trial(in_force):
                raise
            failed = first_of(group)
        if failed is not None:
            await asyncio.to_thread(_give_up, in_force, failed)
        elif stop.is_set():
            await asyncio.to_thread(_end_in_order, in_force)
        if wants_more and not stop.is_set():
            Supervisor.of().feed("starting again")  # the next run is watched from its beginning


def first_of(group: BaseExceptionGroup[EdgeError]) -> EdgeError:
    """The first of a group, however deep: the others are its echoes."""
    found = group.exceptions[0]
    return first_of(found) if isinstance(found, BaseExceptionGroup) else found


def _is_on_trial(in_force: InForce) -> bool:
    return in_force.is_trial and in_force.folder is not None and in_force.folder.state.trial is not None


def _give_up(in_force: InForce, failed: EdgeError) -> None:
    folder = in_force.folder
    if folder is not None:
        reason = REASONS.get(type(failed), NOT_STARTED)
        log.warning("settings_rolled_back", reason=reason, why=str(failed))
        folder.keep(rules.rolled_back(folder.state, reason, str(failed)))


def _end_in_order(in_force: InForce) -> None:
    if in_force.folder is not None and _is_on_trial(in_force):
        in_force.folder.keep(rules.ended_in_order(in_force.folder.state))
