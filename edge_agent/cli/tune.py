"""`edge-agent tune`: measure this box with the real models, and write the settings it can carry."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.adapters.camera_book import merged, read_book, write_book
from edge_agent.adapters.profiles import box_profile
from edge_agent.adapters.settings_file import replace_settings
from edge_agent.adapters.signed_settings import read_in_force
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.core.profiles import Profile
from edge_agent.core.tuning import LEAST_PER_S, Setup, is_enough, per_camera
from edge_agent.service.tune import Tuning
from edge_agent.service.tune import tune as measure
from edge_agent.settings import find_settings


def tune(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    out: Annotated[Path | None, Parameter(help="Write the changed settings here instead of over the file.")] = None,
    dry_run: Annotated[bool, Parameter(help="Measure and show, write nothing.", negative="")] = False,
    cameras: Annotated[
        int | None, Parameter(help="Cameras to reckon with; else the settings', or the profile's.")
    ] = None,
    profile: Annotated[str, Parameter(help="Profile's name or path; else the settings' `profile`.")] = "",
    language: Annotated[Language | None, Parameter(help="Language; else the terminal's.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")] = False,
) -> int:
    """Choose device, precision, threads, input size and frame rates by measuring; never beyond the profile.

    The agent must not run meanwhile. Comments and all other keys of the file stay.
    """
    say = texts(language_of(os.environ, language))
    path = find_settings(config, os.environ)
    in_force = read_in_force(path)
    settings = merged(in_force.settings)
    found = box_profile(profile or settings.profile)
    count = cameras or len(settings.cameras) or int(found.capacity.cameras.value)
    with Console(stderr=True).status(say("tune-begin")) as status:

        def on_progress(setup: Setup) -> None:
            status.update(say("tune-measuring", setup=_named(setup)))

        tuning = measure(settings, found, cameras=count, on_progress=on_progress)
    is_signed = in_force.document is not None
    written = None if dry_run else out or path
    if written:
        replace_settings(written, _text(tuning, path, is_signed=is_signed, is_elsewhere=out is not None))
    if written and out is None:
        _change_book(settings.identity_dir, tuning)
    if json_:
        print(json.dumps(_as_json(tuning, found, written)))
    else:
        _show(Console(), say, tuning, found, written)
        if is_signed:
            Console().print(say("tune-signed"))
    return 0


def _text(tuning: Tuning, path: Path, *, is_signed: bool, is_elsewhere: bool) -> str:
    """What is written: the whole file changed, or under signed settings the box's own half, or the region's."""
    if is_signed and is_elsewhere:
        return tuning.for_the_region()
    return (tuning.of_the_site() if is_signed else tuning).in_text(path.read_text(encoding="utf-8"), path)


def _change_book(identity_dir: Path, tuning: Tuning) -> None:
    book = read_book(identity_dir)
    changed = tuning.in_book(book)
    if changed != book:
        write_book(identity_dir, changed)


def _as_json(tuning: Tuning, profile: Profile, written: Path | None) -> dict[str, Any]:  # `Any`: JSON
    told: dict[str, Any] = msgspec.to_builtins(tuning)
    return {"profile": profile.name, "written": None if written is None else str(written), **told}


def _show(console: Console, say: Texts, tuning: Tuning, profile: Profile, written: Path | None) -> None:
    site, plan = tuning.site, tuning.plan
    ways = Table(*map(say, ("tune-column-way", "tune-column-rate", "tune-column-each")), title=say("tune-title-ways"))
    for trial in tuning.trials:
        style = "bold green" if trial.setup == plan.setup else ""
        each = min(per_camera(trial, site), profile.capacity.frames_per_s.value)
        ways.add_row(_named(trial.setup), f"{trial.frames_per_s:.1f}", f"{each:g}", style=style)
    console.print(ways)
    table = Table(
        *map(say, ("tune-column-key", "tune-column-was", "tune-column-now", "tune-column-why")),
        title=say("tune-title-settings", profile=profile.name, cameras=site.cameras),
    )
    for change in tuning.changes:
        style = "" if change.was == change.now else "bold"
        why = say(change.why, decode_ms=round(site.decode_ms, 1), cameras=site.cameras)
        table.add_row(Text(change.key), str(change.was), str(change.now), why, style=style)
    console.print(table)
    most = int(profile.capacity.cameras.value)
    if site.cameras > most:
        console.print(say("tune-too-many", most=most, cameras=site.cameras))
    if not is_enough(plan):
        console.print(say("tune-too-slow", got=plan.frames_per_s, least=LEAST_PER_S))
    if written is None:
        console.print(say("tune-dry"))
    else:
        console.print(say("tune-written", path=str(written)))


def _named(setup: Setup) -> str:
    return f"{setup.device} {setup.precision} {setup.workers}x{setup.threads} {setup.plate_side_px} px"
