"""From a CTC output to a look."""

import numpy as np

from edge_agent.core.ctc import Symbols, decode
from protocol.plates import ALPHABET

CHARACTERS = ("", "A", "B", "1", "-", "a")
SYMBOLS = Symbols.of(CHARACTERS)


def steps(*best: tuple[str, float]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """One row a step: its likeliest symbol and how likely; the rest goes to the blank, or to A."""
    rows = np.zeros((len(best), len(CHARACTERS)), np.float32)
    for row, (symbol, share) in zip(rows, best, strict=True):
        row[CHARACTERS.index(symbol)] = share
        row[1 if symbol == "" else 0] += 1 - share
    return rows


def test_repeats_join_and_a_blank_parts_them() -> None:
    assert decode(steps(("A", 0.9), ("A", 0.8), ("", 0.9), ("A", 0.7), ("1", 0.9)), SYMBOLS).text == "AA1"


def test_print_is_dropped_and_lower_case_counts_as_upper() -> None:
    assert decode(steps(("A", 0.9), ("-", 0.9), ("a", 0.9), ("B", 0.9)), SYMBOLS).text == "AAB"


def test_a_joined_run_has_the_distribution_of_its_surest_step() -> None:
    look = decode(steps(("B", 0.6), ("B", 0.9), ("B", 0.7)), SYMBOLS)
    assert look.probabilities[0, ALPHABET.index("B")] == np.float32(0.9)


def test_both_cases_of_a_letter_add_up() -> None:
    row = np.array([[0.1, 0.3, 0.2, 0, 0, 0.4]], np.float32)
    look = decode(row, SYMBOLS)
    assert look.text == "A"
    np.testing.assert_allclose(look.confidence, 0.7, atol=1e-6)


def test_only_blanks_and_print_is_a_blank_look() -> None:
    look = decode(steps(("", 0.9), ("-", 0.9), ("", 0.9)), SYMBOLS)
    assert (look.text, look.confidence, len(look)) == ("", 0.0, 0)


def test_a_printed_look_shows_no_plate() -> None:
    assert "AB1" not in repr(decode(steps(("A", 0.9), ("B", 0.9), ("1", 0.9)), SYMBOLS))
