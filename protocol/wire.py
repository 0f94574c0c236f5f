"""Structs to wire maps and back.

A message is a `WireStruct` whose fields carry their wire key as `msgspec.field(name="3")`. Going out, keys become
the integers that `protocol.cbor` asks for, and fields that hold their default are left out. Coming in, unknown
keys are passed over, so that a newer minor sender is understood; nothing is lost, since the received bytes
are kept beside whatever is decoded from them.

Both ways the bounds of the fields hold: what a receiver would refuse is not sent either. Field `0` of whatever
is signed is its version, and one that this code does not know is refused as that, before anything
else in the map is judged.
"""

from typing import Any, Final, TypeVar

import msgspec

from protocol import cbor
from protocol.errors import DecodeError, EncodeError
from protocol.refusals import Refusal

VERSION: Final = 1
MAX_BYTES: Final = 64 * 1024 * 1024


class WireStruct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything that has a form on the wire."""


T = TypeVar("T", bound=WireStruct)

# The tree between cbor and msgspec: maps keyed by decimal strings. `Any` because msgspec checks it.
Tree = Any


def to_bytes(value: WireStruct, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The deterministic bytes of a struct; raises `EncodeError` if a receiver would refuse them."""
    data = cbor.encode(_int_keys(to_tree(value)))
    if len(data) > max_bytes:
        raise EncodeError(f"{type(value).__name__}: {len(data)} bytes, at most {max_bytes} are taken")
    return data


def from_bytes(data: bytes, kind: type[T], *, max_bytes: int) -> T:
    """Read a struct from deterministic bytes; raises `DecodeError` for anything that is not one."""
    return from_tree(cbor.decode_text_keyed(data, max_bytes=max_bytes), kind)


def from_versioned(data: bytes, kind: type[T], *, max_bytes: int) -> T:
    """Read a struct whose field `0` is its version; raises `DecodeError`, also for a version not known here."""
    tree = cbor.decode_text_keyed(data, max_bytes=max_bytes)
    version = tree.get("0") if isinstance(tree, dict) else None
    if type(version) is int and version != VERSION:
        raise DecodeError(f"{kind.__name__}: a version that is not {VERSION}", Refusal.UNKNOWN_VERSION)
    return from_tree(tree, kind)


def from_tree(tree: Tree, kind: type[T]) -> T:
    """Read a struct from an already decoded tree, such as the body of a message."""
    try:
        return msgspec.convert(tree, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as exc:
        raise DecodeError(f"{kind.__name__}: {_without_values(exc)}") from None


def to_tree(value: WireStruct) -> Tree:
    """The tree of a struct, to be set as another struct's body; raises `EncodeError` if it is out of bounds."""
    try:
        tree = msgspec.to_builtins(value, builtin_types=(bytes,))
        msgspec.convert(tree, type(value), builtin_types=(bytes,))
    except msgspec.ValidationError as exc:
        raise EncodeError(f"{type(value).__name__}: {_without_values(exc)}") from None
    except TypeError:
        raise EncodeError(f"{type(value).__name__}: a value of a type that has no form on the wire") from None
    return tree


def _without_values(exc: msgspec.ValidationError) -> str:
    """What msgspec says: the field by its wire key and what was expected, but never a value (a plate, say)."""
    text = str(exc)
    return "a number that is none of its values" if "Invalid enum value" in text else text


def _int_keys(tree: Tree) -> Any:
    if isinstance(tree, dict):
        return {int(key): _int_keys(item) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_int_keys(item) for item in tree]
    return tree
