"""Deterministic CBOR, as RFC 8949 section 4.2.1 asks, in the subset that Atalaya puts on the wire.

The subset: unsigned and negative integers of 64 bits, byte strings, UTF-8 text, arrays, booleans, and maps
whose keys are unsigned integers 0 to 23. There are no floats (units sit in field names: `_ms`, `_permille`),
no tags, no null (an absent field is left out), nothing of indefinite length.

Every value has one encoding only, and a receiver holds the sender to it: `decode` refuses what does not
encode back to the same bytes. Keys 0 to 23 take one byte each, so the bytewise order of RFC 8949 and
the older length-first order of RFC 7049 agree on them, and cbor2's `canonical` gives the right one.
"""

from typing import Final, TypeAlias

import cbor2

from protocol.errors import DecodeError, EncodeError

Value: TypeAlias = "int | bytes | str | bool | list[Value] | dict[int, Value]"

MAX_DEPTH: Final = 8
MAX_KEY: Final = 23
_MAX_INT: Final = 2**64 - 1
_MIN_INT: Final = -(2**64)


def encode(value: Value) -> bytes:
    """Encode a value of the subset; raises `EncodeError` for anything else."""
    try:
        _check(value, MAX_DEPTH)
        return cbor2.dumps(value, canonical=True)
    except (DecodeError, cbor2.CBOREncodeError, UnicodeEncodeError) as exc:
        raise EncodeError(str(exc)) from exc


def decode(data: bytes, *, max_bytes: int) -> Value:
    """Decode bytes that are exactly one value in its one encoding; raises `DecodeError` otherwise."""
    if len(data) > max_bytes:
        raise DecodeError(f"{len(data)} bytes, at most {max_bytes} are taken")
    try:
        value = cbor2.loads(data, max_depth=MAX_DEPTH, allow_indefinite=False, allow_duplicate_keys=False)
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError, MemoryError) as exc:
        raise DecodeError("not well-formed CBOR") from exc
    checked = _check(value, MAX_DEPTH)
    if cbor2.dumps(checked, canonical=True) != data:
        raise DecodeError("not the one deterministic encoding of its value")
    return checked


def _check(value: object, depth: int) -> Value:
    """Return the value if it lies in the subset, all the way down."""
    if depth == 0:
        raise DecodeError(f"nested deeper than {MAX_DEPTH}")
    match value:
        case bool() | bytes() | str():
            return value
        case int():
            if not _MIN_INT <= value <= _MAX_INT:
                raise DecodeError("an integer of more than 64 bits")
            return value
        case list():
            return [_check(item, depth - 1) for item in value]
        case dict():
            return {_check_key(key): _check(item, depth - 1) for key, item in value.items()}
        case _:
            raise DecodeError(f"{type(value).__name__} has no place on the wire")


def _check_key(key: object) -> int:
    if type(key) is not int or not 0 <= key <= MAX_KEY:
        raise DecodeError(f"a map key that is not an integer from 0 to {MAX_KEY}")
    return key
