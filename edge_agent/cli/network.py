"""`edge-agent network`: this box's lines, a change of them that cannot lock anybody out, and the way to the centre."""

import asyncio
import json
import os
import signal as signals
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.adapters import network_manager
from edge_agent.adapters.keystore import load_enrolment
from edge_agent.adapters.modem import signal
from edge_agent.adapters.probe_clock import time_service
from edge_agent.adapters.profiles import box_profile
from edge_agent.adapters.routes import default_routes
from edge_agent.adapters.texts import Language, language_of, texts
from edge_agent.cli.checks import as_json, show_checks
from edge_agent.core.checks import Verdict, worst
from edge_agent.core.network import Line, Mobile, Vlan, Wired, keyfile, name_of, static, without_secrets
from edge_agent.errors import BadNetwork, NoNetworkManager, NotEnrolled
from edge_agent.service.network_check import check_network
from edge_agent.service.network_trial import Goal, Outcome, try_line
from edge_agent.settings import find_settings, load_settings

app = App(name="network", help="Look at this box's network, and change it without locking yourself out.")
setting = App(name="set", help="Change a line; what does not reach the command centre is put back.")
app.command(setting)

Config = Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")]
Spoken = Annotated[Language | None, Parameter(help="Language; else the terminal's.")]
Json = Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")]
Address = Annotated[str, Parameter(help="Fixed address with the network's length (192.168.10.20/24); else DHCP.")]
Gateway = Annotated[str, Parameter(help="Way out of the network of --address.")]
Dns = Annotated[tuple[str, ...], Parameter(help="Name server; may be given several times.", negative="")]
Confirm = Annotated[str, Parameter(help="HOST:PORT that must answer; else the command centre's broker.")]
Within = Annotated[int, Parameter(help="Seconds until everything is put back if it does not.")]
DryRun = Annotated[bool, Parameter(help="Print the file that NetworkManager would get; no secret in it.", negative="")]


@app.command
def show(*, language: Spoken = None, json_: Json = False) -> int:
    """Show devices, addresses, ways out, the modem's signal, and who keeps the clock."""
    try:
        network_manager.check_there()
        found, why_not = network_manager.devices(), ""
    except NoNetworkManager as exc:
        found, why_not = (), str(exc)
    clock, heard, routes = time_service(), signal(), default_routes()
    if json_:
        told: dict[str, Any] = {"devices": found, "routes": routes, "modem": heard, "time_service": clock}
        print(msgspec.json.encode({**told, "network_manager": why_not or "running"}).decode())
        return 0
    say, console = texts(language_of(os.environ, language)), Console()
    if why_not:
        console.print(Text(say("network-no-network-manager", reason=why_not)))
    table = Table(*(say(f"network-column-{name}") for name in ("device", "state", "address", "gateway", "dns")))
    for each in found:
        table.add_row(each.device, each.state, "\n".join(each.addresses), each.gateway, "\n".join(each.dns))
    if found:
        console.print(table)
    for route in routes:
        console.print(say("network-route-line", gateway=route.gateway, device=route.device, metric=route.metric))
    if heard:
        console.print(say("network-signal-line", percent=heard.percent, what=f"{heard.technology} {heard.operator}"))
    state = {True: "yes", False: "no", None: "unknown"}[clock.is_synchronized]
    console.print(say(f"network-clock-{state}", service=clock.name or "-"))
    return 0


@app.command(name="test")
def try_(*, config: Config = None, language: Spoken = None, json_: Json = False) -> int:
    """Try the way to the command centre step by step; the first that fails is the one to mend."""
    say, settings = texts(language_of(os.environ, language)), load_settings(find_settings(config, os.environ))
    profile = box_profile(settings.profile)
    with Console(stderr=True).status(say("network-testing")):
        checks = asyncio.run(check_network(settings, profile))
    if json_:
        print(json.dumps(as_json(profile.name, checks)))
    else:
        show_checks(Console(), say, say("network-title"), checks)
    return int(worst(checks) is Verdict.FAIL)


@setting.command
def wired(
    device: str, *, address: Address = "", gateway: Gateway = "", dns: Dns = (), config: Config = None,
    confirm: Confirm = "", within: Within = 60, dry_run: DryRun = False, language: Spoken = None,
) -> int:  # fmt: skip
    """Give a cable a fixed address, or let DHCP give it one.

    Parameters
    ----------
    device
        Network device, as in `edge-agent network show`.
    """
    line = Wired(device, static(address, gateway, dns) if address else None)
    return _change(line, config, confirm, within, dry_run=dry_run, language=language)


@setting.command
def vlan(
    parent: str, tag: int, *, address: Address = "", gateway: Gateway = "", dns: Dns = (), config: Config = None,
    confirm: Confirm = "", within: Within = 60, dry_run: DryRun = False, language: Spoken = None,
) -> int:  # fmt: skip
    """Add a tagged network on a cable.

    Parameters
    ----------
    parent
        The cable's device.
    tag
        The VLAN's number, 1 to 4094.
    """
    line = Vlan(parent, tag, static(address, gateway, dns) if address else None)
    return _change(line, config, confirm, within, dry_run=dry_run, language=language)


@setting.command
def mobile(
    *, apn: Annotated[str, Parameter(help="The provider's access point, as in internet.itelcel.com.")],
    device: Annotated[str, Parameter(help="The modem's control port; else whatever modem there is.")] = "",
    user: Annotated[str, Parameter(help="User name, if the provider wants one.")] = "",
    password_file: Annotated[Path | None, Parameter(help="File with the provider's password.")] = None,
    pin_file: Annotated[Path | None, Parameter(help="File with the SIM's PIN.")] = None,
    config: Config = None, confirm: Confirm = "", within: Within = 120, dry_run: DryRun = False,
    language: Spoken = None,
) -> int:  # fmt: skip
    """Connect over a 4G modem. Secrets come from files, never from the command line."""
    password, pin = (_secret(path) for path in (password_file, pin_file))
    line = Mobile(apn, device, user, password, pin)
    return _change(line, config, confirm, within, dry_run=dry_run, language=language)


def _change(
    line: Line, config: Path | None, confirm: str, within_s: int, *, dry_run: bool, language: Language | None
) -> int:
    if dry_run:
        print(keyfile(without_secrets(line)), end="")
        return 0
    say, goal = texts(language_of(os.environ, language)), _goal(config, confirm)
    with _undisturbed(), Console(stderr=True).status("") as status:

        def on_progress(step: str) -> None:
            status.update(say(f"network-{step}", line=name_of(line), goal=f"{goal.host}:{goal.port}"))

        trial = try_line(line, goal, within_s=within_s, on_progress=on_progress)
    message = "network-kept" if trial.outcome is Outcome.KEPT else "network-rolled-back"
    Console(stderr=trial.outcome is not Outcome.KEPT).print(
        Text(say(message, line=name_of(line), goal=f"{goal.host}:{goal.port}", reason=trial.reason))
    )
    return int(trial.outcome is not Outcome.KEPT)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """The change may end the session that this runs in; it goes on all the same."""
    before = signals.signal(signals.SIGHUP, signals.SIG_IGN)
    try:
        yield
    finally:
        signals.signal(signals.SIGHUP, before)


def _goal(config: Path | None, confirm: str) -> Goal:
    """What must be reached: as asked, else the broker that the box is enrolled with."""
    if confirm:
        return Goal.parse(confirm)
    try:
        facts = load_enrolment(load_settings(find_settings(config, os.environ)).identity_dir).facts
    except NotEnrolled as exc:
        raise BadNetwork(
            "this box is not enrolled, so nobody knows what it must reach: give --confirm HOST:PORT, something that "
            "answers at the command centre (or the router's web page, as 192.168.1.1:80)"
        ) from exc
    return Goal(facts.broker_host, facts.broker_port)


def _secret(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise BadNetwork(f"{path}: cannot be read") from exc
