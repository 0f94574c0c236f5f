"""Reading a checkpoint without torch, and without running what is in it."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typing_extensions import override

from edge_agent.adapters.model_checkpoint import Stub, read_checkpoint
from edge_agent.errors import BadModelFile


class _Reduced:
    """Pickles as a call of any function with any arguments."""

    def __init__(self, module: str, name: str, *args: object) -> None:
        self._call = _Named(module, name), args

    @override
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self._call


class _Named:
    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self) -> None:
        """Callable, so that pickle takes it for a function."""


class _Pickler(pickle._Pickler):
    """Writes `_Named` as the global it names, which need not exist here; storages as persistent ids."""

    def save(self, obj: object, save_persistent_id: bool = True) -> None:
        if isinstance(obj, _Named):
            self.write(  # type: ignore[attr-defined]  # the Python pickler has no types
                pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode()
            )
        else:
            super().save(obj, save_persistent_id)  # type: ignore[misc]  # as above

    @override
    def persistent_id(self, obj: object) -> object:
        return obj if isinstance(obj, tuple) and obj[:1] == ("storage",) else None


def write_checkpoint(path: Path, top: object, storages: dict[str, bytes] | None = None) -> Path:
    """A checkpoint file of that content."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=2).dump(top)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", buffer.getvalue())
        for key, data in (storages or {}).items():
            archive.writestr(f"net/data/{key}", data)
    return path


def tensor(kind: str, key: str, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> _Reduced:
    """A tensor as torch pickles it."""
    storage = ("storage", _Named("torch", kind), key, "cpu", 0)
    return _Reduced("torch._utils", "_rebuild_tensor_v2", storage, offset, size, stride, False, None)


def test_numbers_come_out_in_their_shape_and_order(tmp_path: Path) -> None:
    numbers = np.arange(6, dtype="<f2")
    path = write_checkpoint(
        tmp_path / "x.pt", {"w": tensor("HalfStorage", "0", (3, 2), (1, 3))}, {"0": numbers.tobytes()}
    )
    np.testing.assert_array_equal(read_checkpoint(path)["w"], [[0, 3], [1, 4], [2, 5]])


def test_nothing_named_in_the_file_is_called(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    top = {"evil": _Reduced("os", "system", f"touch {touched}"), "net": _Reduced("builtins", "eval", "1/0")}
    read = read_checkpoint(write_checkpoint(tmp_path / "x.pt", top))
    assert isinstance(read["evil"], Stub)
    assert isinstance(read["net"], Stub)
    assert not touched.exists()


@pytest.mark.parametrize(
    ("size", "stride", "offset"), [((7,), (1,), 0), ((2, 3), (4, 1), 0), ((3,), (1,), 4), ((3,), (-1,), 0)]
)
def test_a_tensor_that_reaches_outside_its_numbers_is_refused(
    tmp_path: Path, size: tuple[int, ...], stride: tuple[int, ...], offset: int
) -> None:
    top = {"w": tensor("FloatStorage", "0", size, stride, offset)}
    path = write_checkpoint(tmp_path / "x.pt", top, {"0": np.zeros(6, "<f4").tobytes()})
    with pytest.raises(BadModelFile, match="outside its storage"):
        read_checkpoint(path)


def test_numbers_of_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    top = {"w": tensor("ComplexStorage", "0", (1,), (1,))}
    path = write_checkpoint(tmp_path / "x.pt", top, {"0": bytes(16)})
    with pytest.raises(BadModelFile, match="ComplexStorage"):
        read_checkpoint(path)


def test_a_zip_without_a_pickle_is_no_checkpoint(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(BadModelFile, match=r"no data\.pkl"):
        read_checkpoint(tmp_path / "x.pt")


def test_a_pickle_of_something_else_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="no training checkpoint"):
        read_checkpoint(write_checkpoint(tmp_path / "x.pt", [1, 2]))
