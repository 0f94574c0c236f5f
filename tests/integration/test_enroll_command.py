"""`aggregator device invite ...` and `edge-agent enroll` as they are typed, each in a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator.adapters.database import Pool
from aggregator.settings import Settings
from edge_agent.adapters.keystore import KEY, load_enrolment
from edge_agent.adapters.texts import LANGUAGES, Language, texts
from edge_agent.adapters.tpm import PEM_BEGIN
from edge_agent.core.enrolment import Problem, Stage
from protocol.enrolment import read_token, token_text
from protocol.keys import Algorithm
from tests.simulators.broker import Broker
from tests.simulators.new_box import invited
from tests.simulators.newcomer import told_where
from tests.simulators.running import running
from tests.simulators.settings_file import write_settings
from tests.simulators.tpm import Tpm

BIN = Path(sys.executable).parent
TIMEOUT_S = 240

pytestmark = pytest.mark.timeout(2 * TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


async def typed(*argv: str, given: str = "", **environment: str) -> Said:
    """Run a command as somebody types it."""
    process = await asyncio.create_subprocess_exec(
        str(BIN / argv[0]),
        *argv[1:],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LC_ALL": "en_US.UTF-8", **environment},
    )
    async with asyncio.timeout(TIMEOUT_S):
        out, err = await process.communicate(given.encode())
    return Said(process.returncode or 0, out.decode(), err.decode())


@dataclass(frozen=True, slots=True)
class Town:
    """A running city with its settings in a file, and a box on the table."""

    pool: Pool
    settings: Settings
    config: Path
    box: Path

    async def centre(self, *argv: str) -> Said:
        """A command at the command centre."""
        return await typed("aggregator", *argv, "--config", str(self.config))

    async def enroll(self, *argv: str, given: str = "", keystore: str = "file", **environment: str) -> Said:
        """The command on the box."""
        options = ("--config", str(self.box / "agent.toml"), "--keystore", keystore)
        return await typed("edge-agent", "enroll", *argv, *options, given=given, **environment)

    async def token(self, **wish: object) -> str:
        """A new token."""
        return token_text((await invited(self.pool, self.settings, **wish)).token)


@pytest.fixture
async def town(installation: Settings, broker: Broker, registry: Pool, tmp_path: Path) -> AsyncIterator[Town]:
    settings = told_where(installation)
    config = write_settings(settings, tmp_path / "aggregator.toml")
    box = tmp_path / "box"
    box.mkdir()
    (box / "agent.toml").write_text('identity_dir = "identity"\ndata_dir = "data"\n')
    async with running(settings):
        yield Town(registry, settings, config, box)


async def test_a_token_is_shown_once_as_text_and_as_a_code(town: Town) -> None:
    said = await town.centre("device", "invite", "--city", "saltillo", "--point", "p-1", "--profile", "n100")
    *code, text = said.out.strip().splitlines()
    assert read_token(text).device == "p-1-1"
    assert len(code) > 20
    assert "▀" in "".join(code)
    assert "edge-agent enroll" in said.err
    listed = await town.centre("device", "invitations", "--json")
    assert text not in listed.out
    (row,) = json.loads(listed.out)
    assert (row["device"], row["state"], row["profile"]) == ("p-1-1", "open", "n100")


async def test_a_box_is_enrolled_by_a_token_from_stdin(town: Town) -> None:
    said = await town.enroll("--json", given=await town.token())
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert (found["device"], found["clock_is_wrong"]) == ("p-1-1", False)
    assert load_enrolment(town.box / "identity").facts.point == "p-1"
    again = await town.enroll("--check", "--language", "es-MX")
    assert again.code == 0
    assert "p-1-1 quedó dado de alta en saltillo" in again.out


async def test_what_is_wrong_is_told_in_the_technicians_language(town: Town, tmp_path: Path) -> None:
    token = await town.token()
    assert (await town.centre("device", "uninvite", "p-1-1", "--reason", "lost")).code == 0
    file = tmp_path / "token"
    file.write_text(token)
    said = await town.enroll("--token-file", str(file), LC_ALL="es_MX.UTF-8")
    assert said.code == 1
    assert "Este código fue cancelado" in said.err
    wrong = await town.enroll(given=token[:-3])
    assert wrong.code == 1
    assert "not a whole token" in wrong.err
    for line in (said.err, said.out, wrong.err, wrong.out):
        assert token[20:40] not in line


async def test_a_request_and_an_answer_are_carried_as_files(town: Town, broker: Broker, tmp_path: Path) -> None:
    request, reply = tmp_path / "request.txt", tmp_path / "answer.txt"
    token = await town.token(needs_approval=True)
    said = await town.enroll("--offline-request", str(request), given=token)
    assert said.code == 0, said.err
    assert "▀" in said.err
    waits = await town.centre("device", "answer", str(request), "--out", str(reply))
    assert waits.code == 1
    assert "device approve" in waits.err
    (row,) = json.loads((await town.centre("device", "invitations", "--json")).out)
    assert row["state"] == "waiting"
    assert (await town.centre("device", "approve", "p-1-1", "--key", row["key"])).code == 0
    answered = await town.centre("device", "answer", str(request), "--out", str(reply), "--qr")
    assert answered.code == 0, answered.err
    assert "▀" in answered.out
    broker.stop()  # the box stands where there is no network
    taken = await town.enroll("--offline-answer", str(reply))
    assert taken.code == 0, taken.err
    assert "enroll --check" in taken.err
    broker.start()
    assert "p-1-1 is enrolled" in (await town.enroll("--check")).out


async def test_a_box_with_a_tpm_enrols_under_a_key_that_no_file_holds(town: Town, tmp_path: Path) -> None:
    with Tpm(tmp_path / "tpm") as chip:
        said = await town.enroll(given=await town.token(), keystore="auto", ATALAYA_TPM=chip.tcti)
    assert said.code == 0, said.err
    assert (town.box / "identity" / KEY).read_bytes().startswith(PEM_BEGIN)
    key = await town.pool.fetchval("SELECT algorithm FROM device_key WHERE device_id = 'p-1-1'")
    assert key == Algorithm.ESP256


async def test_the_command_goes_on_after_a_kill(town: Town) -> None:
    token = await town.token()
    killed = await town.enroll(given=token, ATALAYA_CRASH_AT="enroll.facts_written:1")
    assert killed.code == -9
    assert (await town.enroll(given=token)).code == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_and_stage_has_its_words(language: Language) -> None:
    known = {
        "host": "c4.example", "port": "8444", "folder": "/etc/atalaya/identity", "url": "https://c4.example:8443",
        "why": "-", "key": "0000", "device": "box-1", "city": "saltillo", "until": "2026-11-22", "now": "1970-01-01",
        "their_time": "2026-11-22",
    }  # fmt: skip
    said = texts(language)
    for word in [*(f"problem-{each.value}" for each in Problem), *(f"stage-{each.value}" for each in Stage)]:
        assert said(f"enroll-{word}", **known)
