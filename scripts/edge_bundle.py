"""`make edge-bundle`: one archive that installs the agent on a box with no network.

It holds what was committed, and nothing else: the project's wheel, with our own models in it, is built from
`git archive HEAD`; every other wheel comes from `requirements/edge.lock`, hash for hash (what the index has only as
source is built here); the ready models, and a state's own, are those of `models/`; all models are checked first, by the
committed program under the committed settings. Debian's packages for Python and the TPM come through apt, whose
signatures it checks. `SHA256SUMS` names every file, and is signed if `--sign KEY` names an Ed25519 key (PEM).

Files are ordered, owned by root and dated by the commit, so the same commit on the same machine gives the same archive
but for Debian's point releases.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "edge-wheels"
LOCK = ROOT / "requirements" / "edge.lock"
DOCS = ("install.md", "settings.md", "commands.md", "technician.md", "certificates.md", "profiles.md", "models.md")
DEBIAN = ("python3", "libtss2-fapi1", "libtss2-rc0", "libtss2-tcti-device0", "tpm2-openssl", "tpm-udev")
EXECUTABLE = ("install.sh", "uninstall.sh", "edge-agent")


class BundleError(Exception):
    """The bundle cannot be made; the text says why."""


def main() -> int:
    """Make the archive, and print its name and SHA-256."""
    parser = argparse.ArgumentParser(description="Make the offline bundle of the agent.")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="folder of the archive")
    parser.add_argument("--sign", type=Path, help="Ed25519 private key, PEM, that signs the checksums")
    parser.add_argument("--no-debs", action="store_true", help="leave Debian's packages out")
    given = parser.parse_args()
    try:
        archive = make(given.out, sign=given.sign, with_debs=not given.no_debs)
    except (BundleError, subprocess.CalledProcessError) as error:
        print(f"edge-bundle: {error}", file=sys.stderr)
        return 1
    print(f"{sha256(archive)}  {archive}")
    return 0


def make(out: Path, *, sign: Path | None, with_debs: bool) -> Path:
    """Gather everything in a folder of its own, then pack it."""
    commit, moment = git("rev-parse", "--short=12", "HEAD"), int(git("log", "-1", "--format=%ct"))
    os.environ["SOURCE_DATE_EPOCH"] = str(moment)
    machine, python = platform.machine(), f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory(prefix="edge-bundle-") as scratch:
        source, bundle = Path(scratch) / "source", Path(scratch) / "bundle"
        bundle.mkdir()
        unpack_commit(source)
        release = f"{project_version(source)}-{commit}"
        put_wheels(source, bundle)
        put_files(source, bundle)
        check_models(source, bundle / "models")
        if with_debs:
            put_debs(bundle / "debs")
        for name, text in (("RELEASE", release), ("MACHINE", machine), ("PYTHON", python)):
            (bundle / name).write_text(f"{text}\n")
        put_checksums(bundle, sign)
        out.mkdir(parents=True, exist_ok=True)
        return pack(bundle, out / f"atalaya-edge-{release}-{machine}.tar", moment)


def unpack_commit(folder: Path) -> None:
    """The sources as they were committed."""
    folder.mkdir()
    archived = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archived, check=True)


def put_wheels(source: Path, bundle: Path) -> None:
    """All wheels, and a list of their hashes for the box's pip; those of the lock are kept between runs."""
    say("gathering wheels (the first time some 250 MB)")
    kept = CACHE / sha256(LOCK)[:16]
    if not (kept / "complete").exists():
        shutil.rmtree(kept, ignore_errors=True)
        pip("wheel", "--no-deps", "--require-hashes", "-r", str(LOCK), "--wheel-dir", str(kept))
        (kept / "complete").touch()
    wheels = bundle / "wheels"
    shutil.copytree(kept, wheels, ignore=shutil.ignore_patterns("complete"))
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source))
    lines = [
        "{}=={} --hash=sha256:{}\n".format(*wheel.name.split("-")[:2], sha256(wheel))
        for wheel in sorted(wheels.glob("*.whl"))
    ]
    (bundle / "wheels.txt").write_text("".join(lines))


def put_files(source: Path, bundle: Path) -> None:
    """Models, unit, installer, settings, pages."""
    models = ROOT / "models"
    if not (models / "manifest.json").exists():
        raise BundleError("the models are not there; run `make models`")
    shutil.copytree(models, bundle / "models", ignore=shutil.ignore_patterns(".*", "installed"))
    for file in (source / "packaging").iterdir():
        shutil.copy(file, bundle / file.name)
    shutil.copy(source / "systemd" / "atalaya-agent.service", bundle)
    (bundle / "docs").mkdir()
    for name in DOCS:
        if (source / "docs" / name).exists():
            shutil.copy(source / "docs" / name, bundle / "docs")


def check_models(source: Path, models: Path) -> None:
    """Have the committed program look at every model that a new box would have: those it brings and those beside it."""
    program, settings = "from edge_agent.cli import main; main()", source / "packaging" / "agent.toml"
    verify = ["models", "verify", "--models", str(models.resolve()), "--config", str(settings.resolve())]
    run = [sys.executable, "-c", program, *verify, "--language", "en"]
    done = subprocess.run(run, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BundleError(f"the models are not as they must be: {done.stderr.strip()}")


def put_debs(folder: Path) -> None:
    """Debian's packages that a minimal system lacks, by apt, from wherever this machine gets its own."""
    if shutil.which("apt-get") is None:
        say("no apt here: the bundle brings no Debian packages")
        return
    say("gathering Debian's packages")
    required = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${Priority} ${Essential}\n"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    basic = [line.split()[0] for line in required.splitlines() if {"required", "yes"} & set(line.split()[1:])]
    folder.mkdir()
    wanted = sorted(installed_from_nothing(DEBIAN) - installed_from_nothing(basic))
    subprocess.run(["apt-get", "-qq", "download", *wanted], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def installed_from_nothing(packages: Iterable[str]) -> set[str]:
    """What apt would install for these on a machine that has no package at all."""
    simulate = ["apt-get", "-qq", "--simulate", "--no-install-recommends", "-o", "Dir::State::status=/dev/null"]
    done = subprocess.run([*simulate, "install", *packages], capture_output=True, text=True, check=True)
    return {line.split()[1] for line in done.stdout.splitlines() if line.startswith("Inst ")}


def put_checksums(bundle: Path, key: Path | None) -> None:
    """SHA256SUMS over all files, and its signature."""
    files = sorted(path.relative_to(bundle) for path in bundle.rglob("*") if path.is_file())
    sums = "".join(f"{sha256(bundle / path)}  {path}\n" for path in files)
    (bundle / "SHA256SUMS").write_text(sums)
    if key is not None:
        subprocess.run(
            [
                *("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key),
                *("-in", bundle / "SHA256SUMS", "-out", bundle / "SHA256SUMS.sig"),
            ],
            check=True,
        )


def pack(bundle: Path, archive: Path, moment: int) -> Path:
    """One tar, the same for the same files; wheels are compressed already."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = moment
        info.mode = 0o755 if info.isdir() or Path(info.name).name in EXECUTABLE else 0o644
        return info

    partial = archive.with_suffix(".partial")
    with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(bundle, archive.stem, recursive=False, filter=plain)
        for path in sorted(bundle.rglob("*")):
            tar.add(path, f"{archive.stem}/{path.relative_to(bundle)}", recursive=False, filter=plain)
    partial.replace(archive)
    return archive


def project_version(source: Path) -> str:
    """As `pyproject.toml` has it."""

    return str(tomllib.loads((source / "pyproject.toml").read_text())["project"]["version"])


def pip(*arguments: str) -> None:
    """This environment's pip, which the lock pins as well."""
    subprocess.run([sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", *arguments], check=True)


def git(*arguments: str) -> str:
    """A line of git's."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def sha256(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def say(text: str) -> None:
    """One line on what happens now."""
    print(f"edge-bundle: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
