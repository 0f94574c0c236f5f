"""Range headers, by the examples of RFC 9110 and by what must hold of any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.byte_ranges import Span, Unsatisfiable, span_of


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-499", Span(0, 500)),
        ("bytes=500-999", Span(500, 1000)),
        ("bytes=-500", Span(9500, 10000)),
        ("bytes=9500-", Span(9500, 10000)),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=9999-99999", Span(9999, 10000)),
        ("bytes=-99999", Span(0, 10000)),
        ("bytes=10000-", Unsatisfiable()),
        ("bytes=10000-10001", Unsatisfiable()),
        ("bytes=-0", Unsatisfiable()),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        ("bytes=٣-", None),
        ("", None),
        (None, None),
    ],
)
def test_a_header_names_its_span_of_ten_thousand_bytes(header: str | None, span: object) -> None:
    assert span_of(header, 10_000) == span


@given(st.integers(0, 10**19), st.integers(0, 10**19), st.integers(0, 10**6))
def test_a_span_lies_within_what_there_is_and_is_never_empty(first: int, last: int, size: int) -> None:
    for header in (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}"):
        span = span_of(header, size)
        if isinstance(span, Span):
            assert 0 <= span.start < span.end <= size


@given(st.text(), st.integers(0, 100))
def test_no_header_is_too_odd_to_be_judged(header: str, size: int) -> None:
    assert span_of(f"bytes={header}", size) is None or size >= 0


@given(st.binary(min_size=1, max_size=50), st.integers(0, 60))
def test_a_download_cut_anywhere_goes_on_where_it_was(data: bytes, arrived: int) -> None:
    span = span_of(f"bytes={arrived}-", len(data))
    if arrived < len(data):
        assert isinstance(span, Span)
        assert data[:arrived] + data[span.start : span.end] == data
    else:
        assert span == Unsatisfiable()
