"""A command centre that runs, and the delivering and renewing halves of an agent enrolled there: no cameras.

async with command_centre(tmp_path / "inst", database.dsn) as centre, renewing_box(centre, "box-1") as box:
    await box.renewer.renew()
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
from cryptography import x509

from aggregator.adapters import founding, keyfiles, pki
from aggregator.service import run as service
from aggregator.settings import Settings
from edge_agent.adapters.keystore import TrustFile, load_enrolment
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.service.delivery import Delivery
from edge_agent.service.renewal import Renewer
from edge_agent.service.timekeeper import WallClock, utc_now
from edge_agent.service.writer import Writer
from edge_agent.settings import DeliverySettings, RenewalSettings
from protocol.delivery import Pace
from protocol.steps import no_step
from tests.simulators.broker import Broker
from tests.simulators.installation import Box, Installation, make_installation

QUICK = DeliverySettings(resend_first_s=0.1, resend_most_s=0.5, reconnect_first_s=0.05, reconnect_most_s=0.2)
EAGER = RenewalSettings(check_interval_s=0.1, spread_s=0.0, retry_first_s=0.1, retry_most_s=0.3)
ROOMY = Limits(max_rows=1000, max_bytes=100_000_000, max_dead_letters=10)
PATIENCE_S = 90.0


@dataclass(frozen=True)
class Centre:
    """A running installation and its broker."""

    installation: Installation
    broker: Broker

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.installation.settings

    def date(self, box: Box, *, begins: datetime, ends: datetime) -> None:
        """Give a box a certificate of other dates, as if it had been issued then."""
        old, issuing = keyfiles.read_certificate(box.certificate), founding.read_issuing(self.settings)
        leaf = pki.renew(issuing, old, now=begins + timedelta(days=1), valid=ends - begins - timedelta(days=1))
        keyfiles.replace(box.certificate, keyfiles.pem_of(leaf) + keyfiles.pem_of(issuing.certificate))


@dataclass(frozen=True)
class RenewingBox:
    """The parts of an agent that matter here."""

    delivery: Delivery
    renewer: Renewer
    folder: Path

    @property
    def certificate(self) -> x509.Certificate:
        """The one in force."""
        return keyfiles.read_certificate(self.folder / "device.crt.pem")


@asynccontextmanager
async def command_centre(folder: Path, dsn: str) -> AsyncIterator[Centre]:
    """Broker and aggregator of a new installation with two boxes, running."""
    installation = await make_installation(folder, dsn=dsn, devices=("box-1", "box-2"))
    with Broker(installation.settings) as broker:
        async with serving(installation.settings):
            yield Centre(installation, broker)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[None]:
    """The aggregator itself, once it is well; one process is enough here."""
    stop, replace = asyncio.Event(), msgspec.structs.replace
    alone = replace(settings, ingest=replace(settings.ingest, workers=1))
    running = asyncio.create_task(service.run(alone, stop), name="aggregator")
    try:
        await _until_it_answers(settings, running)
        yield
    finally:
        stop.set()
        await running


@asynccontextmanager
async def renewing_box(
    centre: Centre, device: str, *, settings: RenewalSettings = EAGER, wall_clock: WallClock = utc_now
) -> AsyncIterator[RenewingBox]:
    """An agent's outbox, delivery and renewer; the renewer runs only when `run` is called."""
    folder = centre.installation.box(device).folder
    data_dir = folder.with_name(f"{device}-data")
    data_dir.mkdir(exist_ok=True)
    enrolment = load_enrolment(folder)
    trust = TrustFile(enrolment, data_dir)
    schedule = Schedule(Pace(QUICK.resend_first_s, QUICK.resend_most_s), Windows(), random.Random(1))

    def open_outbox() -> Outbox:
        return Outbox.open(data_dir / "outbox.db", enrolment.who, enrolment.signer, ROOMY)

    async def no_manifest(raw: bytes) -> None:
        pass

    async with Writer(open_outbox, schedule, wall_clock, root_said_ms=trust.store.created_ms) as writer:
        delivery = Delivery(enrolment, trust, writer, QUICK, ("test/1",), no_manifest, lambda: None, no_step)
        renewer = Renewer(enrolment, writer.time, delivery.state, delivery.try_papers, settings)
        async with _running(delivery):
            yield RenewingBox(delivery, renewer, folder)


@asynccontextmanager
async def renewing(box: RenewingBox) -> AsyncIterator[None]:
    """The renewer at work by itself."""
    async with _running(box.renewer):
        yield


async def until(claim: Callable[[], object], what: str, *, timeout_s: float = PATIENCE_S) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        await asyncio.sleep(0.02)


def in_days(days: float) -> datetime:
    """So many days from now."""
    return datetime.now(UTC) + timedelta(days=days)


@asynccontextmanager
async def _running(part: Delivery | Renewer) -> AsyncIterator[None]:
    task = asyncio.create_task(part.run(), name=type(part).__name__)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until_it_answers(settings: Settings, running: "asyncio.Task[None]") -> None:
    url = f"http://127.0.0.1:{settings.http.health_port}/healthz"
    deadline = time.monotonic() + PATIENCE_S
    async with aiohttp.ClientSession() as session:
        while True:
            assert not running.done(), running
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            assert time.monotonic() < deadline, "the aggregator does not come up"
            await asyncio.sleep(0.05)
