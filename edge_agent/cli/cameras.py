"""`edge-agent cameras`: find, add, try, list, replace and remove the cameras of this box.

Users and passwords come by a prompt, a file or the environment (`cli.camera_login`). A camera is proven before it is
written down, and a running agent is told of every change.
"""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.status import Status

from edge_agent.adapters.camera_book import merged, read_book
from edge_agent.adapters.camera_probe import LOOK_S
from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.adapters.onvif_client import Login
from edge_agent.adapters.onvif_discovery import ASK_S
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.cli.camera_login import ADDRESS_KEY, asked, asked_login, given_login, read_secret, wanted_of
from edge_agent.cli.camera_tables import (
    list_rows,
    proof_row,
    seen_rows,
    show_list,
    show_proof,
    show_seen,
)
from edge_agent.core.camera_probe import SETTLE_S
from edge_agent.core.checks import Verdict
from edge_agent.errors import BadSettings, NotRunning
from edge_agent.service import camera_setup
from edge_agent.service.camera_setup import Proof, Wanted
from edge_agent.settings import Settings, find_settings, load_settings
from protocol.names import check_id

Config = Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON.", negative="")]
Speech = Annotated[Language | None, Parameter(help="Of the messages; else the terminal's.")]
Interface = Annotated[str, Parameter(help="Network interface on which to look for cameras.")]
LoginFile = Annotated[
    Path | None, Parameter(help="File (mode 600; - is stdin): user, and password below it.", allow_leading_hyphen=True)
]
Look = Annotated[float, Parameter(help="Seconds to read the stream for.")]
MAX_LOOK_S: Final = 120.0

app = App(name="cameras", help="Find, add, try, list, replace and remove cameras.")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What `add` and `replace` ask of whoever mounts a camera."""

    address_file: Annotated[
        Path | None, Parameter(help="File (mode 600; - is stdin) with the address.", allow_leading_hyphen=True)
    ] = None
    credentials_file: LoginFile = None
    no_login: Annotated[bool, Parameter(help="The camera wants no user and password.", negative="")] = False
    interface: Interface = ""
    profile: Annotated[str, Parameter(help="Token of the camera's stream; else the largest one.")] = ""
    look: Look = LOOK_S


@app.command
def discover(
    *,
    interface: Interface = "",
    seconds: Annotated[float, Parameter(help="How long to wait for answers.")] = ASK_S,
    login: Annotated[bool, Parameter(help="Log in to each camera to see make, serial and streams.")] = False,
    credentials_file: LoginFile = None,
    config: Config = None,
    language: Speech = None,
    json_: Json = False,
) -> int:
    """Ask the local network which ONVIF cameras there are.

    With --login a digest of the password is shown to whatever calls itself a camera: do it in a network that you trust.
    """
    say, settings = _begin(config, language)
    asked = (given_login(credentials_file, os.environ) or asked_login(say)) if login or credentials_file else None
    with _busy(say("cameras-looking", seconds=round(seconds))):
        seen = asyncio.run(camera_setup.find(interface, min(seconds, MAX_LOOK_S), asked))
    rows = seen_rows(seen, read_book(settings.identity_dir))
    if json_:
        print(json.dumps(rows))
    else:
        show_seen(Console(), say, rows)
    return 0


@app.command
def add(
    camera: str,
    address: str | None = None,
    *,
    given: Given | None = None,
    fps: Annotated[float, Parameter(help="Frames a second to look at.")] = 10.0,
    config: Config = None,
    language: Speech = None,
    json_: Json = False,
) -> int:
    """Add a camera once its picture has been seen.

    Parameters
    ----------
    camera
        The camera's id, as the command centre registered it.
    address
        ONVIF: HOST, HOST:PORT or http://...; or the stream itself: rtsp://... without a password. Without it the
        camera is looked for on the local network.
    """
    say, settings = _begin(config, language)
    check_id(camera, "camera")
    if camera in _rates(settings):
        raise BadSettings(say("cameras-taken", camera=camera))
    wanted = _wanted(camera, address, given or Given(), settings, say, fps=fps)
    return _put(wanted, given or Given(), settings, say, is_json=json_)


@app.command
def replace(
    camera: str,
    address: str | None = None,
    *,
    given: Given | None = None,
    fps: Annotated[float, Parameter(help="Frames a second to look at; else as before.")] = 0.0,
    config: Config = None,
    language: Speech = None,
    json_: Json = False,
) -> int:
    """Put another camera in the place of a broken one: it keeps the id, and what stood there is remembered.

    Parameters
    ----------
    camera
        The id of the camera that is replaced.
    address
        The new camera's address, as for `add`; the old one's may be given again, to change its password.
    """
    say, settings = _begin(config, language)
    before = _rates(settings)
    if camera not in before:
        raise BadSettings(say("cameras-unknown", camera=camera))
    wanted = _wanted(camera, address, given or Given(), settings, say, fps=fps or before[camera])
    return _put(wanted, given or Given(), settings, say, is_json=json_)


@app.command(name="test")
def try_(
    *cameras: str,
    look: Look = LOOK_S,
    config: Config = None,
    language: Speech = None,
    json_: Json = False,
) -> int:
    """Read each camera for some seconds and judge what came; exit code 1 if one is no good.

    Parameters
    ----------
    cameras
        Their ids; all without.
    """
    say, settings = _begin(config, language)
    ours = {each.camera: each for each in merged(settings).cameras}
    unknown = [camera for camera in cameras if camera not in ours]
    if unknown or not ours:
        raise BadSettings(say("cameras-unknown", camera=unknown[0]) if unknown else say("cameras-none"))
    proofs = []
    for camera in cameras or ours:
        with _busy(say("cameras-trying", camera=camera, seconds=_whole(look))):
            proofs.append(asyncio.run(camera_setup.prove_again(ours[camera], look_s=min(look, MAX_LOOK_S))))
        if not json_:
            show_proof(Console(), say, proofs[-1])
    if json_:
        print(json.dumps([proof_row(proof) for proof in proofs]))
    return int(any(proof.verdict is Verdict.FAIL for proof in proofs))


@app.command(name="list")
def list_(*, config: Config = None, language: Speech = None, json_: Json = False) -> int:
    """Show the cameras of this box: those of its settings, and those of the camera book."""
    say, settings = _begin(config, language)
    rows = list_rows(settings.cameras, read_book(settings.identity_dir))
    if json_:
        print(json.dumps(rows))
    else:
        show_list(Console(), say, rows)
    return 0


@app.command
def remove(camera: str, *, config: Config = None, language: Speech = None) -> int:
    """Take a camera out of the book, with its history.

    Parameters
    ----------
    camera
        Its id. A camera of the settings file is removed there.
    """
    say, settings = _begin(config, language)
    camera_setup.remove(settings.identity_dir, camera)
    Console().print(say("cameras-removed", camera=camera), markup=False)
    tell_agent(settings, say)
    return 0


def tell_agent(settings: Settings, say: Texts) -> None:
    """Have a running agent begin anew with what was changed, and say whether there is one."""
    try:
        ask(settings.data_dir / NAME, "reload")
    except NotRunning:
        Console(stderr=True).print(say("cameras-agent-not-running"), markup=False)
    else:
        Console(stderr=True).print(say("cameras-agent-told"), markup=False)


def _begin(config: Path | None, language: Language | None) -> tuple[Texts, Settings]:
    return texts(language_of(os.environ, language)), load_settings(find_settings(config, os.environ))


def _rates(settings: Settings) -> dict[str, float]:
    """Every camera of this box, and how many of its frames are looked at."""
    ours = {each.camera: each.frames_per_s for each in read_book(settings.identity_dir)}
    return {each.camera: each.frames_per_s for each in settings.cameras} | ours


def _put(wanted: Wanted, given: Given, settings: Settings, say: Texts, *, is_json: bool) -> int:
    """Prove a camera, write it down, tell the agent."""
    with _busy(say("cameras-trying", camera=wanted.camera, seconds=_whole(given.look))):
        proof = asyncio.run(camera_setup.prove(wanted, look_s=min(given.look, MAX_LOOK_S)))
    _show(proof, say, is_json=is_json)
    if proof.verdict is Verdict.FAIL:
        Console(stderr=True).print(say("cameras-not-added", camera=wanted.camera), markup=False)
        return 1
    now = datetime.now(UTC).replace(microsecond=0)
    write = camera_setup.replace if wanted.camera in _rates(settings) else camera_setup.add
    write(settings.identity_dir, wanted, proof, now)
    Console(stderr=True).print(say("cameras-added", camera=wanted.camera), markup=False)
    tell_agent(settings, say)
    return 0


def _wanted(camera: str, address: str | None, given: Given, settings: Settings, say: Texts, *, fps: float) -> Wanted:
    """What is to be mounted. The address first, since a wrong one needs no password."""
    if not fps > 0:
        raise BadSettings("--fps: want a number above 0")
    is_argv = address is not None
    if address is None:
        secret = read_secret(given.address_file) if given.address_file else os.environ.get(ADDRESS_KEY, "")
        address = secret or _choose(given.interface, settings, say)
    open_to_all = wanted_of(camera, address, Login(), is_argv=is_argv, profile=given.profile, frames_per_s=fps)
    if given.no_login or open_to_all.login.user:
        return open_to_all
    login = given_login(given.credentials_file, os.environ) or asked_login(say)
    return wanted_of(camera, address, login, is_argv=is_argv, profile=given.profile, frames_per_s=fps)


def _choose(interface: str, settings: Settings, say: Texts) -> str:
    """The address of a camera that answers on the network: the only new one, or the one that a person picks."""
    with _busy(say("cameras-looking", seconds=_whole(ASK_S))):
        seen = asyncio.run(camera_setup.find(interface, ASK_S, None))
    rows = [row for row in seen_rows(seen, read_book(settings.identity_dir)) if not row["camera"]]
    if len(rows) == 1:
        return str(rows[0]["address"])
    if not rows or not sys.stdin.isatty():
        raise BadSettings(say("cameras-none-found") if not rows else say("cameras-choose-by-address"))
    console = Console(stderr=True)
    for number, row in enumerate(rows, start=1):
        console.print(f"{number}  {row['host']}  {row['name']} {row['hardware']} {row['location']}", markup=False)
    picked = asked(say("cameras-ask-which"))
    if not picked.isdecimal() or not 1 <= int(picked) <= len(rows):
        raise BadSettings(say("cameras-choose-by-address"))
    return str(rows[int(picked) - 1]["address"])


def _show(proof: Proof, say: Texts, *, is_json: bool) -> None:
    if is_json:
        print(json.dumps(proof_row(proof)))
    else:
        show_proof(Console(), say, proof)


def _busy(text: str) -> Status:
    return Console(stderr=True).status(text)


def _whole(look_s: float) -> int:
    return round(look_s + SETTLE_S)
