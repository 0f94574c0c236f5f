"""Real photographs: the split is kept, a tenth never teaches, boxes are loosened within bounds."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from reader_training.photos import Photos, crop_of, is_held_back, loosened

COUNT = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of two tables; what the split `test` names are no pictures, on purpose."""
    root = tmp_path_factory.mktemp("photographs")
    (root / "scenes").mkdir()
    (root / "crops").mkdir()
    scene = np.full((200, 300, 3), 60, np.uint8)
    scene[100:120, 100:160] = 255
    cv2.imwrite(str(root / "scenes/0.png"), scene)
    rows = [f"crops/{number}.png,tx,ab-{number:02},train" for number in range(COUNT)]
    unreadable = f"crops/{COUNT}.png,tx,0,train"
    for number in range(COUNT + 1):
        cv2.imwrite(str(root / f"crops/{number}.png"), np.full((300, 600, 3), 220, np.uint8))
    for name in ("scenes/test.png", "crops/test.png"):
        (root / name).write_text("closed to the trainer")
    (root / "crops.csv").write_text(
        "\n".join(["file,us_state,plate,split", *rows, unreadable, "crops/test.png,tx,XX1,test", ""])
    )
    (root / "scenes.csv").write_text(
        "file,x,y,w,h,plate,split\nscenes/0.png,100,100,60,20,M5-XSX,train\nscenes/test.png,1,1,9,9,A1,test\n"
    )
    return root


def test_only_the_split_train_is_read_and_only_texts_that_teach(folder: Path) -> None:
    photos = Photos.load(folder)
    texts = sorted(photo.text for photo in (*photos.teaching, *photos.held_back))
    assert texts == sorted(["M5XSX", *(f"AB{number:02}" for number in range(COUNT))])


def test_a_folder_that_is_not_as_it_should_be_ends_the_program_with_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"scenes\.csv is missing"):
        Photos.load(tmp_path)
    (tmp_path / "scenes").symlink_to(folder / "scenes")
    (tmp_path / "crops.csv").write_text("file,plate,split\n")
    (tmp_path / "scenes.csv").write_text("file,x,y,w,h,plate,split\nscenes/test.png,1,1,9,9,A1,train\n")
    with pytest.raises(SystemExit, match=r"test\.png cannot be read as a picture"):
        Photos.load(tmp_path)


def test_what_is_held_back_never_teaches_and_is_about_a_tenth(folder: Path) -> None:
    photos = Photos.load(folder)
    assert not {photo.source for photo in photos.teaching} & {photo.source for photo in photos.held_back}
    assert 0.05 < np.mean([is_held_back(f"{number}.jpg") for number in range(5000)]) < 0.15


def test_a_wide_plate_is_kept_no_wider_than_need_be_and_its_box_with_it(folder: Path) -> None:
    photos = Photos.load(folder)
    bare = next(photo for photo in photos.teaching if photo.is_bare)
    assert bare.image.shape == (120, 240, 3)
    assert bare.xyxy == (0, 0, 240, 120)


def test_a_scene_keeps_its_plates_surroundings(folder: Path) -> None:
    photos = Photos.load(folder)
    scene = next(photo for photo in (*photos.teaching, *photos.held_back) if not photo.is_bare)
    left, top, right, bottom = (round(side) for side in scene.xyxy)
    assert (scene.image[top:bottom, left:right] == 255).all()
    assert scene.image.shape == (44, 132, 3)


def test_boxes_are_loosened_within_what_a_detector_does() -> None:
    rng = np.random.default_rng(1)
    boxes = np.array([loosened((100, 100, 200, 140), rng) for _ in range(500)])
    sides = np.array([100, 40, 100, 40])
    grown = (np.array([100, 100, 200, 140]) - boxes) * [1, 1, -1, -1] / sides
    assert grown.min() >= -0.09 - 1e-9
    assert grown.max() <= 0.31 + 1e-9
    assert len(np.unique(boxes)) > 1900


def test_the_same_chance_gives_the_same_crop(folder: Path) -> None:
    photos = Photos.load(folder)
    grounds = tuple(photo for photo in photos.teaching if not photo.is_bare)
    for photo in photos.teaching[:8]:
        one, other = (crop_of(photo, np.random.default_rng(9), grounds) for _ in range(2))
        assert one.shape == (64, 160, 3)
        np.testing.assert_array_equal(one, other)
