"""The issuing CA rotated under a running city; its keys backed up and restored."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.adapters import founding, keyfiles, pki, rotation
from aggregator.adapters.database import Access, Pool
from aggregator.adapters.installation import issue
from aggregator.cli.app import run
from aggregator.core.founding import BACKUP, Plan
from aggregator.settings import load
from edge_agent.core.renewal import Standing
from tests.simulators.mqtt_client import Credentials, MqttClient
from tests.simulators.renewing_box import (
    Centre,
    RenewingBox,
    command_centre,
    in_days,
    renewing,
    renewing_box,
    until,
)

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def centre(tmp_path: Path, database: Access) -> AsyncIterator[Centre]:
    async with command_centre(tmp_path / "inst", database.dsn) as running:
        yield running


async def command(centre: Centre, *words: str) -> int:
    """A command of the operator's, beside the running service."""
    return await asyncio.to_thread(run, [*words, "--config", str(centre.installation.config)])


async def begin(centre: Centre, *boxes: RenewingBox) -> None:
    """Rotate with the root's key brought along, restart the broker, and wait until these boxes are back."""
    made, words = centre.installation, ("ca", "rotate", "--begin")
    root = ("--root-key", str(made.root_key), "--root-passphrase-file", str(made.root_passphrase_file))
    assert await command(centre, *words, *root) == 0
    before = [box.delivery.state.connection for box in boxes]
    centre.broker.restart()
    for box, connection in zip(boxes, before, strict=True):
        await reconnected(box, connection)


def issuer_of(box: RenewingBox) -> str:
    return str(box.certificate.issuer.rfc4514_string())


async def reconnected(box: RenewingBox, after: int) -> None:
    state = box.delivery.state
    await until(lambda: state.is_connected and state.connection > after, "a connection to the restarted broker")


async def test_a_city_goes_over_to_another_issuing_ca_without_a_technician(
    centre: Centre, capsys: pytest.CaptureFixture[str]
) -> None:
    for device in ("box-1", "box-2"):  # days old: dates are whole seconds, and the test takes one
        centre.date(centre.installation.box(device), begins=in_days(-3), ends=in_days(80))
    async with renewing_box(centre, "box-1") as one, renewing_box(centre, "box-2") as two:
        await until(lambda: one.delivery.state.is_connected, "a connection")
        await until(lambda: two.delivery.state.is_connected, "another")
        old = issuer_of(one)
        await begin(centre, one, two)
        await until(lambda: one.renewer.standing() is Standing.DUE, "the newer server shows")
        assert issuer_of(two) == old, "both hold"
        async with renewing(one):
            await until(lambda: issuer_of(one) != old, "the certificate of the new CA")
            await until(lambda: one.renewer.standing() is Standing.FRESH, "no more to be done")
            await until(lambda: one.delivery.state.is_connected, "a connection under it")

        assert await command(centre, "ca", "rotate", "--finish") != 0
        assert "box-2" in capsys.readouterr().err
        assert await command(centre, "ca", "rotate", "--finish", "--force") == 0
        assert not rotation.pair_of(centre.settings, "previous-").key.exists()
        before = one.delivery.state.connection
        centre.broker.restart()
        await reconnected(one, before)
        await until(lambda: not two.delivery.state.is_connected, "the old CA's end")
        async with renewing(two):  # the box was off for the whole rotation
            await two.renewer.renew()
            await until(lambda: two.delivery.state.is_connected, "the way back by the key alone")
        assert issuer_of(two) == issuer_of(one)


async def test_a_box_is_revoked_by_the_list_of_the_ca_that_it_came_from(centre: Centre) -> None:
    async with renewing_box(centre, "box-1") as one, renewing_box(centre, "box-2") as two:
        await until(lambda: one.delivery.state.is_connected, "a connection")
        await until(lambda: two.delivery.state.is_connected, "another")
        await begin(centre, one, two)
        assert await command(centre, "device", "revoke", "box-2", "--reason", "stolen") == 0
        await until(lambda: not two.delivery.state.is_connected, "the end of the revoked box's session")
        assert one.delivery.state.is_connected
        await one.renewer.renew()
        await until(lambda: one.delivery.state.is_connected, "a connection under the new CA's certificate")


async def test_the_root_may_stay_on_its_own_machine(centre: Centre, tmp_path: Path) -> None:
    made, request, certificate = centre.installation, tmp_path / "next.csr", tmp_path / "next.crt"
    assert await command(centre, "ca", "rotate", "--begin", "--request", str(request)) == 0
    there = ("ca", "sign", str(request), "--root-key", str(made.root_key), "--out", str(certificate))
    root = ("--root-certificate", str(centre.settings.keys.root_certificate))
    passphrase = ("--root-passphrase-file", str(made.root_passphrase_file))
    assert await asyncio.to_thread(run, [*there, *root, *passphrase]) == 0
    assert await command(centre, "ca", "rotate", "--begin", "--certificate", str(certificate)) == 0
    issuing = founding.read_issuing(centre.settings)
    assert pki.common_name(issuing.certificate).endswith(", number 2")
    assert keyfiles.read_certificate(centre.settings.http.certificate).issuer == issuing.certificate.subject


def cutting(after: int) -> Callable[[Path, Path], Path]:
    """`Path.replace` that is cut off after so many whole ones."""
    replace, done = Path.replace, iter(range(after))

    def cut(path: Path, target: Path) -> Path:
        if next(done, None) is None:
            raise KeyboardInterrupt
        return replace(path, target)

    return cut


@pytest.mark.parametrize("whole_steps", range(6))
def test_a_rotation_that_was_cut_off_anywhere_is_repeated_and_ends_whole(
    whole_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, now = founding.Passphrases(root=b"a root passphrase", evidence=b"an evidence passphrase"), datetime.now(UTC)
    settings = founding.found(tmp_path / "inst", Plan(city="saltillo", name="Saltillo"), secret, now=now)
    root_key = keyfiles.read_signer(tmp_path / "inst" / BACKUP / founding.ROOT_KEY_NAME, secret.root).private_key
    assert isinstance(root_key, Ed25519PrivateKey)
    root = pki.Authority(keyfiles.read_certificate(settings.keys.root_certificate), root_key)
    rotation.certify(settings, pki.sign_issuing(root, rotation.request(settings), now=now))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cutting(whole_steps))
        with pytest.raises(KeyboardInterrupt):
            rotation.begin(settings, (), now=now)
    rotation.begin(settings, (), now=now)
    assert [pki.common_name(each.certificate) for each in rotation.authorities(settings)] == [
        "Atalaya issuing CA of saltillo, number 2",
        "Atalaya issuing CA of saltillo",
    ]
    assert len(pki.read_crls(settings.keys.crl.read_bytes())) == 2
    assert not rotation.pair_of(settings, "next-").key.exists()


async def test_a_restored_backup_issues_certificates_that_broker_and_boxes_accept(
    centre: Centre, tmp_path: Path, pool: Pool
) -> None:
    made, file, folder = centre.installation, tmp_path / "keys.backup", tmp_path / "elsewhere"
    passphrase = ("--passphrase-file", str(made.evidence_passphrase_file))
    assert await command(centre, "ca", "backup", str(file), *passphrase) == 0
    assert file.stat().st_mode & 0o777 == keyfiles.PRIVATE
    assert await asyncio.to_thread(run, ["ca", "restore", str(file), str(folder), *passphrase]) == 0
    restored, box = load(folder / made.config.name), made.box("box-1")
    async with pool.acquire() as connection:
        request = (box.folder / "device.csr.pem").read_bytes()
        await issue(connection, restored, "box-1", request, box.folder, now=datetime.now(UTC))
    credentials = Credentials(box.ca, box.certificate, box.key_file)
    with MqttClient(centre.settings.broker.port, credentials, "box-1") as client:
        assert client.is_up.is_set()
    assert await asyncio.to_thread(run, ["ca", "restore", str(file), str(folder), *passphrase]) == 1, "not over it"
    wrong = ("--passphrase-file", str(made.root_passphrase_file))
    assert await asyncio.to_thread(run, ["ca", "restore", str(file), str(tmp_path / "other"), *wrong]) == 1
    assert not (tmp_path / "other").exists()


async def test_a_backup_holds_no_key_in_the_clear(centre: Centre, tmp_path: Path) -> None:
    file, made = tmp_path / "keys.backup", centre.installation
    assert await command(centre, "ca", "backup", str(file), "--passphrase-file", str(made.root_passphrase_file)) == 0
    key = centre.settings.keys.issuing_key.read_bytes()
    assert key.splitlines()[1] not in file.read_bytes()
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    words = ["ca", "restore", str(tmp_path / "damaged"), str(tmp_path / "out")]
    assert await asyncio.to_thread(run, [*words, "--passphrase-file", str(made.root_passphrase_file)]) == 1
