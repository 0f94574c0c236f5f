"""Retention on the real database and real files: what is due goes, what is held stays, and each purge is on record."""

import asyncio
import hashlib
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from aggregator.adapters import legal_holds
from aggregator.adapters.audit_log import verify
from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.evidence_sweep import sweep
from aggregator.adapters.retention_store import STEPS, RetentionStore
from aggregator.adapters.rollup_maker import RollupMaker
from aggregator.adapters.statements import statements
from aggregator.adapters.store import Refused, Store
from aggregator.cli import app
from aggregator.core.ingest import Fate, TimeRules
from aggregator.core.retention import Keeping, Receipt, Rule, Scope, ids_hash
from aggregator.core.rows import Taken
from aggregator.errors import ClockInDoubt, FilesLeft, NotThere
from aggregator.service.retention import Retention, rules
from aggregator.settings import Settings
from protocol.envelope import envelope_hash, parse
from protocol.messages import Piece, body_of, decode_message
from protocol.refusals import Refusal
from tests.simulators.archive import NOW, Archive
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box, enrol
from tests.simulators.running import make_hit, running, until
from tests.simulators.settings_file import write_settings

HITS = Rule(Keeping.HITS, 365)
SEALED = Rule(Keeping.SEALED, 180)
# Rows of one command's JSON; `Any`, since they are of any command.
Rows = list[dict[str, Any]]
Ask = Callable[..., Rows]


@pytest.fixture
def archive(pool: Pool, installation: Settings, box: Box) -> Archive:
    """An empty archive of `box-1`."""
    return Archive(pool, EvidenceFiles(installation.evidence_dir), box)


@pytest.fixture
def store(archive: Archive) -> RetentionStore:
    """Retention over the archive."""
    return RetentionStore(archive.pool, archive.files)


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


async def purged(store: RetentionStore, rule: Rule, now: datetime = NOW) -> list[Receipt]:
    """The receipts of a purge by one rule, its files removed."""
    receipts = [receipt async for receipt in store.purge(rule, now, actor="os:ana")]
    await store.remove_files()
    return receipts


async def test_a_hit_that_is_due_goes_whole_and_a_younger_one_stays(archive: Archive, store: RetentionStore) -> None:
    old, *pictures = await archive.pictured_hit(days=366)
    young, *kept = await archive.pictured_hit(days=364)
    (receipt,) = await purged(store, HITS)
    assert receipt.tables == {"evidence": 1, "hit": 1, "hit_amendment": 1, "picture": 2}
    assert await archive.pool.fetchval("SELECT array_agg(envelope_hash) FROM hit") == [young]
    assert (await archive.rows())["hit_match"] == 2
    assert old != young
    assert [archive.files.path(each).exists() for each in (*pictures, *kept)] == [False, False, True, True]


HOLDS: list[tuple[str, Callable[[bytes], Scope]]] = [
    ("its hash", lambda hit: Scope(hit=hit)),
    ("an entry", lambda hit: Scope(entry="e-1")),
    ("an entry that only its amendment matched", lambda hit: Scope(entry="e-2")),
    ("its device", lambda hit: Scope(device="box-1")),
    ("its camera at its time", lambda hit: camera_hold(days=400)),
]


def camera_hold(*, days: float) -> Scope:
    """A hold on the camera, an hour around a moment."""
    at, hour = NOW - timedelta(days=days), timedelta(hours=1)
    return Scope(point="p-1", camera="cam-1", from_at=at - hour, to_at=at + hour)


@pytest.mark.parametrize("scope", [scope for _, scope in HOLDS], ids=[name for name, _ in HOLDS])
async def test_a_held_hit_stays_with_all_that_belongs_to_it_until_it_is_released(
    archive: Archive, store: RetentionStore, scope: Callable[[bytes], Scope]
) -> None:
    hit, *pictures = await archive.pictured_hit(days=400)
    before = await archive.rows()
    number = await legal_holds.place(archive.pool, scope(hit), actor="os:ana", reason="case 7")
    for rule in (HITS, SEALED, Rule(Keeping.REDACTED, 1), Rule(Keeping.PIECES, 1)):
        assert await purged(store, rule) == []
    assert await archive.rows() == before
    assert all(archive.files.path(each).exists() for each in pictures)
    await legal_holds.release(archive.pool, number, actor="os:ana", reason="case 7 closed")
    assert [receipt.tables["hit"] for receipt in await purged(store, HITS)] == [1]
    assert not any(archive.files.path(each).exists() for each in pictures)


@pytest.mark.parametrize("scope", [Scope(device="box-1"), camera_hold(days=500)])
async def test_alarms_reports_and_counts_go_unless_their_device_or_camera_is_held(
    archive: Archive, store: RetentionStore, scope: Scope
) -> None:
    all_rules = [Rule(kind, 300) for kind in (Keeping.ALARMS, Keeping.REPORTS, Keeping.COUNTS)]
    await archive.alarm(days=500)
    await archive.report(days=500)
    await archive.report(days=10)
    number = await legal_holds.place(archive.pool, scope, actor="os:ana", reason="case 7")
    assert [await purged(store, rule) for rule in all_rules] == [[], [], []]
    await legal_holds.release(archive.pool, number, actor="os:ana", reason="case 7 closed")
    gone = [receipt.tables for rule in all_rules for receipt in await purged(store, rule)]
    assert gone == [{"alarm": 1}, {"report": 1}], "a count does not go before it is summed"
    await RollupMaker(archive.pool).make()
    assert [receipt.tables for receipt in await purged(store, all_rules[-1])] == [{"camera_minute": 1}]
    rows = await archive.rows()
    assert (rows["alarm"], rows["report"], rows["camera_minute"]) == (0, 1, 1)


async def test_a_sealed_original_goes_before_its_hit_and_the_evidence_still_names_it(
    archive: Archive, store: RetentionStore
) -> None:
    _, redacted, sealed = await archive.pictured_hit(days=200)
    (receipt,) = await purged(store, SEALED)
    assert (receipt.count, receipt.ids_sha256) == (1, ids_hash([sealed]).hex())
    states = await archive.pool.fetch("SELECT sha256, state FROM picture")
    assert {row["sha256"]: row["state"] for row in states} == {redacted: "stored", sealed: "purged"}
    assert [archive.files.path(each).exists() for each in (redacted, sealed)] == [True, False]
    assert (await archive.rows())["evidence"] == 1
    assert await purged(store, SEALED) == []


async def test_a_file_that_another_box_needs_stays(
    archive: Archive, store: RetentionStore, installation: Settings, tmp_path: Path
) -> None:
    other = Archive(archive.pool, archive.files, await enrol(archive.pool, installation, "box-2", tmp_path))
    _, key = await archive.hit(days=400)
    shared = await archive.picture(b"the same bytes", days=400)
    await archive.evidence(key, shared, bytes(32), days=400)
    _, theirs = await other.hit(days=10)
    assert await other.picture(b"the same bytes", days=10) == shared
    await other.evidence(theirs, shared, bytes(32), days=10)
    await purged(store, HITS)
    assert await archive.pool.fetchval("SELECT array_agg(device_id) FROM picture") == ["box-2"]
    assert archive.files.read(shared) == b"the same bytes"
    assert await archive.pool.fetchval("SELECT count(*) FROM file_to_remove") == 0


async def test_parts_without_a_hit_unfinished_pictures_and_unnamed_ones_go_too(
    archive: Archive, store: RetentionStore
) -> None:
    _, key = await archive.hit(days=10)
    absent = msgspec.structs.replace(key, hash=bytes(32))
    await archive.evidence(absent, bytes(32), bytes(32), days=400)
    unnamed = await archive.picture(b"nobody names it", days=400)
    await archive.keep(Piece(sha256=bytes(32), total_bytes=9, offset=0, data=b"abc"), days=400)
    assert [receipt.tables for receipt in await purged(store, HITS)] == [{"evidence": 1, "piece": 1}]
    assert [receipt.tables for receipt in await purged(store, Rule(Keeping.PIECES, 90))] == [{"picture": 1}]
    assert not archive.files.path(unnamed).exists()
    await archive.keep(Piece(sha256=bytes(31) + b"1", total_bytes=9, offset=0, data=b"abc"), days=400)
    assert [receipt.tables for receipt in await purged(store, Rule(Keeping.PIECES, 90))] == [{"piece": 1}]
    assert (await archive.rows())["hit"] == 1


async def test_a_message_that_comes_again_after_its_purge_is_not_stored_again(
    archive: Archive, store: RetentionStore
) -> None:
    raw = archive.box.say(make_hit())
    message = decode_message(parse(raw).payload)
    taken = Taken(message, body_of(message), raw, envelope_hash(raw), NOW - timedelta(days=400))
    ledger = Store(archive.pool, TimeRules())
    await ledger.write([taken], [])
    await purged(store, HITS)
    assert await ledger.write([taken], []) == {taken.hash: Fate.REDELIVERED}
    assert (await archive.rows())["hit"] == 0


async def test_a_dry_run_tells_what_is_due_and_changes_nothing(archive: Archive, ask: Ask) -> None:
    _, *pictures = await archive.pictured_hit(days=400)
    await archive.pictured_hit(days=10)
    before = await archive.rows()
    rows = {row["kind"]: row for row in await asyncio.to_thread(ask, "retention", "run", "--dry-run")}
    assert list(rows) == list(Keeping)
    assert {kind: row["due"] for kind, row in rows.items() if row["due"]} == {"hits": 1, "sealed": 1, "redacted": 1}
    assert await archive.rows() == before
    assert all(archive.files.path(each).exists() for each in pictures)
    assert await archive.pool.fetchval("SELECT count(*) FROM audit") == 0


async def test_a_batch_is_bounded_and_each_has_its_receipt(archive: Archive) -> None:
    hits = [(await archive.hit(days=400 - n))[0] for n in range(5)]
    receipts = await purged(RetentionStore(archive.pool, archive.files, batch=2), HITS)
    assert [receipt.count for receipt in receipts] == [2, 2, 1]
    assert [receipt.ids_sha256 for receipt in receipts] == [
        ids_hash(part).hex() for part in (hits[:2], hits[2:4], hits[4:])
    ]
    assert receipts[0].first_at < receipts[0].last_at < receipts[1].first_at


async def test_receipts_are_in_the_audits_chain_and_a_changed_one_is_found(
    archive: Archive, ask: Ask, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hit, *_ = await archive.pictured_hit(days=400)
    (purge,) = await asyncio.to_thread(ask, "retention", "run")
    (receipt,) = await asyncio.to_thread(ask, "retention", "receipts")
    assert purge.items() <= receipt.items()
    assert (receipt["kind"], receipt["rule"], receipt["count"]) == ("hits", "365 days", 5)
    async with archive.pool.acquire() as connection:
        assert await verify(connection) == (1, [])
    text = await archive.pool.fetchval("SELECT reason FROM audit")
    assert "ABC12" not in text
    assert hit.hex() not in text
    await archive.pool.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    await archive.pool.execute("""UPDATE audit SET reason = replace(reason, '"count":5', '"count":4')""")
    assert await asyncio.to_thread(app.run, ["audit", "verify", "--config", str(settings_file)]) == 3
    assert "audit row 1: it was changed" in capsys.readouterr().err


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_a_step_no_row_lacks_its_file_and_no_file_its_row(
    step: str, archive: Archive, store: RetentionStore, settings_file: Path
) -> None:
    pictures = [each for n in range(3) for each in (await archive.pictured_hit(days=400 + n))[1:]]
    kept = (await archive.pictured_hit(days=10))[1:]
    argv = [sys.executable, "-m", "tests.simulators.archive", str(settings_file), step]
    done = await asyncio.to_thread(subprocess.run, argv, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert await archive.without_file() == 0
    assert await sweep(archive.pool, archive.files) == [], "a row or a note names every file"
    await purged(store, HITS)
    assert await archive.without_file() == 0
    assert [archive.files.path(each).exists() for each in pictures] == [False] * 6
    assert all(archive.files.path(each).exists() for each in kept)
    async with archive.pool.acquire() as connection:
        assert await verify(connection) == (1, []), "purged once, receipted once"


async def test_a_file_that_cannot_be_removed_keeps_no_other_and_is_tried_again(
    archive: Archive, store: RetentionStore
) -> None:
    pictures = (await archive.pictured_hit(days=400))[1:]
    stuck = archive.files.path(min(pictures))
    stuck.unlink()
    stuck.mkdir()
    with pytest.raises(FilesLeft, match="1 files"):
        await purged(store, HITS)
    assert not archive.files.path(max(pictures)).exists()
    assert await archive.pool.fetchval("SELECT array_agg(sha256) FROM file_to_remove") == [min(pictures)]
    stuck.rmdir()
    await store.remove_files()
    assert await archive.pool.fetchval("SELECT count(*) FROM file_to_remove") == 0


async def test_a_file_that_is_being_stored_again_is_not_removed(archive: Archive, store: RetentionStore) -> None:
    sha256 = await archive.picture(b"the same bytes", days=400)
    await archive.pool.execute("DELETE FROM picture")
    await archive.pool.execute("INSERT INTO file_to_remove (sha256, noted_at) VALUES ($1, now())", sha256)
    async with asyncio.TaskGroup() as group:
        async with archive.pool.acquire() as keeper, keeper.transaction():
            await keeper.execute(statements("evidence")["share_files"])
            removal = group.create_task(store.remove_files())
            await until(archive.pool, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
            await keeper.execute(statements("evidence")["settle"], "box-2", sha256, "stored", 14, NOW)
        await removal
    assert await archive.without_file() == 0


async def test_a_hold_that_is_being_placed_is_waited_for(archive: Archive, store: RetentionStore) -> None:
    hit, _ = await archive.hit(days=400)
    async with asyncio.TaskGroup() as group:
        async with archive.pool.acquire() as other, other.transaction():
            await other.execute(
                "INSERT INTO legal_hold (hit_hash, reason, placed_by, placed_at) VALUES ($1, 'case', 'os:ana', now())",
                hit,
            )
            purge = group.create_task(purged(store, HITS))
            await until(archive.pool, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        assert await purge == []
    assert (await archive.rows())["hit"] == 1


async def test_a_hold_waits_for_a_purge_and_says_when_it_comes_too_late(archive: Archive) -> None:
    hit, _ = await archive.hit(days=400)
    async with asyncio.TaskGroup() as group:
        async with archive.pool.acquire() as other, other.transaction():
            await other.execute("LOCK TABLE legal_hold IN SHARE MODE")
            await other.execute("DELETE FROM hit")
            held = group.create_task(too_late(archive.pool, Scope(hit=hit)))
            await until(archive.pool, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        await held
    assert await archive.pool.fetchval("SELECT count(*) FROM legal_hold") == 0


async def too_late(pool: Pool, scope: Scope) -> None:
    """Place a hold on what is gone."""
    with pytest.raises(NotThere, match="was purged"):
        await legal_holds.place(pool, scope, actor="os:ana", reason="case 7")


async def test_holds_are_audited_listed_and_released_by_command(
    archive: Archive, ask: Ask, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hit, _ = await archive.hit(days=400)
    where = ["--config", str(settings_file)]
    place = ["retention", "hold", "add", "--hit", hit.hex(), "--reason", "case 7", *where]
    camera = ["--camera", "p-1/cam-1", "--from", "500d", "--to", "300d"]
    assert await asyncio.to_thread(app.run, place) == 0
    assert await asyncio.to_thread(app.run, ["retention", "hold", "add", *camera, "--reason", "case 8", *where]) == 0
    assert [row["on"] for row in await asyncio.to_thread(ask, "retention", "hold", "list")] == [
        f"hit:{hit.hex()}",
        "camera:p-1/cam-1",
    ]
    assert await asyncio.to_thread(app.run, ["retention", "hold", "release", "1", "--reason", "closed", *where]) == 0
    assert [row["hold"] for row in await asyncio.to_thread(ask, "retention", "hold", "list")] == [2]
    assert len(await asyncio.to_thread(ask, "retention", "hold", "list", "--all")) == 2
    assert await asyncio.to_thread(app.run, ["retention", "hold", "release", "1", "--reason", "closed", *where]) == 1
    about = await asyncio.to_thread(ask, "audit", "list", "--subject", f"hit:{hit.hex()}")
    assert [(row["action"], row["reason"]) for row in about] == [("hold.add", "case 7"), ("hold.release", "closed")]
    assert "not in force" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "name one thing"),
        (["--device", "box-1", "--entry", "e-1"], "name one thing"),
        (["--device", "box-9"], "not known here"),
        (["--hit", "abc"], "64 hexadecimal digits"),
        (["--camera", "p-1/cam-1"], "needs --from and --to"),
        (["--camera", "cam-1", "--from", "2d", "--to", "1d"], "POINT/CAMERA"),
        (["--camera", "p-1/cam-1", "--from", "1d", "--to", "2d"], "not before"),
        (["--device", "box-1", "--from", "2d"], "go with --camera"),
    ],
)
async def test_a_hold_on_nothing_is_refused(
    archive: Archive, settings_file: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    argv = ["retention", "hold", "add", *options, "--reason", "case 7", "--config", str(settings_file)]
    assert await asyncio.to_thread(app.run, argv) != 0
    assert told in capsys.readouterr().err
    assert await archive.pool.fetchval("SELECT count(*) FROM legal_hold") == 0


async def test_a_hold_is_released_and_never_changed(archive: Archive) -> None:
    await legal_holds.place(archive.pool, Scope(device="box-1"), actor="os:ana", reason="case 7")
    for attempt in (
        "UPDATE legal_hold SET reason = 'x'",
        "UPDATE legal_hold SET device_id = 'box-2', released_by = 'os:ana', released_at = now()",
        "DELETE FROM legal_hold",
        "TRUNCATE legal_hold",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await archive.pool.execute(attempt)


def make_refused(n: int, *, age: timedelta, length_bytes: int = 100) -> Refused:
    """Refused bytes, sealed or as good as."""
    digest = hashlib.sha256(str(n).encode()).digest()
    at, sealed = NOW - age, bytes(length_bytes)
    return Refused(digest, Refusal.BAD_FORM, "topic", None, None, length_bytes, at, sealed, bytes(16))


async def test_sealed_bytes_go_after_their_days_and_beyond_their_bound(archive: Archive, store: RetentionStore) -> None:
    ages = [timedelta(days=8), timedelta(hours=3), timedelta(hours=2), timedelta(hours=1)]
    await Store(archive.pool, TimeRules()).write_refused(make_refused(n, age=age) for n, age in enumerate(ages))
    assert [receipt.rule for receipt in await purged(store, Rule(Keeping.REFUSED, 7))] == ["7 days"]
    bound = await store.bound_refused(250, NOW, actor="os:ana")
    assert bound is not None
    assert (bound.rule, bound.count) == ("250 bytes", 1)
    assert await store.bound_refused(250, NOW, actor="os:ana") is None
    rows = await archive.pool.fetch("SELECT sealed IS NOT NULL AS is_kept, bytes FROM refused ORDER BY first_at")
    assert [row["is_kept"] for row in rows] == [False, False, True, True]
    assert all(row["bytes"] == 100 for row in rows), "what was refused stays known"
    assert [receipt.tables for receipt in await purged(store, Rule(Keeping.REFUSALS, 7))] == [{"refused": 1}]


async def test_strays_are_found_and_removed_on_request_only(archive: Archive) -> None:
    _, *known = await archive.pictured_hit(days=10)
    stray = hashlib.sha256(b"from a backup").digest()
    archive.files.write(stray, b"from a backup")
    left = archive.files.path(stray).with_name(f".{stray.hex()}.12345678")
    left.write_bytes(b"half")
    assert await sweep(archive.pool, archive.files) == [left, archive.files.path(stray)]
    assert left.exists()
    await sweep(archive.pool, archive.files, remove_for=("os:ana", "the backup was older"))
    assert await sweep(archive.pool, archive.files) == []
    assert all(archive.files.path(each).exists() for each in known)
    assert await archive.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'retention.sweep'") == 2


@pytest.mark.parametrize("leap", [timedelta(days=8), timedelta(days=-1)])
async def test_a_clock_that_leaped_purges_nothing_until_a_person_says_it_is_right(
    archive: Archive, store: RetentionStore, installation: Settings, leap: timedelta
) -> None:
    await archive.hit(days=400)
    await store.begin(NOW)
    retention, wanted = Retention(store, installation), rules(installation)
    with pytest.raises(ClockInDoubt, match="--clock-is-right"):
        [each async for each in retention.purge(wanted, NOW + leap, actor="os:ana")]
    assert (await archive.rows())["hit"] == 1
    sure = retention.purge(wanted, NOW + leap, actor="os:ana", is_clock_right=True)
    assert [each.kind async for each in sure] == ["hits"]


async def test_the_service_purges_by_itself(archive: Archive, installation: Settings, broker: Broker) -> None:
    await archive.pictured_hit(days=400)
    async with running(installation):
        await until(archive.pool, "SELECT NOT EXISTS (SELECT FROM hit)")
        await until(archive.pool, "SELECT NOT EXISTS (SELECT FROM file_to_remove)")
    assert await archive.pool.fetchval("SELECT actor FROM audit") == "service:retention"
