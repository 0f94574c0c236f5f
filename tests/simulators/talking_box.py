"""A box without cameras: the real outbox and delivery, told on stdin what to say. For kill -9 tests.

    python -m tests.simulators.talking_box IDENTITY_DIR DATA_DIR

Each line on stdin is a track number; the hit is committed, then the number printed: from there on it must not be lost.
At the end of stdin it waits until everything is receipted, and ends.
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from edge_agent.adapters.keystore import TrustFile, load_enrolment
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.service.delivery import Delivery
from edge_agent.service.tasks import background
from edge_agent.service.timekeeper import utc_now
from edge_agent.service.writer import Writer
from edge_agent.settings import DeliverySettings
from protocol.delivery import Pace
from protocol.steps import stop_at
from tests.simulators.letters import make_hit

QUICK = DeliverySettings(resend_first_s=0.1, resend_most_s=0.5, reconnect_first_s=0.05, reconnect_most_s=0.2)
ROOMY = Limits(max_rows=1000, max_bytes=100_000_000, max_dead_letters=10)


async def talk(identity_dir: Path, data_dir: Path) -> None:
    """Say what stdin asks for."""
    step = stop_at(os.environ.get("ATALAYA_CRASH_AT", ""), lambda: os.kill(os.getpid(), signal.SIGKILL))
    enrolment = load_enrolment(identity_dir)
    trust = TrustFile(enrolment, data_dir)
    schedule = Schedule(Pace(QUICK.resend_first_s, QUICK.resend_most_s), Windows(), random.Random(1))

    def open_outbox() -> Outbox:
        return Outbox.open(data_dir / "outbox.db", enrolment.who, enrolment.signer, ROOMY, step=step)

    async def no_manifest(raw: bytes) -> None:
        pass

    async with Writer(open_outbox, schedule, utc_now, root_said_ms=trust.store.created_ms) as writer:
        delivery = Delivery(enrolment, trust, writer, QUICK, ("test/1",), no_manifest, lambda: None, step)
        async with background(delivery=delivery.run()):
            while line := await asyncio.to_thread(sys.stdin.readline):
                await writer.append([make_hit(track=int(line))])
                print(line, end="", flush=True)
            await writer.is_empty.wait()


if __name__ == "__main__":
    asyncio.run(talk(Path(sys.argv[1]), Path(sys.argv[2])))
