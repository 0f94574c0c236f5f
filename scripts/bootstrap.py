"""Takes a machine that has git, make and python3 to a working `.venv`: the whole of `make setup`.

It runs on the system's own Python (3.11 or newer) and its standard library, because nothing else is there
yet. Each step first looks whether its work is done, so a second run costs a second or two; each step that
changes something says what and why before it does.

1. Debian packages that are missing are installed with apt-get: directly as root, through sudo otherwise;
   without either, the command is printed for somebody who may run it, and the bootstrap stops.
2. uv, the installer, comes from its wheel by exact version and SHA-256, never from the user's path. The pip
   that downloads it is the interpreter's own, else the one Debian ships as a wheel. Which package index
   answers is the machine's business (pip's and uv's own settings); the hashes decide what is accepted.
3. `.venv` is made to equal the lock file, hash for hash, and the project is installed in it, editable.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
UV = VENV / "bootstrap" / "uv"
LOCK = ROOT / "requirements" / "dev.lock"

UV_VERSION = "0.13.9"
UV_WHEEL_SHA256 = {
    "x86_64": "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    "aarch64": "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
}


@dataclass(frozen=True, slots=True)
class Need:
    """What we need of the operating system, and the Debian packages that give it."""

    packages: tuple[str, ...]
    why: str


NEEDS = (
    Need(("mosquitto", "mosquitto-clients"), "the MQTT broker that the demo and the tests start"),
    Need(("openssh-client",), "ssh-keygen and ssh-agent, with which officers may keep their signing keys"),
    Need(("fonts-roadgeek", "fonts-opendin"), "the typefaces of the plates in the demo's street video"),
    Need(
        ("fonts-urw-base35", "fonts-dejavu-core", "fonts-dejavu-extra"),
        "the further typefaces of the plates that the reader is trained and measured with",
    ),
    Need(
        (
            "python3-gi",
            "gir1.2-gst-rtsp-server-1.0",
            "gstreamer1.0-plugins-base",
            "gstreamer1.0-plugins-good",
            "gstreamer1.0-plugins-bad",
        ),
        "an RTSP camera for the tests, run by the system's Python",
    ),
    Need(
        ("gcc", "libc6-dev", "python3-dev", "pkg-config", "libtss2-dev"), "to build tpm2-pytss, which speaks to a TPM"
    ),
    Need(("swtpm", "libtss2-tcti-swtpm0", "tpm2-openssl"), "a TPM in software for the tests, and OpenSSL's way to it"),
    Need(("chromium",), "the browser that the tests of pages drive"),
    Need(("network-manager", "dbus"), "a NetworkManager that the tests run in a namespace of its own"),
)
PIP = Need(("python3-pip-whl",), "pip, to fetch uv: this Python has none")


class BootstrapError(Exception):
    """The set-up cannot go on; the text says what a person has to do."""


def say(text: str) -> None:
    """One line on what happens now."""
    print(f"setup: {text}", flush=True)


def run(argv: list[str], **env: str) -> None:
    """Run a command, or stop with what it was."""
    result = subprocess.run(argv, env={**os.environ, **env}, check=False, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise BootstrapError(f"`{shlex.join(argv)}` failed ({result.returncode}); its own message is above")


def check_machine() -> None:
    """Refuse early what cannot work."""
    if sys.version_info < (3, 11):  # noqa: UP036 (whichever Python the system has runs this file)
        raise BootstrapError(
            f"this is Python {platform.python_version()}; Atalaya needs 3.11 or newer (make PYTHON3=...)"
        )
    if sys.platform != "linux" or platform.machine() not in UV_WHEEL_SHA256:
        raise BootstrapError(f"{sys.platform} on {platform.machine()}: needs Linux on x86_64 or aarch64")


# --- 1. Debian packages ----------------------------------------------------------------------------------


def missing_packages(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the packages that dpkg does not hold as installed."""
    query = ["dpkg-query", "--show", "--showformat=${binary:Package} ${db:Status-Status}\n", *packages]
    output = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    rows = (line.split() for line in output.splitlines())
    installed = {row[0].partition(":")[0] for row in rows if row[-1] == "installed"}
    return tuple(package for package in packages if package not in installed)


def install_system_packages() -> None:
    """Install what is missing of Debian's packages, having said what and why."""
    needs = (*NEEDS, PIP) if own_pip() is None else NEEDS
    if shutil.which("dpkg-query") is None:
        names = " ".join(package for need in needs for package in need.packages)
        say(f"not a Debian or Ubuntu system: provide yourself what these packages hold: {names}")
        return
    wanted = [(missing_packages(need.packages), need.why) for need in needs]
    missing = [package for packages, _ in wanted for package in packages]
    if not missing:
        return
    for packages, why in wanted:
        if packages:
            say(f"installing {', '.join(packages)}: {why}")
    prefix = root_prefix(missing)
    run([*prefix, "apt-get", "update", "-qq"])
    if "network-manager" in missing:
        mask_network_manager(prefix)
    quietly = ["-y", "-qq", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends"]
    run([*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *quietly, *missing])
    if "mosquitto" in missing:
        silence_system_broker(prefix)


def root_prefix(missing: list[str]) -> list[str]:
    """What to put in front of a command that must run as root."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is not None:
        say("apt-get needs root: sudo may ask for your password")
        return ["sudo"]
    raise BootstrapError(
        "these packages are missing, and there is neither root nor sudo here. Have somebody run\n\n"
        f"    apt-get update && apt-get install --no-install-recommends {shlex.join(missing)}\n\n"
        "and then `make setup` again"
    )


def mask_network_manager(prefix: list[str]) -> None:
    """Debian would start it on installation, and it would take over this machine's lines; masked, it never starts."""
    if shutil.which("systemctl") is not None:
        say("masking NetworkManager.service before it is installed: only the tests run one, in a namespace")
        run([*prefix, "systemctl", "mask", "NetworkManager.service"])


def silence_system_broker(prefix: list[str]) -> None:
    """Debian starts a broker of its own on installation; nothing here uses it, so it is left off."""
    say("stopping and disabling the mosquitto service just installed: Atalaya starts brokers of its own")
    run([*prefix, "invoke-rc.d", "mosquitto", "stop"])
    run([*prefix, "update-rc.d", "mosquitto", "disable"])


# --- 2. uv -----------------------------------------------------------------------------------------------


def own_pip() -> list[str] | None:
    """How to run pip with what is already there: the interpreter's, or a wheel that a distribution ships."""
    has_pip = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    if has_pip.returncode == 0:
        return [sys.executable, "-m", "pip"]
    bundled = Path(sysconfig.get_path("stdlib")) / "ensurepip" / "_bundled"
    wheels = [*Path("/usr/share/python-wheels").glob("pip-*.whl"), *bundled.glob("pip-*.whl")]
    return [sys.executable, f"{wheels[0]}/pip"] if wheels else None


def install_uv() -> None:
    """Put the pinned uv at `.venv/bootstrap/uv`."""
    if UV.exists() and installed_uv_version() == UV_VERSION:
        return
    say(f"fetching uv {UV_VERSION} from its wheel, checked by SHA-256")
    pip = own_pip()
    if pip is None:
        raise BootstrapError("no pip to fetch uv with; install it (Debian: python3-pip-whl) and run again")
    with tempfile.TemporaryDirectory() as scratch:
        requirement = Path(scratch) / "uv.txt"
        requirement.write_text(f"uv=={UV_VERSION} --hash=sha256:{UV_WHEEL_SHA256[platform.machine()]}\n")
        wanted = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(requirement)]
        run([*pip, "download", "-q", "--disable-pip-version-check", "--dest", scratch, *wanted])
        unpack_uv(next(Path(scratch).glob("uv-*.whl")))


def unpack_uv(wheel: Path) -> None:
    """Take the one program out of the wheel; it appears whole or not at all."""
    UV.parent.mkdir(parents=True, exist_ok=True)
    partial = UV.with_suffix(".partial")
    with zipfile.ZipFile(wheel) as archive:
        partial.write_bytes(archive.read(f"uv-{UV_VERSION}.data/scripts/uv"))
    partial.chmod(0o755)
    partial.replace(UV)


def installed_uv_version() -> str | None:
    """The version that the uv in `.venv` gives for itself; None if it does not run."""
    try:
        output = subprocess.run([UV, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return output.split()[1]


# --- 3. the environment ----------------------------------------------------------------------------------


def make_environment() -> None:
    """Bring `.venv` to exactly what the lock file says, and put the project in it."""
    uv = {"VIRTUAL_ENV": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    python = VENV / "bin" / "python"
    if not python.exists():
        say(f"making .venv with Python {platform.python_version()}")
        run([str(UV), "venv", "-q", "--allow-existing", "--python", sys.executable, str(VENV)], **uv)
    say(f"bringing .venv to {LOCK.relative_to(ROOT)} (the first time this downloads some 300 MB)")
    run([str(UV), "pip", "sync", "-q", "--require-hashes", str(LOCK)], **uv)
    project = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    run([str(UV), "pip", "install", "-q", *project], **uv)


def main() -> int:
    """Do the steps in order; any that fails ends it with a text for a person."""
    started = time.monotonic()
    try:
        check_machine()
        install_system_packages()
        install_uv()
        make_environment()
    except BootstrapError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    say(f"done in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
