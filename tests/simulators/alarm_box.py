"""A box that can do nothing but raise alarms: a real outbox, its writer, and the alarms' desk."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.adapters.progress import no_progress
from edge_agent.core.alarms import AlarmRules
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.service.alarms import AlarmDesk
from edge_agent.service.tasks import background
from edge_agent.service.timekeeper import utc_now
from edge_agent.service.writer import Writer
from protocol.delivery import Pace
from protocol.envelope import parse
from protocol.keys import KeySigner
from protocol.messages import Alarm, body_of, decode_message
from protocol.order import Identity

QUICK = AlarmRules(settle_s=0.1, merge_s=0.3, longest_merge_s=5, lost_s=0.3, most_per_minute=100)
ROOMY = Limits(max_rows=1000, max_bytes=100_000_000, max_dead_letters=10)
SIGNER = KeySigner.generate()


@dataclass(frozen=True)
class AlarmBox:
    """A running one."""

    writer: Writer
    desk: AlarmDesk

    async def said(self) -> list[Alarm]:
        """Every alarm on the disk, in order."""
        found = []
        for sequence in range(1, len(self.writer.schedule) + 1):
            raw = await self.writer.envelope(sequence)
            assert raw is not None
            body = body_of(decode_message(parse(raw).payload))
            assert isinstance(body, Alarm)
            found.append(body)
        return found

    async def states(self) -> list[tuple[str, bool]]:
        """The same, as pairs of the alarm's word and whether it is active."""
        return [(each.alarm, each.is_active) for each in await self.said()]


@asynccontextmanager
async def alarm_box(
    folder: Path, rules: AlarmRules = QUICK, *, limits: Limits = ROOMY, runs: bool = True
) -> AsyncIterator[AlarmBox]:
    """Open one in a folder; again in the same folder is a restart. `runs`: the desk commits what it is given."""

    def open_outbox() -> Outbox:
        who = Identity(device="box-1", city="saltillo", point="p-1")
        return Outbox.open(folder / "outbox.db", who, SIGNER, limits)

    schedule = Schedule(Pace(), Windows(), random.Random(1))
    async with Writer(open_outbox, schedule, utc_now, root_said_ms=0) as writer:
        desk = AlarmDesk(writer, rules, no_progress)
        await desk.restore()
        async with background(alarms=desk.run()) if runs else background():
            yield AlarmBox(writer, desk)
