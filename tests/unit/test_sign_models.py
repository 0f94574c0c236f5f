"""scripts/sign_models.py, from a new key to a folder that verifies, and what it refuses to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sign_models
from model_signing.facts import gather
from model_signing.workshop import Workshop

from aggregator.errors import AlreadyThere, BadKey
from edge_agent.adapters.model_manifest import ModelManifest, Signers
from edge_agent.adapters.models import ModelStore
from edge_agent.errors import BadModelFile, BadSettings, UntrustedModel
from tests.simulators.signed_models import FACTS, OURS, changed, exported

CARDS = Path(sign_models.__file__).with_name("model_signing") / "cards"
PASSPHRASE = "a passphrase for tests only\n"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The file of a passphrase."""
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE)
    path.chmod(0o600)
    return path


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """What is to be said of a model."""
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(FACTS))
    return path


def run(*arguments: object) -> object:
    return sign_models.app([str(each) for each in arguments], result_action="return_value")


def new_key(key: Path, secret: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A key in a file, and the line that makes boxes trust it."""
    run("new-key", key, "--passphrase-file", secret)
    return capsys.readouterr().out.strip()


def test_from_a_new_key_to_a_model_that_a_box_loads(
    tmp_path: Path, secret: Path, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, into = tmp_path / "keys" / "models.pem", tmp_path / "models"
    line = new_key(key, secret, capsys)
    assert key.stat().st_mode & 0o777 == 0o600
    assert "ENCRYPTED" in key.read_text()
    signing = ("--facts", facts, "--into", into, "--key", key, "--passphrase-file", secret)
    run("sign", "plate-reader", exported(tmp_path), *signing, "--model-version", "3.1")
    assert "plate-reader 3.1 is in" in capsys.readouterr().out
    assert run("verify", into, "--trust", line) == 0
    found = ModelStore.open(into, [line]).entry("plate-reader")
    assert isinstance(found, ModelManifest)
    assert (found.version, found.training.seed) == ("3.1", 1)
    capsys.readouterr()
    run("show", "plate-reader", into, "--trust", line)
    assert json.loads(capsys.readouterr().out)["not_for"] == FACTS["not_for"]
    with pytest.raises(UntrustedModel, match="does not trust"):
        run("verify", into)
    changed(into / "plate-reader.bin")
    assert run("verify", into, "--trust", line) == 1
    assert "plate-reader.bin is not the file" in capsys.readouterr().err


def test_one_key_takes_over_from_another(
    tmp_path: Path, secret: Path, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, old, new = tmp_path / "models", tmp_path / "old.pem", tmp_path / "new.pem"
    old_line, new_line = new_key(old, secret, capsys), new_key(new, secret, capsys)
    common = ("--into", into, "--passphrase-file", secret)
    run("sign", "plate-reader", exported(tmp_path), "--facts", facts, "--key", old, *common)
    with pytest.raises(UntrustedModel):
        run("resign", "--key", new, *common)
    run("resign", "--key", new, *common, "--trust", old_line)
    assert run("verify", into, "--trust", new_line) == 0


def test_a_private_key_gets_no_place_in_the_repository(secret: Path) -> None:
    inside = sign_models.ROOT / "edge_agent" / "models" / "models.pem"
    with pytest.raises(BadSettings, match="somewhere else"):
        run("new-key", inside, "--passphrase-file", secret)
    assert not inside.exists()


def test_a_key_is_never_written_over(tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new_key(tmp_path / "models.pem", secret, capsys)
    with pytest.raises(AlreadyThere):
        run("new-key", tmp_path / "models.pem", "--passphrase-file", secret)


def test_a_passphrase_that_others_can_read_is_refused(tmp_path: Path, secret: Path) -> None:
    secret.chmod(0o644)
    with pytest.raises(BadKey, match="chmod 600"):
        run("new-key", tmp_path / "models.pem", "--passphrase-file", secret)


def test_a_card_that_training_left_and_a_benchmarks_figures_make_a_manifest(tmp_path: Path) -> None:
    card = {
        "name": "plate-reader", "version": "2026.11.22-120k", "licence": "MIT", "purpose": "reads a plate",
        "input": "bytes", "output": "steps", "classes": ["", "0", "1"], "training_data": "rendered plates", "seed": 7,
        "images_seen": 120_000, "plates_pressed": 90_000, "minutes": 61.5, "parameters": 900_000, "temperature": 1.1,
        "metrics": {"step": 9, "pressed": {"n": 100, "exact": 98, "kinds": {"us": [1, 2]}}}, "not_for": ["recognition"],
    }  # fmt: skip
    (tmp_path / "plate-reader.card.json").write_text(json.dumps(card))
    (tmp_path / "words.toml").write_text('metrics_on = "split test"\n[metrics]\nby_hand = 1\n')
    (tmp_path / "bench.txt").write_text('| a | table |\n{"eu_errors": 1, "read_ms": {"f32": 2.5}, "note": "none"}\n')
    files = (tmp_path / "plate-reader.card.json", tmp_path / "words.toml")
    facts = gather("plate-reader", files, (tmp_path / "bench.txt",))
    made = Workshop(tmp_path / "models", OURS, Signers((OURS.public_key,))).install(
        "plate-reader", exported(tmp_path), facts
    )
    assert (made.version, made.characters, made.classes) == ("2026.11.22", ("", "0", "1"), ())
    assert (made.training.command, made.training.seed) == ("scripts/train_reader.py", 7)
    found = {"by_hand": 1, "eu_errors": 1, "read_ms_f32": 2.5}
    assert made.metrics == {"pressed_n": 100, "pressed_exact": 98, **found}
    assert made.metrics_on == "split test"


@pytest.mark.parametrize("name", ["plate-finder", "plate-finder-int8"])
def test_the_cards_of_our_own_models_need_a_version_and_figures_only(tmp_path: Path, name: str) -> None:
    (tmp_path / "scored.txt").write_text('{"eu_50": 34, "by_width_px": {"10": 0.5}}')
    cards = [CARDS / "plate-finder.toml", *([CARDS / f"{name}.toml"] if name.endswith("int8") else [])]
    facts = gather(name, cards, (tmp_path / "scored.txt",))
    workshop = Workshop(tmp_path / "models", OURS, Signers((OURS.public_key,)))
    made = workshop.install(name, exported(tmp_path), {**facts, "version": "1.0"})
    assert (made.classes, made.training.seed, made.metrics["by_width_px_10"]) == (("plate",), 1, 0.5)
    assert "rendered streets" in made.training.data
    assert ("quantised" in made.training.command) is name.endswith("int8")


def test_a_reader_in_eight_bits_has_its_own_words_and_figures_over_the_full_ones_card(tmp_path: Path) -> None:
    card = {"version": "1.1", "training_data": "plates", "metrics": {"photos": {"n": 9, "folded": 8}}}
    (tmp_path / "plate-reader.card.json").write_text(json.dumps(card))
    (tmp_path / "figures.json").write_text('{"photos": {"n": 9, "folded": 7, "kinds": {"us": [7, 9]}}}\n')
    cards = (tmp_path / "plate-reader.card.json", CARDS / "plate-reader.toml", CARDS / "plate-reader-int8.toml")
    facts = gather("plate-reader-int8", cards, (tmp_path / "figures.json",))
    assert facts["metrics"] == {"photos_n": 9, "photos_folded": 7}
    assert facts["metrics_on"] == "what training held back"
    assert "8 bits" in facts["purpose"]
    assert "quantize_reader.py" in facts["training"]["command"]


@pytest.mark.parametrize("text", ["[1, 2]", "{", "\xff"])
def test_facts_that_are_none_are_refused(
    tmp_path: Path, secret: Path, facts: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    new_key(tmp_path / "models.pem", secret, capsys)
    facts.write_text(text, encoding="latin-1")
    signing = ("--facts", facts, "--into", tmp_path / "models", "--key", tmp_path / "models.pem")
    with pytest.raises(BadModelFile, match="facts"):
        run("sign", "plate-reader", exported(tmp_path), *signing, "--passphrase-file", secret)


def test_a_failure_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "index.sig").write_bytes(b"")
    command = [sys.executable, sign_models.__file__, "verify", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "index.json is missing: install the whole folder anew" in done.stderr
