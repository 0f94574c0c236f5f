"""Makes an environment of its own for independent libraries: build/interop-venv, from requirements/interop.lock.

`cwt` (COSE) needs an older cbor2 than ours, so it cannot live in .venv; and witnesses had better share nothing with
us. The lock file is made with

    printf 'cwt==3.3.0\\npycddl==0.6.4\\n' | .venv/bootstrap/uv pip compile --universal --generate-hashes \\
        --no-emit-index-url --no-header --python-version 3.11 - -o requirements/interop.lock

An environment that was made from the same lock file is used again. Prints the path of its Python.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "interop.lock"
VENV = ROOT / "build" / "interop-venv"
UV = ROOT / ".venv" / "bootstrap" / "uv"


def interop_python() -> Path:
    """The environment's Python, made first if need be; one caller at a time."""
    VENV.parent.mkdir(exist_ok=True)
    with VENV.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not is_made():
            make()
    return VENV / "bin" / "python"


def is_made() -> bool:
    """Whether the environment stands and was made from this lock file."""
    mark = VENV / "made-from"
    return mark.is_file() and mark.read_text() == digest()


def make() -> None:
    """Make the environment anew, hash for hash."""
    shutil.rmtree(VENV, ignore_errors=True)
    uv = {**os.environ, "VIRTUAL_ENV": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, VENV], check=True, env=uv)
    subprocess.run([UV, "pip", "sync", "-q", "--require-hashes", LOCK], check=True, env=uv)
    (VENV / "made-from").write_text(digest())


def digest() -> str:
    """What the environment is made from."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


if __name__ == "__main__":
    print(interop_python())
