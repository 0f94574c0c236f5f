"""Plate texts: the masks, the letters, the confusion table."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.plates import (
    ALPHABET,
    CONFUSIONS,
    DIGITS,
    FORMATS,
    LETTERS,
    SERIES,
    PlateFormat,
    classify,
    format_of,
    normalise,
    state_of,
)


@given(st.text())
def test_normalised_text_is_of_the_alphabet_and_stays_as_it_is(text: str) -> None:
    once = normalise(text)
    assert set(once) <= set(ALPHABET)
    assert normalise(once) == once


def test_normalising_drops_print_and_replaces_nothing() -> None:
    assert normalise(" fab-123·o ñ١") == "FAB123O"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("FAB123C", "private-car"),
        ("FAB1234", "private-car"),
        ("123FAB", "private-car"),
        ("A12BCD", "private-car-mexico-city"),
        ("A123BCD", "taxi"),
        ("12AB3C", "federal-carrier"),
        ("A12BC", "motorcycle"),
        ("12PC345", "civil-protection"),
        ("AM123BC", "ambulance"),
        ("BM123BC", "fire"),
        ("XM123BC", None),
        ("FIB123C", None),
        ("BXJ98211", None),
        ("", None),
    ],
)
def test_text_is_named_by_its_mask(text: str, name: str | None) -> None:
    assert classify(text) == name


def _example(form: PlateFormat) -> str:
    return form.mask.replace("-", "").replace("L", LETTERS[0]).replace("D", DIGITS[0])


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.mask)
def test_every_format_is_reachable(form: PlateFormat) -> None:
    assert format_of(_example(form)) == form


def test_confusions_are_symmetric_and_never_of_a_character_with_itself() -> None:
    assert set(CONFUSIONS) == set(ALPHABET)
    for character, others in CONFUSIONS.items():
        assert character not in others
        assert all(character in CONFUSIONS[other] for other in others)


@pytest.mark.parametrize("pair", ["0O", "0D", "OQ", "1I", "IL", "2Z", "5S", "8B", "6G", "4A", "7T", "VY"])
def test_known_look_alikes_are_in_the_table(pair: str) -> None:
    assert pair[1] in CONFUSIONS[pair[0]]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("EUA001A", "coahuila"),
        ("FPZ9999", "coahuila"),
        ("FRA123A", "colima"),
        ("LZZ123A", "mexico"),
        ("ZJA123A", None),
        ("RKA123", "nuevo-leon"),
        ("A12BC", None),
    ],
)
def test_private_car_series_names_its_state(text: str, state: str | None) -> None:
    assert state_of(text) == state


def test_the_states_series_are_in_order_and_share_no_head() -> None:
    assert all(series.first <= series.last for series in SERIES)
    assert all(one.last < other.first for one, other in pairwise(SERIES))
    assert all(set(series.first + series.last) <= set(LETTERS) for series in SERIES)
