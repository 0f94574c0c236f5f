"""The live stream: what its lines mean, and how it is taken up again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaya_client import BadAnswer, Client, NotAdmitted, NoticeLine
from atalaya_client.live import Event, Parser, events_of
from tests.simulators.api_peer import ApiPeer, Reply

TOKEN = "atalaya_" + "t" * 43


def told(*numbers: int, retry_ms: int = 10) -> str:
    """A stream's text with some lines."""
    events = (f"id: {n}\ndata: {json.dumps({'number': n, 'act': 'raise', 'alert': n})}\n\n" for n in numbers)
    return f"retry: {retry_ms}\n: hello\n\n" + "".join(events)


def stream(text: str) -> Reply:
    """A stream that breaks off after some text."""
    return Reply(body=text, content_type="text/event-stream", is_cut=True)


def ending() -> str:
    """How the server says that the token is over."""
    said = {"type": "/api/v1/docs#bad-token", "title": "This token opens nothing", "status": 401, "detail": "revoked"}
    return f"event: end\ndata: {json.dumps(said)}\n\n"


def test_a_stream_that_breaks_off_goes_on_after_the_last_line_seen() -> None:
    replies = [stream(told(4, 5)), stream(told(6) + ending())]
    with ApiPeer(replies) as peer, Client(peer.url, token=TOKEN) as client:
        client._transport.sleep = lambda _: None
        lines = client.live_alerts(after=3)
        assert [next(lines).number for _ in range(3)] == [4, 5, 6]
        with pytest.raises(NotAdmitted, match="opens nothing"):
            next(lines)
    assert [asked.headers["Last-Event-ID"] for asked in peer.asked] == ["3", "5"]
    assert peer.asked[0].headers["Accept"] == "text/event-stream"


def test_a_stream_without_a_beginning_starts_with_what_happens_next() -> None:
    with ApiPeer([stream(told(9))]) as peer, Client(peer.url, token=TOKEN) as client:
        assert next(client.live_alerts()).row == {"number": 9, "act": "raise", "alert": 9}
    assert "Last-Event-ID" not in peer.asked[0].headers


def test_a_stream_that_ends_at_once_again_and_again_is_given_up() -> None:
    pauses: list[float] = []
    quiet = [Reply(body="retry: 20000\n\n", content_type="text/event-stream")] * 5
    with ApiPeer(quiet) as peer, Client(peer.url, token=TOKEN, patience_s=50) as client:
        client._transport.sleep = pauses.append
        with pytest.raises(BadAnswer, match="as soon as it begins"):
            next(client.live_alerts())
    assert pauses == [20.0, 20.0]


def test_what_is_no_line_of_an_alert_is_said() -> None:
    strange = stream("id: 1\ndata: [1]\n\n")
    with ApiPeer([strange]) as peer, Client(peer.url, token=TOKEN) as client, pytest.raises(BadAnswer, match="no line"):
        next(client.live_alerts())


def test_an_event_may_have_several_lines_of_data_comments_and_unknown_fields() -> None:
    lines = [": here", "event: x", "data: one", "data:two", "more: 1", "id: 7", "", "data", "", ""]
    assert list(events_of(lines, Parser())) == [Event("x", "one\ntwo", "7"), Event("message", "", "7")]


@given(st.lists(st.text(alphabet=":data id\0retry7", max_size=12), max_size=20))
def test_no_line_breaks_the_parser(lines: list[str]) -> None:
    parser = Parser()
    for event in events_of(lines, parser):
        assert "\0" not in event.id
    assert parser.retry_s is None or parser.retry_s >= 0


def test_notices_are_lines_of_their_own_and_those_who_follow_alerts_alone_go_on_past_them() -> None:
    notice = f"event: notice\nid: 5\ndata: {json.dumps({'number': 5, 'notice': 1, 'city': 'torreon'})}\n\n"
    replies = [stream(told(4) + notice + told(6))] * 2
    with ApiPeer(replies) as peer, Client(peer.url, token=TOKEN) as client:
        both = client.live(after=3)
        found = [next(both) for _ in range(3)]
        assert [(type(line) is NoticeLine, line.number) for line in found] == [(False, 4), (True, 5), (False, 6)]
        alerts = client.live_alerts(after=3)
        assert [next(alerts).number for _ in range(2)] == [4, 6]
