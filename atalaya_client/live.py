"""Alerts as they happen: Server-Sent Events (WHATWG HTML, section 9.2), taken up again after the last line seen.

A stream that breaks off, or says nothing for `SILENCE_S` though the server sends a sign of life every 15 s, is opened
again with `Last-Event-ID`; the server sends every line since. So no line is lost and none comes twice, as long as
somebody reads on. When the token ends, so does the stream, with `NotAdmitted`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import httpx

from atalaya_client.answer import Row
from atalaya_client.errors import BadAnswer, NotAdmitted, TooBusy
from atalaya_client.kinds import kind_of, read
from atalaya_client.transport import Patience, Transport, unreachable

PATH: Final = "live/alerts"
SILENCE_S: Final = 45.0
_RESOURCE: Final = "alert-history"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    name: str
    data: str
    id: str


@dataclass(frozen=True, slots=True)
class AlertLine:
    """A line of an alert's history. `number` is where to go on after it."""

    number: int
    row: Row


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice of a hit in another city, as it is now: it came, changed or is over."""

    number: int
    row: Row


Line: TypeAlias = AlertLine | NoticeLine


@dataclass(slots=True)
class Parser:
    """Turns lines into events; keeps the last id and the pause that the server asks for."""

    last_id: str = ""
    retry_s: float | None = None
    _name: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, line: str) -> Event | None:
        """One line without its end; the event that it closes."""
        if line == "":
            return self._close()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self.last_id = value
            case "retry" if value.isascii() and value.isdecimal():
                self.retry_s = int(value) / 1000
            case _:
                pass  # a comment, or what we do not know
        return None

    def _close(self) -> Event | None:
        name, data = self._name, self._data
        self._name, self._data = "", []
        return Event(name or "message", "\n".join(data), self.last_id) if data else None


def events_of(lines: Iterable[str], parser: Parser) -> Iterator[Event]:
    """The events of a stream's lines."""
    for line in lines:
        event = parser.feed(line)
        if event is not None:
            yield event


def follow(transport: Transport, after: int | None) -> Iterator[Line]:
    """Lines from the one after `after`, or from now on, until the token ends; raises `AtalayaError`."""
    number = after
    patience = Patience(transport.patience_s, transport.sleep)
    while True:
        parser = Parser()
        try:
            for line in _once(transport, number, parser):
                number = line.number
                patience = Patience(transport.patience_s, transport.sleep)  # it works again
                yield line
            patience.wait(parser.retry_s, BadAnswer("the stream ends as soon as it begins"))
        except httpx.TransportError as exc:
            patience.wait(parser.retry_s, unreachable(transport.http.base_url.join(PATH), exc))
        except TooBusy as problem:
            patience.wait(problem.retry_after_s, problem)


def _once(transport: Transport, after: int | None, parser: Parser) -> Iterator[Line]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    with transport.stream(PATH, headers, silence_s=SILENCE_S) as response:
        for event in events_of(response.iter_lines(), parser):
            yield _line(event)


def _line(event: Event) -> Line:
    """The line that an event tells of; raises `NotAdmitted` for the stream's end."""
    try:
        said = json.loads(event.data)
        if event.name == "end":
            raise NotAdmitted(int(said.get("status", 401)), said)
        kind = NoticeLine if event.name == "notice" else AlertLine
        return kind(int(event.id), {name: read(kind_of(_RESOURCE, name), value) for name, value in said.items()})
    except (ValueError, AttributeError) as exc:
        raise BadAnswer("the stream holds what is no line of an alert's history") from exc
