"""Evidence from the store to the court: exported, verified with nothing but the file, unsealed off the servers."""

import asyncio
import hashlib
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters.database import Pool
from aggregator.cli import app
from aggregator.core.export_check import verify
from aggregator.core.export_zip import by_local_headers, regions
from aggregator.settings import Settings
from tests.simulators.enrolment import Box
from tests.simulators.evidence import (
    MODELS,
    PLATE,
    REDACTED_JPEG,
    Street,
)
from tests.simulators.officers import appoint
from tests.simulators.settings_file import write_settings

REASON = "case FGE-1/2026"
# `Any`: JSON of any command.
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
async def street(pool: Pool, installation: Settings, box: Box, tmp_path: Path) -> Street:
    """A listed plate, a hit of it, its picture."""
    officers = appoint(installation, tmp_path, "ana", "luis")
    street = Street(pool, officers.settings, officers, box)
    await street.list_entry()
    await street.see()
    await street.picture()
    return street


@pytest.fixture
def run(street: Street, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with --json; its exit code, what it printed, what it said."""
    config = write_settings(street.settings, tmp_path / "aggregator.toml")

    def command(*arguments: str, has_config: bool = True) -> tuple[int, Any, str]:
        capsys.readouterr()
        given = ["--config", str(config)] if has_config else []
        code = app.run([*arguments, "--json", *given])
        said = capsys.readouterr()
        return code, msgspec.json.decode(said.out) if said.out else None, said.err

    return command


@pytest.fixture
async def export(street: Street, run: Run, tmp_path: Path) -> Path:
    """The hit's ZIP."""
    path = tmp_path / "out" / "hit.zip"
    code, _, said = await asyncio.to_thread(
        run, "evidence", "export", street.hit.hex(), "--out", str(path), "--reason", REASON
    )
    assert code == 0, said
    return path


async def test_an_export_holds_for_whoever_has_the_fingerprint(street: Street, run: Run, export: Path) -> None:
    arguments = ("evidence", "verify", str(export), "--root-fingerprint", street.root_fingerprint)
    code, told, said = await asyncio.to_thread(lambda: run(*arguments, has_config=False))
    assert (code, told["is_sound"], told["changes"], told["absent"]) == (0, True, [], []), said
    assert PLATE not in said


async def test_an_export_is_an_ordinary_zip_that_people_can_read(street: Street, export: Path) -> None:
    with zipfile.ZipFile(export) as opened:
        assert opened.testzip() is None
        manifest = msgspec.json.decode(opened.read("manifest.json"))
        assert opened.read("pictures/redacted.jpg") == REDACTED_JPEG
        for file in manifest["files"]:
            assert hashlib.sha256(opened.read(file["name"])).hexdigest() == file["sha256"]
    assert manifest["said"]["plate"] == PLATE
    assert manifest["said"]["picture"]["models_and_software"] == list(MODELS)
    assert manifest["cases"] == []
    assert [each["file"] for each in manifest["deliveries"]] == ["envelopes/hit.cose", "envelopes/evidence.cose"]


async def test_another_root_is_not_taken(run: Run, export: Path) -> None:
    arguments = ("evidence", "verify", str(export), "--root-fingerprint", "00" * 32)
    code, told, said = await asyncio.to_thread(lambda: run(*arguments, has_config=False))
    assert (code, told["is_sound"]) == (3, False)
    assert "does not hold: the root's key has the fingerprint" in said


async def test_any_changed_bit_is_found_and_named(street: Street, export: Path) -> None:
    raw = export.read_bytes()
    fingerprint = bytes.fromhex(street.root_fingerprint)
    assert verify(raw, fingerprint).report.is_sound
    generator = random.Random(20261122)
    for region in regions(by_local_headers(raw)):
        at, bit = generator.randrange(region.start, region.end), generator.randrange(8)
        report = verify(flipped(raw, at, 1 << bit), fingerprint).report
        assert not report.is_sound, region
        (change,) = report.changes
        assert (change.zip_start, change.bit, change.place) == (at, bit, region.place), region


async def test_a_changed_byte_of_any_file_is_found_and_named(street: Street, export: Path) -> None:
    raw = export.read_bytes()
    generator = random.Random(20261122)
    for region in regions(by_local_headers(raw)):
        if not region.is_content:
            continue
        at = generator.randrange(region.start, region.end)
        report = verify(flipped(raw, at, 0xFF), bytes.fromhex(street.root_fingerprint)).report
        (change,) = report.changes
        assert (change.zip_start, change.place, change.end - change.start) == (at, region.place, 1)


@pytest.mark.parametrize(
    "alter",
    [
        lambda raw: raw + b"\x00",
        lambda raw: b"\x00" + raw,
        lambda raw: raw[:-1],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:1000] + raw[1001:],
        lambda raw: raw[:1000] + b"x" + raw[1000:],
        lambda raw: raw[:20_000] + bytes(5000) + raw[25_000:],
        lambda raw: b"",
        lambda raw: bytes(100),
    ],
)
async def test_bytes_too_many_or_too_few_are_found(
    street: Street, export: Path, alter: Callable[[bytes], bytes]
) -> None:
    report = verify(alter(export.read_bytes()), bytes.fromhex(street.root_fingerprint)).report
    assert not report.is_sound
    assert report.changes
    assert all(change.told() for change in report.changes)


def flipped(raw: bytes, at: int, mask: int) -> bytes:
    """The bytes with some bits of one byte turned."""
    return raw[:at] + bytes((raw[at] ^ mask,)) + raw[at + 1 :]
