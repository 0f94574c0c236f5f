"""Composites: repeatable, with the boxes of what they show, and without those of what they do not."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from detector_training import augment, composites, shelf
from detector_training.composites import SIDE_PX, Composite, compose
from detector_training.scenes import Scene, read_scenes
from detector_training.stock import Stock, View

PLATE = np.array([[300, 380, 460, 440]], np.float32)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """One street scene, one photographed plate, one rendered frame: all of them noise with a bright board."""
    folder, rng = tmp_path_factory.mktemp("stock"), np.random.default_rng(1)
    picture = rng.integers(60, 120, (600, 800, 3), np.uint8)
    picture[380:440, 300:460] = 230
    cv2.imwrite(str(folder / "scene.png"), picture)
    cv2.imwrite(str(folder / "crop.png"), np.full((100, 200, 3), 240, np.uint8))
    scene = Scene(folder / "scene.png", PLATE, np.zeros((0, 4), np.float32))
    return Stock((scene,), (folder / "crop.png",), (View(picture, PLATE),))


def test_the_same_seed_makes_the_same_composite(stock: Stock) -> None:
    one, other = (compose(np.random.default_rng(5), stock) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.boxes, other.boxes)
    assert (compose(np.random.default_rng(6), stock).image != one.image).any()


@pytest.mark.parametrize("seed", range(12))
def test_boxes_lie_in_the_picture_and_have_an_area(stock: Stock, seed: int) -> None:
    made = compose(np.random.default_rng(seed), stock)
    assert made.image.shape == (SIDE_PX, SIDE_PX, 3)
    assert (made.boxes >= 0).all()
    assert (made.boxes <= SIDE_PX).all()
    assert (made.boxes[:, 2:] > made.boxes[:, :2]).all()


def test_a_plate_that_is_mostly_outside_loses_its_label_and_its_looks() -> None:
    image = np.full((200, 200, 3), 90, np.uint8)
    image[80:120, :30] = 250
    left = composites._without_cut_plates(View(image, np.array([[-70, 80, 30, 120]], np.float32)))
    assert len(left.boxes) == 0
    assert left.image[90:110, 5:25].mean() < 130


def test_a_plate_cut_a_little_keeps_the_part_that_is_seen() -> None:
    image = np.full((200, 200, 3), 90, np.uint8)
    left = composites._without_cut_plates(View(image, np.array([[-20, 80, 80, 120]], np.float32)))
    np.testing.assert_allclose(left.boxes, [[0, 80, 80, 120]])


@pytest.mark.parametrize("seed", range(12))
def test_a_window_moves_plate_and_label_alike(seed: int) -> None:
    image = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    image[200:260, 250:400] = (0, 0, 255)
    shown, boxes = augment._window(
        Composite(image, np.array([[250, 200, 400, 260]], np.float32)), 448, np.random.default_rng(seed)
    )
    red = np.argwhere((shown[..., 2] > 128) & (shown[..., 0] < 60))
    if not len(boxes):
        assert len(red) < 0.5 * 150 * 60
        return
    low, high = red.min(axis=0), red.max(axis=0) + 1
    np.testing.assert_allclose(boxes[0], [low[1], low[0], high[1], high[0]], atol=1.5)


def test_what_is_on_the_shelf_comes_back_and_is_not_made_again(stock: Stock, tmp_path: Path) -> None:
    assert list(shelf.fill(tmp_path, 2, 7, stock)) == [1, 2]
    made = compose(np.random.default_rng([7, 1]), stock)
    np.testing.assert_allclose(shelf.read(tmp_path, 1).boxes, made.boxes, atol=0.01)
    (tmp_path / "images" / "000000.jpg").unlink()
    list(shelf.fill(tmp_path, 3, 7, stock))
    assert not (tmp_path / "images" / "000000.jpg").exists()
    assert shelf.numbers(tmp_path) == [0, 1, 2]


def test_a_tenth_of_the_scenes_chooses_and_the_rest_teaches(tmp_path: Path) -> None:
    rows = [f"s/{number}.jpg,1,2,30,10,AB1,{'test' if number % 3 == 0 else 'train'}" for number in range(300)]
    (tmp_path / "scenes.csv").write_text("\n".join(["file,x,y,w,h,plate,split", *rows]), encoding="utf-8")
    (tmp_path / "crops.csv").write_text("file,plate,split\n", encoding="utf-8")
    (tmp_path / "s").mkdir()
    for number in range(300):
        (tmp_path / "s" / f"{number}.jpg").touch()
    scenes = read_scenes(tmp_path)
    assert len(scenes) == 200
    assert 8 <= sum(scene.is_held_out for scene in scenes) <= 35
    np.testing.assert_allclose(scenes[0].box, [[1, 2, 31, 12]])
