"""What points say of themselves, from the wire to the rows, to `events`, and out again when its time is up."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from protocol_samples_minor import BODIES

from aggregator.adapters import legal_holds
from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.retention_store import RetentionStore
from aggregator.adapters.store import Store
from aggregator.cli import app
from aggregator.core.ingest import Fate, TimeRules
from aggregator.core.retention import Keeping, Rule, Scope
from aggregator.core.rows import Taken
from aggregator.settings import Settings
from protocol.envelope import envelope_hash, parse
from protocol.messages import KINDS, body_of, decode_message
from protocol.point_messages import Acceptance, CameraCondition, SettingsResult
from tests.simulators.enrolment import Box
from tests.simulators.settings_file import write_settings

CONDITION, ACCEPTANCE, RESULT = BODIES
TABLES = ("camera_condition", "acceptance", "acceptance_check", "settings_result")
NOW = datetime.now(UTC)


def say_all(box: Box, *, received_at: datetime = NOW) -> list[Taken]:
    """One message of each kind, as verification hands it over."""
    found = []
    for body in BODIES:
        raw = box.say(body)
        message = decode_message(parse(raw).payload)
        found.append(Taken(message, body_of(message), raw, envelope_hash(raw), received_at))
    return found


async def counts(pool: Pool) -> dict[str, int]:
    return {table: await pool.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608  our names


async def test_every_field_is_kept_in_bulk_and_message_by_message(pool: Pool, box: Box) -> None:
    store = Store(pool, TimeRules())
    for write in (store.write, store.write_each):
        assert set((await write(say_all(box), [])).values()) == {Fate.NEW}
    assert await counts(pool) == {"camera_condition": 2, "acceptance": 2, "acceptance_check": 4, "settings_result": 2}
    assert isinstance(CONDITION, CameraCondition)
    assert isinstance(ACCEPTANCE, Acceptance)
    assert isinstance(RESULT, SettingsResult)
    for row in await pool.fetch("SELECT * FROM camera_condition"):
        assert (row["camera_id"], row["condition"], row["is_active"]) == ("cam-2", 2, True)
        for told, when in ((CONDITION.before, "before"), (CONDITION.after, "after")):
            assert [row[f"{name}_{when}"] for name in told.__struct_fields__] == list(msgspec.structs.astuple(told))
        assert (row["before_jpeg"], row["after_jpeg"]) == (CONDITION.before_jpeg, CONDITION.after_jpeg)
    for row in await pool.fetch("SELECT * FROM acceptance"):
        assert (row["technician"], row["verdict"], row["checks"]) == ("Rosa Núñez", 2, 2)
        assert row["versions"] == list(ACCEPTANCE.versions)
    checks = await pool.fetch("SELECT DISTINCT number, check_name, verdict, value, camera_id FROM acceptance_check")
    assert sorted(tuple(row) for row in checks) == [
        (1, "clock", 1, "12 ms", None),
        (2, "plate_px", 2, "84", "cam-1"),
    ]
    for row in await pool.fetch("SELECT number, rollout_id, state, reason, note FROM settings_result"):
        assert tuple(row) == (4, "r-0007", 2, "inference", RESULT.note)


@pytest.fixture
def ask(installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command with --json, and read what it printed."""
    settings_file = write_settings(installation, tmp_path / "aggregator.toml")

    def run(*arguments: str) -> Any:  # JSON
        capsys.readouterr()
        assert app.run([*arguments, "--json", "--config", str(settings_file)]) == 0
        return msgspec.json.decode(capsys.readouterr().out)

    return run


async def test_events_lists_each_kind_with_what_matters_of_it(pool: Pool, box: Box, ask: Callable[..., Any]) -> None:
    await Store(pool, TimeRules()).write(say_all(box), [])
    notes = {}
    for body in BODIES:
        slug = KINDS[type(body)].slug
        (row,) = await asyncio.to_thread(ask, "events", "--kind", slug, "--from", "2020-01-01")
        notes[row["kind"]] = (row["note"], row["camera"])
    assert notes == {
        "camera-condition": ("moved", "cam-2"),
        "acceptance": ("warn: plate_px cam-1", None),
        "settings-result": ("number 4 of r-0007 rolled back: inference", None),
    }
    assert len(await asyncio.to_thread(ask, "events", "--from", "2020-01-01")) == len(BODIES)


async def purged(retention: RetentionStore, rules: list[Rule]) -> list[dict[str, int]]:
    """What went, by table."""
    return [receipt.tables for rule in rules async for receipt in retention.purge(rule, NOW, actor="os:ana")]


async def test_what_is_due_goes_and_what_is_held_stays(pool: Pool, box: Box, tmp_path: Path) -> None:
    store = Store(pool, TimeRules())
    await store.write(say_all(box, received_at=NOW - timedelta(days=500)), [])
    await store.write(say_all(box, received_at=NOW), [])
    retention = RetentionStore(pool, EvidenceFiles(tmp_path))
    rules = [Rule(kind, 300) for kind in (Keeping.CONDITIONS, Keeping.ACCEPTANCES, Keeping.SETTINGS)]
    number = await legal_holds.place(pool, Scope(device="box-1"), actor="os:ana", reason="case 7")
    assert await purged(retention, rules) == []
    await legal_holds.release(pool, number, actor="os:ana", reason="case 7 closed")
    assert await purged(retention, rules) == [{"camera_condition": 1}, {"acceptance": 1}, {"settings_result": 1}]
    assert await counts(pool) == {"camera_condition": 1, "acceptance": 1, "acceptance_check": 2, "settings_result": 1}
