"""A fleet of enrolled boxes and what they have to say, signed beforehand.

Half of what is said are hits, half minute reports of four cameras; a backlog is reports only, one for each minute
back from now. Each message has its place in its box's order, as the agent's outbox gives it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from aggregator.adapters import installation, keyfiles
from aggregator.adapters.database import Connection
from aggregator.adapters.registry_store import Registry
from aggregator.core.registry import Camera, Device, Point
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.keys import KeySigner
from protocol.messages import Body, CameraMinute, CameraState, Health, Hit, Kind, Match, Quality, Report
from protocol.order import Identity, Position, seal_message
from protocol.topics import message_topic

CAMERAS: Final = ("cam-1", "cam-2", "cam-3", "cam-4")
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class LoadBox:
    """An enrolled box: who it is, its key, its certificate and key files."""

    who: Identity
    signer: KeySigner
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Said:
    """One signed message and where it goes."""

    topic: str
    raw: bytes


async def enrol_fleet(connection: Connection, settings: Settings, folder: Path, count: int) -> list[LoadBox]:
    """Register points, cameras and boxes, and do both halves of each box's enrolment."""
    boxes = []
    for number in range(1, count + 1):
        name = f"p-{number}"
        point = Point(point_id=name, city_id=settings.city, name=name, latitude=25.4, longitude=-101.0)
        box = await enrol_point(connection, settings, folder, point, device=f"box-{number}", cameras=CAMERAS)
        boxes.append(box)
    return boxes


async def enrol_point(
    connection: Connection, settings: Settings, folder: Path, point: Point, *, device: str, cameras: Sequence[str]
) -> LoadBox:
    """Register a point with its cameras and its box, and do both halves of the box's enrolment."""
    registry, who = Registry(connection), Identity(device=device, city=point.city_id, point=point.point_id)
    await registry.add("point", point)
    for camera in cameras:
        await registry.add("camera", Camera(point_id=who.point, camera_id=camera, heading_deg=90))
    await registry.add("device", Device(device_id=who.device, point_id=who.point))
    key, own = Ed25519PrivateKey.generate(), folder / who.device
    await installation.issue(connection, settings, who.device, _request(who.device, key), own, now=datetime.now(UTC))
    keyfiles.write_private(own / "device.key.pem", key)
    return LoadBox(who, KeySigner(key), own / "device.crt.pem", own / "device.key.pem")


def _request(device: str, key: Ed25519PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, None).public_bytes(Encoding.PEM)


def said_by(box: LoadBox, outbox: bytes, bodies: Sequence[tuple[Kind, Body, int]]) -> list[Said]:
    """The bodies as messages of a new outbox, signed, each made at its milliseconds."""
    position, said = Position.first(outbox).restarted(), []
    for kind, body, created_ms in bodies:
        raw = seal_message(body, position, box.who, box.signer, created_ms=created_ms)
        position = position.after(raw)
        said.append(Said(str(message_topic(box.who, kind)), raw))
    return said


def mixed(count: int, now_ms: int) -> Iterator[tuple[Kind, Body, int]]:
    """Hits and reports by turns."""
    for number in range(count):
        if number % 2:
            yield Kind.REPORT, make_report(number, now_ms - (count - number) * 1000), now_ms
        else:
            yield Kind.HIT, make_hit(number, now_ms), now_ms


def backlog(minutes: int, now_ms: int) -> Iterator[tuple[Kind, Body, int]]:
    """One report for each minute back from now, oldest first."""
    for number in range(minutes):
        from_ms = now_ms - (minutes - number) * MINUTE_MS
        yield Kind.REPORT, make_report(number, from_ms), from_ms + MINUTE_MS


def make_hit(number: int, now_ms: int) -> Hit:
    """A hit of one entry."""
    plate = f"EU{chr(65 + number % 8)}{number % 1000:03d}A"
    return Hit(
        camera=CAMERAS[number % len(CAMERAS)], track=number, plate=plate, observed=plate, confidence=987,
        matches=(Match(entry=f"e-{number:08x}", quality=Quality.EXACT, reason="stolen-vehicle"),),
        hotlist_version=3, captured_ms=now_ms, box=(411, 320, 530, 380), frame_size=(1920, 1080), looks=9,
        format="private car",
    )  # fmt: skip


def make_report(number: int, from_ms: int) -> Report:
    """A minute of four cameras at a lively point."""
    cameras = tuple(
        CameraMinute(
            camera=camera, state=CameraState.LIVE, frames_in=1500, frames_processed=600, sampled_out=900,
            vehicles=40 + number % 7, reads=35, unreadable=5, hits=number % 2, faces=12, frames_face_counted=12,
            detect_us=18_400, read_us=4_100, live_ms=MINUTE_MS,
        )
        for camera in CAMERAS
    )  # fmt: skip
    health = Health(
        temperature_mc=54_000, disk_free_mb=101_000, memory_mb=1_900, cpu_permille=612, outbox_rows=1,
        hotlist_version=3, hotlist_entries=40_000, hotlist_expires_ms=from_ms + 200_000_000, uptime_s=number * 60,
    )  # fmt: skip
    return Report(
        from_ms=from_ms, to_ms=from_ms + MINUTE_MS, cameras=cameras, health=health,
        versions=("agent 1.0.0", "detector 2026-11", "reader 2026-11"),
    )  # fmt: skip


def now_ms() -> int:
    """Milliseconds since 1970, now."""
    return to_ms(datetime.now(UTC))
