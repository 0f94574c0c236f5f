"""Limits of the API that need no server: turns, streams, the bell, what a client takes, what a filter takes."""

import asyncio

import pytest

from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.http.api.answers import takes_gzip
from aggregator.http.api.limits import Streams, Turns
from aggregator.http.api.live import Bell
from aggregator.http.api.parameters import checked_value, filters_of
from aggregator.http.api.problems import Problem


async def test_who_finds_no_turn_free_is_told_to_come_back_and_a_freed_one_is_taken() -> None:
    turns = Turns(1, wait_s=0.01)
    async with turns.taken():
        with pytest.raises(Problem) as told:
            async with turns.taken():
                pass
    assert (told.value.word, told.value.headers) == ("busy", {"Retry-After": "2"})
    async with turns.taken():
        pass


async def test_a_turn_is_free_again_after_whatever_happened_in_it() -> None:
    turns = Turns(1, wait_s=0.01)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with turns.taken():
                raise ZeroDivisionError


def test_only_so_many_streams_are_open() -> None:
    streams = Streams(1)
    with streams.taken(), pytest.raises(Problem), streams.taken():
        pass
    assert streams.open == 0


async def test_no_ring_is_lost_between_a_look_and_the_waiting() -> None:
    bell = Bell()
    ring = bell.next()
    bell.ring()
    async with asyncio.timeout(1):
        await ring.wait()
    assert not bell.next().is_set()


@pytest.mark.parametrize(
    ("header", "is_taken"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("", False), ("gzip;q=0", False), ("*, gzip;q=0", False)],
)
def test_gzip_is_for_who_takes_it(header: str, *, is_taken: bool) -> None:
    assert takes_gzip(header) is is_taken


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("confidence.min", ["900", "-1"], ["", "9.5", "1e3", "0x9", "٣", "99999999999999999"]),
        ("quality", ["exact", ""], ["Exact", "exact,possible"]),
        ("is_amended", ["true", "false"], ["", "1", "True"]),
        ("captured_at.below", ["2026-11-22T08:00:00Z", "2026-11-22T08:00:00 06:00"], ["24h", "now", ""]),
        ("camera", ["cam-1", "", "ñ" * 200], ["a" * 201, "a\n", "\x00"]),
    ],
)
def test_a_filter_takes_values_of_its_columns_kind(name: str, good: list[str], bad: list[str]) -> None:
    (each,) = [found for found in filters_of(CATALOGUE["hits"]) if found.parameter.name == name]
    for value in good:
        checked_value(each, value)
    for value in bad:
        with pytest.raises(Problem, match=name) as told:
            checked_value(each, value)
        assert told.value.kind.status == 400


def test_what_is_secret_is_asked_for_by_a_header() -> None:
    headers = {each.parameter.name for each in filters_of(CATALOGUE["plates"]) if each.parameter.is_header}
    assert headers == {"Atalaya-Plate", "Atalaya-Observed"}
