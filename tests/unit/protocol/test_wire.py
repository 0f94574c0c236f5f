"""Structs on the wire: types are never confused, bounds hold both ways, no error tells a value."""

import enum

import cbor2
import msgspec
import pytest

from protocol.errors import DecodeError, EncodeError
from protocol.fields import Count, Id, Label, Plate, Word
from protocol.refusals import Refusal
from protocol.wire import WireStruct, from_bytes, from_tree, from_versioned, to_bytes, to_tree


class Colour(enum.IntEnum):
    """Two values."""

    RED = 1
    BLUE = 2


class Everything(WireStruct, frozen=True, kw_only=True):
    """One field of each type that messages use."""

    colour: Colour = msgspec.field(name="0", default=Colour.RED)
    data: bytes = msgspec.field(name="1", default=b"")
    count: Count = msgspec.field(name="2", default=0)
    plate: Plate = msgspec.field(name="3", default="A")
    flag: bool = msgspec.field(name="4", default=False)
    numbers: tuple[int, ...] = msgspec.field(name="5", default=())
    place: Id = msgspec.field(name="6", default="a")
    word: Word = msgspec.field(name="7", default="a")
    label: Label = msgspec.field(name="8", default="")
    inner: dict[str, int] = msgspec.field(name="9", default={})


def read(tree: object) -> Everything:
    return from_bytes(cbor2.dumps(tree, canonical=True), Everything, max_bytes=10_000)


@pytest.mark.parametrize(
    "tree",
    [
        {0: True},
        {0: 3},
        {0: "FAB123C"},
        {1: "RkFCMTIzQw=="},
        {1: [70, 65]},
        {2: True},
        {2: -1},
        {2: 2**53 + 1},
        {2: 2**64 - 1},
        {2: "1"},
        {3: "FAB123C\n"},
        {3: "fab123c"},
        {3: "FAB123CFAB123C"},
        {3: b"FAB123C"},
        {3: ""},
        {4: 1},
        {4: 0},
        {5: [True]},
        {5: {0: 1}},
        {6: "-a"},
        {6: "a\n"},
        {6: "A"},
        {7: "two words"},
        {7: "a\n"},
        {8: "a\x00b"},
        {8: "a\nb"},
        {8: "\x1b[2J"},
        {8: "x" * 121},
        {9: {1: "FAB123C"}},
        [1],
        5,
        "FAB123C",
    ],
    ids=repr,
)
def test_a_wrong_type_or_a_value_out_of_bounds_is_refused_and_not_told(tree: object) -> None:
    with pytest.raises(DecodeError) as caught:
        read(tree)
    assert caught.value.refusal is Refusal.BAD_FORM
    shown = "".join(map(str, (caught.value, caught.value.__cause__)))
    assert "FAB123C" not in shown
    assert caught.value.__suppress_context__


def test_unknown_fields_are_passed_over() -> None:
    assert read({2: 5, 23: [1, {0: b"new"}]}) == Everything(count=5)


def test_a_field_at_its_default_is_left_out() -> None:
    assert to_bytes(Everything()) == b"\xa0"
    assert to_bytes(Everything(count=0, flag=True)) == b"\xa1\x04\xf5"


def test_text_may_hold_what_people_write() -> None:
    assert read({8: "Puente «El Ñandú», carril 2 🚗"}).label == "Puente «El Ñandú», carril 2 🚗"


@pytest.mark.parametrize(
    "value",
    [
        Everything(plate="no plate"),
        Everything(count=-1),
        Everything(count=True),
        Everything(label="\x00"),
        Everything(data="text"),  # type: ignore[arg-type]
        Everything(numbers=(object(),)),  # type: ignore[arg-type]
        Everything(numbers=(1.5,)),  # type: ignore[arg-type]
    ],
    ids=["plate", "below-zero", "true-for-one", "control", "text-for-bytes", "object", "float"],
)
def test_what_a_receiver_would_refuse_is_not_sent(value: Everything) -> None:
    for write in (to_bytes, to_tree):
        with pytest.raises(EncodeError) as caught:
            write(value)
        assert "no plate" not in str(caught.value)


def test_what_is_too_large_for_its_receiver_is_not_sent() -> None:
    with pytest.raises(EncodeError):
        to_bytes(Everything(data=bytes(100)), max_bytes=50)


class Versioned(WireStruct, frozen=True, kw_only=True):
    """A version first."""

    version: int = msgspec.field(name="0")
    text: str = msgspec.field(name="1")


def test_another_version_is_refused_as_that_whatever_else_it_holds() -> None:
    for tree in ({0: 2, 1: "a"}, {0: 2, 1: 5}, {0: 0}):
        with pytest.raises(DecodeError) as caught:
            from_versioned(cbor2.dumps(tree), Versioned, max_bytes=100)
        assert caught.value.refusal is Refusal.UNKNOWN_VERSION


@pytest.mark.parametrize("tree", [{0: True, 1: "a"}, {0: "1", 1: "a"}, {1: "a"}, [1], 5], ids=repr)
def test_a_version_that_is_no_number_is_bad_form(tree: object) -> None:
    with pytest.raises(DecodeError) as caught:
        from_versioned(cbor2.dumps(tree), Versioned, max_bytes=100)
    assert caught.value.refusal is Refusal.BAD_FORM


def test_a_tree_reads_as_the_struct_it_was_made_from() -> None:
    value = Everything(colour=Colour.BLUE, data=b"\x00", numbers=(1, -2), inner={"3": 4})
    assert from_tree(to_tree(value), Everything) == value == from_bytes(to_bytes(value), Everything, max_bytes=100)
