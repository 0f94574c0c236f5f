"""`edge-agent profiles`: what each class of hardware runs and can carry."""

import json
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Column, Table

from edge_agent.adapters.profiles import load_profile, profile_names, profile_text
from edge_agent.core.profiles import figures

app = App(name="profiles", help="Look at the firmware profiles.")

Json = Annotated[bool, Parameter(name="--json", help="Print JSON.", negative="")]


@app.command(name="list")
def list_(*, json_: Json = False) -> int:
    """Show every profile that comes with the program."""
    profiles = [load_profile(name) for name in profile_names()]
    if json_:
        print(msgspec.json.encode(profiles).decode())
        return 0
    table = Table(Column("profile", no_wrap=True), "hardware", "runs on", "cameras", "frames/s", "figures measured")
    for each in profiles:
        found = figures(each).values()
        table.add_row(
            each.name,
            each.title,
            f"{each.inference.device} {each.inference.precision}",
            f"{each.capacity.cameras.value:g}",
            f"{each.capacity.frames_per_s.value:g}",
            f"{sum(figure.basis == 'measured' for figure in found)} of {len(found)}",
        )
    Console().print(table)
    return 0


@app.command
def show(name: str, *, json_: Json = False) -> int:
    """Show one profile, after checking it.

    Parameters
    ----------
    name
        A profile's name, or the path of a profile's file.
    """
    profile = load_profile(name)
    print(json.dumps(msgspec.to_builtins(profile)) if json_ else profile_text(name).rstrip())
    return 0
