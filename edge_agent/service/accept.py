"""Accepting a point: look at everything, then have it signed by whoever holds the outbox.

The outbox has one writer. While an agent runs it is the agent, asked through its control socket; else this program
opens the outbox for the one message, which the agent then delivers when it starts.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import msgspec

from edge_agent.adapters.acceptance_file import KeptAcceptance, keep_acceptance
from edge_agent.adapters.aim_record import read_record
from edge_agent.adapters.control_socket import MAX_ANSWER_S, NAME, ask
from edge_agent.adapters.keystore import Enrolment, TrustFile
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.adapters.scene_memory import forget
from edge_agent.core.acceptance import Aimed, width_checks
from edge_agent.core.checks import Check
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.core.profiles import Profile
from edge_agent.errors import BadAcceptance, NotRunning
from edge_agent.service.doctor import examine
from edge_agent.service.run import prepare_data_dir
from edge_agent.service.timekeeper import utc_now
from edge_agent.service.writer import Writer
from edge_agent.settings import Settings
from protocol.delivery import Pace
from protocol.point_messages import Acceptance

_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Signed:
    """A committed acceptance: the hash of its envelope names it everywhere."""

    hash: str
    sequence: int


async def look(settings: Settings, profile: Profile, on_progress: Callable[[str], None]) -> tuple[Check, ...]:
    """The doctor's checks, and the width of plates as the cameras were last aimed."""
    checks = await examine(settings, profile, on_progress=on_progress)
    cameras = [each.camera for each in settings.cameras]
    records = {camera: await asyncio.to_thread(read_record, settings.data_dir, camera) for camera in cameras}
    aimed = {camera: Aimed(each.plates, each.width_px) for camera, each in records.items() if each is not None}
    return (*checks, *width_checks(cameras, aimed))


async def sign(settings: Settings, enrolment: Enrolment, acceptance: Acceptance) -> Signed:
    """Commit an acceptance to the outbox, by the running agent or without one."""
    try:
        text = msgspec.json.encode(acceptance).decode()
        found = await asyncio.to_thread(
            ask, settings.data_dir / NAME, "accept", timeout_s=MAX_ANSWER_S, acceptance=text
        )
    except NotRunning:
        return await _sign_alone(settings, enrolment, acceptance)
    if "error" in found:
        raise BadAcceptance(f"the agent did not sign: {found['error']}")
    return Signed(found["hash"], found["sequence"])


async def _sign_alone(settings: Settings, enrolment: Enrolment, acceptance: Acceptance) -> Signed:
    prepare_data_dir(settings)
    trust, bounds = TrustFile(enrolment, settings.data_dir), settings.outbox
    limits = Limits(bounds.max_rows, bounds.max_mb * _MB, bounds.max_dead_letters)
    schedule = Schedule(Pace(1, 1), Windows(urgent=1, ordinary=1, bulk=1), random.Random())  # noqa: S311  sends nothing

    def open_outbox() -> Outbox:
        return Outbox.open(settings.data_dir / "outbox.db", enrolment.who, enrolment.signer, limits)

    body = msgspec.structs.replace(acceptance, versions=(f"agent/{version('atalaya')}",))
    async with Writer(open_outbox, schedule, utc_now, root_said_ms=trust.store.created_ms) as writer:
        row = (await writer.append([body])).rows[0]
    kept = KeptAcceptance(hash=row.hash.hex(), acceptance=body)
    await asyncio.to_thread(keep_acceptance, settings.data_dir, kept)
    for camera in settings.cameras:
        await asyncio.to_thread(forget, settings.data_dir, camera.camera)
    return Signed(kept.hash, row.sequence)
