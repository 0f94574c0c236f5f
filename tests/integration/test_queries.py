"""Queries on the real database: what they show, to whom, and what of it is audited first."""

import asyncio
import csv
import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from aggregator.adapters.audit_log import audit, verify
from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.evidence_store import EvidenceStore
from aggregator.adapters.store import Store
from aggregator.cli import app
from aggregator.core.evidence import State
from aggregator.core.ingest import Fate, TimeRules
from aggregator.core.rows import Taken
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import envelope_hash, parse
from protocol.messages import (
    Alarm,
    Body,
    CameraMinute,
    CameraState,
    Evidence,
    EvidenceUnavailable,
    Health,
    HitAmended,
    HitKey,
    Match,
    Piece,
    Quality,
    Report,
    body_of,
    decode_message,
)
from tests.simulators.enrolment import Box
from tests.simulators.running import make_hit
from tests.simulators.settings_file import write_settings

PICTURE = b"a redacted picture"
# Rows of one command's JSON; `Any`, since they are of any command.
Rows = list[dict[str, Any]]
Ask = Callable[..., Rows]


async def keep(pool: Pool, box: Box, body: Body) -> bytes:
    """Store what a box says now; the envelope's hash."""
    raw = box.say(body)
    message = decode_message(parse(raw).payload)
    taken = Taken(message, body_of(message), raw, envelope_hash(raw), datetime.now(UTC))
    assert await Store(pool, TimeRules()).write([taken], []) == {taken.hash: Fate.NEW}
    return taken.hash


@pytest.fixture
def settings_file(installation: Settings, tmp_path: Path) -> Path:
    """The installation's settings, for commands."""
    return write_settings(installation, tmp_path / "aggregator.toml")


@pytest.fixture
def ask(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command with --json, and read what it printed."""

    def run(*arguments: str) -> Rows:
        capsys.readouterr()
        assert app.run([*arguments, "--json", "--config", str(settings_file)]) == 0
        rows: Rows = msgspec.json.decode(capsys.readouterr().out)
        return rows

    return run


def hit_key(box: Box, sequence: int, digest: bytes) -> HitKey:
    """The name of a hit of a box's first epoch."""
    return HitKey(outbox=box.position.outbox, epoch=1, sequence=sequence, hash=digest)


async def test_hits_show_the_newest_amendment_and_are_audited_first(pool: Pool, box: Box, ask: Ask) -> None:
    digest = await keep(pool, box, make_hit(plate="ABC123D"))
    better = Match(entry="e-2", quality=Quality.POSSIBLE, reason="stolen")
    key = hit_key(box, 1, digest)
    await keep(pool, box, HitAmended(hit=key, matches=(better,), plate="ABC128D", observed="ABC128D", confidence=990))
    (row,) = await asyncio.to_thread(ask, "hits", "--reason", "case FGE-1/2026")
    assert (row["plate"], row["quality"], row["entries"], row["confidence"]) == ("ABC128D", "possible", "e-2", 990)
    assert row["is_amended"] is True
    audited = await asyncio.to_thread(ask, "audit", "list")
    assert [(each["action"], each["subject"]) for each in audited[1:]] == [("hit.show", f"hit:{digest.hex()}")]
    assert all(each["reason"] == "case FGE-1/2026" and each["actor"].startswith("os:") for each in audited)
    assert "ABC12" not in str(audited)


async def test_a_withdrawn_hit_shows_no_plate(pool: Pool, box: Box, ask: Ask) -> None:
    digest = await keep(pool, box, make_hit())
    await keep(pool, box, HitAmended(hit=hit_key(box, 1, digest)))
    (row,) = await asyncio.to_thread(ask, "hits", "--reason", "case 1")
    assert (row["plate"], row["observed"], row["quality"]) == (None, None, "withdrawn")


@pytest.mark.parametrize("reason", [" ", "is it ABC-123-D?"])
async def test_hits_are_not_shown_without_a_reason_the_audit_takes(
    pool: Pool, box: Box, settings_file: Path, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await keep(pool, box, make_hit())
    code = await asyncio.to_thread(app.run, ["hits", "--reason", reason, "--config", str(settings_file)])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.startswith("aggregator: ")
    assert await pool.fetchval("SELECT count(*) FROM audit") == 0


async def test_events_show_no_plate(pool: Pool, box: Box, ask: Ask) -> None:
    digest = await keep(pool, box, make_hit(plate="XYZ987W"))
    await keep(pool, box, EvidenceUnavailable(hit=hit_key(box, 1, digest), reason="redaction_failed"))
    rows = await asyncio.to_thread(ask, "events")
    assert {row["kind"] for row in rows} == {"hit", "evidence-unavailable"}
    assert "XYZ987W" not in str(rows)
    assert [row["note"] for row in await asyncio.to_thread(ask, "events", "--kind", "hit")] == ["e-1"]
    assert await asyncio.to_thread(ask, "events", "--point", "p-9") == []
    assert await asyncio.to_thread(ask, "events", "--to", "1h") == []


async def test_the_end_of_an_alarm_is_listed_after_its_start_with_what_it_was(pool: Pool, box: Box, ask: Ask) -> None:
    at = datetime.now(UTC)
    for n in range(4):
        started_ms = to_ms(at) + n
        for is_active in (True, False):
            alarm = Alarm(camera="cam-1", alarm="tamper", started_ms=started_ms, is_active=is_active, note=f"rule={n}")
            raw = box.say(alarm, at=at + timedelta(seconds=n, milliseconds=0 if is_active else 500))
            message = decode_message(parse(raw).payload)
            taken = Taken(message, body_of(message), raw, envelope_hash(raw), datetime.now(UTC))
            await Store(pool, TimeRules()).write([taken], [])
    rows = await asyncio.to_thread(ask, "events", "--kind", "alarm", "--to", "2126-01-01T00:00:00Z")
    told = [f"{word}: rule={n}" for n in range(4) for word in ("tamper", "tamper ended")]
    assert [row["note"] for row in reversed(rows)] == told


async def test_pictures_are_assembled_copied_and_audited(
    pool: Pool, installation: Settings, box: Box, ask: Ask, tmp_path: Path
) -> None:
    digest, sha256 = await keep(pool, box, make_hit()), hashlib.sha256(PICTURE).digest()
    evidence = Evidence(
        hit=hit_key(box, 1, digest), camera="cam-1", captured_ms=0, redacted_sha256=sha256, redacted_bytes=len(PICTURE),
        sealed_sha256=bytes(32), sealed_bytes=1, original_sha256=bytes(32), sealed_to=bytes(16),
    )  # fmt: skip
    await keep(pool, box, evidence)
    store = EvidenceStore(pool, EvidenceFiles(installation.evidence_dir))
    await keep(pool, box, Piece(sha256=sha256, total_bytes=len(PICTURE), offset=5, data=PICTURE[5:]))
    assert await store.settle_all(datetime.now(UTC)) == []
    await keep(pool, box, Piece(sha256=sha256, total_bytes=len(PICTURE), offset=0, data=PICTURE[:5]))
    assert [each.state for each in await store.settle_all(datetime.now(UTC))] == [State.STORED]
    (row,) = await asyncio.to_thread(ask, "hits", "--reason", "case 1", "--pictures", str(tmp_path / "out"))
    assert row["picture"] == "stored"
    (copy,) = (tmp_path / "out").iterdir()
    assert copy.read_bytes() == PICTURE
    assert "ABC123D" not in copy.name
    subjects = [each["subject"] for each in await asyncio.to_thread(ask, "audit", "list")]
    assert f"picture:{sha256.hex()}" in subjects


async def test_a_picture_with_a_wrong_hash_is_flagged_and_its_pieces_kept(
    pool: Pool, installation: Settings, box: Box
) -> None:
    await keep(pool, box, Piece(sha256=bytes(32), total_bytes=3, offset=0, data=b"abc"))
    store = EvidenceStore(pool, EvidenceFiles(installation.evidence_dir))
    assert [each.state for each in await store.settle_all(datetime.now(UTC))] == [State.WRONG_HASH]
    assert await store.settle_all(datetime.now(UTC)) == []
    assert await pool.fetchval("SELECT count(*) FROM piece") == 1


async def test_counts_sum_what_cameras_counted(
    pool: Pool, box: Box, ask: Ask, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now_ms = int((datetime.now(UTC) - timedelta(minutes=10)).timestamp() * 1000)
    minute = CameraMinute(camera="cam-1", state=CameraState.LIVE, reads=3, hits=1, faces=5, frames_in=60)
    for n in range(2):
        at_ms = now_ms + n * 60_000
        await keep(pool, box, Report(from_ms=at_ms, to_ms=at_ms + 60_000, cameras=(minute,), health=Health()))
    (row,) = await asyncio.to_thread(ask, "counts")
    assert (row["camera"], row["reads"], row["hits"], row["faces"], row["reported_ms"]) == ("cam-1", 6, 2, 10, 120_000)
    assert len(await asyncio.to_thread(ask, "counts", "--every", "1m")) == 2
    capsys.readouterr()
    await asyncio.to_thread(app.run, ["counts", "--csv", "--config", str(settings_file)])
    (line,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (line["point"], line["faces"]) == ("p-1", "10")


async def test_devices_show_their_last_report(pool: Pool, box: Box, ask: Ask) -> None:
    await keep(pool, box, Report(from_ms=0, to_ms=60_000, cameras=(), health=Health(outbox_rows=4, dead_letters=1)))
    (row,) = await asyncio.to_thread(ask, "devices")
    assert (row["device"], row["line"], row["outbox_rows"], row["dead_letters"]) == ("box-1", "never seen", 4, 1)


async def test_audit_rows_can_neither_be_changed_nor_removed(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await audit(connection, actor="os:ana", action="hit.show", subject="hit:1", reason="case 1")
    for attempt in ("UPDATE audit SET reason = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(attempt)


async def test_audits_at_the_same_time_make_one_chain(pool: Pool) -> None:
    async def note(n: int) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await audit(connection, actor=f"os:{n}", action="hit.show", subject="hit:1", reason="case 1")

    async with asyncio.TaskGroup() as group:
        for n in range(20):
            group.create_task(note(n))
    async with pool.acquire() as connection:
        assert await verify(connection) == (20, [])


async def test_a_row_that_was_changed_behind_the_triggers_is_found(
    pool: Pool, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(3):
        async with pool.acquire() as connection, connection.transaction():
            await audit(connection, actor="os:ana", action="hit.show", subject=f"hit:{n}", reason="case 1")
    await pool.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    await pool.execute("UPDATE audit SET reason = 'another' WHERE number = 2")
    assert await asyncio.to_thread(app.run, ["audit", "verify", "--config", str(settings_file)]) == 3
    assert "audit row 2: it was changed" in capsys.readouterr().err
