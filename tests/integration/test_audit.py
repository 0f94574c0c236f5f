"""The audit against whoever owns the database: rows changed, cut off and written anew by a superuser, and checkpoints
that an auditor keeps elsewhere.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters import keyfiles
from aggregator.adapters.audit_log import audit, batches
from aggregator.adapters.database import Pool
from aggregator.cli import app
from aggregator.core.audit import next_row
from aggregator.core.checkpoint import sign_checkpoint
from aggregator.service.checkpoints import Checkpoints
from aggregator.settings import Audit, Settings
from protocol.clock import to_ms
from protocol.keys import KeySigner
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box
from tests.simulators.evidence import Street
from tests.simulators.officers import appoint, now
from tests.simulators.running import running
from tests.simulators.settings_file import write_settings

# `Any`: JSON of any command.
Run = Callable[..., tuple[int, Any, str]]
INSERT = "INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"


@pytest.fixture
def run(installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with --json; its exit code, what it printed, what it said."""
    config = write_settings(installation, tmp_path / "aggregator.toml")

    def command(*arguments: str, has_config: bool = True) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = app.run([*arguments, "--json", *(["--config", str(config)] if has_config else [])])
        said = capsys.readouterr()
        return code, msgspec.json.decode(said.out) if said.out else None, said.err

    return command


@pytest.fixture
async def looks(pool: Pool) -> Pool:
    """Twelve looks in the audit."""
    await look(pool, 12)
    return pool


@pytest.fixture
async def kept(looks: Pool, run: Run, tmp_path: Path) -> Path:
    """The auditor's folder, with a checkpoint after the twelfth row."""
    folder = tmp_path / "auditor"
    code, told, said = await asyncio.to_thread(run, "audit", "checkpoint", "--to", str(folder))
    assert (code, told["rows"]) == (0, 12), said
    return folder


async def look(pool: Pool, times: int) -> None:
    """Look at hits."""
    for n in range(times):
        async with pool.acquire() as connection, connection.transaction():
            await audit(connection, actor="os:ana", action="hit.show", subject=f"hit:{n}", reason="case 1")


async def as_superuser(pool: Pool, *statements: str) -> None:
    """What the owner of the database can do."""
    async with pool.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement)
        await connection.execute("RESET session_replication_role")


async def write_anew(pool: Pool, *, leaving_out: int) -> None:
    """A whole chain without one look, every hash right."""
    async with pool.acquire() as connection:
        rows = [row async for batch in batches(connection) for row in batch]
    await as_superuser(pool, "TRUNCATE audit")
    last = None
    for row in rows:
        if row.number != leaving_out:
            last = next_row(last, at=row.at, actor=row.actor, action=row.action, subject=row.subject, reason=row.reason)
            texts = (last.actor, last.action, last.subject, last.reason)
            await pool.execute(INSERT, last.number, last.at, *texts, last.previous_hash, last.hash)


async def problems(run: Run, *options: str, has_config: bool = True) -> list[str]:
    """What `audit verify` finds."""
    code, told, _ = await asyncio.to_thread(lambda: run("audit", "verify", *options, has_config=has_config))
    assert code == (3 if told["findings"] else 0)
    return [each["problem"] for each in told["findings"]]


async def test_an_untouched_record_agrees_with_its_checkpoints(looks: Pool, run: Run, kept: Path) -> None:
    await look(looks, 5)
    assert await problems(run, "--checkpoints", str(kept)) == []


async def test_a_changed_row_is_found(looks: Pool, run: Run) -> None:
    await as_superuser(looks, "UPDATE audit SET actor = 'os:luis' WHERE number = 7")
    assert await problems(run) == ["it was changed"]


async def test_a_removed_row_is_found(looks: Pool, run: Run) -> None:
    await as_superuser(looks, "DELETE FROM audit WHERE number = 7")
    assert await problems(run) == ["row 7 is missing", "it does not follow the row before it"]


async def test_a_cut_tail_is_found_by_the_checkpoint_alone(looks: Pool, run: Run, kept: Path) -> None:
    await as_superuser(looks, "DELETE FROM audit WHERE number > 10")
    assert await problems(run) == []
    (problem,) = await problems(run, "--checkpoints", str(kept))
    assert problem.startswith("the end was cut off: checkpoint audit-saltillo-000000000012-")


async def test_a_tail_that_was_cut_and_grown_again_is_found(looks: Pool, run: Run, kept: Path) -> None:
    await as_superuser(looks, "DELETE FROM audit WHERE number > 10")
    await look(looks, 6)
    assert await problems(run) == []
    (problem,) = await problems(run, "--checkpoints", str(kept))
    assert problem.startswith("the record was written anew up to here")


async def test_a_record_written_anew_is_found_by_the_checkpoint_alone(looks: Pool, run: Run, kept: Path) -> None:
    await look(looks, 3)
    await write_anew(looks, leaving_out=4)
    assert await problems(run) == []
    (problem,) = await problems(run, "--checkpoints", str(kept))
    assert problem.startswith("the record was written anew up to here")


async def test_an_emptied_record_is_found(looks: Pool, run: Run, kept: Path) -> None:
    await as_superuser(looks, "TRUNCATE audit")
    assert await problems(run) == []
    (problem,) = await problems(run, "--checkpoints", str(kept))
    assert problem.endswith("has 12 rows, here are 0")


async def test_a_record_that_was_written_anew_gets_no_new_checkpoint(looks: Pool, run: Run, kept: Path) -> None:
    await write_anew(looks, leaving_out=4)
    await look(looks, 3)
    code, told, said = await asyncio.to_thread(run, "audit", "checkpoint", "--to", str(kept))
    assert (code, told) == (1, None)
    assert "not signed, the audit contradicts" in said
    assert len(list(kept.glob("audit-*.cose"))) == 1


async def test_a_checkpoint_by_another_key_is_not_believed(looks: Pool, run: Run, kept: Path) -> None:
    forged = sign_checkpoint("saltillo", 12, bytes(32), KeySigner.generate(), time_ms=to_ms(now()))
    keyfiles.write_new(kept / "audit-saltillo-forged.cose", forged)
    assert await problems(run, "--checkpoints", str(kept)) == [
        "checkpoint audit-saltillo-forged.cose: no key that the root grants AUDIT signed it"
    ]


async def test_a_folder_without_checkpoints_proves_nothing(looks: Pool, run: Run, tmp_path: Path) -> None:
    code, _, said = await asyncio.to_thread(run, "audit", "verify", "--checkpoints", str(tmp_path))
    assert (code, "holds no checkpoint" in said) == (2, True)


async def test_an_auditor_needs_the_export_the_folder_and_the_fingerprint(
    looks: Pool, run: Run, kept: Path, installation: Settings, tmp_path: Path
) -> None:
    file, root = tmp_path / "audit.jsonl", hashlib.sha256(installation.keys.root_spki.read_bytes()).hexdigest()
    _, told, _ = await asyncio.to_thread(run, "audit", "export", "--out", str(file))
    assert told["rows"] == 12
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(kept, elsewhere)
    options = ("--file", str(file), "--checkpoints", str(elsewhere), "--root-fingerprint", root)
    assert await problems(run, *options, has_config=False) == []
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:9]))
    assert [each[:19] for each in await problems(run, *options, has_config=False)] == ["the end was cut off"]
    file.write_bytes(b"".join(lines).replace(b"os:ana", b"os:eva", 1))
    assert await problems(run, *options, has_config=False) == ["it was changed"]
    other = (*options[:-1], "00" * 32)
    code, _, said = await asyncio.to_thread(lambda: run("audit", "verify", *other, has_config=False))
    assert (code, "another fingerprint" in said) == (1, True)


async def test_the_service_writes_a_checkpoint_when_there_are_new_rows(
    looks: Pool, installation: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "auditor"
    service = Checkpoints(looks, installation, folder)
    for times in (1, 0, 3):
        await look(looks, times)
        await service.write_if_new()
    assert [file.name[:27] for file in sorted(folder.glob("audit-*"))] == [
        "audit-saltillo-000000000013",
        "audit-saltillo-000000000016",
    ]


async def test_the_running_aggregator_writes_checkpoints_where_the_settings_say(
    looks: Pool, installation: Settings, broker: Broker, tmp_path: Path
) -> None:
    folder = tmp_path / "auditor"
    settings = msgspec.structs.replace(installation, audit=Audit(checkpoint_dir=folder))
    async with running(settings), asyncio.timeout(60):
        while not list(folder.glob("audit-*")):
            await asyncio.sleep(0.02)


async def test_who_looked_at_an_entry(pool: Pool, installation: Settings, box: Box, run: Run, tmp_path: Path) -> None:
    officers = appoint(installation, tmp_path, "ana", "luis")
    street = Street(pool, officers.settings, officers, box)
    entry = await street.list_entry()
    hit = (await street.see()).hex()
    evidence = await street.picture()
    await asyncio.to_thread(run, "hits", "--reason", "case 1", "--pictures", str(tmp_path / "out"))
    await asyncio.to_thread(run, "evidence", "show", hit, "--reason", "case 2")
    await asyncio.to_thread(run, "hotlist", "list", "--reason", "case 3")
    _, rows, _ = await asyncio.to_thread(run, "audit", "list", "--entry", entry)
    batch = await pool.fetchval("SELECT batch_id FROM hotlist_batch")
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("hotlist_propose", batch),
        ("hotlist_approve", batch),
        ("hit.show", f"hit:{hit}"),
        ("picture.copy", f"picture:{evidence.redacted_sha256.hex()}"),
        ("evidence.show", f"hit:{hit}"),
        ("hotlist_look", entry),
    ]
    _, none, _ = await asyncio.to_thread(run, "audit", "list", "--entry", "e-another")
    assert none == []
    _, of_hit, _ = await asyncio.to_thread(run, "audit", "list", "--hit", hit[:10])
    assert [row["action"] for row in of_hit] == ["hit.show", "picture.copy", "evidence.show"]
