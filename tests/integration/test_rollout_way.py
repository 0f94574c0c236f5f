"""The whole way of a rollout: a command, the service's signature, the broker, a real agent, and what it says of it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.rollout_desk import RolloutDesk, Wish
from aggregator.adapters.rollout_office import CityOffice
from aggregator.adapters.settings_store import first_settings, settings_signer
from aggregator.core.rollout import Course, Standing
from aggregator.settings import Settings
from edge_agent.adapters.keystore import AUTHORITY, CERTIFICATE, FACTS, KEY, ROOT, TRUST
from edge_agent.adapters.signed_settings import install_settings, read_in_force
from tests.integration.test_edge_settings import GOOD, PATIENCE_S, clip
from tests.simulators.agent_place import MODELS
from tests.simulators.enrolment import Box
from tests.simulators.running import running

__all__ = ["clip"]  # the fixture of the looping camera

pytestmark = [
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(3 * PATIENCE_S),
]


def give_identity(folder: Path, box: Box, settings: Settings) -> None:
    """The identity folder of a box of the test's own installation."""
    folder.mkdir(mode=0o700)
    for name, source in (
        (KEY, box.key),
        (CERTIFICATE, box.certificate),
        (AUTHORITY, settings.broker.ca),
        (ROOT, settings.keys.root_spki),
        (TRUST, settings.keys.trust_bundle),
    ):
        shutil.copy(source, folder / name)
    facts = {
        "device": box.who.device, "city": box.who.city, "point": box.who.point, "broker_host": "127.0.0.1",
        "server_name": "localhost", "artefacts_url": f"https://127.0.0.1:{settings.http.port}",
    }  # fmt: skip
    lines = [f'{key} = "{value}"' for key, value in facts.items()]
    (folder / FACTS).write_text("\n".join([*lines, f"broker_port = {settings.broker.port}"]) + "\n")


async def wait(claim: Callable[[], Awaitable[object]], what: str, log: Path) -> None:
    """Wait for a claim about the database; show the agent's log if it does not come true."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await claim():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what}\n{log.read_text()[-3000:]}") from None


@pytest.mark.usefixtures("broker")
async def test_a_rollout_reaches_a_real_box_is_kept_and_a_bad_one_halts_and_is_aborted(
    pool: Pool, installation: Settings, box: Box, clip: Path, tmp_path: Path
) -> None:
    identity, config, log = tmp_path / "identity", tmp_path / "agent.toml", tmp_path / "agent.log"
    give_identity(identity, box, installation)
    config.write_text(f'identity_dir = "identity"\ndata_dir = "data"\nlock_memory = false\n'
                      f'[inference]\nmodels_dir = "{MODELS}"\n')  # fmt: skip
    now, desk = datetime.now(UTC), RolloutDesk(pool, CityOffice(installation.city))
    async with transaction(pool) as connection:
        first = await first_settings(connection, installation, box.who, profile=("", ""), settings_toml=GOOD, now=now)
    install_settings(config, first)
    command = [sys.executable, "-c", "from edge_agent.cli import main; main()", "run", "--config", str(config)]
    with log.open("ab") as sink:
        agent = subprocess.Popen(
            [*command, "--camera", str(clip), "--loop", "--fps", "1"], stdout=sink, stderr=sink, env=dict(os.environ)
        )

    async def said(number: int, state: int) -> bool:
        sql = "SELECT EXISTS (SELECT FROM settings_result WHERE number = $1 AND state = $2)"
        return bool(await pool.fetchval(sql, number, state))

    try:
        async with running(installation):
            # Its first document asks for ten minutes, as the installation does where no profile says otherwise.
            wish = Wish(settings_toml=GOOD.replace("= 1.0", "= 2.0", 1), percent=100, trial_s=1)
            await wait(lambda: pool.fetchval("SELECT is_online FROM presence"), "the box is on line", log)
            await desk.start(wish, actor="os:ana", reason="x", now=now)
            await wait(lambda: said(2, 1), "the second document is kept", log)
            assert (await desk.show("r-1")).course is Course.DONE
            bad = Wish(settings_toml='[inference]\ndevice = "GPU.7"\n', devices=("box-1",), trial_s=1)
            await desk.start(bad, actor="os:ana", reason="x", now=now)
            await wait(lambda: said(3, 2), "the third is rolled back", log)
            halted = await desk.show("r-2")
            assert (halted.course, halted.boxes[0].reason) == (Course.HALTED, "inference")
            assert "GPU.7" in halted.boxes[0].note
            signer = settings_signer(installation, now=datetime.now(UTC))
            aborted = await desk.abort("r-2", signer, actor="os:ana", reason="x", now=datetime.now(UTC))
            assert aborted.count(Standing.ROLLED_BACK) == 1
            assert await pool.fetchval("SELECT max(number) FROM settings_document") == 3, "it went back by itself"
            reports = "SELECT count(*) > 0 FROM report WHERE received_at > $1"
            then = datetime.now(UTC)
            await wait(lambda: pool.fetchval(reports, then), "the box goes on", log)
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(timeout=PATIENCE_S)
    found = read_in_force(config)
    assert found.document is not None
    assert (found.document.number, found.settings.report_interval_s, found.is_trial) == (2, 2.0, False)
