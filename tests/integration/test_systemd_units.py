"""The systemd units: well-formed, hardened, and keeping memory off the disk. systemd itself judges them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
# What a unit may expose, by `systemd-analyze security`, in tenths: 100 is all, 0 nothing. The agent compiles its
# models' kernels and uses devices. What is left is mostly the network, which none of them can do without.
MOST_EXPOSED = {"atalaya-agent": 15, "atalaya-aggregator": 12, "atalaya-broker": 12}
# Those that say themselves when they are ready, and feed the watchdog; the broker is Debian's program.
NOTIFYING = {"atalaya-agent", "atalaya-aggregator"}
# What must be said, and exactly so (docs/privacy.md: memory must not reach the disk).
DEMANDED = {
    "MemorySwapMax": "0",
    "LimitCORE": "0",
    "UMask": "0077",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "StateDirectoryMode": "0700",
    "Restart": "always",
}
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here (Debian: apt-get install systemd)"
)
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def said(unit: Path) -> dict[str, str]:
    """The unit's settings; of one that is given twice the last."""
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """systemd's own opinion."""
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_there_is_a_unit_for_each_program() -> None:
    assert {unit.stem for unit in UNITS} == set(MOST_EXPOSED)


@each_unit
def test_a_unit_keeps_memory_off_the_disk_and_the_system_from_being_written(unit: Path) -> None:
    found = said(unit)
    assert {key: found.get(key) for key in DEMANDED} == DEMANDED
    assert found["User"] not in ("", "root")


def test_the_agent_may_lock_its_memory() -> None:
    assert said(ROOT / "systemd" / "atalaya-agent.service")["LimitMEMLOCK"] == "infinity"


@each_unit
def test_a_unit_is_watched_if_its_program_feeds_the_watchdog(unit: Path) -> None:
    found = said(unit)
    if unit.stem in NOTIFYING:
        assert (found["Type"], found["WatchdogSec"], found["WatchdogSignal"]) == ("notify", "120", "SIGKILL")
    else:
        assert found["Type"] == "exec"
        assert "WatchdogSec" not in found


def test_the_agent_reaches_the_devices_it_needs_and_writes_its_identity_and_state_only() -> None:
    text = (ROOT / "systemd" / "atalaya-agent.service").read_text()
    assert set(re.findall(r"^DeviceAllow=(.*) rw$", text, re.MULTILINE)) == {
        "char-drm", "char-accel", "/dev/tpmrm0", "char-gpiochip",
    }  # fmt: skip
    assert re.findall(r"^ReadWritePaths=(.*)$", text, re.MULTILINE) == ["-/etc/atalaya/identity"]


@needs_systemd
@each_unit
def test_systemd_takes_a_unit_as_it_stands(unit: Path, tmp_path: Path) -> None:
    """Installed where this test's programs are, so that systemd finds what the unit starts."""
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/atalaya/.venv", sys.prefix))
    done = analyze("verify", "--man=no", str(copy))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@each_unit
def test_systemd_finds_little_exposed(unit: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED[unit.stem]}", str(unit))
    assert done.returncode == 0, done.stdout
