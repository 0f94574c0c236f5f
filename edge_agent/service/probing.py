"""Looking at things one by one, each within a time limit: what the doctor and the network's test are made of.

A probe that hangs or breaks is a failed check, and the others go on. They run one after the other: probes that ran
together would slow what they measure.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.adapters.keystore import Enrolment, load_enrolment
from edge_agent.core.checks import Check, failed
from edge_agent.core.profiles import Profile
from edge_agent.errors import EdgeError, NotEnrolled, NotRunning
from edge_agent.settings import Settings

QUICK_S: Final = 10.0

Checks: TypeAlias = tuple[Check, ...]
OnProgress: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to look at, and how long it may take. The name of a camera's probe is `camera ID`."""

    name: str
    look: Callable[[], Awaitable[Checks]]
    limit_s: float = QUICK_S


@dataclass(frozen=True, slots=True)
class Patient:
    """A box and what is known of it before the first probe. `status` is the running agent's word."""

    settings: Settings
    profile: Profile
    enrolment: Enrolment | None
    status: dict[str, Any] | None  # `Any`: JSON

    @classmethod
    def of(cls, settings: Settings, profile: Profile) -> "Patient":
        """Ask the agent, if one runs, and read the identity, if there is one; a broken identity is raised."""
        try:
            status = ask(settings.data_dir / NAME, "status")
        except NotRunning:
            status = None
        try:
            enrolment = load_enrolment(settings.identity_dir)
        except NotEnrolled:
            enrolment = None
        return cls(settings, profile, enrolment, status)


async def carried_out(todo: tuple[Probe, ...], on_progress: OnProgress) -> Checks:
    """What all probes found."""
    found: list[Check] = []
    for probe in todo:
        on_progress(probe.name)
        found += await _limited(probe)
    return tuple(found)


async def in_thread(look: Callable[[], Checks]) -> Checks:
    """A look that blocks."""
    return await asyncio.to_thread(look)


async def _limited(probe: Probe) -> Checks:
    name, _, camera = probe.name.partition(" ")
    try:
        async with asyncio.timeout(probe.limit_s):
            return await probe.look()
    except TimeoutError:
        seconds = round(probe.limit_s)
        return (failed(name, "-", "doctor-timed-out", camera=camera or None, seconds=seconds),)
    except (EdgeError, OSError, ssl.SSLError) as exc:
        return (failed(name, "-", "doctor-could-not-look", camera=camera or None, reason=str(exc)),)
