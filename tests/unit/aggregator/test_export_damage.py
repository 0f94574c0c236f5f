"""Where bytes were changed: to the bit if one byte was, else to the chunk, and never wrongly."""

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.core.export_damage import CHUNK_BYTES, Change, changes_by_bytes, changes_by_chunks, chunk_hashes

DATA = st.integers(1, 3 * CHUNK_BYTES).map(lambda size: bytes(n * 7 % 251 for n in range(size)))


@settings(max_examples=20)
@given(DATA, st.data())
def test_a_changed_byte_is_named_and_healed(data: bytes, draw: st.DataObject) -> None:
    at, mask = draw.draw(st.integers(0, len(data) - 1)), draw.draw(st.integers(1, 255))
    changed = data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :]
    changes, healed = changes_by_chunks("x", changed, chunk_hashes(data))
    assert healed == data
    assert changes == [Change("x", at, at + 1, found=data[at] ^ mask, wanted=data[at])]
    assert changes[0].bit == (mask.bit_length() - 1 if mask.bit_count() == 1 else None)


def test_two_bytes_of_a_chunk_are_named_as_the_chunk() -> None:
    data = bytes(3 * CHUNK_BYTES)
    changed = bytearray(data)
    changed[CHUNK_BYTES + 5] = changed[CHUNK_BYTES + 6] = 1
    changes, healed = changes_by_chunks("x", bytes(changed), chunk_hashes(data))
    assert (changes, healed) == ([Change("x", CHUNK_BYTES, 2 * CHUNK_BYTES)], None)
    assert changes[0].told() == "x: changed within bytes 1024 to 2047"


def test_a_byte_in_each_of_two_chunks_is_named_twice() -> None:
    data = bytes(2 * CHUNK_BYTES)
    changed = bytearray(data)
    changed[3] = changed[CHUNK_BYTES] = 0x80
    changes, healed = changes_by_chunks("x", bytes(changed), chunk_hashes(data))
    assert [(change.start, change.bit) for change in changes] == [(3, 7), (CHUNK_BYTES, 7)]
    assert healed == data


def test_bytes_that_are_missing_at_the_end_are_named() -> None:
    data = bytes(range(256)) * 12
    changes, healed = changes_by_chunks("x", data[:2048], chunk_hashes(data))
    assert (changes, healed) == ([Change("x", 2048, 2048)], None)


def test_what_is_unchanged_has_no_changes() -> None:
    data = bytes(range(256)) * 12
    assert changes_by_chunks("x", data, chunk_hashes(data)) == ([], data)
    assert changes_by_bytes("x", data, data) == []


def test_a_change_says_the_bit_and_the_place() -> None:
    change = Change("pictures/redacted.jpg", 3071, 3072, 24310, found=0xB7, wanted=0xA7)
    assert change.told() == "pictures/redacted.jpg: byte 3071, bit 4 (byte 24310 of the ZIP): b7 where a7 was signed"
