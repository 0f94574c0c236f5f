"""The line to the command centre before the box has a certificate: HTTPS to the address in its token.

`pin` fetches the authorities over TLS that nothing can verify yet, and takes the root among them only if it is the
token's. Everything after goes over TLS that ends at that root. What goes wrong becomes a `Problem` that a technician
can act on; whether another attempt makes sense is for the caller.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from edge_agent.adapters.tls import NamedContext, settle
from edge_agent.core.enrolment import SAID, Problem, pinned_root
from edge_agent.errors import EnrolmentFailed
from protocol.enrolment import AUTHORITY_PATH, MAX_PARCEL_BYTES, REQUEST_PATH, Token

_MAX_AUTHORITY_BYTES: Final = 64 * 1024
_MAX_REFUSAL_BYTES: Final = 4 * 1024
_CONNECT_S: Final = 10.0
_TOTAL_S: Final = 30.0
# OpenSSL's verdicts on dates (X509_V_ERR_*).
_DATE_VERDICTS: Final = {9, 10}
_LEAST_WAIT_S, _MOST_WAIT_S = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A person has to approve the key first; when to ask again."""

    key: str
    again_s: float


@dataclass(frozen=True, slots=True)
class Pinned:
    """The root that the token names, and what time the server has, which nobody vouches for."""

    root_pem: str
    told: datetime | None


class EnrollLine:
    """One box's way to the address in its token. `source` is the address it dials from, if that matters."""

    def __init__(self, token: Token, *, source: str | None = None) -> None:
        """Nothing is dialled yet."""
        host = f"[{token.host}]" if ":" in token.host else token.host
        self._base, self._token = f"https://{host}:{token.port}", token
        self._source = (source, 0) if source else None

    async def pin(self) -> Pinned:
        """Fetch the authorities and find the token's root among them; raises `EnrolmentFailed`."""
        blind = ssl.create_default_context()
        blind.check_hostname = False
        blind.verify_mode = ssl.CERT_NONE  # what is fetched is public, and held to the pin below
        async with self._session(blind) as session, self._told(), session.get(AUTHORITY_PATH) as response:
            told = _date(response)
            pem = await _bounded(response, _MAX_AUTHORITY_BYTES)
        try:
            root = pinned_root(pem, self._token.root_sha256)
        except ValueError:
            raise self._failed(Problem.NOT_OURS) from None
        if root is None:
            raise self._failed(Problem.FOREIGN)
        return Pinned(root.public_bytes(Encoding.PEM).decode(), told)

    async def request(self, raw: bytes, pinned: Pinned, *, check_dates: bool) -> bytes | Waiting:
        """Send a request and take the parcel; raises `EnrolmentFailed`."""
        context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=pinned.root_pem)
        tls = settle(context, self._token.server_name, check_dates=check_dates)
        told = self._told(pinned.told)
        async with self._session(tls) as session, told, session.post(REQUEST_PATH, data=raw) as response:
            if response.status == 200:
                return await _bounded(response, MAX_PARCEL_BYTES)
            body = await _bounded(response, _MAX_REFUSAL_BYTES)
            return self._waiting_or_refused(response, _object(body))

    def _waiting_or_refused(self, response: aiohttp.ClientResponse, said: dict[str, object]) -> Waiting:
        again_s = _retry_after(response)
        if response.status == 202:
            return Waiting(str(said.get("key", "")), again_s)
        problem = SAID.get(str(said.get("error", "")))
        if problem is None:
            problem = Problem.UNAVAILABLE if response.status >= 500 else Problem.NOT_OURS
        raise self._failed(problem, again_s=again_s)

    @asynccontextmanager
    async def _session(self, tls: ssl.SSLContext) -> AsyncIterator[aiohttp.ClientSession]:
        connector = aiohttp.TCPConnector(ssl=tls, limit=1, force_close=True, local_addr=self._source)
        timeout = aiohttp.ClientTimeout(total=_TOTAL_S, connect=_CONNECT_S)
        async with aiohttp.ClientSession(self._base, connector=connector, timeout=timeout) as session:
            yield session

    @asynccontextmanager
    async def _told(self, their_time: datetime | None = None) -> AsyncIterator[None]:
        """Turn what the network says into what a technician can act on."""
        try:
            yield
        except aiohttp.ClientConnectorCertificateError as exc:
            verdict = getattr(exc.certificate_error, "verify_code", 0)
            problem = Problem.CLOCK if verdict in _DATE_VERDICTS else Problem.INTERCEPTED
            raise self._failed(problem, their_time=_in_words(their_time)) from exc
        except aiohttp.ClientConnectorDNSError as exc:
            raise self._failed(Problem.NO_NAME) from exc
        except aiohttp.ClientSSLError as exc:
            raise self._failed(Problem.NOT_OURS) from exc
        except aiohttp.ClientConnectorError as exc:
            raise self._failed(_of_connection(exc.os_error)) from exc
        except TimeoutError as exc:
            raise self._failed(Problem.NO_ANSWER) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise self._failed(Problem.CUT) from exc

    def _failed(self, problem: Problem, **values: str | float) -> EnrolmentFailed:
        return EnrolmentFailed(problem.value, host=self._token.host, port=str(self._token.port), **values)


def _of_connection(error: OSError) -> Problem:
    """What a failed connection means."""
    if isinstance(error, ConnectionRefusedError):
        return Problem.REFUSED_PORT
    return Problem.CUT if isinstance(error, ConnectionError) else Problem.NO_NETWORK


async def _bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, if it is no longer than it may be; the rest of a longer one is not read."""
    arrived = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        arrived += chunk
        if len(arrived) > most:
            return b""
    return bytes(arrived)


def _object(body: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _retry_after(response: aiohttp.ClientResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return min(max(float(text), _LEAST_WAIT_S), _MOST_WAIT_S) if text.isdecimal() else _LEAST_WAIT_S


def _date(response: aiohttp.ClientResponse) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None


def _in_words(time: datetime | None) -> str:
    return "?" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
