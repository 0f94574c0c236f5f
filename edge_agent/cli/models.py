"""`edge-agent models`: which models this box has, who vouches for each, and whether their bytes are those."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Column, Table

from edge_agent.adapters.model_manifest import ModelCard, ModelManifest, Signers, key_name
from edge_agent.adapters.model_pins import PINNED
from edge_agent.adapters.models import ModelStore, default_folder
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.errors import BadModelFile, ModelMissing
from edge_agent.settings import find_settings, load_settings

PINS: Final = "pins"
"""Who vouches for the ready stack, in JSON."""

app = App(name="models", help="Look at the models this box has, and at who vouches for them.")

Json = Annotated[bool, Parameter(name="--json", help="Print JSON.", negative="")]
LanguageOption = Annotated[Language | None, Parameter(help="Language; else the terminal's.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which folder of models, beside the program's own."""

    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None
    models: Annotated[Path | None, Parameter(help="Folder of models; else the settings'.")] = None
    trust: Annotated[
        tuple[str, ...], Parameter(negative="", help="Another key whose signature counts in that folder.")
    ] = ()

    def open(self) -> ModelStore:
        """The store as the settings have it. Without settings, as on a desk, it is the one of `make models`."""
        path = find_settings(self.config, os.environ)
        if self.config is None and not path.exists():
            return ModelStore.open(self.models or default_folder(), self.trust)
        inference = load_settings(path).inference
        return ModelStore.open(self.models or inference.models_dir, (*inference.model_signers, *self.trust))


HERE: Final = Where()


@dataclass(frozen=True, slots=True)
class Judged:
    """One model: what is said of it, or why nothing of it can be believed."""

    name: str
    folder: Path
    card: ModelCard | None
    fault: str = ""
    why: str = ""

    @property
    def vouched_by(self) -> str:
        """The signer's key, or the pins."""
        return self.card.signed_by if isinstance(self.card, ModelManifest) else PINS if self.card else ""

    def row(self) -> dict[str, Any]:
        """For JSON."""
        version, licence = (self.card.version, self.card.licence) if self.card else ("", "")
        return {
            "name": self.name, "version": version, "licence": licence, "vouched_by": self.vouched_by,
            "folder": str(self.folder), "fault": self.fault, "why": self.why,
        }  # fmt: skip


@app.command(name="list")
def list_(*, where: Where = HERE, json_: Json = False, language: LanguageOption = None) -> int:
    """Show every model: version, licence, who vouches for it. Signatures are checked, the files are not read."""
    store = where.open()
    return _show([_judge(store, name, whole=False) for name in store.names], is_checked=False, json_=json_, to=language)


@app.command
def verify(*, where: Where = HERE, json_: Json = False, language: LanguageOption = None) -> int:
    """Check the signature and every byte of all models; exit code 1 if any is not as it must be."""
    store = where.open()
    judged = [_judge(store, name, whole=True) for name in store.names]
    _show(judged, is_checked=True, json_=json_, to=language)
    return int(any(each.fault for each in judged))


@app.command
def show(name: str, *, where: Where = HERE, json_: Json = False, language: LanguageOption = None) -> int:
    """Print all that is said of a model: training, figures, input, classes, what it must not be used for.

    Parameters
    ----------
    name
        A model, as `edge-agent models list` names it.
    """
    card = where.open().entry(name)
    if json_:
        print(msgspec.json.encode(card).decode())
        return 0
    say = texts(language_of(os.environ, language))
    table = Table(Column(no_wrap=True), Column(overflow="fold"), show_header=False)
    for key, value in msgspec.to_builtins(card).items():
        table.add_row(say(f"models-key-{key.replace('_', '-')}"), _told(value))
    Console().print(table)
    return 0


def _judge(store: ModelStore, name: str, *, whole: bool) -> Judged:
    folder = store.folder_of(name)
    try:
        card = store.entry(name)
        if whole:
            store.files(name)
    except (BadModelFile, ModelMissing) as exc:
        return Judged(name, folder, None, exc.fault, str(exc))
    return Judged(name, folder, card)


def _show(judged: list[Judged], *, is_checked: bool, json_: bool, to: Language | None) -> int:
    if json_:
        print(json.dumps([each.row() for each in judged]))
        return 0
    say = texts(language_of(os.environ, to))
    if not judged:
        print(say("models-none"), file=sys.stderr)
        return 0
    columns = ("model", "version", "licence", "vouched", *(("state",) if is_checked else ()))
    table = Table(*(Column(say(f"models-column-{each}"), no_wrap=each == "model") for each in columns))
    for each in judged:
        said = (
            (each.card.version, each.card.licence, _voucher(say, each)) if each.card else ("-", "-", _state(say, each))
        )
        table.add_row(each.name, *said, *((_state(say, each),) if is_checked else ()))
    Console().print(table)
    for each in judged:
        if each.fault:
            print(f"{each.name}: {say(f'models-fault-{each.fault}')}", file=sys.stderr)
    return 0


def _voucher(say: Texts, judged: Judged) -> str:
    if judged.vouched_by == PINS:
        return say("models-by-pins")
    ours = {key_name(key) for key in Signers.of(PINNED).keys}
    return say("models-by-project" if judged.vouched_by in ours else "models-by-key", key=judged.vouched_by)


def _state(say: Texts, judged: Judged) -> str:
    return say("models-state-wrong" if judged.fault else "models-state-well")


def _told(value: object) -> str:
    """A manifest's value for people: lists with commas, tables line by line."""
    match value:
        case dict():
            return "\n".join(f"{key}: {inner}" for key, inner in value.items())
        case list() | tuple():
            return ", ".join(str(each) for each in value if each != "")
        case _:
            return str(value)
