"""Where exports land: whole or not at all, whatever the disk and the reader do."""

import gc
import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyarrow import parquet

from aggregator.adapters.export_landing import Gzip, landed, streamed
from aggregator.adapters.export_writers import Form, Format, form_of, writer_for
from aggregator.errors import AlreadyThere, BadInput, NotThere, NotWritten
from tests.simulators.full_disk import files_end_at, left_in


@dataclass(frozen=True)
class Told:
    """A column."""

    name: str
    kind: str = "integer"


def test_a_file_appears_when_it_is_whole_with_its_count_and_hash(tmp_path: Path) -> None:
    with landed(tmp_path / "a.csv") as landing:
        landing.write(b"one,")
        assert "a.csv" not in left_in(tmp_path)
        landing.write(b"two")
    assert (tmp_path / "a.csv").read_bytes() == b"one,two"
    assert (landing.bytes, landing.sha256) == (7, hashlib.sha256(b"one,two").hexdigest())
    assert left_in(tmp_path) == ["a.csv"]


def test_what_goes_wrong_on_the_way_leaves_nothing_and_the_old_file_as_it_was(tmp_path: Path) -> None:
    def stopped_halfway() -> None:
        with landed(tmp_path / "a.csv", replaces=True) as landing:
            landing.write(b"new")
            raise KeyboardInterrupt

    (tmp_path / "a.csv").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        stopped_halfway()
    assert left_in(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"old"


def test_a_file_that_is_there_is_not_replaced_unasked_even_if_it_comes_meanwhile(tmp_path: Path) -> None:
    def overtaken() -> None:
        with landed(tmp_path / "a.csv") as landing:
            landing.write(b"new")
            (tmp_path / "a.csv").write_bytes(b"somebody else's")

    with pytest.raises(AlreadyThere, match="--force"):
        overtaken()
    assert left_in(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"somebody else's"
    with pytest.raises(AlreadyThere, match="--force"), landed(tmp_path / "a.csv"):
        pytest.fail("it began")
    with landed(tmp_path / "a.csv", replaces=True) as landing:
        landing.write(b"new")
    assert (tmp_path / "a.csv").read_bytes() == b"new"


def test_a_folder_that_is_not_there_and_a_folder_for_a_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="make it first"), landed(tmp_path / "none" / "a.csv"):
        pytest.fail("it began")
    with pytest.raises(AlreadyThere, match="is a folder"), landed(tmp_path, replaces=True):
        pytest.fail("it began")


def test_a_private_file_is_its_owners(tmp_path: Path) -> None:
    with landed(tmp_path / "plates.csv", is_private=True) as landing:
        landing.write(b"x")
    assert (tmp_path / "plates.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("format_", list(Format))
def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path: Path, format_: Format) -> None:
    def export() -> None:
        with landed(tmp_path / f"a.{format_}") as landing:
            writer = writer_for(Form(format_), landing, [Told("n"), Told("m")], facts={})
            writer.rows([(n, n * 7919 % 1_000_003) for n in range(20_000)])
            writer.finish()

    with files_end_at(10_000), pytest.raises(NotWritten, match="after 10,000 bytes there is no room for more"):
        export()
    assert left_in(tmp_path) == []
    gc.collect()  # a Parquet writer that was given up writes its footer now: into nothing


def test_a_device_without_room_is_said() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(NotWritten, match="after 0 bytes there is no room"), streamed(full) as landing:
        landing.write(b"x")
    os.close(full)


def test_a_reader_that_went_away_is_said() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(NotWritten, match="nobody reads any more"), streamed(writing) as landing:
        landing.write(b"x")
    os.close(writing)


def test_a_packed_file_is_the_same_bytes_each_time_and_unpacks(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        with landed(tmp_path / name) as landing:
            packer = Gzip(landing)
            packer.write(b"n\n" * 10_000)
            packer.finish()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == b"n\n" * 10_000
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_parquet_carries_what_was_asked_and_packs_by_zstd(tmp_path: Path) -> None:
    with landed(tmp_path / "a.parquet") as landing:
        writer = writer_for(Form(Format.PARQUET), landing, [Told("n")], facts={"question": "counts"})
        writer.finish()
    read = parquet.ParquetFile(tmp_path / "a.parquet")
    assert (read.metadata.num_rows, read.schema_arrow.metadata[b"question"]) == (0, b"counts")


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", Form(Format.CSV)),
        ("a.b.jsonl", Form(Format.JSONL)),
        ("a.parquet", Form(Format.PARQUET)),
        ("a.csv.gz", Form(Format.CSV, is_packed=True)),
        ("a.jsonl.gz", Form(Format.JSONL, is_packed=True)),
    ],
)
def test_the_name_says_the_form(name: str, form: Form) -> None:
    assert form_of(name) == form


@pytest.mark.parametrize("name", ["a", "a.xlsx", "a.parquet.gz", "csv", "a.gz"])
def test_a_name_that_says_no_form_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"\.csv, \.jsonl"):
        form_of(name)
