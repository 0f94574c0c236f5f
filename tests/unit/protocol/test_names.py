"""Names: one grammar, in code and on the wire."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import BadName
from protocol.messages import Alarm
from protocol.names import check_id, is_id
from protocol.wire import from_tree


@given(st.text() | st.from_regex(r"[a-z0-9-]{1,34}\n?"))
def test_the_grammar_of_names_is_that_of_the_wire(text: str) -> None:
    try:
        taken = from_tree({"0": text, "1": "x", "2": 0}, Alarm).camera == text
    except ValueError:
        taken = False
    assert taken is is_id(text) is bool(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", text))


def test_a_bad_name_says_of_what() -> None:
    assert check_id("box-17", "device") == "box-17"
    with pytest.raises(BadName, match="device 'Box 17'"):
        check_id("Box 17", "device")
