"""The lines of a box and the way out: what a technician checks before he blames the command centre.

Rules
- Without a default route nothing is reached: that fails. Several warn, as the kernel takes the lowest metric and the
  other may be the one that was meant.
- A cable that has no carrier, or a line that gets no address, is said of each device that is to be managed.
- A modem under a third of its signal works today and not in the rain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.core.checks import Check, failed, passed, warned

WEAK_PERCENT: Final = 33
CONNECTED: Final = ("connected", "connected (externally)")
LEFT_ALONE: Final = ("unmanaged",)


@dataclass(frozen=True, slots=True)
class Device:
    """A network device and how it stands."""

    device: str
    kind: str
    state: str
    connection: str = ""
    addresses: tuple[str, ...] = ()
    gateway: str = ""
    dns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """How well a modem hears its network."""

    percent: int
    technology: str
    operator: str


@dataclass(frozen=True, slots=True)
class Route:
    """A way out."""

    device: str
    gateway: str
    metric: int


def check_devices(found: Sequence[Device]) -> tuple[Check, ...]:
    """Every device that is to carry something."""
    return tuple(_device(each) for each in found if each.state not in LEFT_ALONE)


def check_route(routes: Sequence[Route]) -> Check:
    """Whether there is one way out."""
    ordered = sorted(routes, key=lambda route: route.metric)
    value = ", ".join(f"{route.gateway} ({route.device})" for route in ordered) or "-"
    if not ordered:
        return failed("network-route", value, "network-no-route")
    if len(ordered) > 1:
        return warned("network-route", value, "network-several-routes", device=ordered[0].device)
    return passed("network-route", value)


def check_signal(found: Signal | None) -> tuple[Check, ...]:
    """The modem's signal, if there is a modem."""
    if found is None:
        return ()
    value = f"{found.percent} % {found.technology} {found.operator}".strip()
    if found.percent < WEAK_PERCENT:
        return (warned("network-signal", value, "network-signal-weak", least=WEAK_PERCENT),)
    return (passed("network-signal", value),)


def _device(found: Device) -> Check:
    value = " ".join(part for part in (found.device, found.state, *found.addresses) if part)
    if found.state == "unavailable":
        return warned("network-device", value, "network-no-carrier", device=found.device)
    if found.state not in CONNECTED:
        return warned("network-device", value, "network-not-connected", device=found.device)
    if not found.addresses:
        return warned("network-device", value, "network-no-address", device=found.device)
    return passed("network-device", value)
