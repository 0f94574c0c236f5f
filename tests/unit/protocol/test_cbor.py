"""The one encoding: what is read, what is refused, and cbor2 as an independent witness of both."""

import time

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol import cbor
from protocol.errors import DecodeError, EncodeError
from protocol.refusals import Refusal

LIMIT = 1 << 20

scalars = (
    st.integers(-(2**64), 2**64 - 1)
    | st.booleans()
    | st.binary(max_size=300)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 23), inner, max_size=6),
    max_leaves=25,
).filter(lambda value: _depth(value) <= cbor.MAX_DEPTH)


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


@given(values)
def test_decode_is_the_inverse_of_encode(value: cbor.Value) -> None:
    assert cbor.decode(cbor.encode(value), max_bytes=LIMIT) == value


@given(values)
def test_cbor2_writes_and_reads_the_same(value: cbor.Value) -> None:
    data = cbor.encode(value)
    assert data == cbor2.dumps(value, canonical=True)
    assert cbor2.loads(data) == cbor.decode(data, max_bytes=LIMIT)


@given(st.binary(max_size=200))
@example(b"\x9f\xff")
@example(b"\xd8\x1c\x81\xd8\x1d\x00")
def test_any_bytes_are_read_or_refused_and_what_is_read_has_no_other_encoding(data: bytes) -> None:
    try:
        value = cbor.decode(data, max_bytes=LIMIT)
    except DecodeError:
        return
    assert cbor.encode(value) == data


@given(values, st.data())
def test_a_changed_byte_never_reads_as_the_same_value(value: cbor.Value, draw: st.DataObject) -> None:
    data = bytearray(cbor.encode(value))
    at = draw.draw(st.integers(0, len(data) - 1))
    data[at] ^= draw.draw(st.integers(1, 255))
    try:
        changed = cbor.decode(bytes(data), max_bytes=LIMIT)
    except DecodeError:
        return
    assert cbor.encode(changed) == bytes(data) != cbor.encode(value)


@given(values)
def test_every_truncation_and_every_tail_is_refused(value: cbor.Value) -> None:
    data = cbor.encode(value)
    for cut in range(len(data)):
        with pytest.raises(DecodeError):
            cbor.decode(data[:cut], max_bytes=LIMIT)
    with pytest.raises(DecodeError):
        cbor.decode(data + b"\x00", max_bytes=LIMIT)


@given(values)
def test_text_keys_are_the_same_tree(value: cbor.Value) -> None:
    data = cbor.encode(value)
    assert cbor.decode_text_keyed(data, max_bytes=LIMIT) == _text_keyed(cbor.decode(data, max_bytes=LIMIT))


def _text_keyed(value: cbor.Value) -> object:
    match value:
        case dict():
            return {str(key): _text_keyed(item) for key, item in value.items()}
        case list():
            return [_text_keyed(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("", "nothing"),
        ("1817", "23 in two bytes"),
        ("1900ff", "255 in three bytes"),
        ("1a0000ffff", "65535 in five bytes"),
        ("1b00000000ffffffff", "2^32-1 in nine bytes"),
        ("3800", "-1 in two bytes"),
        ("580161", "a length in two bytes that fits in one"),
        ("780161", "the same for text"),
        ("980100", "the same for an array"),
        ("b8010000", "the same for a map"),
        ("5f4161ff", "an indefinite byte string"),
        ("7f6161ff", "an indefinite text"),
        ("9fff", "an indefinite array"),
        ("bfff", "an indefinite map"),
        ("a2000000ff", "a key twice"),
        ("a201000000", "keys that fall"),
        ("a1181800", "key 24"),
        ("a12000", "a negative key"),
        ("a1610000", "a text key"),
        ("a1f500", "true as a key"),
        ("a1f900003c0000", "a float key"),
        ("f93c00", "a half float"),
        ("fa3f800000", "a single float"),
        ("fb3ff0000000000000", "a double float"),
        ("f6", "null"),
        ("f7", "undefined"),
        ("f0", "simple 16"),
        ("f820", "simple 32"),
        ("ff", "a break alone"),
        ("1c", "reserved information"),
        ("c24101", "a bignum"),
        ("c11a00000000", "a date"),
        ("d81c8100", "a shareable array"),
        ("61ff", "text that is not UTF-8"),
        ("63eda080", "half of a surrogate pair"),
        ("5bffffffffffffffff", "a byte string of 2^64 bytes"),
        ("9bffffffffffffffff", "an array of 2^64 items"),
        ("bbffffffffffffffff", "a map of 2^64 items"),
        ("9a003d0901" + "00" * 8, "more items than are taken"),
        ("81" * 8 + "00", "nine levels"),
        ("0000", "two values"),
    ],
)
def test_what_has_no_place_on_the_wire_is_refused(data: str, what: str) -> None:
    with pytest.raises(DecodeError):
        cbor.decode(bytes.fromhex(data), max_bytes=LIMIT)
    assert what


def test_eight_levels_are_read() -> None:
    assert cbor.decode(bytes.fromhex("81" * 7 + "00"), max_bytes=8) == [[[[[[[0]]]]]]]


def test_shared_references_unfold_into_nothing() -> None:
    """200 bytes that cbor2 follows into 20^7 items: refused at the first tag."""
    level = b"\xd8\x1c\x81\x00"
    for index in range(6):
        level = b"\xd8\x1c\x94" + level + bytes((0xD8, 0x1D, 5 - index)) * 19
    started = time.perf_counter()
    with pytest.raises(DecodeError):
        cbor.decode(level, max_bytes=LIMIT)
    assert time.perf_counter() - started < 0.1


def test_size_is_judged_before_anything_is_read() -> None:
    with pytest.raises(DecodeError) as caught:
        cbor.decode(b"\xff" * 11, max_bytes=10)
    assert caught.value.refusal is Refusal.TOO_LARGE


@pytest.mark.parametrize(
    "value",
    [None, 1.0, {24: 0}, {-1: 0}, {"a": 0}, {True: 0}, 2**64, -(2**64) - 1, (1,), {1}, "\ud800", [[[[[[[[0]]]]]]]]],
    ids=repr,
)
def test_what_has_no_place_on_the_wire_is_not_written(value: cbor.Value) -> None:
    with pytest.raises(EncodeError):
        cbor.encode(value)


def test_no_error_holds_a_value() -> None:
    for attempt in ({0: "FAB123C\ud800"}, {0: {"FAB123C": 1}}):
        with pytest.raises(EncodeError) as caught:
            cbor.encode(attempt)  # type: ignore[arg-type]  # wrong on purpose
        assert "FAB123C" not in str(caught.value)
