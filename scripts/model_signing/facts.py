"""What is to be said of a model before it is signed: from files of facts, and from the cards that training leaves.

Facts are the manifest's own keys, in JSON or TOML. A card (`NAME.card.json`) says the same in the words of whoever
trained; it is known by its `training_data`. Later files outrank earlier ones key by key, figures among them: a
benchmark ends with a line of them, and that line joins what training said. What is the same whoever trains, and
however well it went, lies in `cards/` here.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from edge_agent.errors import BadModelFile, ModelMissing

Facts: TypeAlias = dict[str, Any]
"""`Any`: what a file holds, until the manifest judges it."""

COMMANDS: Final = {"plate-reader": "scripts/train_reader.py", "plate-finder": "scripts/train_detector.py"}
_SAME: Final = ("licence", "purpose", "input", "output", "not_for", "metrics_on")
_LEARNT: Final = ("images_seen", "minutes", "parameters")
_COURSE: Final = frozenset(("step", "images", "plates", "elapsed_s", "loss", "rate", "temperature"))
"""How far a training had come when it was examined: not how well it does."""


def gather(name: str, files: Iterable[Path], figures: Iterable[Path] = ()) -> Facts:
    """All that the files say of a model, and the figures that benchmarks found; raises an `EdgeError`."""
    said: Facts = {}
    for file in files:
        found = _parse(file, _read(file))
        said = _over(said, of_card(name, found) if "training_data" in found else found)
    for file in figures:
        said = _over(said, {"metrics": dict(_figures(_parse(file, _last_line(file))))})
    return said


def _over(said: Facts, found: Facts) -> Facts:
    """One layer of facts over another; tables are put together."""
    together = {key: {**said[key], **value} for key, value in found.items() if isinstance(value, dict) and key in said}
    return {**said, **found, **together}


def of_card(name: str, card: Mapping[str, Any]) -> Facts:
    """The facts that a training's card holds."""
    said = {key: card[key] for key in _SAME if key in card}
    outputs = list(card.get("classes", ()))
    version = re.match(r"[0-9]+(\.[0-9]+)*", str(card.get("version", "")))
    training = {"data": card["training_data"], "seed": card.get("seed"), "command": _command(name, card)}
    training |= {key: card[key] for key in _LEARNT if key in card}
    return {
        "source": "trained by this project",
        "metrics_on": "what the training held back",
        **said,
        "version": version[0] if version else "",
        "characters" if outputs[:1] == [""] else "classes": outputs,
        "training": training,
        "metrics": {key: value for key, value in _figures(card.get("metrics", {})) if key not in _COURSE},
    }


def _command(name: str, card: Mapping[str, Any]) -> str:
    return str(card.get("command") or COMMANDS.get(name.removesuffix("-int8"), ""))


def _figures(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """Numbers under their full names; what is no number is left to the card."""
    for key, value in tree.items():
        match value:
            case bool():
                continue
            case int() | float():
                yield above + key, value
            case dict():
                yield from _figures(value, f"{above}{key}_")
            case _:
                continue


def _last_line(path: Path) -> str:
    """The line that a benchmark ends with."""
    return (_read(path).strip().splitlines() or [""])[-1]


def _parse(path: Path, text: str) -> Facts:
    try:
        return dict(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))
    except (ValueError, TypeError) as exc:
        raise BadModelFile(f"{path} holds no facts in JSON or TOML: {exc}") from exc


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as exc:
        raise ModelMissing(f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise BadModelFile(f"{path} holds no facts in JSON or TOML") from exc
