"""Tokens of the API: what one looks like, what is kept of it, when it holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.api_tokens import (
    Scope,
    Standing,
    Token,
    bearer_of,
    checked_expiry,
    checked_name,
    checked_scopes,
    digest_of,
    token_text,
)
from aggregator.errors import BadInput

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(st.binary(min_size=32, max_size=32))
def test_the_text_of_32_bytes_is_a_token(secret: bytes) -> None:
    digest = digest_of(token_text(secret))
    assert digest is not None
    assert len(digest) == 32


@given(st.text())
def test_a_text_of_another_form_is_never_looked_up(text: str) -> None:
    assert digest_of(text) is None


def test_a_character_more_or_less_is_no_token() -> None:
    text = token_text(bytes(32))
    assert [digest_of(each) for each in (text[:-1], text + "A", f" {text}", text + "\n")] == [None] * 4


@pytest.mark.parametrize(
    ("header", "found"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("Bearer", None), ("", None)],
)
def test_the_header_is_read_as_rfc_6750_says(header: str, found: str | None) -> None:
    assert bearer_of(header) == found


@pytest.mark.parametrize(
    ("now", "is_revoked", "standing"),
    [
        (NOW - timedelta(microseconds=1), False, Standing.GOOD),
        (NOW, False, Standing.EXPIRED),
        (NOW - timedelta(days=1), True, Standing.REVOKED),
        (NOW + timedelta(days=1), True, Standing.REVOKED),
    ],
)
def test_a_token_holds_until_its_expiry_or_revocation(now: datetime, is_revoked: bool, standing: Standing) -> None:
    assert Token("ana", frozenset({Scope.COUNTS}), None, NOW, is_revoked).standing(now) is standing


def test_a_token_ends_within_a_year() -> None:
    assert checked_expiry("90d", now=NOW) == NOW + timedelta(days=90)
    for text in ("367d", "53w", "0d", "never"):
        with pytest.raises(BadInput, match="--expires"):
            checked_expiry(text, now=NOW)


def test_a_scope_is_one_of_the_list_and_there_is_one() -> None:
    assert checked_scopes(["counts", "plates", "counts"]) == {Scope.COUNTS, Scope.PLATES}
    for names in ([], ["counts", "faces"]):
        with pytest.raises(BadInput, match="want one or more of counts, events"):
            checked_scopes(names)


def test_a_name_is_an_id() -> None:
    assert checked_name("grafana-1") == "grafana-1"
    with pytest.raises(BadInput, match="a token's name"):
        checked_name("Ana's token")
