"""WS-Discovery: ask the local network who is an ONVIF camera, by UDP multicast, for a bounded time.

Anybody on the network can answer anything. So an answer counts only if it relates to our question, its XML has no
declarations (which could make it huge), and the address that it names is the one it came from: a box must not be sent
to knock, password in hand, on another machine's door.
"""

import asyncio
import socket
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from typing_extensions import override

from edge_agent.core.camera_topics import printable
from edge_agent.errors import BadSettings

GROUP: Final = "239.255.255.250"
PORT: Final = 3702
ASK_S: Final = 4.0
ASK_EVERY_S: Final = 1.0
MAX_FOUND: Final = 256
MAX_ANSWER_BYTES: Final = 64 * 1024

_DISCOVERY: Final = "{http://schemas.xmlsoap.org/ws/2005/04/discovery}"
_ADDRESSING: Final = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
_SCOPE: Final = "onvif://www.onvif.org/"
_PROBE: Final = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<e:Header><w:MessageID>{message}</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""


@dataclass(frozen=True, slots=True)
class Found:
    """A camera that answered: where it answered from, its ONVIF address there, and what it calls itself."""

    host: str
    address: str
    name: str = ""
    hardware: str = ""
    location: str = ""


async def discover(interface: str = "", *, ask_s: float = ASK_S) -> tuple[Found, ...]:
    """Ask for some seconds; gives the cameras by host. Raises `BadSettings` for an interface that cannot be used."""
    loop, message = asyncio.get_running_loop(), f"urn:uuid:{uuid.uuid4()}"
    asker = _Asker(message)
    transport, _ = await loop.create_datagram_endpoint(lambda: asker, sock=_multicast_socket(interface))
    try:
        ends_s = loop.time() + ask_s
        # UDP gets lost, and cameras wait up to half a second so as not to answer all at once.
        while (left_s := ends_s - loop.time()) > 0:
            transport.sendto(_PROBE.format(message=message).encode(), (GROUP, PORT))
            await asyncio.sleep(min(ASK_EVERY_S, left_s))
    finally:
        transport.close()
    if asker.fault and not asker.found:
        raise BadSettings(f"the network refuses to ask for cameras: {asker.fault}; name an interface with --interface")
    return tuple(sorted(asker.found.values(), key=lambda each: socket.inet_aton(each.host)))


def read_answer(raw: bytes, host: str, message: str) -> Found | None:
    """What an answer says, or None if it is not one to our question from the host that it speaks of."""
    if len(raw) > MAX_ANSWER_BYTES or b"<!" in raw:
        return None
    try:
        root = ET.fromstring(raw)  # noqa: S314  declarations are refused above, and the size is bounded
    except ET.ParseError:
        return None
    if (root.findtext(f".//{_ADDRESSING}RelatesTo") or "").strip() != message:
        return None
    addresses = (root.findtext(f".//{_DISCOVERY}XAddrs") or "").split()
    address = next((each for each in addresses if _is_at(each, host)), None)
    if address is None:
        return None
    scopes = (root.findtext(f".//{_DISCOVERY}Scopes") or "").split()
    return Found(host, address, *(_scope(scopes, word) for word in ("name", "hardware", "location")))


class _Asker(asyncio.DatagramProtocol):
    """Collects answers."""

    def __init__(self, message: str) -> None:
        self._message = message
        self.found: dict[str, Found] = {}
        self.fault = ""

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = read_answer(data, addr[0], self._message)
        if answer is not None and len(self.found) < MAX_FOUND:
            self.found[answer.host] = answer

    @override
    def error_received(self, exc: Exception) -> None:
        self.fault = getattr(exc, "strerror", None) or type(exc).__name__


def _multicast_socket(interface: str) -> socket.socket:
    """A socket whose multicast leaves by the interface; by its index, which needs no privilege."""
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        asking.setblocking(False)
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        if interface:
            route = struct.pack("4s4si", socket.inet_aton(GROUP), bytes(4), socket.if_nametoindex(interface))
            asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, route)
        asking.bind(("", 0))
    except OSError as exc:
        asking.close()
        raise BadSettings(f"interface {interface}: {exc.strerror or exc}; `ip addr` lists the interfaces") from exc
    return asking


def _is_at(address: str, host: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.hostname == host and "@" not in parts.netloc


def _scope(scopes: Sequence[str], word: str) -> str:
    head = f"{_SCOPE}{word}/"
    return next((printable(unquote(each.removeprefix(head))) for each in scopes if each.startswith(head)), "")
