"""Signed models, with real files: what is loaded, what is refused, and what is said about it."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import openvino as ov
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing.workshop import Workshop

from edge_agent.adapters.inference_openvino import compile_network
from edge_agent.adapters.model_folder import SignedModels
from edge_agent.adapters.model_manifest import (
    ModelEntry,
    ModelIndex,
    ModelManifest,
    Signers,
    key_line,
    key_name,
    signed,
)
from edge_agent.adapters.model_pins import PINNED
from edge_agent.adapters.models import (
    LINE_READER,
    MANIFEST,
    PACKAGE,
    PLATE_FINDER,
    PLATE_READER,
    Manifest,
    ModelStore,
)
from edge_agent.errors import BadModelFile, BadSettings, ModelMissing, UntrustedModel
from edge_agent.settings import InferenceSettings
from protocol.keys import KeySigner
from tests.simulators.signed_models import FACTS, OUR_LINE, OURS, STATE, STATE_LINE, changed, exported, install

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "models" / "v1"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """What comes with the program: a finder and a reader under our key."""
    install(tmp_path / "package", PLATE_FINDER)
    install(tmp_path / "package", PLATE_READER, version="1.2")
    return tmp_path / "package"


def opened(package: Path, folder: Path | None = None, *signers: str) -> ModelStore:
    return ModelStore.open(folder or package.parent / "none", signers, package=package, pinned=(OUR_LINE,))


def run(store: ModelStore, name: str = PLATE_READER) -> float:
    core = ov.Core()
    network = core.compile_model(store.read(core, name), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return float(network(np.ones((1, 4), np.float32))[0][0, 0])


def test_a_signed_model_runs_without_anything_fetched(package: Path) -> None:
    store = opened(package)
    assert (store.names, store.entry(PLATE_READER).version) == ((PLATE_FINDER, PLATE_READER), "1.2")
    assert run(store) == 2.0


def test_what_the_program_brings_is_as_the_pinned_key_signed_it() -> None:
    """Binary files in git can be mangled on their way; and the repository must stay a small one."""
    models = SignedModels.open(PACKAGE, Signers.of(PINNED))
    brought = [data for name in models.versions for data in models.files(models.manifest(name))]
    assert sum(len(data) for data in brought) < 16_000_000
    named = {f"{name}{suffix}" for name in (*models.versions,) for suffix in (".xml", ".bin", ".json", ".sig")}
    lies_there = {path.name for path in PACKAGE.iterdir()} - {"README.md", "index.json", "index.sig"}
    assert lies_there == named


def test_what_runs_is_named_with_the_version_and_hash_of_its_manifest(package: Path) -> None:
    store = opened(package)
    running = compile_network(ov.Core(), store, PLATE_READER, InferenceSettings(threads=1)).running
    assert (running.name, running.version) == (PLATE_READER, "1.2")
    assert running.sha256 == hashlib.sha256((package / "plate-reader.bin").read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_changed_bit_of_a_model_is_noticed(package: Path, suffix: str) -> None:
    changed(package / f"plate-reader{suffix}")
    with pytest.raises(BadModelFile, match=rf"plate-reader\{suffix} is not the file the manifest names") as caught:
        opened(package).files(PLATE_READER)
    assert caught.value.fault == "changed"
    assert opened(package).files(PLATE_FINDER)


def test_no_byte_of_a_manifest_and_no_bit_of_its_signature_can_be_turned() -> None:
    data, signature = (VECTORS / "plate-reader.json").read_bytes(), (VECTORS / "plate-reader.sig").read_bytes()
    signers = Signers.of([(VECTORS / "signer").read_text().strip()])
    whole = data + signature
    assert signers.signer_of(data, signature)
    turns = [(at, at % 8) for at in range(len(data))]
    turns += [(len(data) + at, bit) for at in range(len(signature)) for bit in range(8)]
    for at, bit in turns:
        turned = bytearray(whole)
        turned[at] ^= 1 << bit
        assert signers.signer_of(bytes(turned[: len(data)]), bytes(turned[len(data) :])) is None, (at, bit)


def test_a_folder_that_was_signed_long_ago_still_opens() -> None:
    """Golden vectors of the first format: manifests outlive the programs that wrote them."""
    models = SignedModels.open(VECTORS, Signers.of([(VECTORS / "signer").read_text().strip()]))
    manifest = models.manifest(PLATE_READER)
    assert (models.number, manifest.version, manifest.training.seed) == (1, "1.0", 1)
    assert (manifest.characters, manifest.not_for) == (("", "0", "1"), ("recognising people",))


@pytest.mark.parametrize("suffix", [".json", ".sig"])
def test_a_changed_bit_of_a_manifest_or_a_signature_is_noticed(package: Path, suffix: str) -> None:
    changed(package / f"plate-reader{suffix}")
    with pytest.raises(UntrustedModel, match=r"plate-reader\.json is .*install it anew"):
        opened(package).entry(PLATE_READER)


@pytest.mark.parametrize("suffix", [".xml", ".bin", ".json", ".sig"])
def test_a_missing_file_is_named(package: Path, suffix: str) -> None:
    (package / f"plate-reader{suffix}").unlink()
    with pytest.raises(ModelMissing, match=rf"plate-reader\{suffix} is missing: install"):
        opened(package).files(PLATE_READER)


def test_a_model_that_is_not_there_says_what_would_help(package: Path) -> None:
    with pytest.raises(
        ModelMissing, match="lacks the model plate-finder-int8: it is signed and comes with the program"
    ):
        opened(package).entry("plate-finder-int8")
    with pytest.raises(ModelMissing, match="make models"):
        opened(package).entry(LINE_READER)


def test_a_signer_whom_nobody_named_is_refused_and_named(package: Path, tmp_path: Path) -> None:
    install(tmp_path / "site", signer=STATE)
    with pytest.raises(UntrustedModel, match=key_name(STATE.public_key)) as caught:
        opened(package, tmp_path / "site")
    assert caught.value.fault == "unknown-signer"
    assert "inference.model_signers" in str(caught.value)


def test_a_states_own_model_outranks_ours_once_the_settings_name_its_key(package: Path, tmp_path: Path) -> None:
    install(tmp_path / "site", version="0.1", signer=STATE, factor=3.0)
    store = opened(package, tmp_path / "site", STATE_LINE)
    assert (store.entry(PLATE_READER).version, run(store)) == ("0.1", 3.0)
    assert run(store, PLATE_FINDER) == 2.0


def test_a_states_key_counts_in_its_own_folder_only(tmp_path: Path) -> None:
    install(tmp_path / "package", signer=STATE)
    with pytest.raises(UntrustedModel, match="does not trust"):
        opened(tmp_path / "package", None, STATE_LINE)


def test_an_older_model_of_the_same_signer_does_not_outrank_the_programs(package: Path, tmp_path: Path) -> None:
    install(tmp_path / "site", version="1.1")
    with pytest.raises(BadModelFile, match=r"version 1\.1, and the program brings 1\.2 of the same signer") as caught:
        opened(package, tmp_path / "site").entry(PLATE_READER)
    assert caught.value.fault == "rolled-back"


def test_the_manifest_of_another_model_is_refused(package: Path) -> None:
    for suffix in (".json", ".sig"):
        shutil.copy(package / f"plate-finder{suffix}", package / f"plate-reader{suffix}")
    with pytest.raises(BadModelFile, match=r"plate-reader\.json is the manifest of plate-finder: install") as caught:
        opened(package).entry(PLATE_READER)
    assert caught.value.fault == "other-name"


def test_an_old_version_put_back_among_new_ones_is_refused(package: Path, tmp_path: Path) -> None:
    shutil.copytree(package, tmp_path / "before")
    install(package, version="1.10")
    assert opened(package).entry(PLATE_READER).version == "1.10"
    for old in (tmp_path / "before").glob("plate-reader.*"):
        shutil.copy(old, package)
    with pytest.raises(BadModelFile, match=r"version 1\.2, older than the 1\.10 of the folder's index") as caught:
        opened(package).entry(PLATE_READER)
    assert caught.value.fault == "rolled-back"


def test_models_without_their_index_are_not_loaded(package: Path) -> None:
    (package / "index.json").unlink()
    with pytest.raises(ModelMissing, match=r"index\.json is missing"):
        opened(package)


def test_a_name_in_an_unsigned_manifest_does_not_pass_for_a_signed_model(package: Path, tmp_path: Path) -> None:
    entry = ModelEntry(
        name="plate-reader-int8", version="9", source="x", licence="MIT", input="x",
        graph_sha256="0" * 64, weights_sha256="0" * 64, source_sha256="0" * 64,
    )  # fmt: skip
    (tmp_path / MANIFEST).write_bytes(msgspec.json.encode(Manifest(models=(entry,))))
    with pytest.raises(UntrustedModel, match="which only counts signed"):
        opened(package, tmp_path).entry("plate-reader-int8")


def test_what_is_signed_and_says_too_little_is_refused(package: Path) -> None:
    manifest = opened(package).entry(PLATE_READER)
    assert isinstance(manifest, ModelManifest)
    data, signature = signed(msgspec.structs.replace(manifest, not_for=()), OURS)
    (package / "plate-reader.json").write_bytes(data)
    (package / "plate-reader.sig").write_bytes(signature)
    with pytest.raises(BadModelFile, match="not in a form this program reads"):
        opened(package).entry(PLATE_READER)


def test_an_index_does_not_pass_for_a_manifest(package: Path) -> None:
    for suffix in (".json", ".sig"):
        shutil.copy(package / f"index{suffix}", package / f"plate-reader{suffix}")
    with pytest.raises(BadModelFile, match="not in a form this program reads"):
        opened(package).entry(PLATE_READER)


@pytest.mark.parametrize("line", ["", "no key", "AAAA", OUR_LINE[:-4]], ids=["empty", "words", "short", "cut"])
def test_a_signer_that_is_no_key_is_named_as_a_setting(line: str) -> None:
    with pytest.raises(BadSettings, match=r"inference\.model_signers"):
        Signers.of([line])


def test_only_ed25519_keys_sign_models() -> None:
    other = KeySigner(ec.generate_private_key(ec.SECP256R1())).public_key
    with pytest.raises(BadSettings, match="Ed25519"):
        Signers.of([key_line(other)])


def test_openssl_checks_a_signature_without_us(package: Path, tmp_path: Path) -> None:
    def verdict() -> int:
        files = ("-inkey", tmp_path / "key.pub", "-sigfile", package / "plate-reader.sig", "-in", package / manifest)
        command = ("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", *files)
        return subprocess.run(command, capture_output=True, check=False).returncode

    key, manifest = serialization.load_der_public_key(OURS.public_key.spki), "plate-reader.json"
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(pem)
    assert verdict() == 0
    changed(package / manifest)
    assert verdict() != 0


def test_versions_of_a_model_only_rise(package: Path) -> None:
    for version in ("1.2", "1.1", "0.9"):
        with pytest.raises(BadModelFile, match=r"plate-reader 1\.2 is there already"):
            install(package, version=version)
    assert install(package, version="1.10").version == "1.10"


def test_nothing_is_signed_into_a_folder_that_does_not_verify(package: Path) -> None:
    changed(package / "plate-finder.bin")
    with pytest.raises(BadModelFile, match=r"plate-finder\.bin"):
        install(package, version="2.0")


@pytest.mark.parametrize("fact", sorted(FACTS))
def test_a_model_of_which_something_is_not_said_is_not_signed(tmp_path: Path, fact: str) -> None:
    facts = {key: value for key, value in FACTS.items() if key != fact}
    workshop = Workshop(tmp_path / "new", OURS, Signers((OURS.public_key,)))
    with pytest.raises(BadModelFile, match=fact):
        workshop.install(PLATE_READER, exported(tmp_path), facts)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["index", "manifest", "Plate Reader", "../plate-reader"])
def test_a_model_gets_no_name_that_its_folder_needs(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadModelFile):
        install(tmp_path / "new", name)


def test_what_is_no_model_is_not_signed(tmp_path: Path) -> None:
    graph = exported(tmp_path)
    graph.write_text("<net/>")
    with pytest.raises(BadModelFile, match="OpenVINO cannot read"):
        Workshop(tmp_path / "new", OURS, Signers((OURS.public_key,))).install(PLATE_READER, graph, FACTS)


def test_another_key_takes_over_a_folder_and_nothing_else_changes(package: Path) -> None:
    before = opened(package).files(PLATE_READER)
    Workshop(package, STATE, Signers((OURS.public_key, STATE.public_key))).sign_anew()
    with pytest.raises(UntrustedModel, match="does not trust"):
        opened(package)
    store = ModelStore.open(package.parent / "none", package=package, pinned=(STATE_LINE,))
    assert store.files(PLATE_READER) == before


def test_a_model_taken_out_is_gone_and_the_others_stay(package: Path) -> None:
    Workshop(package, OURS, Signers((OURS.public_key,))).remove(PLATE_FINDER)
    assert opened(package).names == (PLATE_READER,)
    assert not list(package.glob("plate-finder.*"))
    with pytest.raises(ModelMissing, match="it has plate-reader"):
        Workshop(package, OURS, Signers((OURS.public_key,))).remove(PLATE_FINDER)


def test_every_signing_raises_the_number_of_the_index(package: Path) -> None:
    index = msgspec.json.decode((package / "index.json").read_bytes(), type=ModelIndex)
    assert (index.number, dict(index.models)) == (2, {PLATE_FINDER: "1.0", PLATE_READER: "1.2"})
    assert SignedModels.open(package, Signers((OURS.public_key,))).number == 2
