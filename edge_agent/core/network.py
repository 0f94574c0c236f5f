"""The box's way to the network, as NetworkManager keeps it: a keyfile for each line, made from what a technician says.

Rules
- A line of ours is named `atalaya-DEVICE` and has an id made from that name, so that saying it again replaces it. It
  outranks what NetworkManager makes up by itself (`Wired connection 1`).
- A keyfile may hold a PIN or a password: it goes into a file that root alone reads, never into a command line.
- A static address without a gateway is allowed: a second line for cameras has none.
- IPv6 is switched off on a line with a static IPv4 address, so that there is one way in and one way out.
"""

import uuid
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Final, TypeAlias

from edge_agent.errors import BadNetwork

PRIORITY: Final = 50
NAMESPACE: Final = uuid.UUID("5b1f7c52-1a3f-5f0e-9d4f-8a0c6d1f2b11")
VLAN_IDS: Final = range(1, 4095)  # IEEE 802.1Q: 0 and 4095 are taken
_DEVICE_MAX: Final = 15  # IFNAMSIZ of the kernel, less its end


@dataclass(frozen=True, slots=True)
class Static:
    """A fixed address. `metric` decides between two lines with a gateway; the lower wins."""

    address: IPv4Interface
    gateway: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Wired:
    """A cable: an address of its own, or one from DHCP."""

    device: str
    static: Static | None = None


@dataclass(frozen=True, slots=True)
class Vlan:
    """A tagged network on a cable."""

    parent: str
    tag: int
    static: Static | None = None

    @property
    def device(self) -> str:
        """What the kernel calls it."""
        return f"{self.parent}.{self.tag}"


@dataclass(frozen=True, slots=True)
class Mobile:
    """A modem that ModemManager knows. `device` is its control port, or empty for whatever modem there is."""

    apn: str
    device: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)


Line: TypeAlias = Wired | Vlan | Mobile


def name_of(line: Line) -> str:
    """The connection's name."""
    return f"atalaya-{line.device or 'modem'}"


def keyfile(line: Line) -> str:
    """The file that NetworkManager reads; raises `BadNetwork` for what it would not take."""
    _check(line)
    name = name_of(line)
    head: dict[str, object] = {
        "id": name,
        "uuid": uuid.uuid5(NAMESPACE, name),
        "type": {Wired: "ethernet", Vlan: "vlan", Mobile: "gsm"}[type(line)],
        "autoconnect-priority": PRIORITY,
        "autoconnect-retries": 0,
    }
    if line.device:
        head["interface-name"] = line.device
    sections = {"connection": head, **_own(line), **_addresses(None if isinstance(line, Mobile) else line.static)}
    return "\n".join(_section(title, values) for title, values in sections.items())


def without_secrets(line: Line) -> Line:
    """The same line with stars for password and PIN, to be shown."""
    if not isinstance(line, Mobile):
        return line
    return replace(line, password="***" if line.password else "", pin="***" if line.pin else "")


def static(address: str, gateway: str = "", dns: tuple[str, ...] = ()) -> Static:
    """A fixed address from what was typed; raises `BadNetwork`."""
    try:
        found = IPv4Interface(address)
        if "/" not in address:
            raise BadNetwork(f"{address}: add the network's length, as in {address}/24")
        return Static(found, IPv4Address(gateway) if gateway else None, tuple(map(IPv4Address, dns)))
    except ValueError as exc:
        raise BadNetwork(f"{exc}; want an address as in 192.168.10.20/24") from exc


def _own(line: Line) -> dict[str, dict[str, object]]:
    match line:
        case Vlan(parent=parent, tag=tag):
            return {"vlan": {"flags": 1, "id": tag, "parent": parent}}
        case Mobile(apn=apn, user=user, password=password, pin=pin):
            secret = {"username": user, "password": password, "pin": pin}
            return {"gsm": {"apn": apn, **{key: value for key, value in secret.items() if value}}}
        case Wired():
            return {}


def _addresses(found: Static | None) -> dict[str, dict[str, object]]:
    if found is None:
        return {"ipv4": {"method": "auto"}, "ipv6": {"method": "auto"}}
    address = f"{found.address},{found.gateway}" if found.gateway else str(found.address)
    four: dict[str, object] = {"method": "manual", "address1": address}
    if found.dns:
        four["dns"] = "".join(f"{each};" for each in found.dns)
    if found.gateway is None:
        four["never-default"] = "true"
    return {"ipv4": four, "ipv6": {"method": "disabled"}}


def _section(title: str, values: dict[str, object]) -> str:
    return f"[{title}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def _check(line: Line) -> None:
    device = line.device
    if len(device) > _DEVICE_MAX or not all(each.isalnum() or each in "-_." for each in device):
        raise BadNetwork(f"{device!r}: no name of a network device; `edge-agent network show` lists them")
    if isinstance(line, Vlan) and line.tag not in VLAN_IDS:
        raise BadNetwork(f"VLAN {line.tag}: want 1 to 4094")
    if isinstance(line, Mobile):
        if not line.apn:
            raise BadNetwork("a mobile line needs the provider's APN, as in internet.itelcel.com")
        for text in (line.apn, line.user, line.password, line.pin):
            if not text.isprintable() or text != text.strip() or "\\" in text:
                raise BadNetwork("APN, user, password and PIN: no control characters, outer spaces or backslashes")
    fixed = None if isinstance(line, Mobile) else line.static
    if fixed is not None and fixed.gateway is not None and fixed.gateway not in fixed.address.network:
        raise BadNetwork(f"gateway {fixed.gateway} does not lie in {fixed.address.network}: one of the two is wrong")
