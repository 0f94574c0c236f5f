"""The client against a server on its bad days: what it tries again, what it raises, what it never sends."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd
import polars as pl
import pytest

import atalaya_client
from atalaya_client import (
    AtalayaError,
    BadAnswer,
    BadQuestion,
    Client,
    NotAdmitted,
    NotThere,
    ReasonNeeded,
    ServerBroke,
    TooBusy,
    TooLong,
    Unreachable,
)
from tests.simulators.api_peer import ApiPeer, Reply

TOKEN = "atalaya_" + "t" * 43
ROWS: Final[list[dict[str, object]]] = [
    {"counted_at": "2026-11-22T14:05:00.25Z", "event": "aa", "camera": None, "is_historical": False},
    {"counted_at": "2026-11-22T14:04:00Z", "event": "bb", "camera": "cam-1", "is_historical": True},
]


def page(rows: list[dict[str, object]], next_: str | None = None) -> Reply:
    """A page as the API sends it."""
    headers = {} if next_ is None else {"Link": f'<{next_}>; rel="next"'}
    return Reply(body=json.dumps({"rows": rows, "next": next_}), headers=headers)


def problem(status: int, word: str, **headers: str) -> Reply:
    """A problem as the API sends it."""
    body = {"type": f"/api/v1/docs#{word}", "title": "Title", "status": status, "detail": "detail", "remedy": "Remedy."}
    return Reply(status, json.dumps(body), headers, "application/problem+json")


@contextmanager
def talking(*replies: Reply, patience_s: float = 60.0) -> Iterator[tuple[Client, ApiPeer, list[float]]]:
    """A client, the server it talks to, and the pauses it made, which take no time."""
    pauses: list[float] = []
    with ApiPeer(replies) as peer, Client(peer.url, token=TOKEN, patience_s=patience_s) as client:
        client._transport.sleep = pauses.append
        yield client, peer, pauses


def test_pages_are_followed_and_times_are_times() -> None:
    pages = page(ROWS[:1], "/api/v1/events?after=abc&from=2026"), page(ROWS[1:])
    with talking(*pages) as (client, peer, _):
        rows = client.events(from_at="24h", city=["saltillo", "torreon"], where={"camera.not": "cam-2"}).rows()
    assert [row["event"] for row in rows] == ["aa", "bb"]
    assert rows[0]["counted_at"] == datetime(2026, 11, 22, 14, 5, 0, 250_000, tzinfo=UTC)
    first, second = peer.asked
    assert first.headers["Authorization"] == f"Bearer {TOKEN}"
    assert first.query.getall("city") == ["saltillo", "torreon"]
    assert (first.query["from"], first.query["camera.not"]) == ("24h", "cam-2")
    assert second.path_qs == "/api/v1/events?after=abc&from=2026"


def test_no_page_is_fetched_beyond_the_limit() -> None:
    with talking(page(ROWS, "/api/v1/events?after=abc")) as (client, peer, _):
        assert len(client.events(limit=2).rows()) == 2
    assert (len(peer.asked), peer.asked[0].query["limit"]) == (1, "2")


def test_frames_have_the_types_of_the_columns_even_where_nothing_is() -> None:
    with talking(page(ROWS), page(ROWS)) as (client, _, _):
        polars, pandas = client.events().polars(), client.events().pandas()
    assert dict(polars.schema) == {
        "counted_at": pl.Datetime("us", "UTC"), "event": pl.String, "camera": pl.String, "is_historical": pl.Boolean,
    }  # fmt: skip
    assert polars["camera"].to_list() == [None, "cam-1"]
    assert str(pandas["counted_at"].dtype) == "datetime64[us, UTC]"
    assert (str(pandas["is_historical"].dtype), pandas["camera"].isna().tolist()) == ("boolean", [True, False])
    assert isinstance(pandas, pd.DataFrame)


def test_a_sum_without_a_fraction_is_still_a_number() -> None:
    rows: list[dict[str, object]] = [
        {"at": "2026-11-22T14:00:00Z", "vehicles": 3, "coverage_s": 60},
        {"at": None, "vehicles": None, "coverage_s": 0.5},
    ]
    with talking(page(rows)) as (client, _, _):
        frame = client.counts(bucket="minute").polars()
    assert dict(frame.schema) == {"at": pl.Datetime("us", "UTC"), "vehicles": pl.Int64, "coverage_s": pl.Float64}


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    replies = problem(429, "too-many-requests", **{"Retry-After": "7"}), problem(503, "busy", **{"Retry-After": "2"})
    with talking(*replies, page(ROWS)) as (client, peer, pauses):
        assert len(client.events().rows()) == 2
    assert (len(peer.asked), pauses) == (3, [7.0, 2.0])


def test_patience_ends() -> None:
    busy = problem(429, "too-many-requests", **{"Retry-After": "61"})
    with talking(busy) as (client, _, pauses), pytest.raises(TooBusy) as said:
        client.events().rows()
    assert (said.value.retry_after_s, said.value.word, pauses) == (61.0, "too-many-requests", [])


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    cut = Reply(body='{"rows": [{"ev', is_cut=True)
    with talking(cut, page(ROWS)) as (client, peer, pauses):
        assert len(client.events().rows()) == 2
    assert (len(peer.asked), len(pauses)) == (2, 1)


def test_a_server_that_is_not_there_is_said_without_the_reason(capfd: pytest.CaptureFixture[str]) -> None:
    with ApiPeer([]) as peer:
        url = peer.url
    with Client(url, token=TOKEN, patience_s=0) as client, pytest.raises(Unreachable) as said:
        client.plates(reason="case 17", where={"point": "p-1"}).rows()
    assert "/api/v1/plates" in str(said.value)
    assert not [word for word in ("case", "p-1", TOKEN) if word in str(said.value)]


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "bad-parameter", BadQuestion),
        (422, "reason-needed", ReasonNeeded),
        (401, "bad-token", NotAdmitted),
        (403, "wrong-scope", NotAdmitted),
        (404, "not-found", NotThere),
        (504, "too-long", TooLong),
        (500, "internal", ServerBroke),
    ],
)
def test_a_problem_is_an_error_of_its_kind(status: int, word: str, kind: type[AtalayaError]) -> None:
    with talking(problem(status, word)) as (client, _, _), pytest.raises(kind, match=r"Title: detail\. Remedy\."):
        client.events().rows()


def test_what_is_not_the_api_is_said() -> None:
    html = Reply(body="<html>a proxy</html>", content_type="text/html")
    with talking(html, Reply(502, "<html>", content_type="text/html")) as (client, _, _):
        with pytest.raises(BadAnswer, match="not the API"):
            client.events().rows()
        with pytest.raises(ServerBroke, match="HTTP 502"):
            client.events().rows()


def test_the_token_goes_to_no_other_server() -> None:
    with ApiPeer([page(ROWS)]) as other, talking(page(ROWS, f"{other.url}/api/v1/events?after=x")) as (client, _, _):
        with pytest.raises(BadAnswer, match="another server"):
            client.events().rows()
        assert other.asked == []
    away = Reply(302, headers={"Location": "http://127.0.0.1:1/"})
    with talking(away) as (client, _, _), pytest.raises(AtalayaError):
        client.events().rows()


def test_the_token_goes_over_https_or_nowhere() -> None:
    with pytest.raises(ValueError, match="https only"):
        Client("http://c4.example", token=TOKEN)
    with pytest.raises(ValueError, match="token_file"):
        Client("https://c4.example")


def test_the_token_comes_from_a_file_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv("ATALAYA_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.delenv("ATALAYA_URL", raising=False)
    monkeypatch.delenv("ATALAYA_CA", raising=False)
    with pytest.raises(ValueError, match="ATALAYA_URL"):
        Client.from_environment()
    with ApiPeer([page([])]) as peer:
        monkeypatch.setenv("ATALAYA_URL", peer.url)
        with Client.from_environment() as client:
            assert client.cities().rows() == []
            assert TOKEN not in repr(client)
        assert peer.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_reason_goes_in_a_header_whatever_its_letters_and_never_in_the_address() -> None:
    with talking(page([])) as (client, peer, _):
        client.plates(reason="expediente señal 7", plate="ABC123D").rows()
    (asked,) = peer.asked
    assert asked.headers["Atalaya-Reason"].encode("utf-8", "surrogateescape").decode() == "expediente señal 7"
    assert asked.headers["Atalaya-Plate"] == "ABC123D"
    assert set(asked.query) == {"limit"}


def test_what_a_newer_server_adds_is_taken_as_it_comes() -> None:
    with talking(page([{"brand_new": [1], "at": "2026-11-22T14:00:00Z"}])) as (client, _, _):
        (row,) = client.ask("whatever").rows()
    assert row == {"brand_new": [1], "at": datetime(2026, 11, 22, 14, tzinfo=UTC)}


def test_a_column_that_holds_what_it_cannot_hold_is_said() -> None:
    with talking(page([{"at": "yesterday"}])) as (client, _, _), pytest.raises(BadAnswer, match="column at"):
        client.counts().rows()


def test_the_package_names_what_it_offers() -> None:
    assert [name for name in atalaya_client.__all__ if not hasattr(atalaya_client, name)] == []
    assert (Path(atalaya_client.__file__).parent / "py.typed").exists()
