"""Whether broker and artefacts take this box, found out without taking the session of an agent that is running.

MQTT gives a connection to whoever connects last under a client id, and the broker makes the id from the certificate: a
real CONNECT would kick the agent off. So the broker is met in TLS under the box's certificate, which it judges by
authority, dates and revocation list, and is then asked for a protocol level that no MQTT has. A broker must refuse that
(MQTT 3.1.1, section 3.1.2.2) and does so before it looks at who connects. Its refusal is the proof: in TLS 1.3 a client
thinks that it is in before the server has judged its certificate, and only an answer shows that it was taken. The probe
listens for a moment before it speaks, since what is sent to a broker that has hung up costs the alert that says why.

The artefacts' server looks the key up in the registry: for an artefact that nobody has, it says "not found" to a box in
service and "forbidden" to any other.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Final

from edge_agent.adapters.artefacts import ArtefactServer, Download
from edge_agent.adapters.artefacts import Problem as Fetch
from edge_agent.adapters.keystore import Enrolment
from edge_agent.core.enrolment import Problem
from edge_agent.errors import EnrolmentFailed

_DIAL_S: Final = 10.0
_FIRST_WORD_S: Final = 0.7
_ANSWER_S: Final = 10.0
_REGISTRY_S: Final = 30.0
_AGAIN_S: Final = 0.5
# CONNECT with the protocol level 0x7f and an empty client id; CONNACK is packet type 2.
_CONNECT: Final = b"\x10\x0c\x00\x04MQTT\x7f\x02\x00\x0a\x00\x00"
_CONNACK: Final = 0x20


async def check_path(enrolment: Enrolment, *, check_dates: bool) -> None:
    """Meet broker and artefacts' server as this box; raises `EnrolmentFailed` that says which of them fails and how."""
    await check_broker(enrolment, enrolment.tls(check_dates=check_dates))
    await check_artefacts(enrolment, check_dates=check_dates)


async def check_broker(enrolment: Enrolment, tls: ssl.SSLContext) -> None:
    """Have the broker answer; raises `EnrolmentFailed`."""
    facts = enrolment.facts
    where = {"host": facts.broker_host, "port": str(facts.broker_port)}
    try:
        async with asyncio.timeout(_DIAL_S):
            reader, writer = await asyncio.open_connection(
                facts.broker_host, facts.broker_port, ssl=tls, server_hostname=facts.server_name
            )
    except ssl.SSLError as exc:
        raise EnrolmentFailed(Problem.BROKER_REFUSES.value, **where, why=exc.reason or "TLS") from exc
    except (OSError, TimeoutError) as exc:
        raise EnrolmentFailed(Problem.BROKER_UNREACHABLE.value, **where) from exc
    try:
        await _await_refusal(reader, writer, where)
    finally:
        writer.transport.abort()


async def _await_refusal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: dict[str, str]) -> None:
    try:
        await _listen(reader, _FIRST_WORD_S)
        writer.write(_CONNECT)
        answer = await _listen(reader, _ANSWER_S)
    except ssl.SSLError as exc:  # the alert that a certificate is not taken
        raise EnrolmentFailed(Problem.BROKER_REFUSES.value, **where, why=exc.reason or "TLS") from exc
    except ConnectionResetError as exc:
        raise EnrolmentFailed(Problem.BROKER_REFUSES.value, **where, why="connection reset") from exc
    except OSError as exc:
        raise EnrolmentFailed(Problem.BROKER_SILENT.value, **where) from exc
    if answer[:1] != bytes((_CONNACK,)):
        raise EnrolmentFailed(Problem.BROKER_SILENT.value, **where)


async def _listen(reader: asyncio.StreamReader, patience_s: float) -> bytes:
    """The first byte that comes, if one does in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            return await reader.read(1)
    return b""


async def check_artefacts(enrolment: Enrolment, *, check_dates: bool) -> None:
    """Have the artefacts' server know this box; raises `EnrolmentFailed`. A new key takes a moment to get about."""
    url = enrolment.facts.artefacts_url
    server = ArtefactServer(url, lambda: enrolment.tls(check_dates=check_dates))
    deadline = asyncio.get_running_loop().time() + _REGISTRY_S
    while True:
        found = await server.fetch(Download(bytes(32), 1), is_wanted=lambda: True)
        if found is Fetch.NOT_FOUND:
            return
        if found is not Fetch.REFUSED:
            raise EnrolmentFailed(Problem.ARTEFACTS_UNREACHABLE.value, url=url)
        if asyncio.get_running_loop().time() > deadline:
            raise EnrolmentFailed(Problem.ARTEFACTS_REFUSE.value, url=url)
        await asyncio.sleep(_AGAIN_S)
