"""The running agent tells that a camera was covered and uncovered again, in messages whose pictures show no face."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import dropwhile
from pathlib import Path

import cv2
import numpy as np
import pytest
from camera_health.alterations import Picture, noisy

from edge_agent.adapters.clips import ClipInfo, write_clip
from edge_agent.adapters.faces_openvino import COUNTING_CONFIDENCE
from edge_agent.adapters.pictures import encode_thumbnail
from edge_agent.adapters.scene_memory import recall
from edge_agent.core.scene import Light
from protocol.fields import THUMBNAIL_BYTES
from protocol.point_messages import CameraCondition, Condition
from tests.simulators.agent_place import MODELS, QUICK, AgentPlace
from tests.simulators.aggregator_peer import until
from tests.simulators.drawn import astronaut, house_vision

SIZE_PX = (960, 540)
FPS = 5
GOOD_S, COVERED_S = 9, 5
SCENES = QUICK.replace("lock_memory", "face_count_interval_s = 600.0\nlock_memory") + (
    "[scenes]\nevery_s = 0.2\nbegin_s = 1.5\nend_s = 1.5\npicture_every_s = 10.0\n"
)
PATIENCE_S = 200  # the machine may be busy; none of these waits is a measurement
FACE = (slice(60, 90), slice(130, 148))
"""Middle of the face in what is told, 320 x 180."""

pytestmark = [
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(2 * PATIENCE_S),
]


def face_in_the_street() -> Picture:
    """A real photograph with one face, cut to a camera's shape."""
    image = astronaut()[:288]
    return np.asarray(cv2.resize(image, SIZE_PX, interpolation=cv2.INTER_CUBIC), np.uint8)


def play() -> Iterator[Picture]:
    """Well for a while, then covered for a moment, over and over when the clip is looped."""
    street, rng = face_in_the_street(), np.random.default_rng(1)
    covered = np.full_like(street, (90, 120, 90))
    for shown, seconds in ((street, GOOD_S), (covered, COVERED_S)):
        for _ in range(seconds * FPS):
            yield noisy(shown, rng, 4.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("covered") / "covered.mp4"
    write_clip(path, ".mp4", ClipInfo(*SIZE_PX, Fraction(FPS), 0), play())
    return path


def decoded(jpeg: bytes | None) -> Picture:
    assert jpeg is not None
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def told_of_a_known_scene(place: AgentPlace) -> list[CameraCondition]:
    """What was told of covers once the scene was learned, which a busy machine may not manage before the first.

    A machine that stands still for a while makes the stream stand still, which is told too, and is another matter.
    """
    told: list[CameraCondition] = place.peer.bodies(CameraCondition)
    covers = [each for each in told if each.condition is Condition.BLOCKED]
    return list(dropwhile(lambda each: not (each.is_active and each.before.edges), covers))


def test_a_covered_camera_is_told_with_redacted_pictures_and_so_is_its_end(clip: Path, tmp_path: Path) -> None:
    faces = house_vision().faces
    assert len(faces.detect(face_in_the_street())) == 1
    small = encode_thumbnail(face_in_the_street(), width_px=320, max_bytes=THUMBNAIL_BYTES)
    assert len(faces.detect(decoded(small)).above(COUNTING_CONFIDENCE)) == 1, "the search below can find"
    assert decoded(small)[FACE].max() > 120
    with AgentPlace(tmp_path, settings=SCENES) as place:
        place.arm([])
        agent = place.start("--camera", f"entrance={clip}", "--loop")
        until(lambda: len(told_of_a_known_scene(place)) >= 2, timeout_s=PATIENCE_S)
        begun, ended = told_of_a_known_scene(place)[:2]
        assert [(each.camera, each.condition) for each in (begun, ended)] == [("entrance", Condition.BLOCKED)] * 2
        assert (begun.is_active, ended.is_active) == (True, False)
        assert begun.since_ms < ended.since_ms
        assert begun.after.edges < begun.before.edges / 2
        before, after = decoded(begun.before_jpeg), decoded(begun.after_jpeg)
        assert before.shape == after.shape == (180, 320, 3)
        assert after.std() < before.std() / 3
        for picture in (before, decoded(ended.after_jpeg)):
            assert len(faces.detect(picture).above(COUNTING_CONFIDENCE)) == 0
            assert picture[FACE].max() < 60, "the face is filled"
        until(lambda: recall(place.data_dir, "entrance").references)
        (camera,) = place.status()["cameras"]
        assert set(camera["conditions"]) <= {"blocked", "frozen"}
        agent.terminate()
        assert agent.wait(timeout=PATIENCE_S) == 0, place.log.read_text()
        kept = recall(place.data_dir, "entrance").references[Light.DAY]
        assert kept.is_learned
