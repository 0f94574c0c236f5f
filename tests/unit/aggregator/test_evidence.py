"""Pictures from pieces: whole in any order, and never a wrong one passed as right."""

import hashlib
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.evidence import MAX_PICTURE_BYTES, Part, State, assemble


def cut(whole: bytes, size: int) -> list[Part]:
    """A picture in pieces."""
    return [Part(at, len(whole), whole[at : at + size]) for at in range(0, len(whole), size)]


@given(st.binary(min_size=1, max_size=200), st.integers(1, 50), st.integers(1, 50), st.randoms())
def test_pieces_make_the_whole_in_any_order_and_overlapping(whole: bytes, one: int, other: int, rng: Random) -> None:
    parts = cut(whole, one) + cut(whole, other)
    rng.shuffle(parts)
    assert assemble(parts, hashlib.sha256(whole).digest()) == whole


@given(st.binary(min_size=2, max_size=200), st.data())
def test_a_missing_piece_means_not_yet(whole: bytes, data: st.DataObject) -> None:
    parts = cut(whole, 1)
    del parts[data.draw(st.integers(0, len(parts) - 1))]
    assert assemble(parts, hashlib.sha256(whole).digest()) is None


@given(st.binary(min_size=1, max_size=100), st.data())
def test_an_altered_byte_is_a_wrong_hash(whole: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    altered = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    assert assemble(cut(altered, 7), hashlib.sha256(whole).digest()) is State.WRONG_HASH


def test_pieces_that_tell_different_lengths_contradict_each_other() -> None:
    assert assemble([Part(0, 4, b"ab"), Part(2, 5, b"cd")], bytes(32)) is State.CONTRADICTORY
    assert assemble([Part(3, 4, b"ab")], bytes(32)) is State.CONTRADICTORY


def test_a_picture_beyond_the_bound_is_not_assembled() -> None:
    assert assemble([Part(0, MAX_PICTURE_BYTES + 1, b"a")], bytes(32)) is State.TOO_LARGE


def test_no_pieces_are_no_picture() -> None:
    assert assemble([], bytes(32)) is None
