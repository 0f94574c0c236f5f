"""What a box runs of a set of models: each network once, in the form that the settings ask for."""

from dataclasses import replace

import pytest

from edge_agent.adapters.model_sets import MODEL_SETS
from edge_agent.adapters.models import PLATE_READER_INT8
from edge_agent.core.profiles import Stack


@pytest.mark.parametrize("stack", ["own", "ready"])
@pytest.mark.parametrize("quantized", [False, True])
def test_what_finds_reads_and_hides_is_there_and_nothing_twice(stack: Stack, *, quantized: bool) -> None:
    chosen = MODEL_SETS[stack]
    used = chosen.used(quantized=quantized)
    needed = {chosen.finding(quantized=quantized), *chosen.read_by(quantized=quantized), *chosen.hiding}
    assert set(used) == needed
    assert len(used) == len(needed)


def test_a_reader_in_eight_bits_reads_only_where_eight_bits_are_asked_for() -> None:
    chosen = replace(MODEL_SETS["own"], reading_int8=(PLATE_READER_INT8,))
    assert chosen.read_by(quantized=True) == (PLATE_READER_INT8,)
    assert chosen.used(quantized=True) == ("plate-finder-int8", PLATE_READER_INT8, "face-finder")
    assert PLATE_READER_INT8 not in chosen.used(quantized=False)


def test_a_set_whose_reader_has_no_such_form_reads_with_the_full_one() -> None:
    chosen = MODEL_SETS["ready"]
    assert chosen.read_by(quantized=True) == chosen.reading


def test_a_side_that_is_asked_for_outranks_the_sets_own() -> None:
    assert MODEL_SETS["own"].side_px(None) == 512
    assert MODEL_SETS["ready"].side_px(None) == 640
    assert MODEL_SETS["own"].side_px(640) == 640
