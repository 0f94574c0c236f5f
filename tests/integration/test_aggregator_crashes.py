"""kill -9 of the aggregator at every step: nothing lost, nothing twice, every envelope receipted in the end."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from aggregator.adapters import evidence_store, keyfiles
from aggregator.adapters.database import Pool, opened
from aggregator.service import ingest
from aggregator.settings import Database, Settings
from protocol.envelope import envelope_hash
from protocol.messages import Alarm, Body, Evidence, HitKey, Kind, Piece
from protocol.receipts import Status
from protocol.topics import message_topic
from tests.simulators.box_line import BoxLine, box_line
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box, enrol, found_registry
from tests.simulators.running import make_hit, running, until, until_well
from tests.simulators.settings_file import write_settings

PICTURE = b"not quite a JPEG " * 8_000


@pytest.fixture
def line(broker: Broker, box: Box, installation: Settings) -> Iterator[BoxLine]:
    """The enrolled box, connected."""
    server = keyfiles.read_signer(installation.keys.server_key).public_key
    with box_line(
        box.who, box.certificate, box.key, ca=installation.broker.ca, port=broker.port, server=server
    ) as connected:
        yield connected


@contextmanager
def program(settings_file: Path, *, crash_at: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """`aggregator run` as a process of its own."""
    environment = {**os.environ, "ATALAYA_CRASH_AT": crash_at}
    argv = [sys.executable, "-c", "from aggregator.cli import main; main()", "run", "--config", str(settings_file)]
    log = settings_file.with_suffix(".log")
    with log.open("ab") as said, subprocess.Popen(argv, env=environment, stdout=said, stderr=said) as process:
        try:
            yield process
        finally:
            process.terminate()


def make_bodies(box: Box) -> list[tuple[Kind, bytes]]:
    """A hit, its evidence in pieces, and alarms: the envelopes of an outbox."""
    said: list[tuple[Kind, bytes]] = []

    def say(kind: Kind, body: Body) -> bytes:
        raw = box.say(body)
        said.append((kind, raw))
        return raw

    hit = say(Kind.HIT, make_hit())
    digest = hashlib.sha256(PICTURE).digest()
    key = HitKey(outbox=box.position.outbox, epoch=1, sequence=1, hash=envelope_hash(hit))
    evidence = Evidence(
        hit=key, camera="cam-1", captured_ms=1_800_000_000_000, redacted_sha256=digest, redacted_bytes=len(PICTURE),
        sealed_sha256=bytes(32), sealed_bytes=1, original_sha256=bytes(32), sealed_to=bytes(16),
    )  # fmt: skip
    say(Kind.EVIDENCE, evidence)
    for at in range(0, len(PICTURE), 48 * 1024):
        data = PICTURE[at : at + 48 * 1024]
        say(Kind.PIECE, Piece(sha256=digest, total_bytes=len(PICTURE), offset=at, data=data))
    for _ in range(3):
        say(Kind.ALARM, Alarm(alarm="panic_button", started_ms=1_800_000_000_000))
    return said


async def deliver(line: BoxLine, box: Box, said: list[tuple[Kind, bytes]]) -> None:
    """Send as an agent does: again, until each envelope has a receipt."""
    async with asyncio.timeout(90):
        while left := [(kind, raw) for kind, raw in said if envelope_hash(raw) not in line.receipts]:
            for kind, raw in left:
                line.client.publish(str(message_topic(box.who, kind)), raw, qos=1)
            for _ in range(20):
                await asyncio.sleep(0.05)
                if all(envelope_hash(raw) in line.receipts for _, raw in left):
                    break


@pytest.mark.parametrize("step", [*ingest.STEPS, *evidence_store.STEPS])
async def test_killed_at_a_step_nothing_is_lost_and_nothing_is_twice(
    step: str, pool: Pool, installation: Settings, line: BoxLine, box: Box
) -> None:
    settings_file = write_settings(installation, installation.evidence_dir.with_name("aggregator.toml"))
    said = make_bodies(box)
    with program(settings_file, crash_at=step) as crashing:
        await until_well(installation)
        for kind, raw in said:
            line.client.publish(str(message_topic(box.who, kind)), raw, qos=1)
        assert await asyncio.to_thread(crashing.wait, 60) == -signal.SIGKILL
    with program(settings_file) as well:
        await until_well(installation)
        await deliver(line, box, said)
        await until(pool, "SELECT EXISTS (SELECT FROM picture WHERE state = 'stored')")
        await until(pool, "SELECT head = $1 AND breaks = '{}' AND forks = '{}' FROM chain", len(said))
        well.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(well.wait, 60) == 0
    assert all(line.receipts[envelope_hash(raw)][-1].status is Status.STORED for _, raw in said)
    counts = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM delivery), (SELECT count(*) FROM hit), (SELECT count(*) FROM hit_match),"
        " (SELECT count(*) FROM alarm), (SELECT count(*) FROM evidence), (SELECT count(*) FROM piece)"
    )
    assert counts is not None
    assert tuple(counts) == (len(said), 1, 1, 3, 1, 0)
    digest = hashlib.sha256(PICTURE).hexdigest()
    assert (installation.evidence_dir / digest[:2] / digest).read_bytes() == PICTURE


async def test_a_database_that_is_killed_is_revived_and_nothing_is_lost(
    installation: Settings, broker: Broker, tmp_path: Path
) -> None:
    own = msgspec.structs.replace(installation, database=Database(data_dir=tmp_path / "pg"))
    server = keyfiles.read_signer(own.keys.server_key).public_key
    async with opened(own.database) as database:
        await found_registry(database.pool)
        box = await enrol(database.pool, own, "box-1", tmp_path)
        said = make_bodies(box)
        async with running(own):
            with box_line(box.who, box.certificate, box.key, ca=own.broker.ca, port=broker.port, server=server) as line:
                await deliver(line, box, said[:2])
                os.kill(int((tmp_path / "pg/cluster/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
                await deliver(line, box, said)
            assert await database.pool.fetchval("SELECT count(*) FROM delivery") == len(said)
