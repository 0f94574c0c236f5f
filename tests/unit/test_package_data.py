"""What the wheel takes along: every file that is no Python, above all the models and their signatures."""

import subprocess
import tomllib
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parents[2]
DATA = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]


def missed(package: str, files: list[str]) -> list[str]:
    """Files of a package that no pattern of its package data names, as setuptools globs them."""
    found = {path.relative_to(ROOT / package) for pattern in DATA[package] for path in (ROOT / package).glob(pattern)}
    return [file for file in files if not file.endswith(".py") and PurePath(file).relative_to(package) not in found]


def test_every_committed_file_of_a_package_is_in_the_wheel() -> None:
    for package in DATA:
        listed = subprocess.run(["git", "ls-files", package], cwd=ROOT, capture_output=True, text=True, check=True)
        files = listed.stdout.split()
        assert files
        assert missed(package, files) == []
