"""What the camera commands show, for people and for programs. No address but its scheme and host."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.adapters.camera_book import BookCamera, shown_of
from edge_agent.adapters.onvif_device import CameraFacts
from edge_agent.adapters.texts import Texts, texts
from edge_agent.core.checks import Check, Verdict
from edge_agent.service.camera_setup import Proof, Seen
from edge_agent.settings import CameraSettings

_STYLES: Final = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


def seen_rows(seen: Iterable[Seen], book: Iterable[BookCamera]) -> list[dict[str, Any]]:  # `Any`: JSON
    """What a discovery found, and which of it is in the book."""
    book = tuple(book)
    return [
        {
            "host": each.found.host,
            "address": each.found.address,
            "name": each.found.name,
            "hardware": each.found.hardware,
            "location": each.found.location,
            "camera": _known(each, book),
            "fault": each.fault,
            **(_facts(each.facts) if each.facts else {}),
        }
        for each in seen
    ]


def show_seen(console: Console, say: Texts, rows: list[dict[str, Any]]) -> None:
    """The same for people."""
    if not rows:
        console.print(say("cameras-none-found"))
        return
    columns = ("host", "camera", "name", "make", "model", "firmware", "serial", "mac", "streams")
    table = Table(*(say(f"cameras-column-{name}") for name in columns))
    for row in rows:
        streams = "\n".join(_stream(each) for each in row.get("profiles", ())) or row["fault"]
        texts_of = (str(row.get(name) or "") for name in columns[:-1])
        table.add_row(*map(Text, (*texts_of, streams)))
    console.print(table)


def proof_row(proof: Proof) -> dict[str, Any]:
    """One camera's trial, in English."""
    say = texts("en")
    return {
        "camera": proof.camera,
        "verdict": proof.verdict.name.lower(),
        "stream": _figures(proof),
        "onvif": _facts(proof.facts) if proof.facts else None,
        "checks": [
            {"check": c.name, "verdict": c.verdict.name.lower(), "value": c.value, "remedy": remedy_of(c, say)}
            for c in proof.checks
        ],
    }


def show_proof(console: Console, say: Texts, proof: Proof) -> None:
    """The same for people: what is wrong beside what to do."""
    table = Table("", say("cameras-column-check"), say("cameras-column-value"), title=Text(proof.camera))
    for check in proof.checks:
        verdict = Text(say(f"verdict-{check.verdict.name.lower()}"), _STYLES[check.verdict])
        told = "\n".join(part for part in (check.value, remedy_of(check, say)) if part)
        table.add_row(verdict, Text(say(f"cameras-check-{check.name.replace('_', '-')}")), Text(told))
    console.print(table)


def remedy_of(check: Check, say: Texts) -> str:
    """What to do; empty for what is well."""
    return say(check.remedy.message, **check.remedy.variables) if check.remedy else ""


def list_rows(settings: Iterable[CameraSettings], book: Iterable[BookCamera]) -> list[dict[str, Any]]:
    """Every camera of the box, and where it stands."""
    book = tuple(book)
    ours = {each.camera for each in book}
    return [
        *(
            {"camera": each.camera, "in": "settings", "address": shown_of(each.url), "onvif": each.onvif,
             "frames_per_s": each.frames_per_s}
            for each in settings if each.camera not in ours
        ),
        *(
            {"camera": each.camera, "in": "book", "address": each.shown, "onvif": each.onvif,
             "frames_per_s": each.frames_per_s, "profile": each.profile, "added": each.added.isoformat(),
             **msgspec.structs.asdict(each.hardware),
             "earlier": [
                 {**msgspec.structs.asdict(past.hardware), "address": past.shown, "until": past.until.isoformat()}
                 for past in each.earlier
             ]}
            for each in book
        ),
    ]  # fmt: skip


def show_list(console: Console, say: Texts, rows: list[dict[str, Any]]) -> None:
    """The same for people."""
    if not rows:
        console.print(say("cameras-none"))
        return
    columns = ("camera", "address", "make", "model", "serial", "frames", "in", "earlier")
    table = Table(*(say(f"cameras-column-{name}") for name in columns))
    for row in rows:
        shown = (row["camera"], row["address"], row.get("make"), row.get("model"), row.get("serial"))
        counted = (f"{row['frames_per_s']:g}", say(f"cameras-in-{row['in']}"), len(row.get("earlier", ())) or "")
        table.add_row(*(Text(str(value or "")) for value in (*shown, *counted)))
    console.print(table)


def _known(seen: Seen, book: tuple[BookCamera, ...]) -> str:
    """The camera of the book that this is, by its serial or else its host."""
    serial = seen.facts.serial if seen.facts else ""
    by_serial = (each.camera for each in book if serial and each.hardware.serial == serial)
    by_host = (each.camera for each in book if f"//{seen.found.host}" in f"{each.onvif} {each.shown}")
    return next(by_serial, next(by_host, ""))


def _facts(facts: CameraFacts) -> dict[str, Any]:
    return {
        "make": facts.make,
        "model": facts.model,
        "firmware": facts.firmware,
        "serial": facts.serial,
        "mac": facts.mac,
        "clock_offset_s": facts.clock_offset_s,
        "has_events": facts.has_events,
        "profiles": [
            {"token": p.token, "name": p.name, "codec": p.codec, "width_px": p.width_px, "height_px": p.height_px,
             "frames_per_s": p.frames_per_s, "stream": shown_of(p.url)}
            for p in facts.profiles
        ],
    }  # fmt: skip


def _figures(proof: Proof) -> dict[str, Any] | None:
    found = proof.figures
    if found is None:
        return None
    return {slot: getattr(found, slot) for slot in type(found).__slots__}


def _stream(profile: dict[str, Any]) -> str:
    size, rate = f"{profile['width_px']}x{profile['height_px']}", profile["frames_per_s"]
    return f"{profile['token']}: {profile['codec']} {size} {rate:g}/s"
