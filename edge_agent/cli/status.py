"""`edge-agent status`: ask the running agent how it is."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.settings import find_settings, load_settings
from protocol.clock import from_ms


def status(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    language: Annotated[Language | None, Parameter(help="Language of a company's terms; else the terminal's.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")] = False,
) -> int:
    """Show cameras, outbox, hotlist, connection and versions of the running agent; on a company's box its terms."""
    settings = load_settings(find_settings(config, os.environ))
    found = ask(settings.data_dir / NAME, "status")
    if json_:
        print(json.dumps(found))
    else:
        _print_tables(found, Console(), texts(language_of(os.environ, language)))
    return 0


def _print_tables(found: dict[str, Any], console: Console, say: Texts) -> None:  # `Any`: JSON
    link, outbox, hotlist, hits = found["presence"], found["outbox"], found["hotlist"], found["hits"]
    console.print(f"{found['device']} at {found['city']}/{found['point']}, up {found['uptime_s']} s")
    line = f"connected, number {link['connection']}" if link["is_connected"] else f"not connected: {link['why_not']}"
    console.print(line + ("" if link["clock_is_good"] else "; the clock is wrong"))
    papers = found["certificate"]
    console.print(f"certificate: {papers['standing']}, holds until {papers['ends'][:10]}{_behind(papers['problem'])}")
    console.print(
        f"outbox: {outbox['rows']} waiting ({outbox['bytes']} bytes), {outbox['receipted']} receipted, "
        f"{outbox['dead_letters']} dead letters"
    )
    console.print(_settings_line(found["settings"]), markup=False)
    for line in _terms_lines(found["terms"], say):
        console.print(line, markup=False)
    console.print(f"hotlist: version {hotlist['version']}, {hotlist['entries']} entries")
    if hits["latency_ms_p50"] is not None:
        console.print(f"hit to disk: p50 {hits['latency_ms_p50']} ms, p99 {hits['latency_ms_p99']} ms")
    console.print(_alarms_line(found["alarms"]), markup=False)
    table = Table("camera", "state", "fps", "processed", "dropped", "reads", "hits", "fault")
    for each in found["cameras"]:
        shown = (each[key] for key in ("camera", "state", "frames_per_s", "processed", "dropped", "reads", "hits"))
        table.add_row(*("-" if cell is None else str(cell) for cell in shown), each["fault"] or "")
    console.print(table)


def _terms_lines(terms: dict[str, Any], say: Texts) -> list[str]:  # `Any`: JSON
    """What a company's box may do, for whoever stands before it; nothing on a box of the city itself."""
    if terms["partner"] is None:
        return []
    until_ms = terms["until_ms"]
    until = "-" if until_ms is None else f"{from_ms(until_ms):%Y-%m-%d %H:%M} UTC"
    state = say(f"terms-state-{terms['state'].replace('_', '-')}")
    lines = [say("terms-line", partner=terms["partner"], number=terms["number"] or "-", until=until, state=state)]
    if terms["problem"]:
        lines.append(say("terms-unbelieved", reason=terms["problem"]))
    if terms["closed"]:
        lines.append(say("terms-line-closed", cameras=", ".join(terms["closed"])))
    return lines


def _settings_line(settings: dict[str, Any]) -> str:  # `Any`: JSON
    signed = f"number {settings['number']} of {settings['rollout']}"
    whose = "the local file's" if settings["source"] == "local" else signed
    tried = f", on trial for {settings['trial_left_s']} s more" if settings["trial_left_s"] is not None else ""
    return f"settings: {whose}{tried}" + "".join(f"; {each}" for each in settings["alarms"])


def _alarms_line(alarms: dict[str, Any]) -> str:  # `Any`: JSON
    cameras, buttons = alarms["cameras"], alarms["panic"]
    heard = sum(each["is_subscribed"] for each in cameras)
    standing = ", ".join(f"{each['alarm']} at {each['camera'] or 'a button'}" for each in alarms["standing"])
    deaf = [f"{each['camera']}: {each['fault']}" for each in cameras if each["fault"]]
    deaf += [f"panic {what}: {why}" for what, why in buttons["faults"].items()]
    line = f"alarms: {alarms['said']} messages, standing: {standing or 'none'}; {heard} of {len(cameras)} cameras heard"
    return line + "".join(f"; {each}" for each in deaf)


def _behind(problem: str) -> str:
    return f"; {problem}" if problem else ""
