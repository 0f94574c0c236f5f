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
from functools import partial
from typing import Any, Final

from edge_agent.adapters import probe_inference
from edge_agent.adapters.camera_book import merged
from edge_agent.adapters.camera_probe import LOOK_S, probe_stream
from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.adapters.probe_machine import look_at_data_folder, look_at_machine
from edge_agent.adapters.probe_papers import sealing
from edge_agent.adapters.probe_terms import look_at_terms
from edge_agent.adapters.vision_pool import plan
from edge_agent.core.checks import failed, passed, warned
from edge_agent.core.checks_camera import check_dead, check_seen, check_told
from edge_agent.core.checks_inference import Wanted, check_devices, check_speed
from edge_agent.core.checks_link import check_sealing
from edge_agent.core.checks_machine import check_disk, check_machine
from edge_agent.core.checks_terms import check_terms_held
from edge_agent.core.profiles import Profile
from edge_agent.errors import CameraLost, CameraUnusable, EdgeError
from edge_agent.service.link_probes import far_probes, time_probe
from edge_agent.service.probing import Checks, OnProgress, Patient, Probe, carried_out, in_thread
from edge_agent.service.timekeeper import BUILD_TIME, utc_now
from edge_agent.settings import CameraSettings, Settings
from protocol.clock import to_ms

MODELS_S: Final = 90.0
CAMERA_S: Final = LOOK_S + 15.0
NEEDS_IDENTITY: Final = ("certificate", "dns", "broker", "uplink")


async def examine(settings: Settings, profile: Profile, *, on_progress: OnProgress = lambda _: None) -> Checks:
    """Look at everything; the checks in the order in which a technician mends them."""
    settings = await asyncio.to_thread(merged, settings)
    try:
        patient = await asyncio.to_thread(Patient.of, settings, profile)
    except EdgeError as exc:
        identity = failed("identity", "-", "doctor-identity-bad", reason=str(exc))
        patient = Patient(settings, profile, None, None)
        return (identity, *await carried_out(probes(patient), on_progress))
    return (*_standing(patient), *await carried_out(probes(patient), on_progress))


def probes(patient: Patient) -> tuple[Probe, ...]:
    """What there is to look at on this box."""
    folder = patient.settings.data_dir
    near = (
        Probe("machine", partial(_machine, patient)),
        Probe("disk", lambda: in_thread(lambda: check_disk(look_at_data_folder(folder), patient.profile))),
        Probe("inference", partial(_inference, patient), MODELS_S),
        time_probe(),
        Probe("sealing", partial(_sealing, patient)),
        Probe("terms", partial(_terms, patient)),
    )
    return near + far_probes(patient) + _camera_probes(patient)


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


def _camera_probes(patient: Patient) -> tuple[Probe, ...]:
    """The agent's word for the cameras it reads; a look of our own at the others."""
    read_by_agent = {each["camera"] for each in (patient.status or {}).get("cameras", ())}

    def probe(camera: CameraSettings) -> Probe:
        name = f"camera {camera.camera}"
        if camera.camera in read_by_agent:
            return Probe(name, partial(_told, patient, camera))
        return Probe(name, partial(_look, camera, patient.profile), CAMERA_S)

    return tuple(map(probe, patient.settings.cameras)) or (Probe("cameras", _no_cameras),)


async def _machine(patient: Patient) -> Checks:
    is_locked = None if patient.status is None else bool(patient.status.get("memory_is_locked"))
    return check_machine(await asyncio.to_thread(look_at_machine, is_locked=is_locked), patient.profile)


async def _inference(patient: Patient) -> Checks:
    """The real models on the device of the settings, timed."""
    cameras = patient.settings.cameras
    inference = plan(patient.settings.inference, len(cameras), processors=len(os.sched_getaffinity(0)))
    wanted = Wanted(
        stack=inference.stack,
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
    found = await asyncio.to_thread(sealing, patient.settings, patient.enrolment)
    return check_sealing(is_hardware=found.is_hardware, hotlist=found.hotlist)


async def _terms(patient: Patient) -> Checks:
    """A company's terms; nothing to say of a box of the city itself."""
    if patient.enrolment is None:
        return ()
    now = max(utc_now(), BUILD_TIME)
    found = await asyncio.to_thread(look_at_terms, patient.settings, patient.enrolment, patient.status, to_ms(now))
    return (check_terms_held(found, now),) if found is not None else ()


async def _look(camera: CameraSettings, profile: Profile) -> Checks:
    """A look of our own. What fails names the camera's host at most: its address may hold a password."""
    try:
        found = await asyncio.to_thread(probe_stream, camera.url)
    except (CameraLost, CameraUnusable) as exc:
        return (check_dead(camera.camera, str(exc)),)
    return check_seen(camera.camera, found, camera.frames_per_s, profile)


async def _told(patient: Patient, camera: CameraSettings) -> Checks:
    """The agent's word for a camera that it reads, as it is by now."""
    status = await asyncio.to_thread(ask, patient.settings.data_dir / NAME, "status")
    told = next(each for each in status["cameras"] if each["camera"] == camera.camera)
    if told["state"] != "live":
        return (check_dead(camera.camera, f"{told['state']}: {told['fault'] or '-'}"),)
    return (check_told(camera.camera, told["frames_per_s"], camera.frames_per_s),)


async def _no_cameras() -> Checks:
    return (warned("cameras", "0", "doctor-no-cameras"),)
