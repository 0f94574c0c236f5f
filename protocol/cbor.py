"""Deterministic CBOR, as RFC 8949 section 4.2.1 asks, in the subset that Atalaya puts on the wire.

The subset: unsigned and negative integers of 64 bits, byte strings, UTF-8 text, arrays, booleans, and maps
whose keys are unsigned integers 0 to 23. There are no floats (units sit in field names: `_ms`, `_permille`),
no tags, no null (an absent field is left out), nothing of indefinite length.

Every value has one encoding only, and the reader holds the sender to it, item by item: heads in their shortest
form, map keys rising, nothing behind the value. The reader is our own because a general one is too able: cbor2
would follow tags for shared references, with which 200 bytes unfold into more items than a lifetime can visit.
Here a claimed length or count that the bytes cannot hold is refused before anything is made of it, and depth
and number of items are bounded. The tests hold reader and writer to cbor2 as an independent witness.

Keys 0 to 23 take one byte each, so the bytewise order of RFC 8949 and the older length-first order of RFC 7049
agree on them, and cbor2's `canonical` writes the right one.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import cbor2

from protocol.errors import DecodeError, EncodeError
from protocol.refusals import Refusal

Value: TypeAlias = "int | bytes | str | bool | list[Value] | dict[int, Value]"
# A value whose map keys are decimal texts, as msgspec names fields. `Any` because msgspec checks it.
TextKeyed: TypeAlias = Any

MAX_DEPTH: Final = 8
MAX_KEY: Final = 23
MAX_ITEMS: Final = 4_000_000  # a batch of 200,000 entries has 2.8 million
_MAX_INT: Final = 2**64 - 1
_MIN_INT: Final = -(2**64)

_INT_KEYS: Final = tuple(range(MAX_KEY + 1))
_TEXT_KEYS: Final = tuple(str(key) for key in _INT_KEYS)
# How many bytes of argument follow a head (RFC 8949, section 3), and the least value that needs so many.
_ARGUMENT_BYTES: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_LEAST: Final = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}
_NOT_SHORTEST: Final = "a number or length not in its shortest form"
# Heads of unsigned integers of one and of two bytes; what is below the first is itself the integer.
_ONE_BYTE: Final = 24
_TWO_BYTES: Final = 25
_FALSE: Final = 0xF4
_TRUE: Final = 0xF5


def encode(value: Value) -> bytes:
    """Encode a value of the subset; raises `EncodeError` for anything else."""
    _check(value, MAX_DEPTH)
    try:
        return cbor2.dumps(value, canonical=True)
    except (cbor2.CBOREncodeError, UnicodeEncodeError) as exc:
        raise EncodeError(type(exc).__name__) from None  # the exception's text would hold the value


def decode(data: bytes, *, max_bytes: int) -> Value:
    """Decode bytes that are exactly one value in its one encoding; raises `DecodeError` otherwise."""
    value: Value = _decode(data, max_bytes, _INT_KEYS)
    return value


def decode_text_keyed(data: bytes, *, max_bytes: int) -> TextKeyed:
    """The same with map keys as decimal texts."""
    return _decode(data, max_bytes, _TEXT_KEYS)


def _decode(data: bytes, max_bytes: int, keys: Sequence[object]) -> Any:
    if len(data) > max_bytes:
        raise DecodeError(f"{len(data)} bytes, at most {max_bytes} are taken", Refusal.TOO_LARGE)
    reader = _Reader(data, keys)
    try:
        value = reader.item(MAX_DEPTH)
    except IndexError:
        raise DecodeError("ends inside an item") from None
    except UnicodeDecodeError:
        raise DecodeError("a text that is not UTF-8") from None
    if reader.at != len(data):
        raise DecodeError("bytes behind the value")
    return value


class _Reader:
    """A place in bytes, read forward only."""

    __slots__ = ("at", "data", "items_left", "keys")

    def __init__(self, data: bytes, keys: Sequence[object]) -> None:
        self.data = data
        self.keys = keys
        self.at = 0
        self.items_left = MAX_ITEMS

    def item(self, depth: int) -> Any:
        """The item at the place; `IndexError` if the bytes end before its head does."""
        data, at = self.data, self.at
        head = data[at]
        if head < _ONE_BYTE:  # most of what a report holds
            self.at = at + 1
            return head
        if head == _ONE_BYTE:
            value = data[at + 1]
            if value < _ONE_BYTE:
                raise DecodeError(_NOT_SHORTEST)
            self.at = at + 2
            return value
        if head == _TWO_BYTES:
            value = data[at + 1] << 8 | data[at + 2]
            if value < 0x100:
                raise DecodeError(_NOT_SHORTEST)
            self.at = at + 3
            return value
        return self._other(head, at + 1, depth)

    def _other(self, head: int, at: int, depth: int) -> Any:
        """What is no unsigned integer of up to 16 bits; its head lies before `at`."""
        self.at = at
        argument, major = head & 31, head >> 5
        if major == 7:
            return self._simple(head)
        if argument > 23:
            argument = self._argument(argument)
        if major == 3:
            return self._bytes(argument).decode()
        if major == 2:
            return self._bytes(argument)
        if major == 5:
            return self._map(argument, depth)
        if major == 4:
            return self._array(argument, depth)
        if major == 6:
            raise DecodeError("a tag")
        return -1 - argument if major else argument

    def _argument(self, information: int) -> int:
        width = _ARGUMENT_BYTES.get(information)
        if width is None:
            raise DecodeError("an indefinite or reserved length")
        argument = int.from_bytes(self._bytes(width), "big")
        if argument < _LEAST[width]:
            raise DecodeError(_NOT_SHORTEST)
        return argument

    def _bytes(self, count: int) -> bytes:
        start = self.at
        self.at = end = start + count
        if end > len(self.data):
            raise DecodeError("a length that goes past the end")
        return self.data[start:end]

    def _array(self, count: int, depth: int) -> list[Any]:
        self._enter(count, depth)
        item = self.item
        return [item(depth - 1) for _ in range(count)]

    def _map(self, count: int, depth: int) -> dict[Any, Any]:
        self._enter(2 * count, depth)
        data, keys, item, within = self.data, self.keys, self.item, depth - 1
        found: dict[Any, Any] = {}
        last, at = -1, self.at
        for _ in range(count):
            key, head = data[at], data[at + 1]
            if not last < key <= MAX_KEY:
                raise DecodeError(f"a map key that is not an integer from 0 to {MAX_KEY}, rising")
            last = key
            if head < _ONE_BYTE:
                at += 2
                found[keys[key]] = head
            elif head == _TWO_BYTES:
                value = data[at + 2] << 8 | data[at + 3]
                if value < 0x100:
                    raise DecodeError(_NOT_SHORTEST)
                at += 4
                found[keys[key]] = value
            else:
                self.at = at + 1
                found[keys[key]] = item(within)
                at = self.at
        self.at = at
        return found

    def _enter(self, count: int, depth: int) -> None:
        """Refuse a container that is too deep, too rich, or claims more items than there are bytes left."""
        if depth <= 1:
            raise DecodeError(f"nested deeper than {MAX_DEPTH}")
        self.items_left -= count
        if self.items_left < 0 or count > len(self.data) - self.at:
            raise DecodeError("more items than are taken, or than the bytes can hold")

    @staticmethod
    def _simple(head: int) -> bool:
        if head not in (_FALSE, _TRUE):
            raise DecodeError("a float, null or another simple value")
        return head == _TRUE


def _check(value: object, depth: int) -> None:
    """Raise `EncodeError` unless the value lies in the subset, all the way down."""
    if depth == 0:
        raise EncodeError(f"nested deeper than {MAX_DEPTH}")
    match value:
        case bool() | bytes() | str():
            pass
        case int():
            if not _MIN_INT <= value <= _MAX_INT:
                raise EncodeError("an integer of more than 64 bits")
        case list():
            for item in value:
                _check(item, depth - 1)
        case dict():
            for key, item in value.items():
                if type(key) is not int or not 0 <= key <= MAX_KEY:
                    raise EncodeError(f"a map key that is not an integer from 0 to {MAX_KEY}")
                _check(item, depth - 1)
        case _:
            raise EncodeError(f"{type(value).__name__} has no place on the wire")
