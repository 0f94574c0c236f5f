"""The list at rest: little is written for a little change, and what lies there is one list or another, no mixture."""

import hashlib
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge_agent.adapters.hotlist_shelf import NAME, SINCE, KeptList, SealedShelf, open_shelf
from edge_agent.adapters.vault import Vault
from protocol.hotlist import encode_snapshot

VAULT = Vault(bytes(32), is_hardware=False)


def list_of(version: int, *numbers: int) -> KeptList:
    """A list whose batches are stand-ins, and its stand-in of a manifest."""
    batches = [hashlib.sha256(bytes([number])).digest() * 20 for number in numbers]
    return KeptList(b"manifest %d" % version, encode_snapshot(version, batches, []))


ONE, TWO, THREE = list_of(1, *range(50)), list_of(2, *range(51)), list_of(3, *range(1, 52))
OTHER = list_of(4, *range(100, 150))


@pytest.fixture
def shelf(tmp_path: Path) -> SealedShelf:
    return shelf_in(tmp_path)


def shelf_in(folder: Path) -> SealedShelf:
    return SealedShelf(folder / NAME, VAULT)


def test_a_little_change_is_written_beside_the_whole(shelf: SealedShelf, tmp_path: Path) -> None:
    shelf.keep(ONE)
    whole = (tmp_path / NAME).read_bytes()
    for kept in (TWO, THREE):
        shelf.keep(kept)
        assert (tmp_path / NAME).read_bytes() == whole
        assert (tmp_path / SINCE).stat().st_size < len(whole) / 8
        assert shelf_in(tmp_path).take() == kept


def test_a_box_that_was_off_goes_on_where_it_was(shelf: SealedShelf, tmp_path: Path) -> None:
    shelf.keep(ONE)
    shelf.keep(TWO)
    again = shelf_in(tmp_path)
    assert again.take() == TWO
    whole = (tmp_path / NAME).read_bytes()
    again.keep(THREE)
    assert (tmp_path / NAME).read_bytes() == whole
    assert shelf_in(tmp_path).take() == THREE


def test_a_great_change_is_written_whole(shelf: SealedShelf, tmp_path: Path) -> None:
    shelf.keep(ONE)
    shelf.keep(TWO)
    shelf.keep(OTHER)
    assert not (tmp_path / SINCE).exists()
    assert shelf_in(tmp_path).take() == OTHER


def test_after_a_power_cut_between_the_two_files_the_whole_one_holds(shelf: SealedShelf, tmp_path: Path) -> None:
    shelf.keep(ONE)
    shelf.keep(TWO)
    since = (tmp_path / SINCE).read_bytes()
    shelf.keep(OTHER)
    (tmp_path / SINCE).write_bytes(since)
    assert shelf_in(tmp_path).take() == OTHER


def test_what_changed_cannot_be_put_in_the_place_of_the_whole(shelf: SealedShelf, tmp_path: Path) -> None:
    shelf.keep(ONE)
    shelf.keep(TWO)
    (tmp_path / NAME).write_bytes((tmp_path / SINCE).read_bytes())
    assert shelf_in(tmp_path).take() is None
    assert list(tmp_path.iterdir()) == []


def test_a_list_is_removed_with_what_changed_since(shelf: SealedShelf, tmp_path: Path) -> None:
    shelf.keep(ONE)
    shelf.keep(TWO)
    shelf.clear()
    assert list(tmp_path.iterdir()) == []
    assert shelf.take() is None
    shelf.keep(TWO)
    assert shelf_in(tmp_path).take() == TWO


def test_a_disk_that_lets_nothing_go_is_told_and_stops_nobody(shelf: SealedShelf, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()  # cannot be removed, not even by root
    with capture_logs() as lines:
        shelf.clear()
        assert open_shelf("memory", tmp_path / "identity", tmp_path).place == "memory"
    assert [line["event"] for line in lines] == ["hotlist_not_removed"] * 2


def test_no_batch_is_in_the_clear_on_the_disk(shelf: SealedShelf, tmp_path: Path) -> None:
    shelf.keep(ONE)
    shelf.keep(TWO)
    new = hashlib.sha256(bytes([50])).digest()
    assert new in TWO.artefact
    assert not [path for path in tmp_path.iterdir() if new in path.read_bytes()]
