"""The doctor: everything about a box that can be looked at, looked at once, beside a running agent or before one.

    checks = await examine(settings, profile)

Rules
- Each probe has a time limit and its own thread; one that hangs or breaks is a failed check, and the others go on.
- Nothing of a running agent is disturbed: its cameras are judged by its own word, its broker session is left alone, and
  the models are timed for a second or two.
- Before enrolment what needs an identity is not tried, and each such check warns that it was not.
"""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import structlog

from edge_agent.adapters import probe_inference, probe_link
from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.adapters.keystore import Enrolment, load_enrolment
from edge_agent.adapters.probe_camera import LOOK_S, look_at_camera
from edge_agent.adapters.probe_clock import time_service
from edge_agent.adapters.probe_machine import look_at_data_folder, look_at_machine
from edge_agent.adapters.probe_papers import certificate_terms, sealing
from edge_agent.adapters.vision_pool import plan
from edge_agent.core.checks import Check, failed, passed, warned
from edge_agent.core.checks_camera import CameraLook, check_camera
from edge_agent.core.checks_inference import Wanted, check_devices, check_speed
from edge_agent.core.checks_link import (
    check_broker,
    check_names,
    check_sealing,
    check_terms,
    check_time_service,
    check_uplink,
)
from edge_agent.core.checks_machine import check_disk, check_machine
from edge_agent.core.profiles import Profile
from edge_agent.errors import EdgeError, NotEnrolled, NotRunning
from edge_agent.settings import CameraSettings, Settings

QUICK_S: Final = 10.0
LINK_S: Final = 40.0
MODELS_S: Final = 90.0
CAMERA_S: Final = LOOK_S + 12.0
NEEDS_IDENTITY: Final = ("certificate", "dns", "broker", "uplink")

Checks: TypeAlias = tuple[Check, ...]
OnProgress: TypeAlias = Callable[[str], None]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to look at, and how long it may take."""

    name: str
    look: Callable[[], Awaitable[Checks]]
    limit_s: float = QUICK_S


@dataclass(frozen=True, slots=True)
class Patient:
    """A box and what is known of it before the first probe. `status` is the running agent's word."""

    settings: Settings
    profile: Profile
    enrolment: Enrolment | None
    status: dict[str, Any] | None  # `Any`: JSON

    @classmethod
    def of(cls, settings: Settings, profile: Profile) -> "Patient":
        """Ask the agent, if one runs, and read the identity, if there is one; a broken identity is raised."""
        try:
            status = ask(settings.data_dir / NAME, "status")
        except NotRunning:
            status = None
        try:
            enrolment = load_enrolment(settings.identity_dir)
        except NotEnrolled:
            enrolment = None
        return cls(settings, profile, enrolment, status)


async def examine(settings: Settings, profile: Profile, *, on_progress: OnProgress = lambda _: None) -> Checks:
    """Look at everything; the checks in the order in which a technician mends them."""
    try:
        patient = await asyncio.to_thread(Patient.of, settings, profile)
    except EdgeError as exc:
        identity = failed("identity", "-", "doctor-identity-bad", reason=str(exc))
        patient = Patient(settings, profile, None, None)
        return (identity, *await _carried_out(probes(patient), on_progress))
    return (*_standing(patient), *await _carried_out(probes(patient), on_progress))


def probes(patient: Patient) -> tuple[Probe, ...]:
    """What there is to look at on this box."""
    folder = patient.settings.data_dir
    near = (
        Probe("machine", partial(_machine, patient)),
        Probe("disk", lambda: _in_thread(lambda: check_disk(look_at_data_folder(folder), patient.profile))),
        Probe("inference", partial(_inference, patient), MODELS_S),
        Probe("clock-ntp", lambda: _in_thread(lambda: (check_time_service(time_service()),))),
        Probe("sealing", partial(_sealing, patient)),
    )
    return near + _far_probes(patient) + _camera_probes(patient)


def _standing(patient: Patient) -> Checks:
    """Whether the box has an identity, and whether its agent runs."""
    if patient.enrolment is None:
        unseen = [warned(name, "-", "doctor-not-enrolled-skipped") for name in NEEDS_IDENTITY]
        identity: Checks = (warned("identity", "-", "doctor-not-enrolled"), *unseen)
    else:
        identity = (passed("identity", patient.enrolment.facts.device),)
    if patient.status is None:
        return (*identity, warned("agent", "-", "doctor-agent-not-running"))
    return (*identity, passed("agent", f"{patient.status['uptime_s']} s"))


def _far_probes(patient: Patient) -> tuple[Probe, ...]:
    enrolment = patient.enrolment
    if enrolment is None:
        return ()
    facts = enrolment.facts
    hosts = {facts.broker_host, urlsplit(facts.artefacts_url).hostname or ""} - {""}
    return (
        Probe("certificate", lambda: _in_thread(partial(_certificates, enrolment))),
        Probe("dns", partial(_names, hosts)),
        Probe("broker", partial(_broker, patient, enrolment)),
        Probe("uplink", partial(_uplink, enrolment), LINK_S),
    )


def _camera_probes(patient: Patient) -> tuple[Probe, ...]:
    """The agent's word for the cameras it reads; a look of our own at the others."""
    read_by_agent = {each["camera"] for each in (patient.status or {}).get("cameras", ())}

    def probe(camera: CameraSettings) -> Probe:
        name = f"camera {camera.camera}"
        if camera.camera in read_by_agent:
            return Probe(name, partial(_told, patient, camera))
        return Probe(name, partial(_look, camera, patient.profile), CAMERA_S)

    return tuple(map(probe, patient.settings.cameras)) or (Probe("cameras", _no_cameras),)


async def _carried_out(todo: tuple[Probe, ...], on_progress: OnProgress) -> Checks:
    """One after the other: probes that ran together would slow what they measure."""
    found: list[Check] = []
    for probe in todo:
        on_progress(probe.name)
        found += await _limited(probe)
    return tuple(found)


async def _limited(probe: Probe) -> Checks:
    name = probe.name.partition(" ")[0]
    camera = probe.name.partition(" ")[2] or None
    try:
        async with asyncio.timeout(probe.limit_s):
            return await probe.look()
    except TimeoutError:
        seconds = round(probe.limit_s)
        return (failed(name, "-", "doctor-timed-out", camera=camera, seconds=seconds),)
    except (EdgeError, OSError, ssl.SSLError) as exc:
        return (failed(name, "-", "doctor-could-not-look", camera=camera, reason=str(exc)),)


async def _in_thread(look: Callable[[], Checks]) -> Checks:
    return await asyncio.to_thread(look)


async def _machine(patient: Patient) -> Checks:
    is_locked = None if patient.status is None else bool(patient.status.get("memory_is_locked"))
    return check_machine(await asyncio.to_thread(look_at_machine, is_locked=is_locked), patient.profile)


async def _inference(patient: Patient) -> Checks:
    """The real models on the device of the settings, timed."""
    cameras = patient.settings.cameras
    inference = plan(patient.settings.inference, len(cameras), processors=len(os.sched_getaffinity(0)))
    wanted = Wanted(
        device=inference.device,
        precision=inference.precision,
        workers=inference.workers,
        frames_per_s=tuple(camera.frames_per_s for camera in cameras),
    )
    found = check_devices(await asyncio.to_thread(probe_inference.devices), wanted, patient.profile)
    times = await asyncio.to_thread(probe_inference.time_models, inference)
    return (*found, *check_speed(times, wanted, patient.profile, dropped=_dropped(patient.status)))


def _dropped(status: dict[str, Any] | None) -> float | None:  # `Any`: JSON
    """Share of the due frames that a running agent was too busy for."""
    cameras = (status or {}).get("cameras", ())
    dropped = sum(each["dropped"] for each in cameras)
    due = dropped + sum(each["processed"] for each in cameras)
    return dropped / due if due else None


async def _sealing(patient: Patient) -> Checks:
    found = await asyncio.to_thread(sealing, patient.settings)
    return check_sealing(is_hardware=found.is_hardware, hotlist=found.hotlist)


def _certificates(enrolment: Enrolment) -> Checks:
    return check_terms(certificate_terms(enrolment.folder), datetime.now(UTC))


async def _names(hosts: set[str]) -> Checks:
    return check_names({host: await probe_link.resolve(host) for host in sorted(hosts)})


async def _broker(patient: Patient, enrolment: Enrolment) -> Checks:
    facts = enrolment.facts
    where = f"{facts.broker_host}:{facts.broker_port}"
    if (patient.status or {}).get("presence", {}).get("is_connected"):
        return (check_broker(where, "", is_live=True),)
    met = partial(probe_link.broker_refusal, facts.broker_host, facts.broker_port, enrolment.tls())
    return (check_broker(where, await asyncio.to_thread(met), is_live=False),)


async def _uplink(enrolment: Enrolment) -> Checks:
    return check_uplink(await probe_link.measure_uplink(enrolment.facts.artefacts_url, enrolment.tls))


async def _look(camera: CameraSettings, profile: Profile) -> Checks:
    return check_camera(await asyncio.to_thread(look_at_camera, camera), profile)


async def _told(patient: Patient, camera: CameraSettings) -> Checks:
    """The agent's word for a camera that it reads, as it is by now."""
    status = await asyncio.to_thread(ask, patient.settings.data_dir / NAME, "status")
    told = next(each for each in status["cameras"] if each["camera"] == camera.camera)
    fault = "" if told["state"] == "live" else f"{told['state']}: {told['fault'] or '-'}"
    look = CameraLook(camera.camera, told["frames_per_s"], camera.frames_per_s, fault=fault)
    return check_camera(look, patient.profile)


async def _no_cameras() -> Checks:
    return (warned("cameras", "0", "doctor-no-cameras"),)
