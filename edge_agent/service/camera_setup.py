"""What a technician does with cameras: find them, prove one, put it in the book or in another's place.

A camera is proven before it is written down: its ONVIF service is asked who it is, its stream is read for some
seconds, and only one whose picture comes gets into the book.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.adapters.camera_book import (
    Access,
    BookCamera,
    Hardware,
    read_book,
    seal_access,
    shown_of,
    write_book,
)
from edge_agent.adapters.camera_probe import probe_stream
from edge_agent.adapters.capture_stream import is_live
from edge_agent.adapters.onvif_client import Login, OnvifAddress
from edge_agent.adapters.onvif_device import CameraFacts, ask_camera, pick
from edge_agent.adapters.onvif_discovery import Found, discover
from edge_agent.adapters.vault import open_vault
from edge_agent.core.camera_probe import StreamFigures, checks_of
from edge_agent.core.checks import Check, Verdict, failed, passed, warned, worst
from edge_agent.errors import (
    BadSettings,
    CameraLost,
    CameraRefused,
    CameraStalled,
    CameraUnusable,
    EdgeError,
    OnvifFailed,
    OnvifRefused,
)
from edge_agent.service.camera_events import login_of
from edge_agent.settings import CameraSettings

ASK_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A camera as a technician names it: by its ONVIF address, or by its stream's. `profile` chooses among streams."""

    camera: str
    onvif: OnvifAddress | None = None
    stream: str = field(default="", repr=False)
    login: Login = field(default_factory=Login, repr=False)
    profile: str = ""
    frames_per_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was seen of a camera, and what to think of it."""

    camera: str
    checks: tuple[Check, ...]
    figures: StreamFigures | None = None
    facts: CameraFacts | None = None
    access: Access | None = None
    profile: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of its checks."""
        return worst(self.checks)


@dataclass(frozen=True, slots=True)
class Seen:
    """A camera that answered a discovery, with what it said of itself to our password, or why it did not."""

    found: Found
    facts: CameraFacts | None = None
    fault: str = ""


async def find(interface: str, ask_s: float, login: Login | None) -> tuple[Seen, ...]:
    """Every ONVIF camera of the local network; with a login, each is asked who it is, some at once."""
    found = await discover(interface, ask_s=ask_s)
    if login is None:
        return tuple(Seen(each) for each in found)
    places = asyncio.Semaphore(ASK_AT_ONCE)

    async def ask(each: Found) -> Seen:
        async with places:
            try:
                return Seen(each, await ask_camera(OnvifAddress.parse(each.address), login))
            except (OnvifFailed, BadSettings) as exc:
                return Seen(each, fault=str(exc))

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(ask(each), name=f"ask-{each.host}") for each in found]
    return tuple(task.result() for task in asking)


async def prove(wanted: Wanted, *, look_s: float) -> Proof:
    """Ask a camera who it is and read its stream."""
    facts, told = None, None
    url, profile = wanted.stream, wanted.profile
    if wanted.onvif is not None:
        facts, told = await _ask(wanted.camera, wanted.onvif, wanted.login)
        if facts is None:
            return Proof(camera=wanted.camera, checks=(told,))
        chosen = pick(facts.profiles, profile) if profile else facts.main
        if chosen is None:
            have = ", ".join(each.token for each in facts.profiles) or "-"
            return Proof(
                camera=wanted.camera,
                checks=(failed("camera_profile", have, "cameras-remedy-profile", camera=wanted.camera, have=have),),
                facts=facts,
            )
        url, profile = chosen.url, chosen.token
    access = Access(url, wanted.login.user, wanted.login.password)
    figures, checks = await look(wanted.camera, access.stream(), wanted.frames_per_s, facts, look_s=look_s)
    before = (told,) if told else ()
    return Proof(
        camera=wanted.camera, checks=(*before, *checks), figures=figures, facts=facts, access=access, profile=profile
    )


async def prove_again(camera: CameraSettings, *, look_s: float) -> Proof:
    """Prove a camera that the box has already."""
    facts, told = None, None
    if camera.onvif:
        facts, told = await _ask(camera.camera, OnvifAddress.parse(camera.onvif), login_of(camera.url))
    figures, checks = await look(camera.camera, camera.url, camera.frames_per_s, facts, look_s=look_s)
    return Proof(camera=camera.camera, checks=(*((told,) if told else ()), *checks), figures=figures, facts=facts)


async def look(
    camera: str, url: str, wanted_per_s: float, facts: CameraFacts | None, *, look_s: float
) -> tuple[StreamFigures | None, Sequence[Check]]:
    """Read a stream and judge it."""
    try:
        figures = await asyncio.to_thread(probe_stream, url, look_s=look_s)
    except (CameraLost, CameraUnusable) as exc:
        return None, (_dead(camera, exc),)
    offset_s = facts.clock_offset_s if facts else None
    return figures, checks_of(camera, figures, wanted_per_s=wanted_per_s, clock_offset_s=offset_s)


def add(identity_dir: Path, wanted: Wanted, proof: Proof, now: datetime) -> BookCamera:
    """Put a proven camera in the book; raises `BadSettings` if the id is taken."""
    book = read_book(identity_dir)
    if any(each.camera == wanted.camera for each in book):
        raise BadSettings(f"{wanted.camera}: there is a camera of this id; use `edge-agent cameras replace`")
    entry = _entry(identity_dir, wanted, proof, now)
    write_book(identity_dir, (*book, entry))
    return entry


def replace(identity_dir: Path, wanted: Wanted, proof: Proof, now: datetime) -> BookCamera:
    """Put a proven camera in another's place: the id stays, what stood there becomes history."""
    book, entry = read_book(identity_dir), _entry(identity_dir, wanted, proof, now)
    old = next((each for each in book if each.camera == wanted.camera), None)
    entry = old.replaced(entry) if old else entry
    kept = tuple(entry if each is old else each for each in book)
    write_book(identity_dir, kept if old else (*book, entry))
    return entry


def remove(identity_dir: Path, camera: str) -> None:
    """Take a camera out of the book, with its history; raises `BadSettings` if it is not in it."""
    book = read_book(identity_dir)
    left = tuple(each for each in book if each.camera != camera)
    if left == book:
        raise BadSettings(f"{camera}: not in the camera book; `edge-agent cameras list` shows where each camera stands")
    write_book(identity_dir, left)


async def _ask(camera: str, address: OnvifAddress, login: Login) -> tuple[CameraFacts | None, Check]:
    """What a camera says of itself, and the check that it does."""
    name = "camera_onvif"
    try:
        facts = await ask_camera(address, login)
    except OnvifRefused:
        return None, failed(name, "-", "cameras-remedy-refused", camera=camera)
    except OnvifFailed as exc:
        return None, failed(name, "-", "cameras-remedy-onvif", camera=camera, why=str(exc), address=str(address))
    value = " ".join(filter(None, (facts.make, facts.model, facts.firmware)))
    if not facts.has_events:
        return facts, warned(name, value, "cameras-remedy-no-events", camera=camera)
    return facts, passed(name, value, camera=camera)


def _dead(camera: str, exc: EdgeError) -> Check:
    """The check of a stream that gives no picture."""
    messages: dict[type[EdgeError], str] = {
        CameraRefused: "cameras-remedy-refused",
        CameraStalled: "cameras-remedy-silent",
        CameraUnusable: "cameras-remedy-unusable",
    }
    message = messages.get(type(exc))
    if message is None:
        return failed("camera_stream", "-", "cameras-remedy-lost", camera=camera, why=str(exc))
    return failed("camera_stream", "-", message, camera=camera)


def _entry(identity_dir: Path, wanted: Wanted, proof: Proof, now: datetime) -> BookCamera:
    if proof.access is None or proof.figures is None:
        raise BadSettings(f"{wanted.camera}: not proven, so not written down")
    facts = proof.facts
    hardware = Hardware(facts.make, facts.model, facts.firmware, facts.serial, facts.mac) if facts else Hardware()
    access = proof.access
    return BookCamera(
        camera=wanted.camera,
        shown=shown_of(access.url) if is_live(access.url) else access.url,
        sealed=seal_access(open_vault(identity_dir), wanted.camera, access),
        added=now,
        onvif=str(wanted.onvif) if wanted.onvif else "",
        profile=proof.profile,
        frames_per_s=wanted.frames_per_s,
        hardware=hardware,
    )
