"""A camera's user and password, and addresses that hold secrets: from a file, the environment or a prompt, never argv.

What stands on a command line is seen by every user of the machine and kept by the shell. So an address with a
password in it is refused there, with the advice to change that password.
"""

import getpass
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from rich.console import Console

from edge_agent.adapters.capture_stream import is_live
from edge_agent.adapters.onvif_client import Login, OnvifAddress
from edge_agent.adapters.texts import Texts
from edge_agent.errors import BadSettings
from edge_agent.service.camera_setup import Wanted

USER_KEY: Final = "ATALAYA_CAMERA_USER"
PASSWORD_KEY: Final = "ATALAYA_CAMERA_PASSWORD"  # noqa: S105  the name of a variable
ADDRESS_KEY: Final = "ATALAYA_CAMERA_ADDRESS"


def given_login(file: Path | None, environment: Mapping[str, str]) -> Login | None:
    """What a file or the environment gives; raises `BadSettings` for a file that others may read."""
    if file is not None:
        user, _, password = read_secret(file).partition("\n")
        return Login(user.strip(), password.strip("\r\n"))
    if environment.get(USER_KEY) or environment.get(PASSWORD_KEY):
        return Login(environment.get(USER_KEY, ""), environment.get(PASSWORD_KEY, ""))
    return None


def asked_login(say: Texts) -> Login:
    """What a person types; the password is not shown. Raises `BadSettings` where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise BadSettings(say("cameras-no-login", user=USER_KEY, password=PASSWORD_KEY))
    user = asked(say("cameras-ask-user"))
    return Login(user, getpass.getpass(say("cameras-ask-password") + " ") if user else "")


def asked(question: str) -> str:
    """A line that a person types."""
    Console(stderr=True).print(question, end=" ", markup=False, highlight=False)
    return input().strip()


def read_secret(file: Path) -> str:
    """What `-`, standard input, or a file that only its owner can read holds; raises `BadSettings`.

    The installed command runs as the service's user, who cannot open a technician's own file; the shell can.
    """
    if str(file) == "-":
        return sys.stdin.read().strip("\r\n")
    try:
        with file.open(encoding="utf-8") as opened:
            if os.fstat(opened.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise BadSettings(f"{file}: others may read it; `chmod 600 {file}`")
            return opened.read().strip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSettings(
            f"{file}: cannot be read by this user; or give - for the file, and the text on standard input"
        ) from exc


def wanted_of(camera: str, address: str, login: Login, *, is_argv: bool, profile: str, frames_per_s: float) -> Wanted:
    """A camera by an address: `rtsp://...` is its stream, anything else its ONVIF service."""
    if not is_live(address):
        onvif = OnvifAddress.parse(address)
        return Wanted(camera=camera, onvif=onvif, login=login, profile=profile, frames_per_s=frames_per_s)
    parts = urlsplit(address)
    if "@" in address and is_argv:
        raise BadSettings(
            "an address with a password on a command line is seen by every user and kept by the shell: change that "
            f"password on the camera, then give the address by ${ADDRESS_KEY} or --address-file"
        )
    if parts.username is not None:
        login = Login(unquote(parts.username), unquote(parts.password or ""))
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Wanted(camera=camera, stream=address, login=login, profile=profile, frames_per_s=frames_per_s)
