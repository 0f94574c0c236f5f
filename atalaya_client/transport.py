"""Requests with a token, tried again where the server says so.

1. Only GET, which may be repeated. What is busy (429, 503) is asked again after Retry-After; what broke off is asked
   again after a growing pause. All pauses together stay within `patience_s`: then the error is the caller's.
2. The token goes to the server it was made for and to no other: redirects are not followed, and a next page must be
   of the same origin. Over plain HTTP it goes to this machine only.
"""

import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx

from atalaya_client.errors import AtalayaError, BadAnswer, Problem, TooBusy, Unreachable, problem_for

PATIENCE_S: Final = 120.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_CONNECT_S: Final = 10.0
_BROKE_OFF: Final = (httpx.TransportError,)
Parameters = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Patience:
    """How long is waited in all before a request is given up."""

    left_s: float
    sleep: Callable[[float], None] = time.sleep
    tries: int = 0

    def wait(self, asked_s: float | None, error: AtalayaError) -> None:
        """Wait as long as the server asked, else a growing pause; raises `error` where patience ends."""
        # Not for secrets: many clients that were sent away together are not to come back together.
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self.tries) * random.uniform(0.5, 1)  # noqa: S311
        pause_s = pause_s if asked_s is None else asked_s
        if pause_s > self.left_s:
            raise error
        self.tries += 1
        self.left_s -= pause_s
        self.sleep(pause_s)


@dataclass(slots=True)
class Transport:
    """One server, one token. `sleep` is how pauses are made."""

    http: httpx.Client
    patience_s: float = PATIENCE_S
    sleep: Callable[[float], None] = field(default=time.sleep)

    def get(self, url: str | httpx.URL, parameters: Parameters, headers: Mapping[str, bytes]) -> httpx.Response:
        """The answer of a path; raises `AtalayaError`."""
        patience = Patience(self.patience_s, self.sleep)
        target = self._target(url, parameters)
        while True:
            try:
                response = self.http.get(target, headers=[(name.encode(), value) for name, value in headers.items()])
            except _BROKE_OFF as exc:
                patience.wait(None, unreachable(target, exc))
                continue
            if response.is_success:
                return response
            problem = problem_of(response)
            if not isinstance(problem, TooBusy):
                raise problem
            patience.wait(problem.retry_after_s, problem)

    @contextmanager
    def stream(self, url: str, headers: Mapping[str, str], *, silence_s: float) -> Iterator[httpx.Response]:
        """An answer that does not end, and is never silent for so long; raises `AtalayaError`."""
        timeout = httpx.Timeout(silence_s, connect=_CONNECT_S)
        with self.http.stream("GET", self._target(url), headers=headers, timeout=timeout) as response:
            if not response.is_success:
                response.read()
                raise problem_of(response)
            yield response

    def next_of(self, response: httpx.Response) -> httpx.URL | None:
        """Where the next page is, if there is one; raises `BadAnswer`."""
        link = response.links.get("next", {}).get("url")
        if link is None:
            return None
        there = response.url.join(link)
        if (there.scheme, there.host, there.port) != (response.url.scheme, response.url.host, response.url.port):
            raise BadAnswer(f"the next page is said to be at {there.host}: another server, which gets no token of ours")
        return there

    def _target(self, url: str | httpx.URL, parameters: Parameters = ()) -> httpx.URL:
        target = self.http.base_url.join(url) if isinstance(url, str) else url
        return target.copy_merge_params(list(parameters)) if parameters else target


def transport_to(
    url: str, token: str, *, ca: str | Path | None = None, timeout_s: float, patience_s: float, name: str
) -> Transport:
    """The way to a server; raises `ValueError` for an address that a token must not go to."""
    base = httpx.URL(url.rstrip("/") + "/")
    if base.scheme != "https" and not _is_this_machine(base):
        raise ValueError(f"{url}: a token goes over https only; over http to this machine alone")
    http = httpx.Client(
        base_url=base,
        headers={"Authorization": f"Bearer {token}", "User-Agent": name, "Accept": "application/json"},
        verify=ssl.create_default_context(cafile=None if ca is None else Path(ca).expanduser()),
        timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S),
        follow_redirects=False,
    )
    return Transport(http, patience_s)


def problem_of(response: httpx.Response) -> Problem:
    """What a refusal says, in the server's own shape or in a proxy's."""
    try:
        said = response.json()
    except ValueError:
        said = {}
    return problem_for(
        response.status_code, said if isinstance(said, dict) else {}, retry_after_s(response.headers.get("Retry-After"))
    )


def retry_after_s(said: str | None, *, now: datetime | None = None) -> float | None:
    """How long to wait: seconds, or until a date (RFC 9110 section 10.2.3)."""
    if said is None:
        return None
    if said.strip().isdecimal():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def unreachable(target: httpx.URL, exc: Exception) -> Unreachable:
    """What to say when nothing answers. The address goes without its parameters: a reason may stand there."""
    error = Unreachable(f"{target.scheme}://{target.netloc.decode()}{target.path}: {str(exc) or type(exc).__name__}")
    error.__cause__ = exc
    return error


def _is_this_machine(url: httpx.URL) -> bool:
    try:
        return url.host == "localhost" or ip_address(url.host).is_loopback
    except ValueError:
        return False
