"""From a CTC output to a look."""

from collections.abc import Iterable
from itertools import groupby, product

import numpy as np
import pytest

from edge_agent.core.ctc import Symbols, decode, likelihoods
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


def spread(paths: Iterable[tuple[int, ...]], probabilities: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
    """The probability of these paths together, one symbol a step."""
    return float(sum(np.prod([row[symbol] for row, symbol in zip(probabilities, path, strict=True)]) for path in paths))


@pytest.mark.parametrize("text", ["", "0", "1", "00", "01", "010", "001"])
def test_a_text_is_as_likely_as_all_ways_to_spread_it_over_the_steps(text: str) -> None:
    drawn = np.random.default_rng(3).dirichlet([1.0] * 3, 5)
    whole = np.zeros((5, 1 + len(ALPHABET)))
    whole[:, :3] = drawn
    says = [p for p in product(range(3), repeat=5) if "".join(str(s - 1) for s, _ in groupby(p) if s) == text]
    (found,) = likelihoods(whole, [text])
    assert found == pytest.approx(spread(says, drawn))


def test_texts_of_several_lengths_are_weighed_at_once_and_sum_up_to_one() -> None:
    whole = np.zeros((4, 1 + len(ALPHABET)))
    whole[:, :2] = np.random.default_rng(4).dirichlet([1.0] * 2, 4)
    texts = ["", "0", "00"]
    assert likelihoods(whole, texts).sum() == pytest.approx(1)
    assert [float(likelihoods(whole, [text])[0]) for text in texts] == pytest.approx(likelihoods(whole, texts).tolist())


def test_blanks_beyond_doubt_are_kept_as_one() -> None:
    look = decode(steps(*[("", 1.0)] * 20, ("A", 0.9), *[("", 1.0)] * 30, ("B", 0.9)), SYMBOLS)
    assert len(look.steps) == 4
    assert likelihoods(look.steps, ["AB"])[0] == pytest.approx(0.81)


def test_a_printed_look_shows_no_plate() -> None:
    assert "AB1" not in repr(decode(steps(("A", 0.9), ("B", 0.9), ("1", 0.9)), SYMBOLS))
