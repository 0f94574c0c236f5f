"""What the reader's network is to say, and that decoding it gives the plate's text back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from reader_training.calibration import SYMBOLS as DECODED
from reader_training.targets import (
    BLANK,
    COLUMNS,
    STEPS,
    SYMBOLS,
    UNSAID,
    coded,
    codes,
    drilled,
    folded,
    steps_needed,
    two_rows,
)

from edge_agent.core.ctc import decode
from protocol.plates import ALPHABET

LINE = st.text(ALPHABET, max_size=9)


def spoken(rows: tuple[str, ...]) -> np.ndarray:
    """Steps as a network without a doubt would say them: one step a character, a blank after each."""
    steps = np.zeros((STEPS, SYMBOLS), np.float32)
    symbols = np.full(STEPS, BLANK)
    for row, text in enumerate(two_rows(rows)):
        for place, code in enumerate(codes(text)):
            symbols[row * COLUMNS + 1 + 2 * place] = code
    steps[np.arange(STEPS), symbols] = 1
    return steps


@given(LINE, LINE)
def test_what_the_two_rows_say_decodes_to_the_lines_from_top_to_bottom(upper: str, lower: str) -> None:
    assert decode(spoken((upper, lower)), DECODED).text == upper + lower


def test_a_plate_of_one_line_speaks_in_the_upper_row_and_leaves_the_lower_blank() -> None:
    symbols, lengths = coded([("ABC123",), ("A12", "BC"), ()])
    assert lengths.tolist() == [6, 0, 3, 2, 0, 0]
    assert symbols.tolist() == [*codes("ABC123"), *codes("A12BC")]


def test_a_third_line_joins_the_second() -> None:
    assert two_rows(("A", "B", "C")) == ("A", "BC")


def test_no_character_is_coded_as_the_blank() -> None:
    assert BLANK not in codes(ALPHABET)
    assert max(codes(ALPHABET)) == SYMBOLS - 1


def test_equal_neighbours_need_a_step_between_them() -> None:
    assert steps_needed("ABC") == 3
    assert steps_needed("AAB11") == 7


def test_folding_takes_only_o_and_i_for_digits() -> None:
    assert folded(ALPHABET) == ALPHABET.replace("O", "0").replace("I", "1")


@given(st.lists(st.tuples(LINE, LINE), max_size=3))
def test_the_guessed_alignment_says_every_character_once_and_in_order(plates: list[tuple[str, str]]) -> None:
    guess = drilled(plates)
    assert guess.shape == (len(plates), STEPS)
    for steps, rows in zip(guess, plates, strict=True):
        for row, text in enumerate(rows):
            line = steps[row * COLUMNS : (row + 1) * COLUMNS]
            assert tuple(line[line != UNSAID]) == codes(text)
