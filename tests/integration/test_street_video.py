"""The rendered street: a real H.264 file whose script tells what is in it."""

from pathlib import Path
from random import Random

import av
import numpy as np
import pytest
from street.plates import PlateClass, draw_plates
from street.render import render_street
from street.script import StreetScript, load_script
from street.traffic import Wish

SIZE = (640, 360)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StreetScript]:
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    return path, render_street(path, seconds=5, fps=5, size=SIZE, seed=3)


def test_the_file_holds_as_many_frames_of_that_size_as_its_script_says(video: tuple[Path, StreetScript]) -> None:
    path, script = video
    with av.open(str(path)) as container:
        frames = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert frames == [SIZE] * script.frames


def test_the_script_beside_the_video_is_the_one_returned(video: tuple[Path, StreetScript]) -> None:
    path, script = video
    assert load_script(path) == script


def test_every_vehicle_can_be_read_and_its_plate_is_where_the_script_says(video: tuple[Path, StreetScript]) -> None:
    path, script = video
    assert script.vehicles
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    for vehicle in script.vehicles:
        assert vehicle.readable is not None
        index, x0, y0, x1, y1 = next(box for box in vehicle.plate_boxes if box[0] == vehicle.readable[0])
        plate = frames[index][int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
        assert plate.max() > 190, "a plate has a white ground"
        assert plate.min() < 90, "and dark characters"


def test_rendering_again_gives_the_same_pictures(video: tuple[Path, StreetScript], tmp_path: Path) -> None:
    path, script = video
    again = render_street(tmp_path / "again.mp4", seconds=5, fps=5, size=SIZE, seed=3)
    assert again == script
    with av.open(str(path)) as one, av.open(str(tmp_path / "again.mp4")) as other:
        for a, b in zip(one.decode(video=0), other.decode(video=0), strict=True):
            assert np.array_equal(a.to_ndarray(), b.to_ndarray())


def test_a_test_may_name_the_vehicles_that_drive_by(tmp_path: Path) -> None:
    plates = draw_plates([PlateClass.PRIVATE, PlateClass.MOTORCYCLE], Random(8))
    wishes = [Wish(plates[0], is_on_hotlist=True), Wish(plates[1], is_approaching=False)]
    script = render_street(tmp_path / "named.mp4", seconds=5, fps=5, size=SIZE, vehicles=wishes)
    assert [v.plate for v in script.vehicles] == [p.text for p in plates]
    assert script.expected_hits == [plates[0].text]
