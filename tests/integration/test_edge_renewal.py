"""Renewal as the running agent does it: real broker, real aggregator, a certificate tried before the old one goes."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.adapters import keyfiles, pki
from aggregator.adapters.database import Access, Pool
from aggregator.adapters.installation import issue
from aggregator.adapters.registry_store import Registry
from aggregator.core.registry import Device
from edge_agent.adapters.control_socket import NAME, serving
from edge_agent.adapters.keystore import KEY, TRIAL, new_identity
from edge_agent.core.alarms import Sign, Signal
from edge_agent.core.renewal import Standing
from edge_agent.errors import RenewalFailed
from protocol.order import Identity
from tests.simulators.installation import Box, Installation
from tests.simulators.letters import make_hit
from tests.simulators.renewing_box import Centre, command_centre, in_days, renewing, renewing_box, until
from tests.simulators.tpm import Tpm

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def centre(tmp_path: Path, database: Access) -> AsyncIterator[Centre]:
    async with command_centre(tmp_path / "inst", database.dsn) as running:
        yield running


async def test_a_certificate_past_two_thirds_of_its_term_is_renewed_by_itself(centre: Centre) -> None:
    box = centre.installation.box("box-1")
    centre.date(box, begins=in_days(-600), ends=in_days(200))
    key = box.key_file.read_bytes()
    async with renewing_box(centre, "box-1") as agent:
        before = agent.certificate
        assert agent.renewer.standing() is Standing.DUE
        await until(lambda: agent.delivery.state.is_connected, "the connection under the old certificate")
        async with renewing(agent):
            await until(lambda: agent.certificate != before, "a new certificate")
            await until(lambda: agent.delivery.state.is_connected, "the connection under the new one")
        assert agent.renewer.standing() is Standing.FRESH
        assert agent.certificate.not_valid_after_utc > in_days(pki.DEVICE_DAYS - 2)
        assert agent.certificate.public_key() == before.public_key()
        assert box.key_file.read_bytes() == key
        assert not (agent.folder / TRIAL).exists()
        await agent.delivery.writer.append([make_hit()])
        await until(agent.delivery.writer.is_empty.is_set, "a receipt under the new certificate")


async def test_the_trial_is_the_agents_own_next_connection_and_throws_nobody_off(centre: Centre) -> None:
    async with renewing_box(centre, "box-1") as agent, renewing_box(centre, "box-2") as other:
        await until(lambda: agent.delivery.state.is_connected, "a connection")
        await until(lambda: other.delivery.state.is_connected, "the other's connection")
        await agent.renewer.renew()
        await until(lambda: agent.delivery.state.is_connected, "the connection after the trial")
        assert (agent.delivery.state.connection, other.delivery.state.connection) == (2, 1)


async def test_a_certificate_that_ended_while_the_box_was_off_is_renewed_without_a_technician(centre: Centre) -> None:
    centre.date(centre.installation.box("box-1"), begins=in_days(-30), ends=in_days(-1))
    async with renewing_box(centre, "box-1") as agent:
        await until(lambda: "not yet connected" not in agent.delivery.state.why_not, "the broker's refusal")
        assert agent.renewer.standing() is Standing.ENDED
        async with renewing(agent):
            await until(lambda: agent.renewer.standing() is Standing.FRESH, "a certificate that holds")
            await until(lambda: agent.delivery.state.is_connected, "a connection under it")


async def test_a_box_whose_clock_is_years_behind_gets_its_certificate_all_the_same(centre: Centre) -> None:
    def in_1970() -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC)

    async with renewing_box(centre, "box-1", wall_clock=in_1970) as agent:
        before = agent.certificate
        await agent.renewer.renew()
        assert agent.certificate != before


async def test_a_certificate_that_the_broker_does_not_take_is_dropped_and_the_old_one_serves_at_once(
    centre: Centre,
) -> None:
    async with renewing_box(centre, "box-1") as agent:
        await until(lambda: agent.delivery.state.is_connected, "a connection")
        before = agent.certificate
        forget_to_tell_the_broker_of_a_new_issuer(centre.installation)
        with pytest.raises(RenewalFailed, match="the old one stays"):
            await agent.renewer.renew()
        await until(lambda: agent.delivery.state.is_connected, "the old certificate's connection")
        assert agent.certificate == before
        assert not (agent.folder / TRIAL).exists()
        assert agent.renewer.failed == 1
        await agent.delivery.writer.append([make_hit()])
        await until(agent.delivery.writer.is_empty.is_set, "a receipt under the old certificate")


def forget_to_tell_the_broker_of_a_new_issuer(installation: Installation) -> None:
    """Sound certificates from here on, under an issuer whose revocation list the broker lacks: it refuses them."""
    root_key, keys = installation.root.private_key, installation.settings.keys
    assert isinstance(root_key, Ed25519PrivateKey)
    root = pki.Authority(keyfiles.read_certificate(keys.root_certificate), root_key)
    issuing = pki.make_issuing("another issuing CA", root, Ed25519PrivateKey.generate(), now=datetime.now(UTC))
    keys.issuing_key.unlink()
    keyfiles.write_private(keys.issuing_key, issuing.key)
    keyfiles.replace(keys.issuing_certificate, keyfiles.pem_of(issuing.certificate))


async def test_a_revoked_box_gets_no_certificate_and_keeps_asking_seldom(centre: Centre, pool: Pool) -> None:
    async with renewing_box(centre, "box-1") as agent:
        async with pool.acquire() as connection:
            await Registry(connection).revoke("box-1", "stolen", now=datetime.now(UTC))
        with pytest.raises(RenewalFailed, match="this key was revoked"):
            await agent.renewer.renew()
        assert "revoked" in agent.renewer.status()["problem"]


async def test_a_certificate_that_could_not_be_renewed_for_months_raises_an_alarm_until_it_is(centre: Centre) -> None:
    signals: list[Signal] = []

    async def take(signal: Signal) -> None:
        signals.append(signal)

    centre.date(centre.installation.box("box-1"), begins=in_days(-750), ends=in_days(50))
    async with renewing_box(centre, "box-1") as agent:
        await until(lambda: agent.delivery.state.is_connected, "a connection")
        agent.renewer.signal = take
        centre.broker.suspend()
        async with renewing(agent):
            await until(lambda: signals, "a signal")
            assert (signals[0].alarm, signals[0].sign) == ("certificate_late", Sign.ON)
            centre.broker.resume()
            await until(lambda: signals[-1].sign is Sign.OFF, "the end of the alarm")


async def renew_command(identity_dir: Path, data_dir: Path, *args: str) -> tuple[int, str, str]:
    """`edge-agent identity renew` as a technician types it."""
    config = data_dir.with_name("agent.toml")
    config.write_text(f'identity_dir = "{identity_dir}"\ndata_dir = "{data_dir}"\n')
    program = "from edge_agent.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "identity", "renew", "--config", str(config), *args),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), complained.decode()


async def test_the_command_asks_the_running_agent(centre: Centre) -> None:
    async with renewing_box(centre, "box-1") as agent:
        data_dir = agent.folder.with_name("box-1-data")
        await until(lambda: agent.delivery.state.is_connected, "a connection")
        before = agent.certificate
        async with serving(data_dir / NAME, {"renew": agent.renewer.answer}):
            code, said, _ = await renew_command(agent.folder, data_dir, "--json")
        assert (code, json.loads(said)["agent_runs"]) == (0, True)
        assert agent.certificate != before
        assert agent.delivery.state.connection == 2, "its own next connection, and no other"


async def test_the_command_does_it_alone_where_no_agent_runs(centre: Centre, tmp_path: Path) -> None:
    box, data_dir = centre.installation.box("box-1"), tmp_path / "data"
    data_dir.mkdir()
    centre.date(box, begins=in_days(-30), ends=in_days(-1))
    code, said, complained = await renew_command(box.folder, data_dir, "--language", "es-MX")
    assert (code, "vigente hasta" in said) == (0, True), complained
    renewed = keyfiles.read_certificate(box.certificate)
    assert renewed.not_valid_after_utc > in_days(pki.DEVICE_DAYS - 2)
    forget_to_tell_the_broker_of_a_new_issuer(centre.installation)
    code, _, complained = await renew_command(box.folder, data_dir)
    assert (code, "the old one stays" in complained) == (1, True)
    assert keyfiles.read_certificate(box.certificate) == renewed


async def test_a_key_in_the_tpm_is_renewed_and_stays_there(
    centre: Centre, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command alone: without the kernel's resource manager a TPM has no room for a running agent's keys too."""
    made, folder, data_dir = centre.installation, tmp_path / "tpm-box" / "identity", tmp_path / "tpm-box" / "data"
    with Tpm(tmp_path / "chip") as chip:
        monkeypatch.setenv("ATALAYA_TPM", chip.tcti)
        request = new_identity(folder, "box-7", "tpm").read_bytes()
        data_dir.mkdir()
        async with pool.acquire() as connection:
            await Registry(connection).add("device", Device(device_id="box-7", point_id="p-1"))
            await issue(connection, made.settings, "box-7", request, folder, now=datetime.now(UTC))
        box = Box(Identity("box-7", made.settings.city, "p-1"), folder)
        centre.date(box, begins=in_days(-30), ends=in_days(-1))
        before = keyfiles.read_certificate(box.certificate)
        code, _, complained = await renew_command(folder, data_dir)
    assert code == 0, complained
    after = keyfiles.read_certificate(box.certificate)
    assert after.not_valid_after_utc > in_days(pki.DEVICE_DAYS - 2)
    assert after.public_key() == before.public_key()
    assert b"TSS2 PRIVATE KEY" in (folder / KEY).read_bytes()
