"""Outbox, uplink and receipts over a real mosquitto, against an aggregator in memory."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.adapters.keystore import TrustFile, load_enrolment
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.service.delivery import Delivery
from edge_agent.service.timekeeper import WallClock, utc_now
from edge_agent.service.writer import Writer
from edge_agent.settings import DeliverySettings
from protocol.delivery import Pace
from protocol.keys import KeySigner
from protocol.messages import Clock, Dropped, Hit, Kind, Piece, Report
from protocol.order import Identity
from protocol.presence import Life, Line
from protocol.receipts import Status
from protocol.refusals import Refusal
from protocol.steps import no_step
from protocol.trust import Role
from tests.simulators.aggregator_peer import AggregatorPeer
from tests.simulators.city import City
from tests.simulators.letters import make_hit, make_piece, make_report
from tests.simulators.mosquitto import Mosquitto

QUICK = DeliverySettings(resend_first_s=0.1, resend_most_s=0.5, reconnect_first_s=0.05, reconnect_most_s=0.2)
ROOMY = Limits(max_rows=1000, max_bytes=100_000_000, max_dead_letters=10)


@dataclass
class Place:
    """A city with its broker and the folders of one enrolled box."""

    city: City
    broker: Mosquitto
    identity_dir: Path
    data_dir: Path
    who: Identity

    def peer(self) -> AggregatorPeer:
        return AggregatorPeer(self.city, self.broker.port)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    city = City(tmp_path / "city")
    with Mosquitto(tmp_path / "broker", city) as broker:
        who = city.enrol(tmp_path / "identity", port=broker.port)
        data_dir = tmp_path / "data"
        data_dir.mkdir()
        yield Place(city, broker, tmp_path / "identity", data_dir, who)


@asynccontextmanager
async def delivering(
    place: Place, *, limits: Limits = ROOMY, wall_clock: WallClock = utc_now, start: bool = True
) -> AsyncIterator[Delivery]:
    """The delivering half of an agent."""
    enrolment = load_enrolment(place.identity_dir)
    trust = TrustFile(enrolment, place.data_dir)
    schedule = Schedule(Pace(QUICK.resend_first_s, QUICK.resend_most_s), Windows(), random.Random(1))

    def open_outbox() -> Outbox:
        return Outbox.open(place.data_dir / "outbox.db", enrolment.who, enrolment.signer, limits)

    async def no_manifest(raw: bytes) -> None:
        pass

    writer = Writer(open_outbox, schedule, wall_clock, root_said_ms=trust.store.created_ms)
    async with writer:
        delivery = Delivery(enrolment, trust, writer, QUICK, ("test/1",), no_manifest, lambda: None, no_step)
        task = asyncio.create_task(delivery.run(), name="delivery") if start else None
        try:
            yield delivery
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def until(claim: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not claim():
            await asyncio.sleep(0.02)


def is_drained(delivery: Delivery) -> Callable[[], bool]:
    return lambda: len(delivery.writer.schedule) == 0


async def test_what_the_box_says_arrives_once_in_order_and_leaves_the_outbox(place: Place) -> None:
    with place.peer() as peer:
        async with delivering(place) as delivery:
            await delivery.writer.append([make_hit()])
            await delivery.writer.append([make_report()])
            await until(is_drained(delivery))
            assert (await delivery.writer.holdings()).rows == 0
            assert peer.bodies(Hit) == [make_hit()]
            assert peer.bodies(Report) == [make_report()]
            assert peer.sequences() == [1, 2]
            assert peer.bad == []
            assert delivery.state.stored == 2


async def test_with_every_first_receipt_lost_all_is_still_stored_once_and_drained(place: Place) -> None:
    with place.peer() as peer:
        peer.receipts_to_drop = 1
        async with delivering(place) as delivery:
            for track in range(20):
                await delivery.writer.append([make_hit(track=track)])
            await until(is_drained(delivery))
        assert len(peer.stored) == 20
        assert min(peer.seen.values()) >= 2
        assert peer.conflicts == []


async def test_a_killed_broker_costs_time_and_no_message(place: Place) -> None:
    with place.peer() as peer:
        async with delivering(place) as delivery:
            await delivery.writer.append([make_hit(track=1)])
            await until(is_drained(delivery))
            place.broker.kill()
            for track in range(2, 12):
                await delivery.writer.append([make_hit(track=track)])
            await until(lambda: not delivery.state.is_connected)
            place.broker.start()
            await until(is_drained(delivery))
            assert delivery.state.connection >= 2
        assert peer.sequences() == list(range(1, 12))


async def test_receipts_under_a_key_that_nobody_granted_change_nothing_and_are_counted(place: Place) -> None:
    with place.peer() as peer:
        peer.receipt_key = KeySigner.generate()
        async with delivering(place) as delivery:
            await delivery.writer.append([make_hit()])
            await until(lambda: delivery.state.refused_downlinks >= 2)
            assert len(delivery.writer.schedule) == 1
            peer.receipt_key = None
            await until(is_drained(delivery))


async def test_receipts_for_another_device_change_nothing(place: Place) -> None:
    with place.peer() as peer:
        async with delivering(place) as delivery:
            peer.addressee = "box-2"
            await delivery.writer.append([make_hit()])
            await until(lambda: delivery.state.refused_downlinks >= 1)
            assert len(delivery.writer.schedule) == 1


async def test_a_final_refusal_moves_the_row_to_the_dead_letters(place: Place) -> None:
    with place.peer() as peer:
        peer.verdict = lambda _: (Status.REFUSED, int(Refusal.NOT_YOUR_PLACE), True)
        async with delivering(place) as delivery:
            await delivery.writer.append([make_hit()])
            await until(is_drained(delivery))
            assert (await delivery.writer.holdings()).dead_letters == 1


async def test_a_refusal_for_now_is_tried_again_until_it_is_taken(place: Place) -> None:
    with place.peer() as peer:
        answers = iter([Refusal.BUSY, Refusal.UNKNOWN_KEY])
        peer.verdict = lambda _: next(((Status.REFUSED, int(r), False) for r in answers), (Status.STORED, 0, False))
        async with delivering(place) as delivery:
            await delivery.writer.append([make_hit()])
            await until(is_drained(delivery))
        assert len(peer.stored) == 1


async def test_a_hit_overtakes_the_pieces_that_were_there_first(place: Place) -> None:
    with place.peer() as peer:
        async with delivering(place, start=False) as delivery:
            await delivery.writer.append([make_piece(40_000, mark=n) for n in range(30)])
            task = asyncio.create_task(delivery.run(), name="delivery")
            await until(lambda: Kind.PIECE in peer.arrivals)
            with place.broker.suspended():  # however long the disk takes, the pieces do not get away meanwhile
                await delivery.writer.append([make_hit()])
            await until(is_drained(delivery))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert len(peer.bodies(Piece)) == 30
        behind = len(peer.arrivals) - peer.arrivals.index(Kind.HIT)
        assert behind > 20, "the hit waited for the pieces"


async def test_a_restart_sends_what_was_left_under_a_new_connection_number(place: Place) -> None:
    async with delivering(place, start=False) as delivery:
        await delivery.writer.append([make_hit()])
    numbers: list[int] = []
    with place.peer() as peer:
        for _ in range(2):
            async with delivering(place) as delivery:
                await until(lambda: delivery.state.is_connected)
                await until(is_drained(delivery))
                numbers.append(delivery.state.connection)
        await until(lambda: (numbers[-1], Life.DEATH) in [(p.connection, p.life) for p in list(peer.presences)])
        first, second = numbers  # 1 and 2, unless a try to connect took too long
        assert 1 <= first < second
        assert [(p.connection, p.life) for p in peer.presences if p.connection in numbers] == [
            (first, Life.BIRTH), (first, Life.DEATH), (second, Life.BIRTH), (second, Life.DEATH),
        ]  # fmt: skip
        line = Line()
        for presence in peer.presences:
            line = line.after(presence)
        assert not line.is_online
        assert len(peer.stored) == 1


async def test_a_resend_brings_back_what_is_there_and_names_what_was_given_up(place: Place) -> None:
    limits = Limits(max_rows=3, max_bytes=100_000_000, max_dead_letters=10)
    with place.peer() as peer:
        peer.receipts_to_drop = 1000
        async with delivering(place, limits=limits) as delivery:
            await delivery.writer.append([make_report()])
            for track in range(3):
                await delivery.writer.append([make_hit(track=track)])
            await until(lambda: peer.bodies(Dropped))
            told = len(peer.bodies(Dropped))
            peer.ask_again(place.who, delivery.writer.outbox_id, (1, 4))
            await until(lambda: len(peer.bodies(Dropped)) > told)
            assert peer.bodies(Dropped)[-1].tombstones[0].sequence == 1
            assert peer.bodies(Dropped)[-1].tombstones[0].kind is Kind.REPORT


async def test_a_clock_before_the_floor_marks_messages_until_a_receipt_has_told_the_time(place: Place) -> None:
    with place.peer() as peer:
        began = datetime(1970, 1, 1, tzinfo=UTC)
        async with delivering(place, wall_clock=lambda: began) as delivery:
            await delivery.writer.append([make_hit()])
            await until(is_drained(delivery))
            assert abs(delivery.writer.time.now() - utc_now()) < timedelta(minutes=1), "the receipt's time is the floor"
        (stored,) = peer.stored.values()
        assert stored.message.clock is Clock.BELOW_FLOOR
        assert peer.presences[0].clock is Clock.BELOW_FLOOR


async def test_a_clock_that_runs_far_ahead_does_not_keep_receipts_out(place: Place) -> None:
    with place.peer():
        ahead = datetime(2099, 12, 31, tzinfo=UTC)
        async with delivering(place, wall_clock=lambda: ahead) as delivery:
            await delivery.writer.append([make_hit()])
            await until(is_drained(delivery))


async def test_a_newer_trust_bundle_is_kept_and_an_older_one_refused(place: Place) -> None:
    with place.peer() as peer:
        async with delivering(place) as delivery:
            await until(lambda: delivery.state.is_connected)
            without_receipts = tuple(g for g in place.city.grants() if g.role is not Role.RECEIPT)
            peer.publish_trust(place.city.bundle(5, without_receipts))
            await until(lambda: delivery.trust.store.number == 5)
            peer.publish_trust(place.city.bundle(4))
            await until(lambda: delivery.state.refused_downlinks >= 1)
            assert delivery.trust.store.number == 5
            before = delivery.state.refused_downlinks
            await delivery.writer.append([make_hit()])
            await until(lambda: delivery.state.refused_downlinks > before)
            assert len(delivery.writer.schedule) == 1, "the key was taken back"
        assert TrustFile(load_enrolment(place.identity_dir), place.data_dir).store.number == 5


async def test_a_link_that_stalls_is_given_up_and_made_again(place: Place) -> None:
    quick = DeliverySettings(keepalive_s=1, resend_first_s=0.1, reconnect_first_s=0.05, reconnect_most_s=0.2)
    with place.peer() as peer:
        async with delivering(place, start=False) as delivery:
            delivery.settings = quick
            task = asyncio.create_task(delivery.run(), name="delivery")
            await until(lambda: delivery.state.is_connected)
            with place.broker.suspended():
                await delivery.writer.append([make_hit()])
                await until(lambda: not delivery.state.is_connected)
            await until(is_drained(delivery))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert len(peer.stored) == 1
