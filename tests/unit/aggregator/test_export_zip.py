"""The one form of an export's ZIP: what is written is read by anybody, what differs in one byte by nobody."""

import io
import zipfile
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.export_zip import Member, by_central_directory, by_local_headers, read, regions, write
from aggregator.errors import BadInput

NAMES = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}\.[a-z]{1,4})?", fullmatch=True)
MEMBERS = st.lists(st.builds(Member, NAMES, st.binary(max_size=200)), max_size=6, unique_by=lambda member: member.name)


@given(MEMBERS)
def test_what_is_written_is_read_here_and_by_others(members: list[Member]) -> None:
    raw = write(members)
    assert read(raw) == (tuple(members) or None)
    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        assert opened.testzip() is None
        assert [Member(name, opened.read(name)) for name in opened.namelist()] == members


@given(MEMBERS.filter(bool), st.data())
def test_a_zip_with_any_byte_changed_is_not_of_the_form(members: list[Member], data: st.DataObject) -> None:
    raw = bytearray(write(members))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    assert read(bytes(raw)) is None


@given(MEMBERS.filter(bool), st.binary(min_size=1, max_size=40))
def test_a_zip_with_bytes_behind_it_is_not_of_the_form(members: list[Member], more: bytes) -> None:
    assert read(write(members) + more) is None


@given(MEMBERS.filter(bool), st.data())
def test_no_change_of_a_header_closes_both_ways_in(members: list[Member], data: st.DataObject) -> None:
    raw = bytearray(write(members))
    fields = [region for region in regions(members) if not region.is_content]
    region = data.draw(st.sampled_from(fields))
    raw[data.draw(st.integers(region.start, region.end - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert tuple(members) in (by_local_headers(bytes(raw)), by_central_directory(bytes(raw)))


@given(MEMBERS)
def test_the_regions_are_every_byte_once(members: list[Member]) -> None:
    found = regions(members)
    assert found[0].start == 0
    assert all(one.end == other.start for one, other in pairwise(found))
    assert found[-1].end == len(write(members))


@given(st.binary(max_size=400))
def test_any_other_bytes_are_not_of_the_form_and_do_no_harm(raw: bytes) -> None:
    assert read(raw) is None
    by_central_directory(raw)


@pytest.mark.parametrize("names", [["a", "a"], ["../a"], ["/a"], ["a//b"], ["ñ"], [""], [".a"]])
def test_names_that_are_unsafe_or_twice_are_not_written(names: list[str]) -> None:
    with pytest.raises(BadInput):
        write([Member(name, b"") for name in names])
