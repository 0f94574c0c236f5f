"""The way from this box to its command centre, step by step: cable, address, gateway, names, time, broker, speed.

The steps stand in the order in which one leads to the next, so that the first that fails is the one to mend. It needs
no NetworkManager, but tells more with it.
"""

import asyncio

from edge_agent.adapters import network_manager
from edge_agent.adapters.modem import signal
from edge_agent.adapters.routes import default_routes
from edge_agent.core.checks import Check, failed, warned
from edge_agent.core.checks_network import check_devices, check_route, check_signal
from edge_agent.core.profiles import Profile
from edge_agent.errors import EdgeError, NoNetworkManager
from edge_agent.service.link_probes import far_probes, time_probe
from edge_agent.service.probing import OnProgress, Patient, carried_out
from edge_agent.settings import Settings


async def check_network(
    settings: Settings, profile: Profile, *, on_progress: OnProgress = lambda _: None
) -> tuple[Check, ...]:
    """All steps; those that need the command centre's address only on an enrolled box."""
    patient = await asyncio.to_thread(Patient.of, settings, profile)
    near = await asyncio.to_thread(_near)
    unknown = () if patient.enrolment else (warned("identity", "-", "network-not-enrolled"),)
    probes = (time_probe(), *far_probes(patient))
    return (*near, *unknown, *await carried_out(probes, on_progress))


def _near() -> tuple[Check, ...]:
    return (*_devices(), check_route(default_routes()), *check_signal(signal()))


def _devices() -> tuple[Check, ...]:
    try:
        network_manager.check_there()
        return check_devices(network_manager.devices())
    except NoNetworkManager as exc:
        return (warned("network-device", "-", "network-no-network-manager", reason=str(exc)),)
    except EdgeError as exc:
        return (failed("network-device", "-", "network-could-not-look", reason=str(exc)),)
