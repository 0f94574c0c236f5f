"""The weights a box runs: a folder with a manifest, and nothing loaded that the manifest does not vouch for.

`scripts/fetch_models.py` writes the folder. Each model's bytes are hashed when they are read and handed to
the inference engine as those same bytes, so a file changed between check and use is never run.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import openvino as ov

from edge_agent.errors import BadModelFile, ModelMissing

MANIFEST: Final = "manifest.json"
FETCH_HINT: Final = "`make models` (or scripts/fetch_models.py) fetches them"

PLATE_DETECTOR: Final = "plate-detector"
PLATE_DETECTOR_INT8: Final = "plate-detector-int8"
FACE_DETECTOR: Final = "face-detector"
LINE_DETECTOR: Final = "line-detector"
LINE_READER: Final = "line-reader"
HINTS: Final = {PLATE_DETECTOR_INT8: "scripts/quantize_detector.py makes it, or set inference.quantized = false"}


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of the folder: what it is, where it came from, and the hashes of what lies there."""

    name: str
    version: str
    source: str
    source_sha256: str
    licence: str
    input: str
    graph_sha256: str
    weights_sha256: str
    characters: tuple[str, ...] = ()
    """Symbols of a text reader in the order of its outputs, the blank first."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`recipe` is the hash of the pins and the conversion code that made the folder."""

    recipe: str
    models: tuple[ModelEntry, ...]


@dataclass(frozen=True, slots=True)
class ModelStore:
    """A folder of verified models."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> "ModelStore":
        """Read the folder's manifest."""
        try:
            data = (folder / MANIFEST).read_bytes()
        except FileNotFoundError as exc:
            raise ModelMissing(f"no models in {folder}: {FETCH_HINT}") from exc
        try:
            return cls(folder, msgspec.json.decode(data, type=Manifest))
        except msgspec.DecodeError as exc:
            raise BadModelFile(f"{folder / MANIFEST} is damaged: remove the folder; {FETCH_HINT}") from exc

    def entry(self, name: str) -> ModelEntry:
        """Return the entry of one model."""
        found = next((entry for entry in self.manifest.models if entry.name == name), None)
        if found is None:
            raise ModelMissing(f"{self.folder} lacks the model {name}: {HINTS.get(name, FETCH_HINT)}")
        return found

    def read(self, core: ov.Core, name: str) -> ov.Model:
        """Return the model, from bytes that have the hashes of the manifest."""
        entry = self.entry(name)
        graph = self._verified(f"{name}.xml", entry.graph_sha256)
        weights = self._verified(f"{name}.bin", entry.weights_sha256)
        return core.read_model(graph, weights)

    def _verified(self, file_name: str, sha256: str) -> bytes:
        path = self.folder / file_name
        try:
            data = path.read_bytes()
        except FileNotFoundError as exc:
            raise ModelMissing(f"{path} is missing: {FETCH_HINT}") from exc
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BadModelFile(f"{path} is not the file the manifest names: remove the folder; {FETCH_HINT}")
        return data


def default_folder() -> Path:
    """Where models lie when nobody says: `ATALAYA_MODELS`, else `models` here, else beside the program."""
    if named := os.environ.get("ATALAYA_MODELS"):
        return Path(named)
    here = Path("models")
    beside = Path(__file__).resolve().parents[2] / "models"
    return beside if not (here / MANIFEST).exists() and (beside / MANIFEST).exists() else here
