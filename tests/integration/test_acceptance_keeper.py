"""The agent's keeper of acceptances and its watch over scenes, on a real outbox: what lasts is told, and once."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.adapters.acceptance_file import read_acceptance
from edge_agent.adapters.capture import CaptureStats
from edge_agent.adapters.keystore import load_enrolment
from edge_agent.adapters.outbox import Limits, Outbox
from edge_agent.core.acceptance import acceptance_of
from edge_agent.core.checks import passed
from edge_agent.core.delivery import Schedule, Windows
from edge_agent.core.frames import Frame
from edge_agent.errors import BadAcceptance
from edge_agent.service.acceptance import AcceptanceKeeper
from edge_agent.service.scenes import SceneWatch
from edge_agent.service.tasks import background
from edge_agent.service.timekeeper import utc_now
from edge_agent.service.writer import Writer
from edge_agent.settings import SceneSettings
from protocol.delivery import Pace
from protocol.envelope import parse
from protocol.messages import Body, CameraState, body_of, decode_message
from protocol.names import CameraId
from protocol.point_messages import Acceptance, CameraCondition, Condition, Verdict
from tests.simulators.altered import StreetCamera, photograph
from tests.simulators.city import City

NORTH = CameraId("north")
QUICK = SceneSettings(every_s=0.2, begin_s=1, end_s=1, picture_every_s=10)


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    """An outbox of an enrolled box."""
    City(tmp_path / "city").enrol(tmp_path / "identity", port=1, artefacts=1)
    enrolment = load_enrolment(tmp_path / "identity")
    schedule = Schedule(Pace(1, 1), Windows(urgent=1, ordinary=1, bulk=1), random.Random(1))

    def open_outbox() -> Outbox:
        return Outbox.open(tmp_path / "outbox.db", enrolment.who, enrolment.signer, Limits(100, 10**7, 10))

    async with Writer(open_outbox, schedule, utc_now, root_said_ms=0) as opened:
        yield opened


async def said(writer: Writer) -> list[Body]:
    """What the outbox holds, in order."""
    bodies = []
    for sequence in range(1, (await writer.holdings()).rows + 1):
        raw = await writer.envelope(sequence)
        assert raw is not None
        bodies.append(body_of(decode_message(parse(raw).payload)))
    return bodies


def stats(state: CameraState) -> CaptureStats:
    counted: dict[str, Any] = dict.fromkeys(
        ("frames_in", "sampled_out", "dropped", "delivered", "reconnects", "decode_errors", "stalls"), 0
    )
    return CaptureStats(state=state, state_since=datetime.now(UTC), fps_in=10, live_s=1, fault=None, **counted)


async def no_picture(image: NDArray[np.uint8]) -> bytes | None:
    return None


async def test_drift_from_an_acceptance_is_told_once_and_so_is_its_end(writer: Writer, tmp_path: Path) -> None:
    now = {NORTH: stats(CameraState.LIVE)}
    scenes = SceneWatch([NORTH], writer, no_picture, tmp_path, QUICK)
    keeper = AcceptanceKeeper(writer, scenes, lambda: now, tmp_path, ("agent/1",))
    assert not await keeper.compare(), "nothing was accepted"
    body = acceptance_of(
        [passed("camera", "10/s", camera="north")], technician="Ana", profile="n100", versions=(), accepted_ms=7
    )
    answer = await keeper.accept(msgspec.json.encode(body).decode())
    kept = read_acceptance(tmp_path)
    assert kept is not None
    assert (kept.hash, kept.acceptance.versions) == (answer["hash"], ("agent/1",))
    assert [await keeper.compare() for _ in range(3)] == [False, False, False]
    now[NORTH] = stats(CameraState.STALLED)
    assert [await keeper.compare() for _ in range(3)] == [False, True, False]
    again = AcceptanceKeeper(writer, scenes, lambda: now, tmp_path, ("agent/1",))
    assert [await again.compare() for _ in range(3)] == [False, False, False], "a restart tells nothing twice"
    now[NORTH] = stats(CameraState.LIVE)
    assert [await again.compare() for _ in range(3)] == [False, True, False]
    accepted, begun, ended = await said(writer)
    assert isinstance(accepted, Acceptance)
    assert isinstance(begun, Acceptance)
    assert isinstance(ended, Acceptance)
    assert [each.is_drift for each in (accepted, begun, ended)] == [False, True, True]
    assert (begun.accepted_ms, begun.verdict, begun.checks[0].value) == (7, Verdict.FAIL, "stalled")
    assert [(each.check, each.camera, each.verdict) for each in ended.checks] == [("camera", "north", Verdict.PASS)]


async def test_what_is_no_acceptance_is_not_signed(writer: Writer, tmp_path: Path) -> None:
    scenes = SceneWatch([NORTH], writer, no_picture, tmp_path, QUICK)
    keeper = AcceptanceKeeper(writer, scenes, dict, tmp_path, ())
    with pytest.raises(BadAcceptance, match="not an acceptance"):
        await keeper.accept("{}")
    assert await said(writer) == []
    assert read_acceptance(tmp_path) is None


async def test_a_stream_that_stands_still_is_told_as_frozen_and_new_pictures_end_it(
    writer: Writer, tmp_path: Path
) -> None:
    now = {NORTH: stats(CameraState.LIVE)}
    scenes = SceneWatch([NORTH], writer, no_picture, tmp_path, QUICK)
    loop, image = asyncio.get_running_loop(), photograph("coffee.png")
    street = StreetCamera("coffee.png", scenes._cameras[NORTH].health)

    def show() -> None:
        noisy = np.clip(image + street._rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
        scenes.see(Frame(NORTH, 0, datetime.now(UTC), loop.time(), noisy))

    async def told(count: int) -> list[Body]:
        async with asyncio.timeout(30):
            while (await writer.holdings()).rows < count:
                if now[NORTH].state is CameraState.LIVE:
                    await asyncio.to_thread(show)
                await asyncio.sleep(0.05)
        return await said(writer)

    async with background(scenes=scenes.run(lambda: now)):
        await asyncio.to_thread(show)
        now[NORTH] = stats(CameraState.STALLED)
        (begun,) = await told(1)
        assert isinstance(begun, CameraCondition)
        assert (begun.condition, begun.is_active) == (Condition.FROZEN, True)
        assert scenes.active(NORTH) == (Condition.FROZEN,)
        now[NORTH] = stats(CameraState.LIVE)
        _, ended = await told(2)
    assert isinstance(ended, CameraCondition)
    assert (ended.condition, ended.is_active) == (Condition.FROZEN, False)
