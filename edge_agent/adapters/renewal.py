"""Asking for a certificate for another term, and whether the artefacts' server takes it.

A request that is refused for its time is asked again, once, under the server's time as its answer's header has it: a
box whose clock is off has a way back. That time is used for the request and believed for nothing else.
"""

import ssl
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
import msgspec

from edge_agent.adapters.keystore import AUTHORITY, Enrolment
from edge_agent.adapters.tls import NamedContext, settle
from edge_agent.errors import RenewalFailed
from protocol.clock import to_ms
from protocol.errors import DecodeError
from protocol.renewal import PATH, RenewalAnswer, decode_answer, sign_request

TIMEOUT: Final = aiohttp.ClientTimeout(total=30.0, connect=10.0)
WRONG_TIME: Final = "wrong_time"
_NOBODYS_ARTEFACT: Final = bytes(32).hex()


async def ask(enrolment: Enrolment, *, now: datetime, check_dates: bool) -> RenewalAnswer:
    """What the command centre offers this box's key; raises `RenewalFailed` that says why it offers nothing."""
    if not enrolment.facts.enrolment_url:
        raise RenewalFailed("identity.toml names no enrolment_url; have it written anew with: aggregator device issue")
    tls = _without_certificate(enrolment, check_dates=check_dates)
    status, body, their_time = await _post(enrolment, tls, now)
    if status == 409 and _problem(body)[0] == WRONG_TIME and their_time is not None:
        status, body, _ = await _post(enrolment, tls, their_time)
    if status != 200:
        raise RenewalFailed(f"the command centre renews nothing: {_problem(body)[1]}")
    try:
        answer = decode_answer(body)
    except DecodeError as exc:
        raise RenewalFailed("the answer is no renewal; is the command centre of an older release?") from exc
    return answer


async def artefacts_problem(enrolment: Enrolment, *, check_dates: bool, on_trial: bool) -> str | None:
    """None if the artefacts' server lets this box in, else why not. It is asked for what nobody has."""
    url = f"{enrolment.facts.artefacts_url.rstrip('/')}/artefacts/{_NOBODYS_ARTEFACT}"
    tls = enrolment.tls(check_dates=check_dates, on_trial=on_trial)
    try:
        async with _session(tls) as session, session.head(url) as response:
            return None if response.status in (200, 404) else f"the artefacts' server answers {response.status}"
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        return f"the artefacts' server does not let the box in: {exc}"


def _without_certificate(enrolment: Enrolment, *, check_dates: bool) -> ssl.SSLContext:
    """The server held to our authorities, and nothing shown of ourselves: the box's certificate may have ended."""
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(enrolment.folder / AUTHORITY)
    except (OSError, ssl.SSLError) as exc:
        raise RenewalFailed(f"{enrolment.folder / AUTHORITY} cannot be used; enrol the box again") from exc
    return settle(context, enrolment.facts.server_name, check_dates=check_dates)


async def _post(enrolment: Enrolment, tls: ssl.SSLContext, now: datetime) -> tuple[int, bytes, datetime | None]:
    url = enrolment.facts.enrolment_url.rstrip("/") + PATH
    request = sign_request(enrolment.who.device, enrolment.signer, time_ms=to_ms(now))
    try:
        async with _session(tls) as session, session.post(url, data=request) as response:
            return response.status, await response.read(), _date(response.headers.get("Date", ""))
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        raise RenewalFailed(f"{url} does not answer: {exc}") from exc


def _session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=tls, limit=1, force_close=True)
    return aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, raise_for_status=False)


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _problem(body: bytes) -> tuple[str, str]:
    """The word and the text of a refusal, whoever wrote it."""
    try:
        found: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])  # `Any`: JSON
    except msgspec.DecodeError:
        found = {}
    return str(found.get("error", "")), str(found.get("text", "it does not say why"))[:200]
