"""Measure how a change of the hotlist reaches boxes: `scripts/bench_delta.py [--entries N] [--rounds N]`.

Founds a city by its own commands, with broker, database, publisher and artefact server as in service, and puts N
entries on its list. Then, round after round, two officers list one plate more. Two kinds of boxes arm it, by the
agent's own receiver, over mTLS:

    by delta    boxes that hold the list of before, as all that are on line do
    whole       a box that holds none, in the same round and at the same list: the reference

    arm         from the manifest to the list armed: fetch, verify, index
    approved    from the second officer's signature to the list armed on every box, signing and composing included

Each box must match every plate, and in the end each must hold exactly what the reference holds. The last line is JSON.
"""

import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import cyclopts
import structlog
from federating.officers import OWN_CITY, Officers, officers_of
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from rich.console import Console
from rich.table import Table
from stack.city import LocalCity
from stack.process import StackError

from aggregator.settings import Settings, load
from edge_agent.adapters.artefacts import ArtefactServer
from edge_agent.adapters.hotlist import HotlistReceiver
from edge_agent.adapters.keystore import Enrolment, load_enrolment
from edge_agent.core.matching import HotlistIndex
from protocol.clock import to_ms
from protocol.envelope import parse
from protocol.hotlist import MAX_ENTRIES, MAX_MANIFEST_BYTES, Manifest
from protocol.plates import ALPHABET
from protocol.topics import HOTLIST, TRUST, broadcast_topic
from protocol.trust import TrustStore
from protocol.wire import from_bytes

SEED: Final = 20_261_123
POINT: Final = "p-1"
PATIENCE_S: Final = 120.0

console = Console(highlight=False)
app = cyclopts.App(help=__doc__, help_format="plaintext")


class BenchError(Exception):
    """A box did not arm what it should; the text says which."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. `entries` are on the list in the end."""

    entries: int
    batches: int
    rounds: int
    boxes: int
    reference_every: int

    def __post_init__(self) -> None:
        """Refuse what leaves nothing to measure."""
        if min(self.batches, self.rounds, self.boxes, self.reference_every) < 1:
            raise BenchError("want one of everything at least")
        if not self.rounds < self.entries <= MAX_ENTRIES:
            raise BenchError(f"{self.entries} entries: want more entries than rounds, and {MAX_ENTRIES} at most")


@dataclass(slots=True)
class Receiving:
    """A box's receiver, and when it armed which list."""

    enrolment: Enrolment
    trust: TrustStore
    index: HotlistIndex = field(default_factory=lambda: HotlistIndex(expires_ms=0))
    armed_s: dict[int, float] = field(default_factory=dict)
    told_s: dict[bytes, float] = field(default_factory=dict)
    receiver: HotlistReceiver = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is armed."""
        self.receiver = HotlistReceiver(
            city=self.enrolment.who.city,
            trust=self.trust,
            last_version=0,
            server=ArtefactServer(self.enrolment.facts.artefacts_url, self.enrolment.tls),
            arm=self._arm,
            keep_version=_keep_nothing,
            vouch=lambda _: None,
            now_ms=_now_ms,
        )

    def take(self, manifest: bytes) -> None:
        """The broker says which list is the current one."""
        self.told_s.setdefault(manifest, time.perf_counter())
        self.receiver.take_manifest(manifest)

    async def until(self, plate: str) -> float:
        """Wait until a plate is armed; when it was."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.index.match(plate, _now_ms(), self.enrolment.who.city):
            if time.monotonic() > deadline_s:
                raise BenchError(f"a box did not arm a plate in {PATIENCE_S:.0f} s: {self.receiver.status}")
            await asyncio.sleep(0.002)
        return self.armed_s[self.index.list_version]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Receiving"]:
        """Follow what is said."""
        following = asyncio.create_task(self.receiver.run(), name="receiver")
        try:
            yield self
        finally:
            following.cancel()
            await asyncio.wait([following])

    def _arm(self, index: HotlistIndex) -> None:
        self.index = index
        self.armed_s.setdefault(index.list_version, time.perf_counter())


@dataclass(slots=True)
class Line:
    """One box's connection to the broker, on behalf of all: each receiver gets what comes."""

    settings: Settings
    boxes: list[Receiving]
    manifest: bytes = b""

    @asynccontextmanager
    async def opened(self, enrolment: Enrolment) -> AsyncIterator[None]:
        """Subscribed to the retained topics of the city."""
        loop, who = asyncio.get_running_loop(), enrolment.who
        client = Client(CallbackAPIVersion.VERSION2, client_id=who.device, protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set_context(enrolment.tls())

        # `Any`: paho's own types, of no use here.
        def connected(line: Client, *_: Any) -> None:
            line.subscribe([(str(broadcast_topic(who.city, word)), 1) for word in (TRUST, HOTLIST)])

        def said(_line: Client, _userdata: Any, message: MQTTMessage) -> None:
            loop.call_soon_threadsafe(self._take, message.topic.rsplit("/", 1)[1], bytes(message.payload))

        client.on_connect, client.on_message = connected, said
        client.connect_async(self.settings.broker.host, self.settings.broker.port)
        client.loop_start()
        try:
            yield
        finally:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _take(self, word: str, payload: bytes) -> None:
        if word == HOTLIST:
            self.manifest = payload
        for box in self.boxes:
            if word == HOTLIST:
                box.take(payload)
            elif isinstance(believed := box.trust.accept(payload), TrustStore):
                box.trust = believed
                box.receiver.take_trust(believed)


@dataclass(slots=True)
class Measured:
    """Milliseconds of each round, and the bytes that crossed."""

    composed_ms: list[float] = field(default_factory=list)
    approved_ms: list[float] = field(default_factory=list)
    delta_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    delta_bytes: list[int] = field(default_factory=list)
    whole_bytes: int = 0
    brought: Counter[str] = field(default_factory=Counter)
    useless: Counter[str] = field(default_factory=Counter)
    wrong: int = 0


@dataclass(slots=True)
class Bench:
    """A city with a full list, and boxes that have armed it."""

    officers: Officers
    line: Line
    enrolment: Enrolment
    measured: Measured = field(default_factory=Measured)
    listed: list[str] = field(default_factory=list)

    async def list_plates(self, plates: Sequence[str]) -> float:
        """Import, propose and approve; when the second officer signed."""
        batch = await self.officers.propose(*plates, scope=OWN_CITY)
        approving_s = time.perf_counter()
        await self.officers.approve(batch)
        self.listed += plates
        return approving_s

    async def round(self, plate: str) -> None:
        """One entry more, armed on each box by a delta."""
        approving_s = await self.list_plates([plate])
        self.measured.composed_ms.append(_ms_since(approving_s))
        armed_s = [await box.until(plate) for box in self.line.boxes]
        told_s = [box.told_s[self.line.manifest] for box in self.line.boxes]
        self.measured.approved_ms.append((max(armed_s) - approving_s) * 1000)
        self.measured.delta_ms += [(armed - told) * 1000 for armed, told in zip(armed_s, told_s, strict=True)]
        manifest = from_bytes(parse(self.line.manifest).payload, Manifest, max_bytes=MAX_MANIFEST_BYTES)
        self.measured.whole_bytes = manifest.size_bytes
        self.measured.delta_bytes.append(min((each.size_bytes for each in manifest.deltas), default=0))

    async def reference(self, plate: str) -> HotlistIndex:
        """The same list on a box that holds none."""
        box = Receiving(self.enrolment, self.line.boxes[0].trust)
        async with box.running():
            box.take(self.line.manifest)
            armed_s = await box.until(plate)
        self.measured.whole_ms.append((armed_s - box.told_s[self.line.manifest]) * 1000)
        return box.index

    def compare(self, reference: HotlistIndex, rng: random.Random) -> None:
        """Hold the boxes to the reference: how many entries, and what reads match."""
        city, now_ms = self.enrolment.who.city, _now_ms()
        reads = [*rng.sample(self.listed, min(2000, len(self.listed))), *(draw_plate(rng) for _ in range(2000))]
        for box in self.line.boxes:
            self.measured.wrong += len(box.index) != len(reference)
            self.measured.wrong += sum(
                box.index.match(read, now_ms, city) != reference.match(read, now_ms, city) for read in reads
            )
            self.measured.brought.update(box.receiver.status.brought)
            self.measured.useless.update(box.receiver.status.useless_deltas)


def draw_plate(rng: random.Random) -> str:
    """Seven characters of a plate."""
    return "".join(rng.choices(ALPHABET, k=7))


def distinct_plates(count: int, rng: random.Random) -> list[str]:
    """So many plates, none twice."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[draw_plate(rng)] = None
    return list(found)


def found_and_measure(size: Size) -> Measured:
    """All of it, in a city that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="atalaya-bench-") as folder:
        city = LocalCity(Path(folder) / "city")
        try:
            with console.status("found a city"):
                city.found()
                city.register(POINT, ["cam-1"])
                box = city.enrol("box-1", POINT, "")
                city.appoint_officers()
                city.start_servers()
            return asyncio.run(measure(city, box.folder / "identity", size, random.Random(SEED)))
        finally:
            city.stop()


async def measure(city: LocalCity, identity: Path, size: Size, rng: random.Random) -> Measured:
    """Fill the list, then round after round."""
    settings, enrolment = load(city.config), load_enrolment(identity)
    plates, already = distinct_plates(size.entries, rng), size.entries - size.rounds
    async with AsyncExitStack() as stack:
        officers = await stack.enter_async_context(officers_of(city))
        boxes = [
            await stack.enter_async_context(Receiving(enrolment, TrustStore(enrolment.root)).running())
            for _ in range(size.boxes)
        ]
        line = Line(settings, boxes)
        bench = Bench(officers, line, enrolment)
        share = -(-already // size.batches)
        with console.status("list the plates"):
            for at in range(0, already, share):
                await bench.list_plates(plates[at : min(at + share, already)])
        await stack.enter_async_context(line.opened(enrolment))
        for box in boxes:
            await box.until(plates[already - 1])
        reference = boxes[0].index
        for number, plate in enumerate(plates[already:]):
            with console.status(f"round {number + 1} of {size.rounds}"):
                await bench.round(plate)
                if number % size.reference_every == 0 or number == size.rounds - 1:
                    reference = await bench.reference(plate)
        bench.compare(reference, rng)
    return bench.measured


def figures(measured: Measured, size: Size) -> dict[str, object]:
    """What the last line says."""
    delta_p50, delta_p99 = spread(measured.delta_ms)
    approved_p50, approved_p99 = spread(measured.approved_ms)
    whole_p50, _ = spread(measured.whole_ms)
    return {
        "entries": size.entries, "rounds": size.rounds, "boxes": size.boxes,
        "delta_arm_ms_p50": delta_p50, "delta_arm_ms_p99": delta_p99,
        "whole_arm_ms_p50": whole_p50, "ratio_p50": round(whole_p50 / delta_p50, 1),
        "approved_to_armed_ms_p50": approved_p50, "approved_to_armed_ms_p99": approved_p99,
        "compose_ms_p50": spread(measured.composed_ms)[0],
        "delta_bytes": max(measured.delta_bytes), "whole_bytes": measured.whole_bytes,
        "by_delta": measured.brought["delta"], "useless_deltas": measured.useless.total(), "wrong": measured.wrong,
    }  # fmt: skip


def spread(times_ms: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile; of one value that value."""
    if len(times_ms) < 2:
        return round(times_ms[0], 1), round(times_ms[0], 1)
    cuts = quantiles(times_ms, n=100, method="inclusive")
    return round(cuts[49], 1), round(cuts[98], 1)


def show(measured: Measured, size: Size) -> None:
    """The table for people."""
    table = Table(title=f"{size.entries:,} entries, {size.rounds} changes of one entry, {size.boxes} boxes")
    for heading in ("", "p50 ms", "p99 ms", "times", "bytes"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, times_ms, crossed in (
        ("by delta: manifest to armed", measured.delta_ms, f"{max(measured.delta_bytes):,}"),
        ("whole: manifest to armed", measured.whole_ms, f"{measured.whole_bytes:,}"),
        ("approved to armed on every box", measured.approved_ms, ""),
        ("of that, the desk: sign and compose", measured.composed_ms, ""),
    ):
        table.add_row(name, *(f"{each:,.1f}" for each in spread(times_ms)), str(len(times_ms)), crossed)
    console.print(table)


async def _keep_nothing(_: int) -> None:
    """The version that a box would keep on its disk."""


def _now_ms() -> int:
    return to_ms(datetime.now(UTC))


def _ms_since(started_s: float) -> float:
    return (time.perf_counter() - started_s) * 1000


@app.default
def main(
    *, entries: int = 200_000, batches: int = 20, rounds: int = 30, boxes: int = 2, reference_every: int = 10
) -> int:
    """Run the benchmark."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        size = Size(entries, batches, rounds, boxes, reference_every)
        measured = found_and_measure(size)
    except (BenchError, StackError) as exc:
        print(f"bench delta: {exc}", file=sys.stderr)
        return 1
    show(measured, size)
    print(json.dumps(figures(measured, size)))
    return 1 if measured.wrong else 0


if __name__ == "__main__":
    sys.exit(app())
