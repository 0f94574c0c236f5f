"""What the region refused for good, in the real database and by command: listed without plates, and sent again."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters import federation_link
from aggregator.adapters.audit_log import rows
from aggregator.adapters.database import Pool
from aggregator.adapters.dead_letters import DeadLetters, Retried
from aggregator.adapters.forward_queue import ForwardQueue
from aggregator.cli import app
from aggregator.core.audit import AuditRow
from aggregator.core.forwarding import Settled
from aggregator.settings import Settings
from protocol.delivery import Lane
from protocol.envelope import envelope_hash
from protocol.refusals import Refusal
from tests.simulators.enrolment import Box
from tests.simulators.forwarding import ALARM, REPORT, store
from tests.simulators.running import make_hit
from tests.simulators.settings_file import write_settings

PLATE = "XYZ987W"
ANA = "os:ana"
LINK = """
region = "coahuila"
region_name = "Coahuila"
broker_host = "127.0.0.1"
broker_port = 8883
server_name = "coahuila"
artefacts_url = "https://127.0.0.1:8443"
log = "07070707070707070707070707070707"
joined_at = 2026-11-22T12:00:00Z
"""
REVOKED, FORGED = int(Refusal.REVOKED_KEY), int(Refusal.BAD_SIGNATURE)


@dataclass(frozen=True)
class Office:
    """A linked city of which the region refused a hit and a report for one reason, then an alarm for another."""

    pool: Pool
    queue: ForwardQueue
    box: Box
    hashes: list[bytes]

    @property
    def letters(self) -> DeadLetters:
        """Its desk."""
        return DeadLetters(self.pool)

    async def audited(self) -> list[AuditRow]:
        """What the desk did."""
        async with self.pool.acquire() as connection:
            return await rows(connection, actor=ANA)


@pytest.fixture
async def office(pool: Pool, box: Box) -> Office:
    """In the order of the refusals."""
    queue = ForwardQueue(pool)
    await queue.obey(["hit", "alarm", "report"])
    hashes = [envelope_hash(raw) for raw in await store(pool, box, [make_hit(plate=PLATE), REPORT, ALARM])]
    for hash_, reason in zip(hashes, (REVOKED, REVOKED, FORGED), strict=True):
        await queue.settle(Settled(dead=[(hash_, reason)]), heard_at=datetime.now(UTC), clock_ahead_ms=None)
    return Office(pool, queue, box, hashes)


async def test_the_list_says_what_was_refused_of_whom_and_why_without_plates(office: Office) -> None:
    found = await office.letters.listed(10, actor=ANA)
    assert [(each.event, each.kind, each.why) for each in found] == [
        (office.hashes[2], "alarm", "bad_signature"),
        (office.hashes[1], "report", "revoked_key"),
        (office.hashes[0], "hit", "revoked_key"),
    ]
    who = office.box.who
    assert {(each.point, each.device) for each in found} == {(who.point, who.device)}
    assert PLATE not in str(found)
    assert len(await office.letters.listed(1, actor=ANA)) == 1
    assert [(row.action, row.subject) for row in await office.audited()] == [("forward.dead", "forward")] * 2


async def test_those_of_a_reason_or_of_a_box_go_again_as_old_as_they_are(office: Office) -> None:
    who, queue = office.box.who, office.queue
    await office.pool.execute("UPDATE forward_dead SET received_at = received_at - interval '1 hour'")
    assert await office.letters.retry("another", None, actor=ANA, reason="no") == Retried(0, 0)
    done = await office.letters.retry(who.device, "revoked_key", actor=ANA, reason="its key was let in again")
    assert done == Retried(again=2, gone=0)
    assert [row.hash for row in await queue.due(Lane.URGENT, [])] == office.hashes[:1]
    assert await queue.due(Lane.ORDINARY, []) == [], "what is of this minute does not wait behind them"
    assert [(row.hash, row.tries) for row in await queue.due(Lane.BULK, [])] == [(office.hashes[1], 0)]
    assert [each.event for each in await office.letters.listed(10, actor=ANA)] == office.hashes[2:]
    retried = [row for row in await office.audited() if row.action == "forward.retry"]
    assert [(row.subject, row.reason) for row in retried] == [
        ("device:another", "no"),
        (f"device:{who.device}", "its key was let in again"),
    ]


async def test_what_retention_took_is_listed_without_a_box_and_cannot_go_again(office: Office) -> None:
    await office.pool.execute("DELETE FROM alarm")
    gone = (await office.letters.listed(1, actor=ANA))[0]
    assert (gone.event, gone.device, gone.point) == (office.hashes[2], None, None)
    assert await office.letters.retry(office.box.who.device, "bad_signature", actor=ANA, reason="no") == Retried(0, 0)
    assert await office.letters.retry(None, None, actor=ANA, reason="all of them") == Retried(again=2, gone=1)
    assert await office.letters.listed(10, actor=ANA) == []
    assert await office.pool.fetchval("SELECT count(*) FROM forward_due") == 2


async def test_what_is_refused_as_it_should_be_is_dismissed_and_stays_in_the_city(office: Office) -> None:
    assert await office.letters.dismiss("another", None, actor=ANA, reason="no") == 0
    assert (
        await office.letters.dismiss(office.box.who.device, "revoked_key", actor=ANA, reason="the box was stolen") == 2
    )
    assert [each.event for each in await office.letters.listed(10, actor=ANA)] == office.hashes[2:]
    assert await office.pool.fetchval("SELECT count(*) FROM forward_due") == 0
    assert await office.pool.fetchval("SELECT count(*) FROM hit") == 1
    assert ("forward.dismiss", "the box was stolen") in [(row.action, row.reason) for row in await office.audited()]


async def test_by_command(
    office: Office, installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace, link = msgspec.structs.replace, tmp_path / "link"
    city = replace(installation, federation=replace(installation.federation, link_dir=link))
    config = ["--config", str(write_settings(city, tmp_path / "aggregator.toml"))]

    async def do(code: int, *arguments: str) -> tuple[Any, str]:  # a command's JSON; `Any`, since it is of either
        capsys.readouterr()
        assert await asyncio.to_thread(app.run, ["federation", *arguments, *config]) == code
        said = capsys.readouterr()
        return (msgspec.json.decode(said.out) if said.out else None), said.err

    found, _ = await do(0, "dead", "--json")
    assert (found[0]["kind"], found[0]["why"]) == ("alarm", "bad_signature")
    assert set(found[0]) == {"refused_at", "why", "kind", "point", "device", "received_at", "event"}
    _, told = await do(2, "retry", "--reason", "mended", "--why", "curiosity")
    assert "revoked_key" in told
    _, told = await do(1, "retry", "--reason", "mended")
    assert "not linked" in told
    link.mkdir()
    (link / federation_link.FACTS).write_text(LINK)
    _, told = await do(0, "retry", "--reason", "mended", "--device", office.box.who.device, "--why", "revoked_key")
    assert told == "2 dead letters go to the region again\n"
    _, told = await do(0, "dismiss", "--reason", "it was a test", "--why", "bad_signature")
    assert told == "1 dead letters are dismissed\n"
    region = replace(installation, role="region")
    config = ["--config", str(write_settings(region, tmp_path / "region.toml"))]
    _, told = await do(2, "dead")
    assert "passes nothing on" in told
