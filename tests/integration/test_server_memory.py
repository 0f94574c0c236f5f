"""A plate that the server holds lies in its database alone: in no log, no traceback, no file beside the rows."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from aggregator.adapters import keyfiles
from aggregator.adapters.database import opened
from aggregator.settings import Database, Settings
from protocol.envelope import envelope_hash
from protocol.messages import Kind
from protocol.receipts import Status
from protocol.topics import message_topic
from tests.simulators.box_line import box_line
from tests.simulators.broker import Broker
from tests.simulators.enrolment import enrol, found_registry
from tests.simulators.running import make_hit, until, until_well
from tests.simulators.settings_file import write_settings

CANARY = "QZX987W"
RUN = "from aggregator.cli import main; main()"


def files_with(folder: Path, text: bytes, *, but: Path) -> list[Path]:
    """Files that hold a text, but for those under one folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(but))
    return [path for path in files if text in path.read_bytes()]


async def test_a_killed_server_leaves_a_plate_in_its_rows_and_nowhere_else(
    installation: Settings, broker: Broker, tmp_path: Path
) -> None:
    own = msgspec.structs.replace(installation, database=Database(data_dir=tmp_path / "pg"))
    settings_file = write_settings(own, tmp_path / "aggregator.toml")
    server = keyfiles.read_signer(own.keys.server_key).public_key
    async with opened(own.database) as database:
        await found_registry(database.pool)
        box = await enrol(database.pool, own, "box-1", tmp_path)
        # A row that the database refuses: its error carries the row's values, and so does the traceback's frame.
        await database.pool.execute("ALTER TABLE hit ADD CONSTRAINT poison CHECK (observed <> 'POISON')")
        poison = box.say(msgspec.structs.replace(make_hit(plate=CANARY), observed="POISON"))
        good = box.say(make_hit(plate=CANARY))
        with (tmp_path / "aggregator.log").open("wb") as said:
            argv = [sys.executable, "-c", RUN, "run", "--config", str(settings_file)]
            with subprocess.Popen(argv, stdout=said, stderr=said) as program:
                await until_well(own)
                with box_line(
                    box.who, box.certificate, box.key, ca=own.broker.ca, port=broker.port, server=server
                ) as line:
                    for raw in (poison, good):
                        line.client.publish(str(message_topic(box.who, Kind.HIT)), raw, qos=1)
                    async with asyncio.timeout(60):
                        while not {envelope_hash(raw) for raw in (poison, good)} <= line.receipts.keys():
                            await asyncio.sleep(0.05)
                    statuses = [line.receipts[envelope_hash(raw)][-1].status for raw in (poison, good)]
                await until(database.pool, "SELECT count(*) = 1 FROM hit WHERE plate = $1", CANARY)
                program.send_signal(signal.SIGKILL)
        assert statuses == [Status.REFUSED, Status.STORED]
    assert (tmp_path / "aggregator.log").stat().st_size > 0
    assert (tmp_path / "pg" / "server.log").stat().st_size > 0
    assert files_with(tmp_path, CANARY.encode(), but=tmp_path / "pg" / "cluster") == []
    assert files_with(tmp_path / "pg", CANARY.encode(), but=tmp_path / "nowhere") != [], (
        "the search finds what is there"
    )
