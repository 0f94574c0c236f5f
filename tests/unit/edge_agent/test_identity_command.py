"""`edge-agent identity`: makes a key, shows what the box is, in both languages, and no secret of it."""

import json
from pathlib import Path

import pytest

from edge_agent.adapters.keystore import CERTIFICATE, FACTS, KEY, REQUEST
from edge_agent.adapters.vault import open_vault
from edge_agent.cli.identity import new, show
from edge_agent.errors import BadIdentity
from tests.simulators.city import City


@pytest.fixture(autouse=True)
def no_tpm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATALAYA_TPM", raising=False)


def test_a_new_identity_says_where_its_key_is_and_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(tmp_path, device="box-1", keystore="file", language="en") == 0
    said = capsys.readouterr().out
    assert "in a file" in said
    assert f"aggregator device issue box-1 --csr {tmp_path / REQUEST} --out {tmp_path}" in said


def test_json_names_the_keystore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new(tmp_path, device="box-1", keystore="file", json_=True)
    found = json.loads(capsys.readouterr().out)
    assert found == {"device": "box-1", "request": str(tmp_path / REQUEST), "keystore": "file"}


@pytest.mark.parametrize(("language", "words"), [("en", "not enrolled yet"), ("es-MX", "aún no está dado de alta")])
def test_a_box_that_is_not_enrolled_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, words: str
) -> None:
    new(tmp_path, device="box-1", keystore="file", json_=True)
    capsys.readouterr()
    assert show(tmp_path, language=language) == 0  # type: ignore[arg-type]  # a Literal, from a parameter
    said = capsys.readouterr().out
    assert words in said
    assert "box-1" in said


def test_an_enrolled_box_shows_who_it_is_until_when_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = City(tmp_path / "city")
    city.enrol(tmp_path / "identity")
    vault = open_vault(tmp_path / "identity")
    show(tmp_path / "identity", json_=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["device"], found["city"], found["point"]) == ("box-1", "saltillo", "p-1")
    assert (found["is_enrolled"], found["keystore"], found["vault"]) == (True, "file", "file")
    assert found["key_id"] == city.devices["box-1"].key_id.hex()
    show(tmp_path / "identity", language="en")
    said = capsys.readouterr().out
    assert "Certified until 20" in said
    secret = (tmp_path / "identity" / KEY).read_text().splitlines()[1]
    assert secret not in said + json.dumps(found)
    assert vault.key.hex() not in said + json.dumps(found)


def test_the_folder_of_the_settings_is_shown_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new(tmp_path / "identity", device="box-1", keystore="file", json_=True)
    capsys.readouterr()
    (tmp_path / "agent.toml").write_text('identity_dir = "identity"\n')
    show(config=tmp_path / "agent.toml", json_=True)
    assert json.loads(capsys.readouterr().out)["device"] == "box-1"


@pytest.mark.parametrize("damaged", [REQUEST, CERTIFICATE, FACTS])
def test_a_damaged_identity_is_named(tmp_path: Path, damaged: str) -> None:
    City(tmp_path / "city").enrol(tmp_path / "identity")
    (tmp_path / "identity" / damaged).write_bytes(b"device = 3")
    with pytest.raises(BadIdentity, match="enrol the box again"):
        show(tmp_path / "identity")


def test_a_box_without_an_identity_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadIdentity, match="identity new"):
        show(tmp_path)
