"""The ONVIF library, tamed: imported when it is first wanted, held to time limits, and quiet about passwords.

onvif-zeep-async sets up the root logger and drops proxy variables when it is imported or used; zeep's debug lines
hold whole envelopes. Neither may reach the agent's log. Whatever goes wrong leaves here as an `OnvifFailed`, whose
text holds nothing of the peer's but a fault's short reason.

Cameras have self-made certificates, so TLS to them is not verified; the password travels as a digest over a nonce.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from typing_extensions import override

from edge_agent.core.camera_topics import printable
from edge_agent.errors import BadSettings, OnvifFailed, OnvifRefused

CALL_S: Final = 8.0
SERVICE_PATH: Final = "/onvif/device_service"


@dataclass(frozen=True, slots=True)
class Login:
    """A camera's user and password; both empty where it wants none."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OnvifAddress:
    """Where a camera's ONVIF service answers."""

    host: str
    port: int
    is_tls: bool = False

    @classmethod
    def parse(cls, text: str) -> "OnvifAddress":
        """From `http://HOST[:PORT]/...`, `HOST:PORT` or `HOST`; raises `BadSettings`. It may hold no password."""
        parts = urlsplit(text if "://" in text else f"http://{text}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or port == -1:
            raise BadSettings("an ONVIF address is http://HOST[:PORT], without user and password")
        is_tls = parts.scheme == "https"
        return cls(parts.hostname, port or (443 if is_tls else 80), is_tls)

    @override
    def __str__(self) -> str:
        """The address as it is kept and shown."""
        scheme, usual = ("https", 443) if self.is_tls else ("http", 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}" + ("" if self.port == usual else f":{self.port}")


@asynccontextmanager
async def device(address: OnvifAddress, login: Login) -> AsyncIterator[Any]:  # `Any`: the library has no types
    """The library's camera, its services looked up, its clock's offset allowed for; closed at the end."""
    make = await asyncio.to_thread(_library)
    host = f"https://{address.host}" if address.is_tls else address.host
    camera = make(
        host, address.port, login.user or None, login.password or None,
        no_cache=True, adjust_time=True, nat_override=True,
    )  # fmt: skip
    try:
        await call(camera.update_xaddrs())
        yield camera
    finally:
        await camera.close()


async def call(work: Any, *, limit_s: float = CALL_S) -> Any:  # `Any`: what the camera's answer is made of
    """Await one call to a camera; raises `OnvifFailed`."""
    from onvif.exceptions import ONVIFError  # noqa: PLC0415  loaded by `device`
    from onvif.util import is_auth_error  # noqa: PLC0415
    from zeep.exceptions import Error, Fault, TransportError  # noqa: PLC0415

    try:
        with making_sense():
            async with asyncio.timeout(limit_s):
                return await work
    except TimeoutError:
        raise OnvifFailed(f"no answer within {limit_s:g} s") from None
    except Fault as exc:
        kind = OnvifRefused if is_auth_error(exc) else OnvifFailed
        raise kind(printable(exc.message or "a fault without a reason")) from None
    except TransportError as exc:
        kind = OnvifRefused if exc.status_code in {401, 403} else OnvifFailed
        raise kind(f"HTTP status {exc.status_code}") from None
    except (aiohttp.ClientError, OSError) as exc:
        raise OnvifFailed(f"cannot be reached ({type(exc).__name__})") from None
    except (Error, ONVIFError) as exc:
        raise OnvifFailed(f"an answer that is none ({type(exc).__name__})") from None


@contextmanager
def making_sense() -> Iterator[None]:
    """Where a camera's answer is taken apart: what is not there, or is of another kind, is an `OnvifFailed`."""
    try:
        yield
    except (AttributeError, TypeError, ValueError, LookupError, SyntaxError) as exc:
        raise OnvifFailed(f"an answer that is none ({type(exc).__name__})") from None


def clock_offset(camera: Any) -> timedelta | None:  # `Any`: the library's camera
    """The camera's clock minus the box's, to the second, as `device` found it."""
    offset: timedelta | None = camera.dt_diff
    return offset


def _library() -> Any:
    """The library's camera, imported without letting it set up logging; it takes a second the first time."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    from edge_agent.adapters.onvif_camera import Camera  # noqa: PLC0415  so that only who talks to cameras pays for it

    root.handlers[:], root.level = before, level
    for name in ("onvif", "zeep"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return Camera
