"""The keeper of a company's terms on a real outbox: an end that comes off line, and with a clock that was set back."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from edge_agent.adapters.keystore import Enrolment, TrustFile, load_enrolment
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.adapters.terms_file import TermsFile
from edge_agent.core.alarms import PANIC, Sign, Signal
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.core.terms import Holding
from edge_agent.service.terms import ALARM, KEEP_EVERY_S, TermsKeeper
from edge_agent.service.writer import Writer
from protocol.delivery import Pace
from protocol.terms import Terms, Use
from protocol.trust import Role, TrustStore
from tests.simulators.city import City
from tests.simulators.partner_terms import make_terms, signed

ROOMY = Limits(max_rows=1000, max_bytes=100_000_000, max_dead_letters=10)
START = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PATIENCE_S = 30.0


class SlowFile(TermsFile):
    """Reads, and hands on what it read only once it may."""

    def __init__(self, enrolment: Enrolment) -> None:
        super().__init__(enrolment)
        self.has_read, self.may_go = threading.Event(), threading.Event()

    @override
    def holding(self, trust: TrustStore) -> Holding:
        found = super().holding(trust)
        if not self.has_read.is_set():
            self.has_read.set()
            self.may_go.wait(PATIENCE_S)
        return found


@dataclass
class Box:
    """A company's box across its restarts, with two clocks that the test turns."""

    folder: Path
    city: City
    wall: datetime = START
    monotonic_s: float = 1_000.0
    signals: list[Signal] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        self.city.enrol(self.folder / "identity")
        (self.folder / "data").mkdir()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[TermsKeeper]:
        """From a start to a kill."""
        enrolment = load_enrolment(self.folder / "identity")
        trust = TrustFile(enrolment, self.folder / "data")

        def open_outbox() -> Outbox:
            return Outbox.open(self.folder / "data" / "outbox.db", enrolment.who, enrolment.signer, ROOMY)

        schedule = Schedule(Pace(), Windows(), random.Random(1))
        async with Writer(open_outbox, schedule, lambda: self.wall, root_said_ms=trust.store.created_ms) as writer:
            keeper = await TermsKeeper.opened(
                TermsFile(enrolment), trust, writer, ["cam-1", "cam-2"], lambda: self.monotonic_s
            )
            keeper.on_closed, keeper.on_changed, keeper.signal = self._close, self._change, self._signal
            await keeper.look()
            yield keeper

    async def pass_(self, keeper: TermsKeeper, span: timedelta) -> None:
        """Time goes by, on the clock that nobody can set."""
        self.monotonic_s += span.total_seconds()
        await keeper.look()

    async def take(self, keeper: TermsKeeper, terms: Terms) -> None:
        await keeper.take(signed(terms, self.city.server))

    async def _close(self, camera: str) -> None:
        self.closed.append(camera)

    def _change(self) -> None:
        self.changes += 1

    async def _signal(self, signal: Signal) -> None:
        self.signals.append(signal)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "box", City(tmp_path / "city"))


def thirty_days(number: int = 1, **changes: object) -> Terms:
    return make_terms(number, created=START, **changes)  # type: ignore[arg-type]  # the test's


async def test_the_first_terms_make_it_a_companys_box_and_the_cameras_they_name_are_looked_at(box: Box) -> None:
    async with box.running() as keeper:
        assert keeper.status() == {"partner": None}
        assert keeper.wants("cam-2"), "the city's own"
        assert not keeper.turned.is_set()
        await box.take(keeper, thirty_days())
        assert keeper.turned.is_set()
        assert [keeper.wants("cam-1"), keeper.wants("cam-2")] == [True, False]
        assert keeper.status()["closed"] == ["cam-2"]
    async with box.running() as keeper:
        assert [keeper.wants("cam-1"), keeper.wants("cam-2")] == [True, False], "after a restart too"
        await box.take(keeper, thirty_days(2))
        assert not keeper.turned.is_set(), "it was a company's before"


async def test_they_end_by_themselves_off_line_with_the_clock_set_back(box: Box) -> None:
    async with box.running() as keeper:
        await box.take(keeper, thirty_days())
        await box.pass_(keeper, 10 * DAY)
        box.wall = START - 300 * DAY  # whoever has the box turns its clock back, or its battery is empty
        await box.pass_(keeper, timedelta(seconds=KEEP_EVERY_S))
        assert keeper.wants("cam-1")
    box.monotonic_s = 5.0  # another start of the machine
    async with box.running() as keeper:
        assert keeper.wants("cam-1"), "ten days are used, twenty are left"
        await box.pass_(keeper, 20 * DAY)
        assert not keeper.wants("cam-1")
        assert keeper.status()["state"] == "ended"
        assert not keeper.may_hold_list()
        assert box.closed == ["cam-1"]
        assert (box.signals[-1].alarm, box.signals[-1].sign, box.signals[-1].note) == (ALARM, Sign.ON, "ended")
    async with box.running() as keeper:
        assert not keeper.wants("cam-1"), "and stay ended"
        await box.take(keeper, thirty_days(2, lasts=60 * DAY))
        assert keeper.wants("cam-1")
        assert box.signals[-1].sign is Sign.OFF


async def test_cutting_the_power_wins_a_minute_at_most(box: Box) -> None:
    minute = timedelta(seconds=KEEP_EVERY_S)
    async with box.running() as keeper:
        await box.take(keeper, thirty_days(lasts=timedelta(minutes=20)))
        box.wall = START - DAY
    for _ in range(30):
        async with box.running() as keeper:
            await box.pass_(keeper, minute)
            await box.pass_(keeper, timedelta(seconds=KEEP_EVERY_S / 2))
    async with box.running() as keeper:
        assert not keeper.wants("cam-1"), "half an hour, by the minute"


async def test_a_clock_that_ran_ahead_stops_it_while_it_does_and_no_longer(box: Box) -> None:
    async with box.running() as keeper:
        await box.take(keeper, thirty_days())
        box.wall = START + 4000 * DAY
        await box.pass_(keeper, timedelta(seconds=KEEP_EVERY_S))
        assert keeper.status()["state"] == "ended"
        box.wall = START
        await box.pass_(keeper, timedelta(seconds=KEEP_EVERY_S))
        assert keeper.wants("cam-1")


async def test_a_suspension_works_at_once_and_is_lifted_by_the_next_number(box: Box) -> None:
    async with box.running() as keeper:
        await box.take(keeper, thirty_days())
        changes = box.changes
        await box.take(keeper, thirty_days(2, is_suspended=True))
        assert not keeper.wants("cam-1")
        assert (box.closed, box.changes) == (["cam-1"], changes + 1)
        await box.take(keeper, thirty_days(1))
        assert keeper.refused == {"rolled_back": 1}
        assert not keeper.wants("cam-1")
        await box.take(keeper, thirty_days(3))
        assert keeper.wants("cam-1")
    async with box.running() as keeper:
        assert keeper.status()["number"] == 3


async def test_terms_under_a_key_that_is_not_granted_yet_are_taken_with_the_bundle_that_grants_it(box: Box) -> None:
    other = box.city.officers[0]
    async with box.running() as keeper:
        await keeper.take(signed(thirty_days(), other))
        assert keeper.refused == {"unknown_key": 1}
        grant = next(each for each in box.city.grants() if each.role is Role.SETTINGS)
        granted = (*box.city.grants(), msgspec.structs.replace(grant, spki=other.public_key.spki))
        assert keeper.trust.accept(box.city.bundle(2, granted)) is None
        keeper.trusted()
        await keeper._judge_again()
        assert keeper.status()["number"] == 1


async def test_a_suspension_that_comes_while_the_terms_before_it_are_judged_again_holds(box: Box) -> None:
    async with box.running() as keeper:
        await box.take(keeper, thirty_days())
        keeper.file = slow = SlowFile(load_enrolment(box.folder / "identity"))
        judging = asyncio.create_task(keeper._judge_again())
        assert await asyncio.to_thread(slow.has_read.wait, PATIENCE_S)
        taking = asyncio.create_task(box.take(keeper, thirty_days(2, is_suspended=True)))
        await asyncio.wait([taking], timeout=0.2)
        slow.may_go.set()
        await asyncio.wait([judging, taking])
        assert keeper.status()["number"] == 2
        assert not keeper.wants("cam-1")


async def test_alarms_that_are_not_allowed_do_not_begin_and_all_may_end(box: Box) -> None:
    def signal(camera: str | None, alarm: str, sign: Sign = Sign.ON) -> Signal:
        return Signal(camera, alarm, "", sign)

    async with box.running() as keeper:
        await box.take(keeper, thirty_days(uses=(Use.ALARM,)))
        assert keeper.allows_signal(signal("cam-1", "line_crossing"))
        assert not keeper.allows_signal(signal("cam-2", "line_crossing"))
        assert keeper.allows_signal(signal("cam-2", "line_crossing", Sign.OFF))
        assert not keeper.allows_signal(signal(None, PANIC))
        assert keeper.allows_signal(signal(None, "certificate_late")), "what the box says of itself"
        assert not keeper.may_hold_list(), "it reads no plates"
