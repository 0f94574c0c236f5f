"""A folder of signed models in the hands of somebody who signs.

Rules
- What lies in the folder already must verify before anything is added: nobody's signature goes under files that
  he did not look at, and the index covers the whole folder.
- A model is tried first: OpenVINO must read it. Its facts must be complete.
- Versions of a name only rise. `remove` takes a model out that was not released yet.
- The index is written last. If the work is interrupted the folder no longer verifies: put it back as it was, and
  sign again.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import openvino as ov

from edge_agent.adapters.model_folder import INDEX, SignedModels
from edge_agent.adapters.model_manifest import (
    INDEX_FORMAT,
    MODEL_FORMAT,
    ModelIndex,
    ModelManifest,
    Signers,
    key_name,
    signed,
    version_order,
)
from edge_agent.errors import BadModelFile, ModelMissing
from protocol.keys import Signer

RESERVED: Final = frozenset((INDEX, "manifest"))
"""Names that the folder's own files have."""
SUFFIXES: Final = (".xml", ".bin", ".json", ".sig")


@dataclass(frozen=True, slots=True)
class Workshop:
    """`trusted` are the keys under which what lies there may be signed, the signer's own among them."""

    folder: Path
    signer: Signer
    trusted: Signers

    def install(self, name: str, graph: Path, facts: Mapping[str, Any]) -> ModelManifest:
        """Copy a model into the folder and sign it; raises an `EdgeError`."""
        number, there = self._verified()
        files = {".xml": _read(graph), ".bin": _read(graph.with_suffix(".bin"))}
        manifest = self._manifest(name, files, facts)
        if name in there and version_order(manifest.version) <= version_order(there[name].version):
            raise BadModelFile(
                f"{name} {there[name].version} is there already: give the new one a higher version, or `remove` the old"
            )
        _try(files)
        self.folder.mkdir(parents=True, exist_ok=True)
        for suffix, data in files.items():
            _replace(self.folder / f"{name}{suffix}", data)
        self._write(name, manifest)
        self._index(number + 1, {**there, name: manifest})
        return manifest

    def sign_anew(self) -> tuple[ModelManifest, ...]:
        """Put every model of the folder under this signer's key, as they are: when one key takes over from another."""
        mine = key_name(self.signer.public_key)
        number, found = self._verified()
        there = {name: msgspec.structs.replace(manifest, signed_by=mine) for name, manifest in found.items()}
        for name, manifest in there.items():
            self._write(name, manifest)
        self._index(number + 1, there)
        return tuple(there.values())

    def remove(self, name: str) -> None:
        """Take a model out of the folder."""
        number, there = self._verified()
        if name not in there:
            raise ModelMissing(f"{self.folder} has no model {name}; it has {', '.join(there) or 'none'}")
        self._index(number + 1, {other: manifest for other, manifest in there.items() if other != name})
        for suffix in SUFFIXES:
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)

    def _verified(self) -> tuple[int, dict[str, ModelManifest]]:
        """The index's number and all models of the folder, every byte of them looked at."""
        models = SignedModels.open(self.folder, self.trusted)
        there = {name: models.manifest(name) for name in models.versions}
        for manifest in there.values():
            models.files(manifest)
        return models.number, there

    def _manifest(self, name: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> ModelManifest:
        if name in RESERVED:
            raise BadModelFile(f"a model cannot be called {name}: that is a file of the folder")
        made = {
            "format": MODEL_FORMAT,
            "name": name,
            "graph_sha256": hashlib.sha256(files[".xml"]).hexdigest(),
            "weights_sha256": hashlib.sha256(files[".bin"]).hexdigest(),
            "signed_by": key_name(self.signer.public_key),
        }
        try:
            return msgspec.convert({**facts, **made}, ModelManifest)
        except msgspec.ValidationError as exc:
            raise BadModelFile(f"the facts of {name}: {exc}; docs/models.md lists them") from exc

    def _write(self, name: str, manifest: ModelManifest | ModelIndex) -> None:
        data, signature = signed(manifest, self.signer)
        _replace(self.folder / f"{name}.json", data)
        _replace(self.folder / f"{name}.sig", signature)

    def _index(self, number: int, models: Mapping[str, ModelManifest]) -> None:
        index = ModelIndex(
            format=INDEX_FORMAT,
            number=number,
            models={name: models[name].version for name in sorted(models)},
            signed_by=key_name(self.signer.public_key),
        )
        self._write(INDEX, index)


def _try(files: Mapping[str, bytes]) -> None:
    try:
        ov.Core().read_model(files[".xml"], files[".bin"])
    except RuntimeError as exc:
        raise BadModelFile("OpenVINO cannot read this model: export it again") from exc


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ModelMissing(f"{path} cannot be read: {exc.strerror}") from exc


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    os.replace(beside, path)  # noqa: PTH105  # the atomic one
