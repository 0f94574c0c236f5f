"""What a person rejected is forgotten: a day later no table and no file holds the plate of a `possible` hit."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from aggregator.adapters import legal_holds
from aggregator.adapters.audit_log import verify
from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.retention_store import RetentionStore
from aggregator.cli import app
from aggregator.core.alerts import Act, Outcome
from aggregator.core.retention import Keeping, Receipt, Rule, Scope
from aggregator.errors import Overtaken
from aggregator.settings import Settings
from protocol.messages import Piece, Quality
from tests.simulators.alerting import Said, Street
from tests.simulators.archive import Archive
from tests.simulators.enrolment import Box
from tests.simulators.settings_file import write_settings

PLATE = "XYZ987W"
DAY = Rule(Keeping.REJECTED, 1)


@dataclass(frozen=True)
class Case:
    """A street, and where its pictures lie."""

    street: Street
    archive: Archive

    @property
    def store(self) -> RetentionStore:
        """Retention over it."""
        return RetentionStore(self.archive.pool, self.archive.files)

    async def possible(self) -> tuple[Said, bytes, bytes]:
        """A `possible` hit with both its pictures, amended once, and its alert."""
        hit = self.street.hit(quality=Quality.POSSIBLE, plate=PLATE)
        await self.street.tell(hit)
        await self.street.tell(self.street.amended(hit, quality=Quality.POSSIBLE, plate=PLATE))
        redacted = await self.archive.picture(b"a picture of " + PLATE.encode(), days=0)
        sealed = await self.archive.picture(b"sealed", days=0)
        await self.archive.evidence(hit.key, redacted, sealed, days=0)
        await self.street.make()
        return hit, redacted, sealed

    async def purged(self, *, hours: float) -> list[Receipt]:
        """The receipts of the rule, so long from now."""
        later = self.street.now + timedelta(hours=hours)
        receipts = [each async for each in self.store.purge(DAY, later, actor="os:ana")]
        await self.store.remove_files()
        return receipts

    async def tables_with(self, text: str) -> set[str]:
        """Every table that holds a text, as text or within bytes."""
        names = await self.street.pool.fetch(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        found = set()
        for (name,) in names:
            for row in await self.street.pool.fetch(f"SELECT * FROM {name}"):  # noqa: S608
                if any(text in str(cell) for cell in row.values()):
                    found.add(name)
        return found


@pytest.fixture
def case(pool: Pool, installation: Settings, box: Box) -> Case:
    """`box-1`, and nothing said yet."""
    return Case(Street(pool, box), Archive(pool, EvidenceFiles(installation.evidence_dir), box))


async def test_a_rejected_possible_leaves_no_plate_anywhere_after_a_day(case: Case) -> None:
    _, redacted, sealed = await case.possible()
    await case.street.step(Act.REJECT)
    assert await case.purged(hours=23) == []
    assert {"hit", "hit_amendment"} <= await case.tables_with(PLATE)
    (receipt,) = await case.purged(hours=25)
    assert (receipt.kind, receipt.rule) == ("rejected", "1 days")
    assert receipt.tables == {"hit": 1, "hit_amendment": 1, "picture": 2}
    assert await case.tables_with(PLATE) == set()
    assert await case.tables_with("'e-1'") == set()
    assert [case.archive.files.path(each).exists() for each in (redacted, sealed)] == [False, False]
    (alert,) = await case.street.alerts()
    assert (alert["state"], alert["is_erased"], alert["was_right"]) == ("rejected", True, False)
    assert (await case.street.acts(alert["alert_id"]))[-2:] == ["reject", "erase"]
    assert [(row["what"], each.errors) for row, each in await case.street.desk.precision("camera", None)] == [
        ("p-1/cam-1", 1)
    ]
    async with case.street.pool.acquire() as connection:
        assert (await verify(connection))[1] == []


async def test_a_wrong_vehicle_is_forgotten_as_well_and_a_right_one_is_not(case: Case) -> None:
    await case.possible()
    for act in (Act.CONFIRM, Act.DISPATCH):
        await case.street.step(act)
    await case.street.step(Act.CLOSE, outcome=Outcome.WRONG_VEHICLE)
    await case.street.tell(case.street.hit(entries=["e-2"], quality=Quality.EXACT, plate="RIGHT12"))
    await case.street.step(Act.REJECT, number=(await case.street.alerts())[-1]["alert_id"])
    assert [receipt.tables["hit"] for receipt in await case.purged(hours=25)] == [1]
    assert await case.street.pool.fetchval("SELECT array_agg(plate) FROM hit") == ["RIGHT12"], "it was exact"


async def test_of_a_held_one_only_the_sealed_original_stays(case: Case) -> None:
    _, redacted, sealed = await case.possible()
    await legal_holds.place(case.street.pool, Scope(device="box-1"), actor="os:ana", reason="case 7")
    await case.street.step(Act.REJECT)
    (receipt,) = await case.purged(hours=25)
    assert receipt.tables == {"hit": 1, "hit_amendment": 1, "picture": 1}
    assert await case.purged(hours=49) == []
    assert await case.tables_with(PLATE) == set()
    assert [case.archive.files.path(each).exists() for each in (redacted, sealed)] == [False, True]
    assert await case.street.pool.fetchval("SELECT count(*) FROM evidence") == 1


async def test_what_comes_late_of_it_goes_at_once(case: Case) -> None:
    hit, *_ = await case.possible()
    await case.street.step(Act.REJECT)
    await case.purged(hours=25)
    await case.street.tell(case.street.amended(hit, quality=Quality.POSSIBLE, plate=PLATE))
    assert [receipt.tables for receipt in await case.purged(hours=26)] == [{"hit_amendment": 1}]
    assert await case.tables_with(PLATE) == set()
    assert len(await case.street.alerts()) == 1


async def test_a_picture_that_comes_late_goes_whole_or_in_pieces(case: Case) -> None:
    hit = case.street.hit(quality=Quality.POSSIBLE, plate=PLATE)
    await case.street.tell(hit)
    await case.street.step(Act.REJECT)
    data = b"a picture of " + PLATE.encode()
    digest = hashlib.sha256(data).digest()
    await case.archive.evidence(hit.key, digest, bytes(32), days=0)
    await case.purged(hours=25)
    assert await case.purged(hours=26) == []
    await case.archive.keep(Piece(sha256=digest, total_bytes=len(data) + 1, offset=0, data=data), days=0)
    assert [receipt.tables for receipt in await case.purged(hours=27)] == [{"piece": 1}]
    assert await case.archive.picture(data, days=0) == digest
    assert [receipt.tables for receipt in await case.purged(hours=28)] == [{"picture": 1}]
    assert await case.tables_with(PLATE) == set()
    assert not case.archive.files.path(digest).exists()


async def test_a_rejection_is_taken_back_within_the_day_and_not_after_it(case: Case) -> None:
    await case.possible()
    (alert,) = await case.street.alerts()
    number = alert["alert_id"]
    await case.street.step(Act.REJECT)
    wish = case.street.correction(Act.CONFIRM)
    await case.street.desk.step(number, wish, actor="os:ana", reason="case 7", now=case.street.now)
    assert await case.purged(hours=25) == []
    back = case.street.correction(Act.REJECT)
    await case.street.desk.step(number, back, actor="os:ana", reason="case 7", now=case.street.now)
    await case.purged(hours=25)
    with pytest.raises(Overtaken, match="erased"):
        await case.street.desk.step(number, wish, actor="os:ana", reason="case 7", now=case.street.now)


async def test_alerts_that_are_over_go_after_their_hits_and_never_before(case: Case) -> None:
    await case.possible()
    await case.street.step(Act.REJECT)
    rule, later = Rule(Keeping.ALERTS, 1), case.street.now + timedelta(days=9)
    assert [each async for each in case.store.purge(rule, later, actor="os:ana")] == []
    await case.purged(hours=25)
    (receipt,) = [each async for each in case.store.purge(rule, later, actor="os:ana")]
    assert receipt.tables == {"alert": 1}
    assert await case.street.pool.fetchval("SELECT count(*) FROM alert_history") == 0


async def test_the_command_erases_as_the_service_does(
    case: Case, installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case.street.now -= timedelta(hours=25)
    await case.possible()
    await case.street.step(Act.REJECT)
    config = ["--config", str(write_settings(installation, tmp_path / "aggregator.toml"))]
    assert await asyncio.to_thread(app.run, ["retention", "run", "--kind", "rejected", "--json", *config]) == 0
    (receipt,) = msgspec.json.decode(capsys.readouterr().out)
    assert (receipt["kind"], receipt["rule"]) == ("rejected", "1 days")
    assert await case.tables_with(PLATE) == set()
