"""Structs to wire maps and back.

A message is a `WireStruct` whose fields carry their wire key as `msgspec.field(name="3")`. Going out, keys become
the integers that `protocol.cbor` asks for, and fields that hold their default are left out. Coming in, unknown
keys are passed over, so that a newer minor sender is understood; nothing is lost, since the received bytes
are kept beside whatever is decoded from them.
"""

from typing import Any, TypeVar

import msgspec

from protocol import cbor
from protocol.errors import DecodeError


class WireStruct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything that has a form on the wire."""


T = TypeVar("T", bound=WireStruct)

# The tree between cbor and msgspec: maps keyed by decimal strings. `Any` because msgspec checks it.
Tree = Any


def to_bytes(value: WireStruct) -> bytes:
    """The deterministic bytes of a struct."""
    return cbor.encode(_int_keys(msgspec.to_builtins(value, builtin_types=(bytes,))))


def from_bytes(data: bytes, kind: type[T], *, max_bytes: int) -> T:
    """Read a struct from deterministic bytes; raises `DecodeError` for anything that is not one."""
    return from_tree(_text_keys(cbor.decode(data, max_bytes=max_bytes)), kind)


def from_tree(tree: Tree, kind: type[T]) -> T:
    """Read a struct from an already decoded tree, such as the body of a message."""
    try:
        return msgspec.convert(tree, kind, builtin_types=(bytes,))
    except (msgspec.ValidationError, OverflowError) as exc:
        # msgspec names the field by its wire key and never the value: a plate cannot leak here.
        raise DecodeError(f"{kind.__name__}: {_without_values(exc)}") from exc


def to_tree(value: WireStruct) -> Tree:
    """The tree of a struct, to be set as another struct's body."""
    return msgspec.to_builtins(value, builtin_types=(bytes,))


def _without_values(exc: Exception) -> str:
    text = str(exc)
    return text if isinstance(exc, msgspec.ValidationError) and "Invalid enum value" not in text else "bad value"


def _int_keys(tree: Tree) -> Any:
    if isinstance(tree, dict):
        return {int(key): _int_keys(item) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_int_keys(item) for item in tree]
    return tree


def _text_keys(value: cbor.Value) -> Tree:
    if isinstance(value, dict):
        return {str(key): _text_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_text_keys(item) for item in value]
    return value
