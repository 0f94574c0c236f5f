"""Evidence from the store to the court: exported, verified with nothing but the file, unsealed off the servers."""

import asyncio
import hashlib
import random
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from aggregator.adapters import foreign_lists, hotlist_store, keyfiles
from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.trust_ceremony import kept_bundle
from aggregator.adapters.unsealing import RECORD
from aggregator.cli import app
from aggregator.core.audit_lines import read_lines
from aggregator.core.export_check import Report, verify
from aggregator.core.export_manifest import CHUNKS, MANIFEST, SEAL, Manifest, sealed
from aggregator.core.export_zip import Member, by_local_headers, read, regions, write
from aggregator.settings import Settings
from protocol.cosign import CoSigned, parse_cosigned
from protocol.keys import KeySigner
from protocol.messages import EvidenceUnavailable, HitAmended, HitKey, Match, Quality
from tests.simulators.enrolment import Box
from tests.simulators.evidence import (
    EVIDENCE_PASSPHRASE,
    MODELS,
    ORIGINAL_JPEG,
    PLATE,
    REDACTED_JPEG,
    Street,
    evidence_key,
    passphrase_file,
)
from tests.simulators.officers import appoint, now
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


async def test_another_citys_entry_is_shown_by_the_batch_that_its_officers_signed(street: Street, run: Run) -> None:
    async with street.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT batch_id, payload FROM hotlist_batch")
        assert row is not None
        raw = (await hotlist_store.signed_batch(connection, row)).to_bytes()
        await connection.execute("DELETE FROM hotlist_signature; DELETE FROM hotlist_entry; DELETE FROM hotlist_batch")
        await foreign_lists.add_batch(connection, "torreon", raw, foreign_lists.batch_in(raw), now=now())
        await connection.execute("DELETE FROM foreign_batch")  # it has expired since, and the hit keeps it
        await foreign_lists.tidy(connection, now=now() + timedelta(days=30))
    path = street.settings.evidence_dir / "hit.zip"
    words = ("export", street.hit.hex(), "--out", str(path), "--reason", REASON, "--with-case")
    code, _, said = await asyncio.to_thread(lambda: run("evidence", *words))
    assert code == 0, said
    arguments = ("evidence", "verify", str(path), "--root-fingerprint", street.root_fingerprint)
    code, told, said = await asyncio.to_thread(lambda: run(*arguments, has_config=False))
    assert (code, told["is_sound"], told["absent"]) == (0, True, []), said
    with zipfile.ZipFile(path) as opened:
        manifest = msgspec.json.decode(opened.read("manifest.json"))
    assert [each["batch"] for each in manifest["batches"]] == [row["batch_id"]]
    assert manifest["cases"] == []


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


async def test_nothing_is_shown_or_exported_without_its_audit_row(street: Street, run: Run, export: Path) -> None:
    code, shown, _ = await asyncio.to_thread(run, "evidence", "show", street.hit.hex()[:12], "--reason", REASON)
    assert (code, shown["plate"], shown["pictures"]["pictures/redacted.jpg"]) == (0, PLATE, "stored")
    _, rows, _ = await asyncio.to_thread(run, "audit", "list", "--hit", street.hit.hex())
    subject, exported = f"hit:{street.hit.hex()}", hashlib.sha256(export.read_bytes()).hexdigest()
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("evidence.export", subject),
        ("evidence.exported", f"{subject}/export:{exported}"),
        ("evidence.show", subject),
    ]
    assert [each["action"] for each in shown["custody"]] == [row["action"] for row in rows]
    assert {row["reason"] for row in rows} == {REASON}


@pytest.mark.parametrize("command", [("show",), ("export", "--out", "never.zip")])
async def test_without_a_reason_the_audit_takes_nothing_happens(
    street: Street, run: Run, command: tuple[str, ...]
) -> None:
    name, *options = command
    code, told, _ = await asyncio.to_thread(run, "evidence", name, street.hit.hex(), *options, "--reason", PLATE)
    assert (code, told) == (2, None)
    assert not Path("never.zip").exists()
    assert await street.pool.fetchval("SELECT count(*) FROM audit WHERE action LIKE 'evidence%'") == 0


async def test_the_list_shows_no_plate(street: Street, run: Run) -> None:
    _, (row,), _ = await asyncio.to_thread(run, "evidence", "list")
    assert (row["hit"], row["entries"], row["redacted"]) == (street.hit.hex(), street.entry, "stored")
    assert PLATE not in str(row)


async def test_the_case_is_given_away_only_when_asked_for(street: Street, run: Run, tmp_path: Path) -> None:
    await exported(street, run, tmp_path / "case.zip", "--with-case")
    with zipfile.ZipFile(tmp_path / "case.zip") as zipped:
        (case,) = msgspec.json.decode(zipped.read("manifest.json"))["cases"]
    assert (case["entry"], case["case_number"]) == (street.entry, "FGE-0")
    checks = {check.claim: check.is_held for check in judged(street, tmp_path / "case.zip").checks}
    assert checks[f"the officers signed {street.entry} for the case number given"]


async def test_a_hit_whose_picture_was_lost_says_so(street: Street, run: Run, tmp_path: Path) -> None:
    key = await seen_again(street)
    await street.say(EvidenceUnavailable(hit=key, reason="lost_in_restart"))
    told = await exported(street, run, tmp_path / "lost.zip")
    assert {each["what"] for each in told["absent"]} == {"pictures/redacted.jpg", "pictures/original.hpke"}
    report = judged(street, tmp_path / "lost.zip")
    assert report.is_sound
    assert {each.why for each in report.absent} == {"the box has none: lost_in_restart"}


async def test_a_picture_that_was_altered_on_the_servers_disk_is_not_handed_out(
    street: Street, run: Run, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(REDACTED_JPEG).digest()
    EvidenceFiles(street.settings.evidence_dir).path(sha256).write_bytes(b"another picture")
    told = await exported(street, run, tmp_path / "altered.zip")
    (absent,) = told["absent"]
    assert (absent["what"], "was altered" in absent["why"]) == ("pictures/redacted.jpg", True)


@pytest.mark.parametrize(("text", "is_sound"), [("FA8123C", True), ("FAB12", False), ("FAB12C", False)])
async def test_a_possible_read_must_fit_the_entry(
    street: Street, run: Run, tmp_path: Path, text: str, *, is_sound: bool
) -> None:
    await seen_again(street, plate=text, quality=Quality.POSSIBLE)
    await exported(street, run, tmp_path / "possible.zip", code=0 if is_sound else 3)
    report = judged(street, tmp_path / "possible.zip")
    unheld = [check.detail for check in report.checks if not check.is_held]
    assert unheld == ([] if is_sound else ["the read does not fit its plate"])


async def test_an_amended_hit_is_exported_as_amended(street: Street, run: Run, tmp_path: Path) -> None:
    match = Match(entry=street.entry, quality=Quality.POSSIBLE, reason="stolen-vehicle")
    key = street.places[street.hit]
    for text in ("FA8123C", "FAB123"):
        await street.say(HitAmended(hit=key, matches=(match,), plate=text, observed=text))
    await street.say(HitAmended(hit=key))
    told = await exported(street, run, tmp_path / "amended.zip")
    assert told["absent"] == []
    with zipfile.ZipFile(tmp_path / "amended.zip") as zipped:
        said = msgspec.json.decode(zipped.read("manifest.json"))["said"]
    assert (said["amendments"], said["is_withdrawn"], said["plate"]) == (3, True, None)


async def test_the_officers_are_judged_by_the_bundle_of_the_day(street: Street, run: Run, tmp_path: Path) -> None:
    keys = street.settings.keys
    kept = kept_bundle(keys, street.officers.trust.number)
    kept.parent.mkdir()
    kept.write_bytes(keys.trust_bundle.read_bytes())
    street.officers.dismiss("luis")
    await exported(street, run, tmp_path / "then.zip")
    assert judged(street, tmp_path / "then.zip").is_sound


async def test_an_officer_who_was_dismissed_before_vouches_for_nothing(
    street: Street, run: Run, tmp_path: Path
) -> None:
    street.officers.dismiss("luis")
    told = await exported(street, run, tmp_path / "then.zip", code=3)
    assert [each["what"] for each in told["absent"]] == ["trust/then.cose"]


async def test_a_forger_with_a_key_of_his_own_is_found(street: Street, export: Path) -> None:
    files = read(export.read_bytes())
    assert files is not None
    manifest = msgspec.json.decode(files[0].data, type=Manifest)
    rest = [file for file in files if file.name not in (MANIFEST, SEAL, CHUNKS)]
    forged = write(sealed(manifest, rest, KeySigner.generate()))
    report = verify(forged, bytes.fromhex(street.root_fingerprint)).report
    assert report.changes == ()
    assert [check.detail for check in report.checks if not check.is_held] == ["unknown_key"]


@pytest.mark.parametrize(("name", "claim"), [
    ("pictures/redacted.jpg", "pictures/redacted.jpg has the hash and size that the box signed"),
    ("pictures/original.hpke", "pictures/original.hpke has the hash and size that the box signed"),
    ("envelopes/hit.cose", "the box signed each of its messages"),
    ("device/certificate.pem", "the root's CA certified the box's key"),
    ("custody/log.json", "each row of the custody log has its hash"),
    ("custody/checkpoint.cose", "the aggregator signed a checkpoint of the audit"),
    ("custody/receipt.cose", "the aggregator receipted each message of the box"),
    ("trust/current.cose", "the root signed the trust bundles"),
])  # fmt: skip
async def test_what_the_server_itself_alters_still_fails_by_others_signatures(
    street: Street, export: Path, name: str, claim: str
) -> None:
    files = read(export.read_bytes())
    assert files is not None
    manifest = msgspec.json.decode(files[0].data, type=Manifest)
    rest = [
        Member(file.name, flipped(file.data, len(file.data) // 2, 1) if file.name == name else file.data)
        for file in files if file.name not in (MANIFEST, SEAL, CHUNKS)
    ]  # fmt: skip
    server = keyfiles.read_signer(street.settings.keys.server_key)
    report = verify(write(sealed(manifest, rest, server)), bytes.fromhex(street.root_fingerprint)).report
    assert claim in [check.claim for check in report.checks if not check.is_held]


async def test_a_batch_that_one_officer_signed_is_found(street: Street, export: Path) -> None:
    files = read(export.read_bytes())
    assert files is not None
    manifest = msgspec.json.decode(files[0].data, type=Manifest)
    (batch,) = {each.file for each in manifest.batches}
    rest = []
    for file in files[3:]:
        signed = parse_cosigned(file.data, max_bytes=2**20) if file.name == batch else None
        rest.append(
            file if signed is None else Member(batch, CoSigned(signed.payload, signed.signatures[:1]).to_bytes())
        )
    server = keyfiles.read_signer(street.settings.keys.server_key)
    report = verify(write(sealed(manifest, rest, server)), bytes.fromhex(street.root_fingerprint)).report
    assert [check.detail for check in report.checks if not check.is_held] == ["one_officer"]


async def test_the_original_is_unsealed_with_its_record_and_no_database(
    street: Street, run: Run, export: Path, tmp_path: Path
) -> None:
    unseal = unsealing(street, export, tmp_path)
    code, told, said = await asyncio.to_thread(lambda: run(*unseal, has_config=False))
    assert code == 0, said
    assert Path(told["original"]).read_bytes() == ORIGINAL_JPEG
    assert Path(told["original"]).stat().st_mode & 0o777 == 0o600
    (row,) = read_lines(Path(told["record"]).read_bytes())
    assert (row.action, row.reason) == ("evidence.unseal", REASON)
    assert row.subject == f"hit:{street.hit.hex()}/export:{hashlib.sha256(export.read_bytes()).hexdigest()}"
    assert await street.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'evidence.unseal'") == 0


async def test_with_settings_the_audit_has_the_unsealing_too(
    street: Street, run: Run, export: Path, tmp_path: Path
) -> None:
    assert (await asyncio.to_thread(run, *unsealing(street, export, tmp_path)))[0] == 0
    assert await street.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'evidence.unseal'") == 1


async def test_each_unsealing_adds_a_row_and_an_altered_record_is_refused(
    street: Street, run: Run, export: Path, tmp_path: Path
) -> None:
    unseal, record = unsealing(street, export, tmp_path), tmp_path / "opened" / RECORD
    assert (await asyncio.to_thread(lambda: run(*unseal, has_config=False)))[0] == 0
    # The original is there already and is not written over; that it was opened again is on record all the same.
    assert (await asyncio.to_thread(lambda: run(*unseal, has_config=False)))[0] == 1
    assert [row.number for row in read_lines(record.read_bytes())] == [1, 2]
    record.write_bytes(record.read_bytes().replace(REASON.encode(), b"case FGE-2/2026"))
    code, _, said = await asyncio.to_thread(lambda: run(*unseal, has_config=False))
    assert (code, "it was changed" in said) == (2, True)


async def test_nothing_is_unsealed_from_an_export_that_does_not_hold(
    street: Street, run: Run, export: Path, tmp_path: Path
) -> None:
    raw = export.read_bytes()
    export.write_bytes(flipped(raw, raw.index(b"pictures/original.hpke") + 500, 4))
    code, _, said = await asyncio.to_thread(lambda: run(*unsealing(street, export, tmp_path), has_config=False))
    assert (code, "nothing was unsealed" in said) == (2, True)
    assert not (tmp_path / "opened").exists()


async def test_another_key_opens_nothing_and_leaves_no_record(
    street: Street, run: Run, export: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.key.pem"
    keyfiles.write_private(other, X25519PrivateKey.generate(), EVIDENCE_PASSPHRASE.encode())
    unseal = [
        str(other) if part == str(evidence_key(street.settings)) else part
        for part in unsealing(street, export, tmp_path)
    ]
    code, _, said = await asyncio.to_thread(lambda: run(*unseal, has_config=False))
    assert (code, "is sealed to the key" in said) == (1, True)
    assert not (tmp_path / "opened").exists()


async def exported(street: Street, run: Run, path: Path, *options: str, code: int = 0) -> dict[str, Any]:
    """Export the newest hit; what the command told."""
    arguments = ("evidence", "export", street.hit.hex(), "--out", str(path), "--reason", REASON, *options)
    outcome, told, said = await asyncio.to_thread(run, *arguments)
    assert outcome == code, said
    return dict(told)


def judged(street: Street, path: Path) -> Report:
    """What an expert finds."""
    return verify(path.read_bytes(), bytes.fromhex(street.root_fingerprint)).report


async def seen_again(street: Street, *, plate: str = PLATE, quality: Quality = Quality.EXACT) -> HitKey:
    """Another hit, without a picture."""
    return street.places[await street.see(plate=plate, quality=quality)]


def unsealing(street: Street, export: Path, folder: Path) -> list[str]:
    """The command of the evidence authority."""
    passphrase = folder / "evidence.pass"
    if not passphrase.exists():
        passphrase_file(folder)
    return [
        *("evidence", "unseal", str(export), "--key", str(evidence_key(street.settings))),
        *("--passphrase-file", str(passphrase), "--out", str(folder / "opened"), "--reason", REASON),
        *("--root-fingerprint", street.root_fingerprint),
    ]


def flipped(raw: bytes, at: int, mask: int) -> bytes:
    """The bytes with some bits of one byte turned."""
    return raw[:at] + bytes((raw[at] ^ mask,)) + raw[at + 1 :]
