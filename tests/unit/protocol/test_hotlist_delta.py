"""Deltas: what comes out is the named snapshot byte for byte, or nothing; and little crosses for a little change."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import hotlist_delta
from protocol.errors import DecodeError
from protocol.hotlist import encode_snapshot
from protocol.hotlist_delta import (
    Contents,
    Delta,
    DeltaPart,
    DeltaRefusal,
    Span,
    apply_delta,
    contents_of,
    make_delta,
)
from protocol.wire import from_bytes, to_bytes

ITEMS = [bytes([number]) * length for number, length in enumerate((1, 23, 24, 100, 255, 256, 300, 65_535, 65_536))]
lists = st.lists(st.sampled_from(ITEMS), max_size=12)


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def delta_of(base: bytes, target: bytes) -> bytes:
    made = make_delta(contents_of(base), target, contents_of(target))
    assert made is not None
    return made


def applied(raw: bytes, base: bytes, target: bytes) -> bytes | DeltaRefusal:
    return apply_delta(raw, base, base_sha256=digest(base), sha256=digest(target), size_bytes=len(target))


def numbered(count: int) -> list[bytes]:
    """Stand-ins for signed batches."""
    return [digest(bytes([number // 256, number % 256])) * 8 for number in range(count)]


@given(lists, lists, lists, lists)
def test_a_delta_gives_exactly_the_target_of_whatever_base(
    batches: Sequence[bytes], withdrawals: Sequence[bytes], then: Sequence[bytes], withdrawn: Sequence[bytes]
) -> None:
    base, target = encode_snapshot(1, batches, withdrawals), encode_snapshot(2**40, then, withdrawn)
    assert applied(delta_of(base, target), base, target) == target


def test_contents_are_the_signed_items_in_their_order() -> None:
    batches, withdrawals = [b"one", b"two" * 100], [b"gone"]
    artefact = encode_snapshot(7, batches, withdrawals)
    contents = contents_of(artefact)
    assert contents.sha256 == digest(artefact)
    assert [artefact[span.at : span.end] for span in contents.spans] == [*batches, *withdrawals]
    assert [span.sha256 for span in contents.spans] == [digest(each) for each in (*batches, *withdrawals)]


@pytest.mark.parametrize("cut", range(1, 20))
def test_contents_of_an_artefact_that_was_cut_are_refused(cut: int) -> None:
    with pytest.raises(DecodeError):
        contents_of(encode_snapshot(7, [bytes(20)], [])[:-cut])


def test_one_new_batch_among_a_thousand_costs_its_own_bytes() -> None:
    batches = numbered(1000)
    new = b"new" * 100
    base, target = encode_snapshot(1, batches, [b"w"]), encode_snapshot(2, [*batches, new], [b"w"])
    raw = delta_of(base, target)
    assert len(raw) < len(new) + 150
    assert len(from_bytes(raw, Delta, max_bytes=len(raw)).parts) <= 5
    assert applied(raw, base, target) == target


def test_a_batch_that_left_costs_next_to_nothing() -> None:
    batches = numbered(1000)
    base, target = encode_snapshot(1, batches, []), encode_snapshot(2, [*batches[:500], *batches[501:]], [])
    assert len(delta_of(base, target)) < 150


def test_a_delta_is_made_without_the_bases_bytes() -> None:
    base, target = encode_snapshot(1, numbered(3), []), encode_snapshot(2, numbered(4), [])
    known = Contents(digest(base), tuple(Span(*span) for span in contents_of(base).spans))
    assert make_delta(known, target, contents_of(target)) == delta_of(base, target)


def test_a_delta_of_too_many_parts_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotlist_delta, "MAX_PARTS", 3)
    base, target = encode_snapshot(1, numbered(4), []), encode_snapshot(2, numbered(4)[::-1], [])
    assert make_delta(contents_of(base), target, contents_of(target)) is None


def test_no_byte_of_a_delta_can_be_changed_or_cut_so_that_something_else_comes_out() -> None:
    base, target = encode_snapshot(1, numbered(3), []), encode_snapshot(2, numbered(4), [])
    raw = delta_of(base, target)
    seen = set()
    for at in range(len(raw)):
        for bit in (1, 0x20, 0x80):
            changed = bytearray(raw)
            changed[at] ^= bit
            found = applied(bytes(changed), base, target)
            assert isinstance(found, DeltaRefusal), at
            seen.add(found)
        assert isinstance(applied(raw[:at], base, target), DeltaRefusal)
    assert seen == set(DeltaRefusal)


def test_a_delta_for_another_base_or_to_another_list_is_refused() -> None:
    one, two, three = (encode_snapshot(number, numbered(number), []) for number in (1, 2, 3))
    raw = delta_of(one, two)
    assert applied(raw, three, two) is DeltaRefusal.OTHER_BASE
    assert applied(raw, one, three) is DeltaRefusal.OTHER_TARGET


def test_nothing_is_copied_of_a_delta_that_unfolds_into_more_than_was_announced() -> None:
    base, target = bytes(1000), bytes(10)
    bomb = Delta(
        version=1,
        base=digest(base),
        target=digest(target),
        parts=(DeltaPart(at=0, size=1000),) * hotlist_delta.MAX_PARTS,
    )
    assert applied(to_bytes(bomb), base, target) is DeltaRefusal.WRONG_SIZE


def test_a_piece_from_beyond_the_base_is_refused() -> None:
    base, target = bytes(10), bytes(4)
    reaching = Delta(version=1, base=digest(base), target=digest(target), parts=(DeltaPart(at=8, size=4),))
    assert applied(to_bytes(reaching), base, target) is DeltaRefusal.BAD_FORM
