"""Firmware profiles as the aggregator handles them: a name and a text. What they mean is the box's business."""

from importlib.resources import files

from aggregator.errors import NotThere


def profile_names() -> list[str]:
    """The profiles of this release."""
    found = (each.name for each in files("firmware_profiles").iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def profile_text(name: str) -> str:
    """The text of a profile; raises `NotThere`."""
    if name not in profile_names():
        raise NotThere(f"no firmware profile {name!r}; there are {', '.join(profile_names())}")
    return (files("firmware_profiles") / f"{name}.toml").read_text(encoding="utf-8")
