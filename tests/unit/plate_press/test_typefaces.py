"""Typefaces and dies: all characters are there, and a missing package is told by its name."""

import numpy as np
import pytest
from plate_press.dies import DIES, GLYPH_PX
from plate_press.typefaces import CHARACTER_FILES, PRINT_FILES, SYMBOLS, FontMissing, _font, face_of_die, glyph, symbol

from protocol.plates import ALPHABET


@pytest.mark.parametrize("face", [*range(len(CHARACTER_FILES)), *(face_of_die(n) for n in range(0, DIES, 23))])
def test_every_face_has_every_character_and_no_two_alike(face: int) -> None:
    masks = {character: glyph(face, character) for character in ALPHABET}
    assert all(mask.shape[0] == GLYPH_PX and mask.any() for mask in masks.values())
    # O and 0, I and 1 may be one shape, as on the road; nothing else may.
    shapes = [masks[character].tobytes() for character in ALPHABET if character not in "OI"]
    assert len(set(shapes)) == len(shapes)


def test_a_die_is_always_the_same() -> None:
    assert np.array_equal(glyph(face_of_die(3), "R"), glyph.__wrapped__(face_of_die(3), "R"))


def test_a_missing_typeface_names_the_package_that_holds_it() -> None:
    absent = CHARACTER_FILES[0].replace("RG2014B", "absent")
    with pytest.raises(FontMissing, match="apt-get install fonts-roadgeek"):
        _font(absent, 12)


def test_every_typeface_of_the_small_print_is_installed() -> None:
    assert all(_font(path, 12) for path in PRINT_FILES)


def test_every_pictogram_is_in_its_typeface() -> None:
    absent = symbol("\U0001fffe").tobytes()
    assert all(symbol(character).tobytes() != absent for character in SYMBOLS)
