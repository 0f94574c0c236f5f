"""One city, one box, one street: played once per session by the commands that operators type, looked at by all tests.

1. Five cars are wanted, one of them for some seconds only. The box watches the clip; three of them are hits.
2. The broker keeps every receipt from the box. A sixth car is put on the list after it has passed. When the box hears
   again, its outbox drains.
3. The box is killed (kill -9). What is then on its disk is set aside.
4. One of the wanted cars is cleared. The box starts again and watches the same clip.
"""

import asyncio
import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from stack.city import BIN, OFFICERS, Box, LocalCity
from stack.measure import events
from stack.process import Program

from aggregator.adapters import keyfiles, mosquitto
from aggregator.adapters.database import opened
from aggregator.settings import Settings, load
from edge_agent.adapters.control_socket import NAME as SOCKET
from edge_agent.adapters.control_socket import ask
from protocol.topics import RECEIPT
from tests.acceptance import process_view
from tests.acceptance.recorder import PUBLISHER, WORKER, Crossed, Recorder
from tests.acceptance.street_cast import (
    ABSENT,
    EXACT,
    EXPIRED,
    LATE,
    POSSIBLE_ENTRY,
    STRANGERS,
    WITHDRAWN,
    Clip,
)
from tests.simulators.agent_place import MODELS

PATIENCE_S: Final = 150  # the machine may be busy; none of these waits is a measurement
SHORT_LIFE: Final = timedelta(seconds=40)
"""Of the entry that expires: enough to sign it on a busy machine, and gone by when the box starts."""
PICTURES_MADE: Final = 6
"""A redacted and a sealed one of each of three hits."""
PICTURES: Final = "SELECT count(*) FROM picture WHERE state = 'stored'"
RESENT: Final = f"""
SELECT count(*) FROM delivery JOIN hit USING (envelope_hash) WHERE plate = '{LATE}' AND redeliveries > 0
"""  # noqa: S608  a constant of ours
LEDGER: Final = """
SELECT device_id, outbox, epoch, sequence, envelope_hash, previous_hash, kind, redeliveries
  FROM delivery ORDER BY device_id, outbox, sequence
"""
EVIDENCE: Final = """
SELECT plate, evidence.device_id, redacted_sha256, sealed_sha256, original_sha256, faces_filled, plates_filled
  FROM evidence JOIN hit ON hit.envelope_hash = hit_hash ORDER BY evidence.sequence
"""
TABLES: Final = """
SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
 WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
REASON: Final = "acceptance case 12/2026"

BOX_SETTINGS: Final = f"""
report_interval_s = 1.0
face_count_interval_s = 1.0
lock_memory = true

[inference]
models_dir = "{MODELS}"
threads = 2

[delivery]
resend_first_s = 0.5
resend_most_s = 2.0
reconnect_first_s = 0.1
reconnect_most_s = 1.0

[evidence]
keep_redacted_dir = "redacted"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelView:
    """What the kernel told of the agent while all reads were in its memory."""

    core_limits: tuple[str, str]
    is_dumpable: bool
    locked_kb: int
    in_memory: frozenset[str] | None


@dataclass(slots=True, eq=False, repr=False)
class Story:
    """What happened, for tests to look at. Nothing of it runs any more."""

    city: LocalCity
    box: Box
    clip: Clip
    settings: Settings
    killed: Path
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    status_deaf: dict[str, Any] = field(default_factory=dict)
    audit_check: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    crossed: tuple[Crossed, ...] = ()
    dump: dict[str, str] = field(default_factory=dict)
    kernel: KernelView | None = None
    without_reason: tuple[int, str] = (0, "")
    seconds: dict[str, float] = field(default_factory=dict)

    def plates(self, name: str) -> list[str]:
        """The plates of a listing of hits, sorted."""
        return sorted(row["plate"] for row in self.rows[name])


def play(folder: Path, clip: Clip) -> Story:
    """Play the whole story; it takes a minute or two on an idle machine. `folder` holds all that is written."""
    city, started = LocalCity(folder / "city"), time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.callback(city.stop)
        box, settings = _establish(city, clip)
        story = Story(city, box, clip, settings, folder / "killed")
        story.seconds["establish"] = time.monotonic() - started
        recorder = stack.enter_context(Recorder(settings))
        agent, again = _agent(story), _agent(story, "--exit-when-drained")
        stack.callback(agent.stop)
        stack.callback(again.stop)
        with _chapter(story, "watch"):
            _watch(story, agent)
        with _chapter(story, "deaf"):
            _without_receipts(story)
        with _chapter(story, "kill"):
            _kill(story, agent)
        with _chapter(story, "again"):
            _watch_again(story, again, recorder)
        with _chapter(story, "look"):
            _look(story)
        ledger = {row["envelope_hash"] for row in story.rows["ledger"]}
        _until(lambda: ledger <= {each.hash for each in recorder.crossed()})
        story.crossed = recorder.crossed()
    return story


@contextlib.contextmanager
def _chapter(story: Story, name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    story.seconds[name] = time.monotonic() - started


def _establish(city: LocalCity, clip: Clip) -> tuple[Box, Settings]:
    """Found the city; while the short-lived entry lives, enrol the box and list the others."""
    city.found(workers=2)
    for client in (WORKER, PUBLISHER):
        city._run("broker", "client", client)
    city.start_servers()
    city.appoint_officers()
    expires_at = datetime.now(UTC) + SHORT_LIFE
    city.want([EXPIRED], days=SHORT_LIFE / timedelta(days=1))
    city.register("p-012", ["cam-1"])
    box = city.enrol("box-012", "p-012", BOX_SETTINGS)
    city.want([EXACT, WITHDRAWN, POSSIBLE_ENTRY, ABSENT])
    assert clip.reads, "tests need them; they are made while the entry expires"
    _until(lambda: datetime.now(UTC) > expires_at)
    return box, load(city.config)


def _agent(story: Story, *more: str) -> Program:
    """The agent, with nowhere to write but in its folder."""
    box, temporary = story.box, story.box.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    argv = [
        *(*process_view.SAME_RIGHTS, str(BIN / "edge-agent"), "run", "--config", str(box.config)),
        *("--events-jsonl", str(box.events), "--camera", f"cam-1={story.clip.video}", "--no-realtime"),
        *("--wait-for-hotlist", "60", *more),
    ]
    return Program("agent", argv, box.folder / "agent.log", {"TMPDIR": str(temporary)})


def _watch(story: Story, agent: Program) -> None:
    agent.start()
    _until(lambda: _has_watched(story), of=agent)
    _until(lambda: _number(story, PICTURES) == PICTURES_MADE, of=agent)
    _until(lambda: _is_quiet(story), of=agent)
    story.status = json.loads(_edge(story, "status", "--json"))
    story.rows["devices"] = story.city.rows("devices")
    story.rows["hits"] = _hits(story)
    story.kernel = _kernel_view(agent)


def _kernel_view(agent: Program) -> KernelView:
    pid = agent.pid
    assert pid is not None, agent.tail()
    return KernelView(
        core_limits=process_view.core_limits(pid),
        is_dumpable=process_view.is_dumpable(pid),
        locked_kb=process_view.locked_kb(pid),
        in_memory=process_view.found_in_memory(pid, frozenset(STRANGERS)),
    )


def _without_receipts(story: Story) -> None:
    """Take the boxes' right to hear receipts from the broker's access list, and give it back."""
    access_list = mosquitto.BrokerFiles.under(story.settings.mosquitto.directory).access_list
    lines = access_list.read_text().splitlines(keepends=True)
    deaf = [line for line in lines if not (line.startswith("pattern read") and line.rstrip().endswith(f"/{RECEIPT}"))]
    assert len(deaf) == len(lines) - 1
    keyfiles.replace(access_list, "".join(deaf).encode(), keyfiles.PRIVATE)
    mosquitto.reload(story.settings)
    story.city.want([LATE])
    _until(lambda: _number(story, RESENT) == 1)
    story.status_deaf = json.loads(_edge(story, "status", "--json"))
    story.city._run("broker", "config")
    _until(lambda: _is_quiet(story))
    story.rows["hits late"] = _hits(story)


def _kill(story: Story, agent: Program) -> None:
    agent.kill()
    shutil.copytree(story.box.folder, story.killed, ignore=shutil.ignore_patterns(SOCKET))


def _watch_again(story: Story, agent: Program, recorder: Recorder) -> None:
    """Clear a car while the box is dead, and have the box watch the same street again."""
    before = recorder.list_version()
    listed = story.city.rows("hotlist", "list", "--reason", REASON)
    (entry,) = [row["entry_id"] for row in listed if row["plate"] == WITHDRAWN]
    story.city._run("hotlist", "withdraw", entry, "--reason", "found again", *story.city.officer(OFFICERS[0]))
    _until(lambda: recorder.list_version() > before)
    agent.start()
    assert agent.wait(PATIENCE_S) == 0, agent.tail()


def _look(story: Story) -> None:
    """All that an operator asks when it is over; and what the tables hold."""
    _until(lambda: _number(story, "SELECT count(*) FROM piece") == 0)
    story.entries = {row["entry_id"]: row["plate"] for row in story.city.rows("hotlist", "list", "--reason", REASON)}
    story.without_reason = _refused(story, "hits", "--json")
    for name in ("devices", "counts", "events"):
        story.rows[f"{name} at last"] = story.city.rows(name)
    story.rows["hits at last"] = _hits(story)
    story.rows["audit"] = story.city.rows("audit", "list", "--limit", "1000")
    story.audit_check = json.loads(story.city._run("audit", "verify", "--json"))
    story.rows["ledger"] = asyncio.run(_ask(story, LEDGER))
    story.rows["evidence"] = asyncio.run(_ask(story, EVIDENCE))
    story.dump = asyncio.run(_dumped(story))


def _hits(story: Story) -> list[dict[str, Any]]:
    return story.city.rows("hits", "--reason", REASON)


def _refused(story: Story, *command: str) -> tuple[int, str]:
    argv = [str(BIN / "aggregator"), *command, "--config", str(story.city.config)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def _edge(story: Story, *command: str) -> str:
    argv = [str(BIN / "edge-agent"), *command, "--config", str(story.box.config)]
    return subprocess.run(argv, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def _has_watched(story: Story) -> bool:
    frames = [line for line in events(story.box.events) if line["event"] == "frames"]
    return bool(frames) and frames[-1]["state"] == "ended" and frames[-1]["reads"] == len(story.clip.script.vehicles)


def _is_quiet(story: Story) -> bool:
    """Whether nothing of the box waits for a receipt."""
    return bool(ask(story.box.folder / "data" / SOCKET, "status")["outbox"]["rows"] == 0)


def _number(story: Story, sql: str) -> int:
    (row,) = asyncio.run(_ask(story, sql))
    return int(row["count"])


async def _ask(story: Story, sql: str) -> list[dict[str, Any]]:
    async with opened(story.settings.database) as database:
        return [dict(row) for row in await database.pool.fetch(sql)]


async def _dumped(story: Story) -> dict[str, str]:
    """Every table as text, `bytea` as hex."""
    async with opened(story.settings.database) as database:
        tables = [row["name"] for row in await database.pool.fetch(TABLES)]
        rows = {name: await database.pool.fetch(f"SELECT t::text FROM {name} AS t") for name in tables}  # noqa: S608  from the catalogue
    return {name: "\n".join(row[0] for row in found) for name, found in rows.items()}


def _until(claim: Callable[[], bool], *, of: Program | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline, "not in time"
        assert of is None or of.pid is not None, of.tail()
        time.sleep(0.3)
