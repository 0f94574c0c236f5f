"""The weights a box runs, by name, and nothing loaded that somebody does not vouch for.

Two kinds of model, one way to ask for them:

- **Signed**: our own weights, which come with the program (`edge_agent/models`), and those that a state has trained
  itself, in the settings' `models_dir`. A manifest each under the signature of a trusted key: the one pinned in the
  program, or for `models_dir` also one of `inference.model_signers`. A state's model outranks ours of the same name,
  unless it is an older one of the same signer.
- **Ready**: published weights that `scripts/fetch_models.py` turns into models in `models_dir`. The pins in the code
  vouched for them when the folder was made; `manifest.json` holds what was made then. Only the names of `READY` may
  come by this way: nothing unsigned passes for a model that has to be signed.

Each model's bytes are hashed when they are read and handed to the inference engine as those same bytes, so a file
changed between check and use is never run.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from edge_agent.adapters.model_folder import SignedModels, vouched
from edge_agent.adapters.model_manifest import ModelCard, ModelEntry, ModelManifest, Signers, version_order
from edge_agent.adapters.model_pins import PINNED
from edge_agent.errors import BadModelFile, ModelMissing, UntrustedModel

if TYPE_CHECKING:
    import openvino as ov

MANIFEST: Final = "manifest.json"
FETCH_HINT: Final = "`make models` (or scripts/fetch_models.py) fetches them"
PACKAGE: Final = Path(__file__).resolve().parents[1] / "models"
"""Our own weights, as they come with the program."""

PLATE_DETECTOR: Final = "plate-detector"
PLATE_DETECTOR_INT8: Final = "plate-detector-int8"
FACE_DETECTOR: Final = "face-detector"
LINE_DETECTOR: Final = "line-detector"
LINE_READER: Final = "line-reader"
READY: Final = frozenset((PLATE_DETECTOR, PLATE_DETECTOR_INT8, FACE_DETECTOR, LINE_DETECTOR, LINE_READER))

PLATE_FINDER: Final = "plate-finder"
PLATE_FINDER_INT8: Final = "plate-finder-int8"
PLATE_READER: Final = "plate-reader"
PLATE_READER_INT8: Final = "plate-reader-int8"
FACE_FINDER: Final = "face-finder"
HINTS: Final = {PLATE_DETECTOR_INT8: "scripts/quantize_detector.py makes it, or set inference.quantized = false"}
OWN_HINT: Final = "it is signed and comes with the program: install a release that has it"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ready models of a folder. `recipe` is the hash of the pins and the conversion code that made them."""

    recipe: str = ""
    models: tuple[ModelEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyModels:
    """The folder that `scripts/fetch_models.py` makes. One that is not there is an empty one."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> "ReadyModels":
        """Read the folder's manifest."""
        try:
            data = (folder / MANIFEST).read_bytes()
        except FileNotFoundError:
            return cls(folder, Manifest())
        try:
            return cls(folder, msgspec.json.decode(data, type=Manifest))
        except (msgspec.DecodeError, RecursionError) as exc:
            raise BadModelFile(f"{folder / MANIFEST} is damaged: remove the folder; {FETCH_HINT}") from exc

    def entry(self, name: str) -> ModelEntry:
        """What the manifest says of a model; raises `ModelMissing` or `UntrustedModel`."""
        entry = next((entry for entry in self.manifest.models if entry.name == name), None)
        if entry is None:
            hint = HINTS.get(name, FETCH_HINT if name in READY else OWN_HINT)
            raise ModelMissing(f"{self.folder} lacks the model {name}: {hint}")
        if name not in READY:
            raise UntrustedModel(
                f"{self.folder / MANIFEST} names {name}, which only counts signed: remove it there", "unknown-signer"
            )
        return entry

    def files(self, name: str) -> tuple[bytes, bytes]:
        """Graph and weights of a model, with the hashes of its entry."""
        entry = self.entry(name)
        hint = f"remove the folder; {FETCH_HINT}"
        return (
            vouched(self.folder / f"{name}.xml", entry.graph_sha256, hint),
            vouched(self.folder / f"{name}.bin", entry.weights_sha256, hint),
        )


@dataclass(frozen=True, slots=True)
class ModelStore:
    """All the models of a box. `signed` are the folders of signed models, the one that outranks the others first."""

    ready: ReadyModels
    signed: tuple[SignedModels, ...]

    @classmethod
    def open(
        cls, folder: Path, signers: Sequence[str] = (), *, package: Path = PACKAGE, pinned: Sequence[str] = PINNED
    ) -> "ModelStore":
        """Read what a folder and the program hold; a folder that is not there has no models."""
        site = SignedModels.open(folder, Signers.of((*pinned, *signers)))
        ours = SignedModels.open(package, Signers.of(pinned))
        return cls(ReadyModels.open(folder), (site, ours))

    @property
    def names(self) -> tuple[str, ...]:
        """Every model that is there, whether or not it can be believed."""
        ready = (entry.name for entry in self.ready.manifest.models)
        return tuple(sorted({*ready, *(name for each in self.signed for name in each.versions)}))

    def entry(self, name: str) -> ModelCard:
        """What is said of one model, by somebody who may; raises an `EdgeError` that says what to do."""
        found = self._signed(name)
        return found[1] if found else self.ready.entry(name)

    def folder_of(self, name: str) -> Path:
        """Where a model lies."""
        return next((each.folder for each in self.signed if name in each.versions), self.ready.folder)

    def files(self, name: str) -> tuple[bytes, bytes]:
        """A model's graph and weights, with the hashes that somebody vouches for."""
        found = self._signed(name)
        return found[0].files(found[1]) if found else self.ready.files(name)

    def read(self, core: "ov.Core", name: str) -> "ov.Model":
        """The model, from bytes that have the hashes of its manifest."""
        graph, weights = self.files(name)
        return core.read_model(graph, weights)

    def _signed(self, name: str) -> tuple[SignedModels, ModelManifest] | None:
        found = [(each, each.manifest(name)) for each in self.signed if name in each.versions]
        if len(found) > 1:
            _check_order(*found)
        return found[0] if found else None


def _check_order(site: tuple[SignedModels, ModelManifest], ours: tuple[SignedModels, ModelManifest]) -> None:
    """One signer's older model must not stay in the way of his newer one; another signer's is a choice."""
    (folder, there), (_, here) = site, ours
    if there.signed_by == here.signed_by and version_order(there.version) < version_order(here.version):
        raise BadModelFile(
            f"{folder.folder / there.name}.json is version {there.version}, and the program brings {here.version} "
            "of the same signer: remove the older one",
            "rolled-back",
        )


def default_folder() -> Path:
    """Where models lie when nobody says: `ATALAYA_MODELS`, else `models` here, else beside the program."""
    if named := os.environ.get("ATALAYA_MODELS"):
        return Path(named)
    here = Path("models")
    beside = Path(__file__).resolve().parents[2] / "models"
    return beside if not (here / MANIFEST).exists() and (beside / MANIFEST).exists() else here
