"""The whole way of a company's terms: signed at the desk, told by the service, held by a real agent, stopped again."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.partner_desk import Deed, PartnerDesk
from aggregator.adapters.settings_store import settings_signer
from aggregator.core.terms_file import parse_terms_file
from aggregator.settings import Settings
from edge_agent.adapters.keystore import read_facts
from tests.integration.test_edge_settings import GOOD, PATIENCE_S, clip
from tests.integration.test_partners import FILE, market
from tests.integration.test_rollout_way import give_identity, wait
from tests.simulators.agent_place import MODELS
from tests.simulators.enrolment import enrol
from tests.simulators.running import running

__all__ = ["clip", "market"]  # fixtures: the looping camera, a registry in which `p-1` is a company's

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(3 * PATIENCE_S),
]


@pytest.mark.usefixtures("broker")
async def test_terms_reach_a_real_box_a_suspension_stops_it_and_ingest_holds_it_to_both(
    market: Pool, installation: Settings, clip: Path, tmp_path: Path
) -> None:
    shop = await enrol(market, installation, "box-1", tmp_path)
    identity, config, log = tmp_path / "identity", tmp_path / "agent.toml", tmp_path / "agent.log"
    give_identity(identity, shop, installation)
    config.write_text(f'identity_dir = "identity"\ndata_dir = "data"\nlock_memory = false\n{GOOD}'
                      f'[inference]\nmodels_dir = "{MODELS}"\n')  # fmt: skip
    command = [sys.executable, "-c", "from edge_agent.cli import main; main()", "run", "--config", str(config)]
    desk, signer = PartnerDesk(market, "saltillo"), settings_signer(installation, now=datetime.now(UTC))

    def deed() -> Deed:
        return Deed("os:ana", "folio 12", datetime.now(UTC))

    async def looked_at(since: datetime) -> int:
        sql = "SELECT coalesce(sum(frames_processed), 0) FROM camera_minute JOIN report ON report_hash = envelope_hash"
        return int(await market.fetchval(f"{sql} WHERE from_at > $1", since))

    async def stands(word: str) -> bool:
        sql = "SELECT EXISTS (SELECT FROM alarm WHERE alarm = 'terms_not_in_force' AND note = $1)"
        return bool(await market.fetchval(sql, word))

    await desk.sign("market", parse_terms_file(FILE), signer, deed())
    with log.open("ab") as sink:
        agent = subprocess.Popen(
            [*command, "--camera", f"cam-1={clip}", "--loop", "--fps", "2"],
            stdout=sink,
            stderr=sink,
            env={**os.environ},
        )
    try:
        async with running(installation):
            began = datetime.now(UTC) - timedelta(minutes=1)

            async def is_looking() -> bool:
                return await looked_at(began) > 0

            await wait(is_looking, "frames are looked at, and their counts taken", log)
            assert read_facts(identity).partner == "market", "enrolled as the city's own, it is the company's now"
            await desk.suspend("market", signer, deed())

            async def is_suspended() -> bool:
                return await stands("suspended")

            await wait(is_suspended, "the box says that it is suspended", log)
            stopped, reports = datetime.now(UTC), "SELECT count(*) > 1 FROM report WHERE from_at > $1"
            await wait(lambda: market.fetchval(reports, stopped), "it goes on to say that it lives", log)
            assert await looked_at(stopped) == 0
            await desk.lift("market", signer, deed())
            lifted = datetime.now(UTC)

            async def looks_again() -> bool:
                return await looked_at(lifted) > 0

            await wait(looks_again, "and looks again", log)
    finally:
        agent.send_signal(signal.SIGTERM)
        await asyncio.to_thread(agent.wait, PATIENCE_S)
