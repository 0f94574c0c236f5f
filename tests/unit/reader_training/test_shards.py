"""Pressed plates in memory, the damage done to them, and the batches drawn."""

from pathlib import Path

import numpy as np
import pytest
from reader_training.augment import DAMAGES, augment
from reader_training.shards import HELD_BACK_EVERY, Pressed, Shard, batch_of


def write_shard(path: Path, rows: list[str], first: int = 0) -> None:
    """A shard as the press writes it; picture n is as bright as its number."""
    images = np.stack([np.full((64, 160, 3), (first + number) % 256, np.uint8) for number in range(len(rows))])
    kinds = np.array(["us"] * len(rows))
    np.savez(path, images=images, texts=np.array(rows), rows=np.array(rows), kinds=kinds, widths_px=np.ones(len(rows)))


@pytest.fixture
def pressed(tmp_path: Path) -> Pressed:
    write_shard(tmp_path / "shard-1-0000.npz", [f"A{number:03} BC" for number in range(100)])
    write_shard(tmp_path / "shard-1-0001.npz", [f"B{number:03}" for number in range(100)], first=100)
    found = Pressed(tmp_path)
    found.look_again()
    return found


def test_new_shards_are_taken_up_and_half_written_ones_are_not(pressed: Pressed) -> None:
    write_shard(pressed.folder / "shard-2-0000.npz", ["C1"] * 50)
    write_shard(pressed.folder / "shard-2-0001.part.npz", ["D1"] * 50)
    assert pressed.look_again() == 250
    assert pressed.look_again() == 250


def test_what_is_held_back_never_comes_in_a_batch(pressed: Pressed) -> None:
    rng = np.random.default_rng(2)
    drawn = {rows for _, rows in (pressed.pick(rng) for _ in range(4000))}
    held = {rows for _, rows, _ in pressed.held_back(1000)}
    assert held == {("A000", "BC"), ("A064", "BC"), ("B000",), ("B064",)}
    assert len(drawn) == 200 - len(held)
    assert not drawn & held
    assert HELD_BACK_EVERY == 64


def test_plates_of_two_lines_are_drawn_more_often_than_they_come(pressed: Pressed) -> None:
    rng = np.random.default_rng(3)
    drawn = [len(rows) for _, rows in (pressed.pick(rng) for _ in range(3000))]
    assert 0.65 < drawn.count(2) / len(drawn) < 0.78


def test_a_line_that_the_network_cannot_say_is_not_taken(tmp_path: Path) -> None:
    write_shard(tmp_path / "shard-1-0000.npz", ["A1", "A" * 30, "", "B2 C3"])
    shard = Shard.load(tmp_path / "shard-1-0000.npz")
    assert shard.rows == (("A1",), (), ("B2", "C3"))
    assert shard.images[:, 0, 0, 0].tolist() == [0, 2, 3]


def test_a_batch_follows_from_its_seed(pressed: Pressed) -> None:
    one, same, other = (batch_of(pressed, (), 4, 16, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.pictures, same.pictures)
    np.testing.assert_array_equal(one.symbols, same.symbols)
    assert not np.array_equal(one.pictures, other.pictures)
    assert one.lengths.sum() == len(one.symbols)
    assert len(one.lengths) == 32


@pytest.mark.parametrize("damage", [damage for _, damage in DAMAGES], ids=lambda damage: damage.__name__)
def test_damage_changes_a_picture_and_leaves_it_one(damage: object) -> None:
    assert callable(damage)
    picture = np.random.default_rng(1).integers(0, 255, (64, 160, 3), np.uint8)
    damaged = damage(picture.copy(), np.random.default_rng(4))
    assert damaged.shape == picture.shape
    assert damaged.dtype == np.uint8
    assert not np.array_equal(damaged, picture)


def test_damage_does_not_write_into_the_shard(pressed: Pressed) -> None:
    before = pressed.shards[0].images.copy()
    rng = np.random.default_rng(6)
    for image in pressed.shards[0].images:
        augment(image, rng)
    np.testing.assert_array_equal(pressed.shards[0].images, before)
