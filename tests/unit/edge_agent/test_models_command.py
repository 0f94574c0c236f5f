"""`edge-agent models`: what it lists, what it finds wrong, and that it says so in both languages."""

import json
from pathlib import Path

import msgspec
import pytest

from edge_agent.adapters.model_manifest import ModelEntry, ModelManifest, key_name
from edge_agent.adapters.texts import LANGUAGES, Language, texts
from edge_agent.cli.models import Where, list_, show, verify
from edge_agent.errors import ModelMissing, UntrustedModel
from tests.simulators.signed_models import STATE, STATE_LINE, changed, install

FAULTS = ("missing", "damaged", "changed", "bad-signature", "unknown-signer", "other-name", "rolled-back")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """The settings of a box whose state signs its own reader."""
    install(tmp_path / "models", "plate-reader", version="0.7", signer=STATE)
    install(tmp_path / "models", "state-finder", version="0.1", signer=STATE)
    config = tmp_path / "agent.toml"
    config.write_text(f'[inference]\nmodels_dir = "models"\nmodel_signers = ["{STATE_LINE}"]\n')
    return config


def listed(said: str) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in json.loads(said)}


def test_every_model_is_listed_with_whoever_vouches_for_it(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_(where=Where(config=box), json_=True) == 0
    reader = listed(capsys.readouterr().out)["plate-reader"]
    assert (reader["version"], reader["vouched_by"]) == ("0.7", key_name(STATE.public_key))
    assert (reader["folder"], reader["fault"]) == (str(box.parent / "models"), "")
    list_(where=Where(config=box), language="en")
    assert "state-finder" in capsys.readouterr().out


@pytest.mark.parametrize(("language", "words"), [("en", "not those that were vouched"), ("es-MX", "pregunte quién")])
def test_a_changed_bit_fails_the_check_and_leaves_the_others_well(
    box: Path, capsys: pytest.CaptureFixture[str], language: str, words: str
) -> None:
    assert verify(where=Where(config=box), json_=True) == 0
    capsys.readouterr()
    changed(box.parent / "models" / "state-finder.bin")
    assert verify(where=Where(config=box), language=language) == 1  # type: ignore[arg-type]  # a Literal, from a parameter
    said = capsys.readouterr()
    assert "state-finder: " in said.err
    assert words in said.err
    verify(where=Where(config=box), json_=True)
    found = listed(capsys.readouterr().out)
    assert (found["state-finder"]["fault"], found["plate-reader"]["fault"]) == ("changed", "")
    assert "state-finder.bin" in found["state-finder"]["why"]


def test_a_missing_file_is_found_by_the_check(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box.parent / "models" / "plate-reader.xml").unlink()
    assert verify(where=Where(config=box), json_=True) == 1
    assert listed(capsys.readouterr().out)["plate-reader"]["fault"] == "missing"


def test_a_model_shows_what_it_must_not_be_used_for(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show("plate-reader", where=Where(config=box), language="es-MX")
    said = capsys.readouterr().out
    assert "no debe usarse para" in said
    assert "recognising people" in said
    show("plate-reader", where=Where(config=box), json_=True)
    manifest = json.loads(capsys.readouterr().out)
    assert (manifest["training"]["seed"], manifest["metrics"]) == (1, {"exact": 0.99})


def test_a_model_that_is_not_there_is_an_error(box: Path) -> None:
    with pytest.raises(ModelMissing, match="no-such-model"):
        show("no-such-model", where=Where(config=box))


def test_without_the_states_key_in_the_settings_its_folder_is_refused(box: Path) -> None:
    box.write_text('[inference]\nmodels_dir = "models"\n')
    with pytest.raises(UntrustedModel, match=r"inference\.model_signers"):
        list_(where=Where(config=box))
    assert verify(where=Where(config=box, trust=(STATE_LINE,))) == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [ModelManifest, ModelEntry])
def test_every_key_of_a_manifest_has_its_word(kind: type[ModelManifest] | type[ModelEntry], language: Language) -> None:
    for field in msgspec.structs.fields(kind):
        assert texts(language)(f"models-key-{field.name.replace('_', '-')}")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_said_in_both_languages(fault: str, language: Language) -> None:
    assert texts(language)(f"models-fault-{fault}").endswith(".")
