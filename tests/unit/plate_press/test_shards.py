"""Shards of pressed plates: whole, repeatable, and never made twice."""

from pathlib import Path

import numpy as np
from plate_press.shards import make_all, orders


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    todo = orders(tmp_path, seed=3, count=25, size=10)
    first = next(iter(make_all(todo, workers=1)))
    stamp = first.path.stat().st_mtime_ns
    made = list(make_all(todo, workers=1))
    assert [order.count for order in made] == [10, 5]
    assert first.path.stat().st_mtime_ns == stamp
    assert sorted(p.name for p in tmp_path.iterdir()) == [order.path.name for order in todo]


def test_a_shard_holds_the_readers_input_and_its_labels(tmp_path: Path) -> None:
    (order,) = make_all(orders(tmp_path, seed=4, count=12), workers=1)
    with np.load(order.path) as shard:
        assert shard["images"].shape == (12, 64, 160, 3)
        assert shard["images"].dtype == np.uint8
        assert [rows.replace(" ", "") for rows in shard["rows"]] == list(shard["texts"])
        assert ((shard["widths_px"] == 0) == (shard["kinds"] == "none")).all()


def test_a_shard_follows_from_its_seed_alone(tmp_path: Path) -> None:
    shards = [next(iter(make_all(orders(tmp_path / name, seed=5, count=6), workers=1))).path for name in "ab"]
    with np.load(shards[0]) as one, np.load(shards[1]) as other:
        assert all(np.array_equal(one[field], other[field]) for field in one.files)


def test_shards_of_chosen_kinds_hold_no_other(tmp_path: Path) -> None:
    (order,) = make_all(orders(tmp_path, seed=6, count=4, kinds=("us", "none")), workers=1)
    with np.load(order.path) as shard:
        assert list(shard["kinds"]) == ["us", "none", "us", "none"]
