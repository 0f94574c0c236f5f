"""The box's own addresses on local networks (Linux, IPv4)."""

import fcntl
import ipaddress
import socket
import struct
from typing import Final

from edge_agent.errors import CannotServe

_SIOCGIFADDR: Final = 0x8915
_NAME_BYTES: Final = 15


def local_addresses() -> dict[str, str]:
    """Interface to address, of those that have one; loopback left out."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:_NAME_BYTES])
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # an interface without an address
            found[name] = socket.inet_ntoa(answer[20:24])
    return {name: address for name, address in found.items() if not ipaddress.ip_address(address).is_loopback}


def serving_address(asked: str | None) -> str:
    """The address asked for, else the only private one; raises `CannotServe` that lists what there is."""
    there = local_addresses()
    if asked is not None:
        return _private(asked)
    private = [address for address in there.values() if ipaddress.ip_address(address).is_private]
    if len(private) == 1:
        return private[0]
    listed = ", ".join(f"{name} {address}" for name, address in there.items()) or "none"
    raise CannotServe(f"give --address, the box's own on the network that the phone is in; there is: {listed}")


def _private(asked: str) -> str:
    try:
        address = ipaddress.IPv4Address(asked)
    except ValueError as exc:
        raise CannotServe(f"--address {asked}: want an IPv4 address of this box") from exc
    if not address.is_private or address.is_unspecified:
        raise CannotServe(f"--address {asked}: pictures of the street are served on private networks only")
    return asked
