"""The folder of photographs is read as its README says, or refused with file and line."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from accuracy.pictures import BadData, load

SCENES = "file,x,y,w,h,plate,split\n"
CROPS = "file,us_state,plate,split\n"
Folder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> Folder:
    def make(scenes: str = "", crops: str = "", *, head: str = SCENES) -> Path:
        for name in ("scenes_eu/a.png", "scenes_br/b.png", "crops_us/c.png"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name), np.zeros((20, 30, 3), np.uint8))
        (tmp_path / "scenes.csv").write_text(head + scenes)
        (tmp_path / "crops.csv").write_text(CROPS + crops)
        return tmp_path

    return make


def test_boxes_become_corners_and_labels_letters_and_digits(make_folder: Folder) -> None:
    folder = make_folder(
        "scenes_eu/a.png,1,2,10,5,ab-12 c,test\nscenes_br/b.png,0,0,3,3,XYZ1234,train\n",
        "crops_us/c.png,tx,GB 1,test\n",
    )
    scene, crop = load(folder, "test")
    assert (scene.group, scene.text, scene.box) == ("scenes_eu", "AB12C", (1, 2, 11, 7))
    assert (crop.group, crop.text, crop.box) == ("crops_us", "GB1", None)
    assert scene.pixels().shape == (20, 30, 3)
    assert [picture.text for picture in load(folder, "train")] == ["XYZ1234"]


def test_a_box_that_was_drawn_over_the_rim_ends_there(make_folder: Folder) -> None:
    (picture,) = load(make_folder("scenes_eu/a.png,-1,2,10,5,AB12,test\n"), "test")
    assert picture.box == (0, 2, 9, 7)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("scenes_eu/a.png,1,2,ten,5,AB12,test", "line 2: x, y, w, h are not all numbers"),
        ("scenes_eu/a.png,1,2,0,5,AB12,test", "line 2: the box is empty"),
        ("scenes_eu/a.png,-9,2,4,5,AB12,test", "line 2: the box is empty or outside"),
        ("scenes_eu/a.png,1,2,nan,5,AB12,test", "line 2: the box is empty"),
        ("scenes_eu/a.png,1,2,4,5,--,test", "no letter or digit"),
        ("scenes_eu/a.png,1,2,4,5,AB12,valid", "'valid' is neither train nor test"),
        ("scenes_eu/z.png,1,2,4,5,AB12,test", "there is no scenes_eu/z.png"),
        ("../a.png,1,2,4,5,AB12,test", "is not FOLDER/NAME"),
        ("/etc/passwd,1,2,4,5,AB12,test", "is not FOLDER/NAME"),
        ("scenes_eu/a.png,1,2,4,5,AB12", "another number of fields"),
        ("scenes_eu/a.png,1,2,4,5,AB12,test,more", "another number of fields"),
        (
            "scenes_eu/a.png,1,2,4,5,AB12,test\nscenes_eu/a.png,1,2,4,5,AB12,test",
            "line 3: scenes_eu/a.png is there twice",
        ),
    ],
)
def test_a_bad_row_stops_the_run_and_is_named(make_folder: Folder, row: str, complaint: str) -> None:
    with pytest.raises(BadData, match=complaint):
        load(make_folder(row + "\n"), "test")


def test_missing_columns_files_and_pictures_are_named(make_folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="lacks the columns h, split"):
        load(make_folder(head="file,x,y,w,plate\n"), "test")
    with pytest.raises(BadData, match="no picture of split test"):
        load(make_folder("scenes_eu/a.png,1,2,4,5,AB12,train\n"), "test")
    (tmp_path / "scenes.csv").unlink()
    with pytest.raises(BadData, match=r"scenes\.csv is missing"):
        load(tmp_path, "test")


def test_a_file_that_is_no_picture_is_named(make_folder: Folder) -> None:
    folder = make_folder("scenes_eu/a.png,1,2,4,5,AB12,test\n")
    (folder / "scenes_eu/a.png").write_text("not a picture")
    (picture,) = load(folder, "test")
    with pytest.raises(BadData, match=r"scenes_eu/a\.png cannot be read"):
        picture.pixels()
