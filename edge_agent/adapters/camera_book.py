"""The camera book: the cameras that a technician added, in a file beside the box's identity.

    identity_dir/cameras.json     what each camera is, where it answers, what stood there before it
                                  its address, user and password as one sealed text (`adapters.vault`)

The file may be copied and shown: scheme and host are all of the address that stands in it readably, since
cameras take passwords in paths and queries too. It lies beside the vault that opens it, so that wiping `data_dir`
loses no camera. A camera of the settings with the same id gives way: who stood at the camera knows better.
"""

import base64
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
import structlog

from edge_agent.adapters.capture_stream import is_live, redact_url
from edge_agent.adapters.owned_file import write_owned
from edge_agent.adapters.vault import Vault, open_vault
from edge_agent.errors import BadSettings, VaultError
from edge_agent.settings import CameraSettings, Settings
from protocol.fields import Id

FILE: Final = "cameras.json"
MAX_EARLIER: Final = 16

log = structlog.get_logger()


class Access(msgspec.Struct, frozen=True):
    """How a camera is reached: the stream's address without user info, and the user info. Never shown."""

    url: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # msgspec's metaclass
        """Nothing of it."""
        return "Access(...)"

    def stream(self) -> str:
        """The address with user and password in it, as the capture takes it."""
        if not self.user or not is_live(self.url):
            return self.url
        parts = urlsplit(self.url)
        netloc = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@{parts.netloc}"
        return urlunsplit(parts._replace(netloc=netloc))


class Hardware(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a camera says it is; empty where it was added by the address of its stream."""

    make: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    mac: str = ""


class Earlier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A camera that stood in this one's place, until when."""

    hardware: Hardware
    shown: str
    until: datetime


class BookCamera(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera of the book. `shown` is what of its address may be shown; `profile` is the ONVIF profile's token."""

    camera: Id
    shown: str
    sealed: str
    added: datetime
    onvif: str = ""
    profile: str = ""
    frames_per_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    hardware: Hardware = Hardware()
    earlier: Annotated[tuple[Earlier, ...], msgspec.Meta(max_length=MAX_EARLIER)] = ()

    def replaced(self, new: "BookCamera") -> "BookCamera":
        """The new camera in this one's place, which becomes history."""
        was = Earlier(self.hardware, self.shown, new.added)
        return msgspec.structs.replace(new, earlier=(was, *self.earlier)[:MAX_EARLIER])


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cameras: tuple[BookCamera, ...] = ()


def read_book(identity_dir: Path) -> tuple[BookCamera, ...]:
    """The cameras of the book; raises `BadSettings` for a file that is none."""
    path = identity_dir / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).cameras
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as exc:
        raise BadSettings(
            f"{path}: cannot be read as a camera book ({type(exc).__name__}); restore or remove it"
        ) from exc


def write_book(identity_dir: Path, cameras: tuple[BookCamera, ...]) -> None:
    """Put a book in place."""
    text = msgspec.json.format(msgspec.json.encode(_File(cameras)), indent=2) + b"\n"
    write_owned(identity_dir / FILE, text)


def seal_access(vault: Vault, camera: str, access: Access) -> str:
    """An access as the book holds it, for this camera only."""
    return base64.b64encode(vault.seal(_purpose(camera), msgspec.json.encode(access))).decode()


def open_access(vault: Vault, camera: BookCamera) -> Access:
    """How a camera of the book is reached; raises `VaultError`."""
    try:
        return msgspec.json.decode(vault.open(_purpose(camera.camera), base64.b64decode(camera.sealed)), type=Access)
    except ValueError as exc:  # what msgspec and base64 raise
        raise VaultError(f"camera {camera.camera}: damaged; enter it again with `edge-agent cameras replace`") from exc


def shown_of(url: str) -> str:
    """What of an address may be shown."""
    return redact_url(url)


def merged(settings: Settings) -> Settings:
    """The settings with the book's cameras, in place of those of the same id, and after the others.

    A camera whose access cannot be opened keeps its place without a password: it is then seen to be refused, and the
    others work.
    """
    book = read_book(settings.identity_dir)
    if not book:
        return settings
    vault = _vault(settings.identity_dir)
    ours = {each.camera: _settings_of(each, vault) for each in book}
    theirs = tuple(each for each in settings.cameras if each.camera not in ours)
    return msgspec.structs.replace(settings, cameras=(*theirs, *ours.values()))


def _vault(identity_dir: Path) -> Vault | None:
    try:
        return open_vault(identity_dir)
    except VaultError as exc:
        log.error("cameras_sealed", why=str(exc))  # noqa: TRY400  no frames in a log
        return None


def _settings_of(camera: BookCamera, vault: Vault | None) -> CameraSettings:
    url = camera.shown
    try:
        url = open_access(vault, camera).stream() if vault else url
    except VaultError as exc:
        log.error("camera_sealed", camera=camera.camera, why=str(exc))  # noqa: TRY400  no frames in a log
    return CameraSettings(camera=camera.camera, url=url, frames_per_s=camera.frames_per_s, onvif=camera.onvif)


def _purpose(camera: str) -> str:
    return f"camera/{camera}"
