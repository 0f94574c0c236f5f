"""The bootstrap asks the system what is there, and tells a person what to do where it cannot go on."""

import os
import platform
import re
import shutil

import bootstrap
import pytest

on_debian = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="asks Debian's package database")


@on_debian
def test_only_packages_that_are_not_installed_are_missing() -> None:
    assert bootstrap.missing_packages(("dpkg", "no-such-package", "base-files")) == ("no-such-package",)


def test_without_root_and_sudo_the_whole_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(bootstrap.BootstrapError, match=r"apt-get install .* mosquitto fonts-roadgeek\n"):
        bootstrap.root_prefix(["mosquitto", "fonts-roadgeek"])


def test_a_failed_command_is_named() -> None:
    with pytest.raises(bootstrap.BootstrapError, match=r"`sh -c 'exit 3'` failed \(3\)"):
        bootstrap.run(["sh", "-c", "exit 3"])


def test_another_machine_than_ours_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(bootstrap.BootstrapError, match="riscv64"):
        bootstrap.check_machine()


def test_the_uv_in_use_is_the_pinned_one() -> None:
    assert bootstrap.installed_uv_version() == bootstrap.UV_VERSION


@pytest.mark.parametrize("name", ["dev.lock", "train.lock"])
def test_a_lock_file_names_a_hash_for_each_package_and_no_address(name: str) -> None:
    text = (bootstrap.LOCK.parent / name).read_text()
    pins = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pins) > 50
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []
    assert "://" not in text
    assert "index" not in "".join(line for line in text.splitlines() if line.startswith("-"))
