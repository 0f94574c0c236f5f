"""A founded installation: its files' modes, that nothing is written over, that no secret stays where it should not."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.adapters import founding, keyfiles, mosquitto
from aggregator.core.founding import BACKUP, Plan, settings_text
from aggregator.errors import AlreadyThere, BadKey, NotThere
from aggregator.settings import Settings, parse
from protocol.clock import to_ms
from protocol.keys import PublicKey
from protocol.sealing import Purpose, seal, unseal
from protocol.trust import Role, TrustStore

NOW = datetime.now(UTC)
PASSPHRASES = founding.Passphrases(root=b"the root's passphrase", evidence=b"the evidence passphrase")
PLAN = Plan(city="saltillo", name="Saltillo", workers=2)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return founding.found(tmp_path_factory.mktemp("founding") / "inst", PLAN, PASSPHRASES, now=NOW)


def folder_of(settings: Settings) -> Path:
    return settings.keys.root_spki.parent.parent


def test_every_private_key_is_its_owners_only(settings: Settings) -> None:
    keys = list(folder_of(settings).rglob("*.key.pem"))
    assert len(keys) == 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


def test_the_two_keys_to_carry_off_open_with_their_passphrase_only(settings: Settings) -> None:
    root, evidence = (folder_of(settings) / BACKUP / name for name in ("root.key.pem", "evidence.key.pem"))
    assert keyfiles.read_signer(root, PASSPHRASES.root).public_key.spki == settings.keys.root_spki.read_bytes()
    with pytest.raises(BadKey, match="passphrase is wrong"):
        keyfiles.read_signer(root, PASSPHRASES.evidence)
    with pytest.raises(BadKey, match="needs a passphrase"):
        keyfiles.read_signer(root)
    sealed = seal(b"x", settings.keys.evidence_spki.read_bytes(), Purpose.REFUSED, device="box-1", sha256=bytes(32))
    key = keyfiles.read_evidence_key(evidence, PASSPHRASES.evidence)
    assert unseal(sealed, key, Purpose.REFUSED, device="box-1", sha256=bytes(32)) == b"x"


def test_no_passphrase_stands_in_any_file(settings: Settings) -> None:
    for path in folder_of(settings).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert PASSPHRASES.root not in data
            assert PASSPHRASES.evidence not in data


def test_the_first_bundle_grants_the_server_and_the_evidence_authority_and_no_officer(settings: Settings) -> None:
    pinned = TrustStore(PublicKey.from_spki(settings.keys.root_spki.read_bytes()))
    store = pinned.accept(settings.keys.trust_bundle.read_bytes())
    assert isinstance(store, TrustStore)
    assert store.number == 1
    assert {grant.role for grant in store.grants} == set(Role) - {Role.OFFICER}
    server = keyfiles.read_signer(settings.keys.server_key).public_key
    assert store.find(Role.RECEIPT, server.key_id, city="saltillo", at_ms=to_ms(NOW)) is not None
    evidence = store.evidence_key(city="saltillo", at_ms=to_ms(NOW))
    assert evidence is not None
    assert evidence.spki == settings.keys.evidence_spki.read_bytes()


def test_founding_twice_writes_nothing_over(settings: Settings) -> None:
    before = settings.keys.issuing_key.read_bytes()
    with pytest.raises(AlreadyThere):
        founding.found(folder_of(settings), PLAN, PASSPHRASES, now=NOW)
    assert settings.keys.issuing_key.read_bytes() == before


def test_the_settings_file_says_what_was_decided() -> None:
    plan = Plan(
        city="coahuila",
        name="Coahuila",
        role="region",
        broker_host="mqtt.example",
        broker_port=18883,
        http_port=18443,
        dsn='postgresql://atalaya@db/ata"laya',
        password_file="/etc/atalaya/pass",
    )
    settings = parse(settings_text(plan))
    assert (settings.city, settings.role) == ("coahuila", "region")
    assert (settings.broker.host, settings.broker.port) == ("mqtt.example", 18883)
    assert settings.boxes.artefacts_url == "https://mqtt.example:18443"
    assert (settings.database.dsn, settings.database.password_file) == (plan.dsn, Path("/etc/atalaya/pass"))
    assert settings.mosquitto.listen_host == "0.0.0.0"  # noqa: S104  what the file must say


def test_a_city_on_loopback_listens_on_loopback_only() -> None:
    settings = parse(settings_text(PLAN))
    assert {settings.mosquitto.listen_host, settings.http.host, settings.http.health_host} == {"127.0.0.1"}


def test_the_broker_takes_more_than_a_batch_and_more_than_an_envelope(settings: Settings) -> None:
    text = mosquitto.configuration(settings).text()
    values = dict(line.split(" ", 1) for line in text.splitlines())
    assert int(values["max_inflight_messages"]) > settings.ingest.batch_messages
    assert int(values["max_packet_size"]) > 128 * 1024 + 1024
    assert int(values["max_queued_messages"]) >= 100_000


def test_the_clients_are_found_by_their_certificates(settings: Settings) -> None:
    assert mosquitto.own_clients(settings) == ["probe.1", "publisher.1", "worker.1", "worker.2"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_passphrase_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "pass"
    file.write_text("long enough to be one\n")
    file.chmod(mode)
    with pytest.raises(BadKey, match="chmod 600"):
        keyfiles.read_passphrase(file)


@pytest.mark.parametrize("text", ["", "short", "\nlong enough but in the second line\n", " " * 40])
def test_a_short_passphrase_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pass"
    keyfiles.write_new(file, text.encode(), keyfiles.PRIVATE)
    with pytest.raises(BadKey, match="at least 16") as caught:
        keyfiles.read_passphrase(file)
    assert "short" not in str(caught.value).replace(str(file), "")


def test_a_passphrase_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotThere):
        keyfiles.read_passphrase(tmp_path / "none")


def test_replacing_leaves_one_whole_file(tmp_path: Path) -> None:
    keyfiles.replace(tmp_path / "f", b"one")
    keyfiles.replace(tmp_path / "f", b"two", keyfiles.PRIVATE)
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"two"
