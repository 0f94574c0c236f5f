"""The bootstrap asks the system what is there, and tells a person what to do where it cannot go on."""

import os
import platform
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
