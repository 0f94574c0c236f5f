"""The desk behind the aiming page, with the real models: what it shows, what it holds back, which camera it follows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from camera_health.alterations import Picture

from edge_agent.adapters.aim_record import read_record
from edge_agent.adapters.clips import ClipInfo, write_clip
from edge_agent.core.aim import Advice, NoPicture
from edge_agent.core.boxes import as_slices
from edge_agent.core.detections import Detections, Detector
from edge_agent.core.frames import Frame
from edge_agent.core.redaction import Redactor
from edge_agent.service.aim import AimDesk
from edge_agent.service.tasks import background
from edge_agent.settings import CameraSettings, Settings
from protocol.names import CameraId
from tests.simulators.agent_place import MODELS
from tests.simulators.drawn import astronaut, house_vision

pytestmark = pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them")


class Broken:
    """A detector that fails."""

    def detect(self, image: Picture) -> Detections:
        raise RuntimeError("out of memory")


def portrait() -> Picture:
    return np.asarray(cv2.resize(astronaut()[:288], (960, 540)), np.uint8)


def play() -> Iterator[Picture]:
    for _ in range(10):
        yield portrait()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two cameras: one plays a portrait, the other is not there."""
    clip = tmp_path / "portrait.mp4"
    write_clip(clip, ".mp4", ClipInfo(960, 540, Fraction(5), 0), play())
    cameras = (
        CameraSettings(camera="north", url=str(clip), loop=True),
        CameraSettings(camera="south", url=str(tmp_path / "none.mp4")),
    )
    return Settings(data_dir=tmp_path, cameras=cameras)


def frame() -> Frame:
    return Frame(CameraId("north"), 0, datetime.now(UTC), 1.0, portrait())


async def test_a_picture_is_shown_with_its_faces_covered(settings: Settings) -> None:
    async with AimDesk(settings, house_vision()) as desk, background(desk=desk.run()):
        look = await desk.after(0, 60)
        assert look.aim is not None
        assert look.aim.advice in {Advice.WAIT, Advice.FOCUS}
        assert look.jpeg is not None
        assert desk.picture(look.number) == look.jpeg
        shown = cv2.imdecode(np.frombuffer(look.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert shown is not None
        (face,) = house_vision().faces.detect(portrait()).xyxy
        covered = shown[as_slices(face, *shown.shape[:2])]
        assert covered.max() < 16, "solid, but for what JPEG makes of it"
        later = await desk.after(look.number, 60)
        assert later.number > look.number
    assert desk.picture(later.number) is None, "nothing is kept when the page is closed"
    assert read_record(settings.data_dir, "north") is None, "no plate was seen"


@pytest.mark.parametrize("broken", ["faces", "plates"])
async def test_if_the_redactor_fails_there_is_no_picture(broken: str, settings: Settings) -> None:
    detectors: dict[str, Detector] = {"faces": house_vision().faces, "plates": house_vision().plates, broken: Broken()}
    async with AimDesk(settings, replace(house_vision(), redactor=Redactor(**detectors))) as desk:
        look = desk._look(frame())
    assert look.jpeg is None
    assert look.missing is NoPicture.NOT_REDACTED
    assert look.aim is not None, "the figures go on"


async def test_a_camera_that_sends_nothing_is_said_to_be_silent_and_another_can_be_chosen(settings: Settings) -> None:
    async with AimDesk(settings, house_vision()) as desk, background(desk=desk.run()):
        desk.choose("south")
        desk.choose("no-such-camera")
        assert desk.camera == "south"
        silent = await desk.after(0, 0.5)
        assert (silent.camera, silent.jpeg, silent.missing) == ("south", None, NoPicture.SILENT)
        desk.choose("north")
        look = await desk.after(0, 60)
        assert (look.camera, look.missing) == ("north", None)
