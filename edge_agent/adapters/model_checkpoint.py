"""A torch checkpoint read without torch, for turning published weights into IR.

A checkpoint is a zip: `*/data.pkl` holds the objects, `*/data/N` the raw numbers. A pickle may name any
callable of any module, so this unpickler imports nothing: it knows the few names that carry numbers and
answers every other one with an inert `Stub` that only keeps its state. What comes out is a tree of stubs,
plain values and numpy arrays; nothing of the file is executed.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from edge_agent.errors import BadModelFile

_DTYPES: Final = {"FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "DoubleStorage": "<f8"}


class Stub:
    """Stands for an object of a class we do not import; `state` is what the pickle gave it.

    `Any` below: a pickle's values have no static type.
    """

    kind: str = ""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}

    def __call__(self, *_: Any) -> "Stub":
        return self

    def child(self, name: str | int) -> "Stub":
        """Return the submodule of that name."""
        found = self.state["_modules"][str(name)]
        if not isinstance(found, Stub):
            raise BadModelFile(f"layer {name} is no module")
        return found

    def children(self) -> list["Stub"]:
        """Return the submodules in order."""
        return list(self.state["_modules"].values())

    def array(self, name: str) -> NDArray[np.float32]:
        """Return a parameter or buffer as float32."""
        found = self.state["_parameters"].get(name)
        if found is None:
            found = self.state["_buffers"][name]
        return np.ascontiguousarray(found, dtype=np.float32)


class _Unpickler(pickle.Unpickler):
    """Answers every name but the few that carry numbers with a stub class."""

    def __init__(self, file: BinaryIO, storage: Callable[[str, str], NDArray[Any]]) -> None:
        super().__init__(file)
        self._storage = storage
        self._stubs: dict[str, type[Stub]] = {}

    @override
    def find_class(self, module: str, name: str, /) -> Any:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _tensor
            case "torch._utils", "_rebuild_parameter":
                return lambda data, *_: data
            case _:
                path = f"{module}.{name}"
                return self._stubs.setdefault(path, type(name, (Stub,), {"kind": name}))

    @override
    def persistent_load(self, pid: Any) -> NDArray[Any]:
        _, storage_type, key, *_ = pid
        return self._storage(storage_type.kind, key)


def _tensor(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if offset < 0 or min(size, default=1) < 1 or min(stride, default=0) < 0 or last >= storage.size:
        raise BadModelFile("a tensor reaches outside its storage")
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the top dictionary of a torch checkpoint; modules in it are `Stub` trees."""
    with zipfile.ZipFile(path) as archive:
        root = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        if root is None:
            raise BadModelFile(f"{path.name} is no torch checkpoint: it holds no data.pkl")
        prefix = root.removesuffix(".pkl")

        def storage(kind: str, key: str) -> NDArray[Any]:
            if kind not in _DTYPES:
                raise BadModelFile(f"{path.name} holds numbers of an unknown kind: {kind}")
            return np.frombuffer(archive.read(f"{prefix}/{key}"), _DTYPES[kind])

        with archive.open(root) as file:
            top = _Unpickler(file, storage).load()  # type: ignore[arg-type]  # a zip member reads as a BinaryIO
    if not isinstance(top, dict):
        raise BadModelFile(f"{path.name} is no training checkpoint")
    return top
