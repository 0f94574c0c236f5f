"""A folder of signed models: `NAME.xml`, `NAME.bin`, `NAME.json` and `NAME.sig`, and the index that names them all.

The index is opened at once, a model when it is asked for: a model that nobody runs may be broken without stopping
the box, and `edge-agent models verify` looks at all of them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from edge_agent.adapters.model_manifest import ModelIndex, ModelManifest, Signers, open_signed, version_order
from edge_agent.errors import BadModelFile, ModelMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

INDEX: Final = "index"
MAX_BYTES: Final = 256 * 1024
"""Of a manifest or an index."""


@dataclass(frozen=True, slots=True)
class SignedModels:
    """The models of a folder whose index one of the signers signed. `number` counts its signings."""

    folder: Path
    signers: Signers
    number: int
    versions: "Mapping[str, str]"

    @classmethod
    def open(cls, folder: Path, signers: Signers) -> "SignedModels":
        """Read a folder's index; a folder without signed models is an empty one."""
        if not any(folder.glob("*.sig")):
            return cls(folder, signers, 0, MappingProxyType({}))
        index = open_signed(*_document(folder, INDEX), signers, ModelIndex, f"{folder / INDEX}.json")
        return cls(folder, signers, index.number, MappingProxyType(index.models))

    def manifest(self, name: str) -> ModelManifest:
        """What is said of one of the index's models, once it is sure who says it."""
        file = f"{self.folder / name}.json"
        found = open_signed(*_document(self.folder, name), self.signers, ModelManifest, file)
        if found.name != name:
            raise BadModelFile(f"{file} is the manifest of {found.name}: install {name} anew", "other-name")
        wanted = self.versions[name]
        if version_order(found.version) != version_order(wanted):
            older = "older" if version_order(found.version) < version_order(wanted) else "newer"
            raise BadModelFile(
                f"{file} is version {found.version}, {older} than the {wanted} of the folder's index: install the "
                "whole folder anew, from one place",
                "rolled-back",
            )
        return found

    def files(self, manifest: ModelManifest) -> tuple[bytes, bytes]:
        """Graph and weights of a model, with the hashes of its manifest."""
        hint = "install the model anew"
        return (
            vouched(self.folder / f"{manifest.name}.xml", manifest.graph_sha256, hint),
            vouched(self.folder / f"{manifest.name}.bin", manifest.weights_sha256, hint),
        )


def vouched(path: Path, sha256: str, hint: str) -> bytes:
    """A file's bytes, if they have this hash; raises `ModelMissing` or `BadModelFile` with what to do about it."""
    data = _read(path, hint)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BadModelFile(f"{path} is not the file the manifest names: {hint}", "changed")
    return data


def _document(folder: Path, name: str) -> tuple[bytes, bytes]:
    """A document and its signature, neither believed yet."""
    hint = "install the whole folder anew, or sign its models with scripts/sign_models.py"
    data = _read(folder / f"{name}.json", hint)
    if len(data) > MAX_BYTES:
        raise BadModelFile(f"{folder / name}.json is larger than any manifest: {hint}")
    return data, _read(folder / f"{name}.sig", hint)


def _read(path: Path, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as exc:
        raise ModelMissing(f"{path} is missing: {hint}") from exc
    except OSError as exc:
        raise ModelMissing(f"{path} cannot be read ({exc.strerror}): {hint}") from exc
