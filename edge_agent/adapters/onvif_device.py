"""What an ONVIF camera says of itself: make, model, firmware, serial, MAC, its profiles and where they stream.

What a camera says is not trusted: texts are cut to harmless letters, and a stream's host is replaced by the one that we
already talk to, so that no answer can send a password elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from edge_agent.adapters.onvif_client import Login, OnvifAddress, call, clock_offset, device, making_sense
from edge_agent.core.camera_topics import printable
from edge_agent.errors import OnvifFailed

_RTSP_PORT: Final = 554


@dataclass(frozen=True, slots=True)
class Profile:
    """One of a camera's streams as it says it is set up; `url` without user and password."""

    token: str
    name: str
    codec: str
    width_px: int
    height_px: int
    frames_per_s: float
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFacts:
    """What a camera says of itself. `clock_offset_s` is its clock minus the box's, to the second."""

    make: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    mac: str = ""
    clock_offset_s: float | None = None
    has_events: bool = False
    profiles: tuple[Profile, ...] = ()

    @property
    def main(self) -> Profile | None:
        """The stream with the most pixels."""
        return max(self.profiles, key=lambda p: (p.width_px * p.height_px, p.frames_per_s), default=None)


async def ask_camera(address: OnvifAddress, login: Login) -> CameraFacts:
    """Ask a camera all of it; raises `OnvifFailed`, or `OnvifRefused` for a wrong password."""
    async with device(address, login) as camera:
        return await _facts(camera, address)


async def _facts(camera: Any, address: OnvifAddress) -> CameraFacts:  # `Any`: the library's camera
    with making_sense():
        management = await call(camera.create_devicemgmt_service())
        found = await call(management.GetDeviceInformation())
        offset = clock_offset(camera)
        return CameraFacts(
            make=_said(found.Manufacturer),
            model=_said(found.Model),
            firmware=_said(found.FirmwareVersion),
            serial=_said(found.SerialNumber),
            mac=await _mac(management),
            clock_offset_s=offset.total_seconds() if offset is not None else None,
            has_events=any("/events/wsdl" in namespace for namespace in camera.xaddrs),
            profiles=tuple([each async for each in _profiles(camera, address)]),
        )


async def _mac(management: Any) -> str:  # `Any`: the library's service
    """The first interface's address; not every camera tells."""
    try:
        interfaces = await call(management.GetNetworkInterfaces())
    except OnvifFailed:
        return ""
    macs = (getattr(getattr(each, "Info", None), "HwAddress", "") for each in interfaces or ())
    return next((_said(mac).lower() for mac in macs if mac), "")


async def _profiles(camera: Any, address: OnvifAddress) -> Any:  # `Any`: the library's camera; yields `Profile`
    media = await call(camera.create_media_service())
    for each in await call(media.GetProfiles()) or ():
        encoder = each.VideoEncoderConfiguration
        if encoder is None:
            continue
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        where = await call(media.GetStreamUri({"StreamSetup": setup, "ProfileToken": each.token}))
        size, rate = encoder.Resolution, encoder.RateControl
        yield Profile(
            token=_said(each.token),
            name=_said(each.Name),
            codec=_said(encoder.Encoding).lower(),
            width_px=int(size.Width) if size else 0,
            height_px=int(size.Height) if size else 0,
            frames_per_s=float(rate.FrameRateLimit) if rate else 0.0,
            url=at_host(str(where.Uri), address.host),
        )


def at_host(url: str, host: str) -> str:
    """A stream's address at the host that we know, without what a camera may have put of a password in it."""
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in {"rtsp", "rtsps"}:
        raise OnvifFailed("it streams by something other than RTSP")
    where = f"[{host}]" if ":" in host else host
    netloc = where if port in {None, _RTSP_PORT} else f"{where}:{port}"
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))


def pick(profiles: Iterable[Profile], token: str) -> Profile | None:
    """The profile of a token."""
    return next((each for each in profiles if each.token == token), None)


def _said(text: object) -> str:
    return printable(str(text or "")).strip()
