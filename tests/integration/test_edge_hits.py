"""From reads to the outbox: hits at once, pictures behind them, and what happens when disk, models or keys fail."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.adapters.keystore import TrustFile, load_enrolment
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.adapters.progress import no_progress
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.core.detections import Detections
from edge_agent.core.lookback import Lookback
from edge_agent.core.matching import HotlistIndex
from edge_agent.core.reads import Read
from edge_agent.core.redaction import Redactor
from edge_agent.core.report import Tally
from edge_agent.service.hits import HitPath
from edge_agent.service.pictures import PictureDesk
from edge_agent.service.tasks import background
from edge_agent.service.timekeeper import utc_now
from edge_agent.service.writer import Writer
from edge_agent.settings import EvidenceSettings
from protocol.delivery import Pace
from protocol.envelope import parse
from protocol.hotlist import Entry
from protocol.messages import (
    Body,
    Evidence,
    EvidenceUnavailable,
    Hit,
    HitAmended,
    Kind,
    Piece,
    Quality,
    body_of,
    decode_message,
)
from protocol.steps import no_step
from protocol.trust import Role
from tests.simulators.city import FAR_MS, City
from tests.simulators.sight import ScriptedDetector, make_detections, make_frame

PLATE, OTHER = "EBG0877", "XBU930P"
FACE = (600.0, 100.0, 640.0, 150.0)


def make_index(*plates: str, version: int = 1) -> HotlistIndex:
    entries = [
        Entry(entry=f"e-{plate.lower()}", plate=plate, reason="stolen", expires_ms=FAR_MS, case_commitment=bytes(32))
        for plate in plates
    ]
    return HotlistIndex(entries, list_version=version)


def make_read(text: str = PLATE, *, track: int = 1, is_amendment: bool = False) -> Read:
    frame = replace(make_frame(1), captured_mono_s=time.monotonic())
    return Read(
        camera=frame.camera, track_id=track, text=text, observed=text, confidence=0.97, candidates=(),
        format_name=None, captured_at=frame.captured_at, xyxy=(100.0, 400.0, 220.0, 440.0), frame=frame, looks=4,
        is_amendment=is_amendment,
    )  # fmt: skip


@dataclass
class Street:
    """A hit path with everything below it real but the models."""

    writer: Writer
    hits: HitPath
    desk: PictureDesk
    outbox: list[Outbox] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    async def see(self, *reads: Read) -> None:
        for read in reads:
            await self.hits.take(read, read.frame, self.tally)

    async def settled(self) -> None:
        async with asyncio.timeout(60):  # hundreds of commits, each of them on the disk
            await self.hits.settled()
            await self.desk.settled()

    async def bodies(self) -> list[Body]:
        rows = self.outbox[0].rows()
        raws = [await self.writer.envelope(row.sequence) for row in rows]
        return [body_of(decode_message(parse(raw).payload)) for raw in raws if raw is not None]

    async def kinds(self) -> list[Kind]:
        return [row.kind for row in self.outbox[0].rows()]


class BrokenDetector:
    """A model that fails."""

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        raise RuntimeError("out of memory")


@asynccontextmanager
async def street(
    folder: Path,
    *,
    redactor: Redactor | None = None,
    evidence: EvidenceSettings | None = None,
    without: Role | None = None,
    runs: bool = True,
) -> AsyncIterator[Street]:
    city = City(folder / "city")
    city.enrol(folder / "identity")
    grants = tuple(grant for grant in city.grants() if grant.role is not without)
    (folder / "identity" / "trust.cbor").write_bytes(city.bundle(1, grants))
    enrolment = load_enrolment(folder / "identity")
    trust = TrustFile(enrolment, folder)
    schedule = Schedule(Pace(), Windows(), random.Random(1))
    opened: list[Outbox] = []

    def open_outbox() -> Outbox:
        limits = Limits(max_rows=1000, max_bytes=100_000_000, max_dead_letters=10)
        opened.append(Outbox.open(folder / "outbox.db", enrolment.who, enrolment.signer, limits))
        return opened[-1]

    eyes = redactor or Redactor(ScriptedDetector([make_detections(FACE)] * 50), ScriptedDetector([]))
    async with Writer(open_outbox, schedule, utc_now, root_said_ms=0) as writer:
        desk = PictureDesk(
            writer, trust, enrolment.who, eyes, evidence or EvidenceSettings(),
            versions=("test/1",), progress=no_progress, step=no_step,
        )  # fmt: skip
        lookback = Lookback(window_s=900, started_s=time.monotonic())
        async with desk:
            hits = HitPath(enrolment.who.city, writer, desk, lookback, no_progress)
            here = Street(writer, hits, desk, opened)
            async with background(hits=hits.run(), pictures=desk.run()) if runs else background():
                yield here


async def until(claim: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not claim():
            await asyncio.sleep(0.01)


async def test_a_matching_read_is_a_hit_with_evidence_and_another_read_is_nothing(tmp_path: Path) -> None:
    async with street(tmp_path) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(make_read(PLATE, track=1), make_read(OTHER, track=2))
        await here.settled()
        hit, evidence, *pieces = await here.bodies()
        assert isinstance(hit, Hit)
        assert (hit.plate, hit.confidence, hit.frame_size) == (PLATE, 970, (1280, 720))
        assert isinstance(evidence, Evidence)
        assert evidence.faces_filled == 1
        assert pieces
        assert all(isinstance(piece, Piece) for piece in pieces)
        assert here.tally.hits == 1
        assert await here.writer.pictures_owed() == ()


async def test_a_full_disk_keeps_the_hit_in_memory_and_reading_goes_on(tmp_path: Path) -> None:
    async with street(tmp_path) as here:
        here.hits.arm(make_index(PLATE))
        database = here.outbox[0]._db
        database.execute("PRAGMA max_page_count = 1").fetchall()
        # Fill what is left of the last page, until SQLite says what a full disk says.
        for track in range(200):
            await here.see(make_read(PLATE, track=track))
            if here.hits.failures:
                break
            await asyncio.sleep(0.02)
        await until(lambda: here.hits.failures > 0)
        seen = here.tally.hits
        await here.see(make_read(PLATE, track=1000))
        assert here.tally.hits == seen + 1
        database.execute("PRAGMA max_page_count = 1000000").fetchall()
        await here.settled()
        assert (await here.kinds()).count(Kind.HIT) == here.tally.hits
        assert here.hits.lost == 0


async def test_if_the_redactor_fails_no_picture_leaves(tmp_path: Path) -> None:
    async with street(tmp_path, redactor=Redactor(BrokenDetector(), ScriptedDetector([]))) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(make_read())
        await here.settled()
        _, unavailable = await here.bodies()
        assert isinstance(unavailable, EvidenceUnavailable)
        assert unavailable.reason == "redaction_failed"


async def test_without_an_evidence_key_no_picture_leaves(tmp_path: Path) -> None:
    async with street(tmp_path, without=Role.EVIDENCE) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(make_read())
        await here.settled()
        unavailable = (await here.bodies())[-1]
        assert isinstance(unavailable, EvidenceUnavailable)
        assert unavailable.reason == "no_evidence_key"


async def test_more_hits_than_places_go_without_a_picture_and_say_so(tmp_path: Path) -> None:
    async with street(tmp_path, evidence=EvidenceSettings(max_pending=2)) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(*[make_read(track=track) for track in range(5)])
        await here.settled()
        bodies = await here.bodies()
        reasons = [body.reason for body in bodies if isinstance(body, EvidenceUnavailable)]
        assert len([body for body in bodies if isinstance(body, Hit)]) == 5
        assert len([body for body in bodies if isinstance(body, Evidence)]) + len(reasons) == 5
        assert set(reasons) <= {"overload"}
        assert here.desk.held == 0


async def test_a_later_vote_amends_once_and_takes_its_text_back_where_nothing_matches(tmp_path: Path) -> None:
    async with street(tmp_path) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(make_read(PLATE, track=1), make_read("EBG0878", track=1, is_amendment=True))
        await here.settled()
        bodies = await here.bodies()
        (amended,) = [body for body in bodies if isinstance(body, HitAmended)]
        assert (amended.matches, amended.plate, amended.observed) == ((), None, None)
        assert len([body for body in bodies if isinstance(body, Hit)]) == 1


async def test_a_later_vote_that_becomes_exact_says_so(tmp_path: Path) -> None:
    async with street(tmp_path) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(make_read(PLATE[:-1], track=1), make_read(PLATE, track=1, is_amendment=True))
        await here.settled()
        (amended,) = [body for body in await here.bodies() if isinstance(body, HitAmended)]
        assert (amended.plate, amended.matches[0].quality) == (PLATE, Quality.EXACT)


async def test_a_track_whose_later_vote_matches_first_says_its_hit_then(tmp_path: Path) -> None:
    async with street(tmp_path) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(make_read(OTHER, track=1), make_read(PLATE, track=1, is_amendment=True))
        await here.settled()
        assert (await here.kinds()).count(Kind.HIT) == 1


async def test_a_list_that_comes_late_finds_the_read_once(tmp_path: Path) -> None:
    async with street(tmp_path) as here:
        await here.see(make_read(PLATE))
        for version in (1, 2):
            here.hits.arm(make_index(PLATE, version=version))
            await here.settled()
        hit, unavailable = await here.bodies()
        assert isinstance(hit, Hit)
        assert (hit.is_from_lookback, hit.hotlist_version) == (True, 1)
        assert isinstance(unavailable, EvidenceUnavailable)
        assert unavailable.reason == "from_lookback"


async def test_a_picture_that_was_pending_at_the_end_is_said_to_be_lost_at_the_next_start(tmp_path: Path) -> None:
    async with street(tmp_path, runs=False) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(make_read())
        async with background(hits=here.hits.run()):
            await here.hits.settled()
        assert len(await here.writer.pictures_owed()) == 1
    identity, box = tmp_path / "identity", tmp_path / "again"
    box.mkdir()
    enrolment = load_enrolment(identity)

    def open_outbox() -> Outbox:
        limits = Limits(max_rows=1000, max_bytes=100_000_000, max_dead_letters=10)
        return Outbox.open(tmp_path / "outbox.db", enrolment.who, enrolment.signer, limits)

    async with Writer(open_outbox, Schedule(Pace(), Windows(), random.Random(1)), utc_now, root_said_ms=0) as writer:
        redactor = Redactor(BrokenDetector(), BrokenDetector())
        desk = PictureDesk(
            writer, TrustFile(enrolment, box), enrolment.who, redactor, EvidenceSettings(),
            versions=(), progress=no_progress, step=no_step,
        )  # fmt: skip
        async with desk:
            assert await writer.pictures_owed() == ()
            assert len(writer.schedule) == 2


@pytest.mark.parametrize("text", [PLATE, OTHER])
async def test_no_log_line_shows_a_plate(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    async with street(tmp_path) as here:
        here.hits.arm(make_index(PLATE))
        await here.see(make_read(text))
        await here.settled()
    assert text not in caplog.text
    assert ("hit" in caplog.text) == (text == PLATE)
