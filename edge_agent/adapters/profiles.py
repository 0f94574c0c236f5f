"""Firmware profiles on disk: those of the package `firmware_profiles` by name, any other by its path."""

import platform
from importlib.resources import files
from pathlib import Path
from typing import Final

from edge_agent.core.profiles import Architecture, Profile, parse_profile
from edge_agent.errors import BadProfile

_ARCHITECTURES: Final[dict[str, Architecture]] = {"x86_64": "x86-64", "aarch64": "arm64"}


def profile_names() -> tuple[str, ...]:
    """Names of the profiles that come with the program."""
    found = (Path(each.name) for each in files("firmware_profiles").iterdir())
    return tuple(sorted(name.stem for name in found if name.suffix == ".toml"))


def profile_text(name_or_path: str) -> str:
    """The file's text: a name has no slash and no ending. Raises `BadProfile`."""
    if name_or_path in profile_names():
        return (files("firmware_profiles") / f"{name_or_path}.toml").read_text(encoding="utf-8")
    try:
        return Path(name_or_path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadProfile(
            f"{name_or_path}: no profile of that name and no file that can be read; "
            f"there are {', '.join(profile_names())} (`edge-agent profiles list`)"
        ) from exc


def load_profile(name_or_path: str) -> Profile:
    """A profile by its name or path; raises `BadProfile` that names the key."""
    return parse_profile(profile_text(name_or_path), name_or_path)


def architecture(machine: str | None = None) -> Architecture:
    """What this machine is; raises `BadProfile` for one that no profile covers."""
    name = machine or platform.machine()
    found = _ARCHITECTURES.get(name)
    if found is None:
        raise BadProfile(f"{name}: there are profiles for {', '.join(_ARCHITECTURES)} only")
    return found


def box_profile(named: str) -> Profile:
    """The profile that the settings name, else the generic one of this machine's architecture."""
    return load_profile(named or f"generic-{architecture()}")
