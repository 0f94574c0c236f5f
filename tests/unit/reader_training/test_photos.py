"""Real photographs: the split is kept, a tenth never teaches, boxes are loosened within bounds."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from reader_training.photos import Photos, crop_of, is_held_back, loosened

COUNT = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of two tables; the pictures of the split `test` are missing on purpose."""
    root = tmp_path_factory.mktemp("photographs")
    scene = np.full((200, 300, 3), 60, np.uint8)
    scene[100:120, 100:160] = 255
    cv2.imwrite(str(root / "scene.png"), scene)
    rows = [f"crop{number}.png,tx,ab-{number:02},train" for number in range(COUNT)]
    for number in range(COUNT):
        cv2.imwrite(str(root / f"crop{number}.png"), np.full((300, 600, 3), 220, np.uint8))
    unreadable = "crop0.png,tx,0,train"
    (root / "crops.csv").write_text(
        "\n".join(["file,us_state,plate,split", *rows, unreadable, "missing.png,tx,XX1,test", ""])
    )
    (root / "scenes.csv").write_text(
        "file,x,y,w,h,plate,split\nscene.png,100,100,60,20,M5-XSX,train\nmissing.png,1,1,9,9,A1,test\n"
    )
    return root


def test_only_the_split_train_is_read_and_only_texts_that_teach(folder: Path) -> None:
    photos = Photos.load(folder)
    texts = sorted(photo.text for photo in (*photos.teaching, *photos.held_back))
    assert texts == sorted(["M5XSX", *(f"AB{number:02}" for number in range(COUNT))])


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
