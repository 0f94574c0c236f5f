"""The client: one method a resource, each taking the same few words (`question` says which).

    atalaya.hits(from_at="24h", city=["saltillo", "torreon"], where={"confidence.min": 900})
    atalaya.plates(reason="case FGE-1/2026", from_at=datetime(2026, 11, 1, tzinfo=UTC))

An answer is whole: pages are fetched until there are no more, or until `limit` rows.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self, Unpack

import httpx
from typing_extensions import override

from atalaya_client.answer import Answer
from atalaya_client.errors import BadAnswer
from atalaya_client.live import AlertLine, NoticeLine, follow
from atalaya_client.question import PAGE_ROWS, Asked, parameters_of
from atalaya_client.transport import PATIENCE_S, transport_to

PREFIX: Final = "api/v1/"
TIMEOUT_S: Final = 90.0
_NAME: Final = "atalaya-client"


class Client:
    """One server under one token. A context manager; safe to keep open."""

    def __init__(
        self,
        url: str,
        *,
        token_file: str | Path | None = None,
        token: str | None = None,
        ca: str | Path | None = None,
        timeout_s: float = TIMEOUT_S,
        patience_s: float = PATIENCE_S,
        page_rows: int = PAGE_ROWS,
    ) -> None:
        """Name the server, e.g. https://c4.example:8446, and the token that it was given. Nothing is asked yet."""
        if (token is None) == (token_file is None):
            raise ValueError("give token_file=, or token=, and not both")
        text = Path(token_file).expanduser().read_text(encoding="ascii") if token_file is not None else str(token)
        place = url.rstrip("/") + "/" + PREFIX
        self._transport = transport_to(
            place, text.strip(), ca=ca, timeout_s=timeout_s, patience_s=patience_s, name=_NAME
        )
        self._page_rows = page_rows

    @classmethod
    def from_environment(cls) -> Self:
        """The server that ATALAYA_URL, ATALAYA_TOKEN_FILE and, if need be, ATALAYA_CA name."""
        missing = [name for name in ("ATALAYA_URL", "ATALAYA_TOKEN_FILE") if name not in os.environ]
        if missing:
            raise ValueError(f"set {' and '.join(missing)} in the environment")
        place = os.environ["ATALAYA_URL"]
        return cls(place, token_file=os.environ["ATALAYA_TOKEN_FILE"], ca=os.environ.get("ATALAYA_CA"))

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.http.close()

    @override
    def __repr__(self) -> str:
        """The server; never the token."""
        return f"<Client of {self._transport.http.base_url}>"

    def events(self, **asked: Unpack[Asked]) -> Answer:
        """Hits, alarms and what belongs to them, newest first, without plates."""
        return self.ask("events", **asked)

    def hits(self, **asked: Unpack[Asked]) -> Answer:
        """Hits, newest first, without plates; none is a fact until a person has confirmed it."""
        return self.ask("hits", **asked)

    def plates(self, *, reason: str, plate: str | None = None, **asked: Unpack[Asked]) -> Answer:
        """Hits with their plates, or those of one plate. Each page is audited with your token's name and the reason."""
        # In headers, never in the address: addresses are kept by proxies and logs.
        said = {"Atalaya-Reason": reason} | ({} if plate is None else {"Atalaya-Plate": plate})
        return self._ask("plates", {name: value.encode() for name, value in said.items()}, asked)

    def alerts(self, **asked: Unpack[Asked]) -> Answer:
        """Alerts as they are now, newest first."""
        return self.ask("alerts", **asked)

    def alert_history(self, **asked: Unpack[Asked]) -> Answer:
        """What happened to alerts, line by line, newest first."""
        return self.ask("alert-history", **asked)

    def notices(self, **asked: Unpack[Asked]) -> Answer:
        """What cities were told of hits in others, newest first, without plates."""
        return self.ask("notices", **asked)

    def alarms(self, **asked: Unpack[Asked]) -> Answer:
        """Panic buttons and analytic events of cameras, newest first."""
        return self.ask("alarms", **asked)

    def conditions(self, **asked: Unpack[Asked]) -> Answer:
        """Cameras whose picture went bad, or good again, newest first."""
        return self.ask("conditions", **asked)

    def counts(self, **asked: Unpack[Asked]) -> Answer:
        """What cameras counted, with the seconds that they saw: a blind camera is not an empty street."""
        return self.ask("counts", **asked)

    def coverage(self, **asked: Unpack[Asked]) -> Answer:
        """How long cameras saw the street, and how long they were blind."""
        return self.ask("coverage", **asked)

    def health(self, **asked: Unpack[Asked]) -> Answer:
        """Health of boxes, newest first."""
        return self.ask("health", **asked)

    def devices(self, **asked: Unpack[Asked]) -> Answer:
        """Boxes as they are now."""
        return self.ask("devices", **asked)

    def cameras(self, **asked: Unpack[Asked]) -> Answer:
        """Cameras."""
        return self.ask("cameras", **asked)

    def points(self, **asked: Unpack[Asked]) -> Answer:
        """Street points."""
        return self.ask("points", **asked)

    def cities(self, **asked: Unpack[Asked]) -> Answer:
        """Cities that the token sees."""
        return self.ask("cities", **asked)

    def reactions(self, **asked: Unpack[Asked]) -> Answer:
        """How fast somebody reacted: percentiles of seconds, for each step that an alert takes."""
        return self.ask("reactions", **asked)

    def precision(self, **asked: Unpack[Asked]) -> Answer:
        """Hits that people decided on, and how many of them were wrong."""
        return self.ask("precision", **asked)

    def ask(self, resource: str, **asked: Unpack[Asked]) -> Answer:
        """A resource by its name in the API, also one that this release does not know."""
        return self._ask(resource, {}, asked)

    def picture(self, sha256: str, *, reason: str) -> bytes:
        """A hit's redacted picture, JPEG, by its hash or the hit's. Audited with your token's name and the reason."""
        return self._transport.get(f"pictures/{sha256}", (), {"Atalaya-Reason": reason.encode()}).content

    def live_alerts(self, *, after: int | None = None) -> Iterator[AlertLine]:
        """What happens to alerts from now on, or since line `after`. Goes on by itself when the line breaks."""
        return (line for line in self.live(after=after) if isinstance(line, AlertLine))

    def live(self, *, after: int | None = None) -> Iterator[AlertLine | NoticeLine]:
        """The same with the notices that the region gives of hits in other cities."""
        return follow(self._transport, after)

    def _ask(self, resource: str, headers: Mapping[str, bytes], asked: Asked) -> Answer:
        limit = asked.get("limit")
        parameters = parameters_of(asked, now=datetime.now(UTC), page_rows=self._page_rows)

        def pages() -> Iterator[Sequence[Mapping[str, object]]]:
            response = self._transport.get(resource, parameters, headers)
            while True:
                yield _rows_of(response)
                there = self._transport.next_of(response)
                if there is None:
                    return
                response = self._transport.get(there, (), headers)

        return Answer(resource, pages, limit)


def _rows_of(response: httpx.Response) -> Sequence[Mapping[str, object]]:
    try:
        rows = response.json()["rows"]
    except (ValueError, KeyError, TypeError) as exc:
        raise BadAnswer("what answered is not the API: no rows in it") from exc
    if not isinstance(rows, list):
        raise BadAnswer("what answered is not the API: its rows are no list")
    return rows
