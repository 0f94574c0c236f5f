"""How tests are shared among processes: none is lost on the way."""

from unittest.mock import sentinel

import pytest

from tests.distribution import STORY, ByFile


def test_two_tests_of_one_id_are_refused_since_only_one_would_run() -> None:
    with pytest.raises(pytest.UsageError, match=r"not all be run: a\.py::b$"):
        ByFile.add_node_collection(ByFile.__new__(ByFile), sentinel.node, ["a.py::b", "a.py::c", "a.py::b"])


def test_a_file_is_one_piece_and_the_story_is_one_across_its_files() -> None:
    split = ByFile.__new__(ByFile)._split_scope
    assert split("tests/unit/a.py::b[c::d]") == "tests/unit/a.py"
    assert split("tests/acceptance/test_refusals.py::x") == split("tests/acceptance/test_end_to_end.py::y") == STORY
