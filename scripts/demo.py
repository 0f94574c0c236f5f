"""`make demo`: a street video played through a box into a city, on this machine, before your eyes.

A city is founded with its keys, broker, database and two officers; a box is enrolled; the officers put some of the
video's plates on the hotlist; the video is played in real time. Nothing is staged: the same programs run in service.
What was expected comes from the video's own script. The last line is one JSON object. DEMO_SECONDS bounds the video.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import Progress
from rich.table import Table
from rich.text import Text
from stack.city import Box, LocalCity
from stack.measure import Stored, events, extra_hits, latencies_ms, percentile, sent, stored
from stack.process import Program, StackError
from street.render import render_street
from street.script import StreetScript, load_script, script_path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "demo"
DEFAULT_SECONDS = 24.0
LEAST_SECONDS, MOST_SECONDS = 6.0, 600.0
AFTER_VIDEO_S = 90.0
FRAMES_PER_S = 10

SETTINGS = f"""
report_interval_s = 5.0
face_count_interval_s = 2.0
lock_memory = false

[inference]
models_dir = "{ROOT / "models"}"
precision = "f32"
threads = 0

[evidence]
keep_redacted_dir = "redacted"
"""

console = Console(highlight=False)


def main() -> int:
    """Run the demonstration; 0 if every expected hit was found and nothing was lost or doubled."""
    seconds = _seconds(os.environ.get("DEMO_SECONDS"))
    video = _video(seconds)
    script = load_script(video)
    with tempfile.TemporaryDirectory(prefix="atalaya-demo-") as folder, _city(Path(folder)) as (city, box):
        with _step(f"two officers put {len(script.hotlist)} of its plates on the hotlist, each with his own key"):
            city.want(script.hotlist)
        agent = city.agent(
            box, "--camera", f"cam-1={video}", "--fps", str(FRAMES_PER_S), "--exit-when-drained",
            "--wait-for-hotlist", "60",
        )  # fmt: skip
        happened = _play(agent, box, seconds)
        outcome = stored(city)
        pictures = _keep_pictures(box)
        summary = _summary(script, outcome, happened, sent(box))
    _say_what_happened(script, outcome, happened, pictures)
    print(json.dumps(summary), flush=True)
    is_good = summary["hits_found"] == summary["hits_expected"] and not summary["lost"] and not summary["duplicates"]
    return 0 if is_good else 1


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text) if text else DEFAULT_SECONDS
    except ValueError:
        seconds = 0.0
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise SystemExit(f"DEMO_SECONDS={text}: want a number from {LEAST_SECONDS:.0f} to {MOST_SECONDS:.0f}")
    return seconds


def _video(seconds: float) -> Path:
    """The street video of this length; rendered once, kept for the next time."""
    video = KEPT / f"street-{seconds:g}s.mp4"
    if not (video.exists() and script_path(video).exists()):
        KEPT.mkdir(exist_ok=True)
        unfinished = video.with_stem(f"{video.stem}-unfinished")
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("rendering a street video (once; it is kept in demo/)", total=None)
            render_street(
                unfinished, seconds=seconds, fps=FRAMES_PER_S, size=(1280, 720), seed=1,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )  # fmt: skip
        script_path(unfinished).replace(script_path(video))
        unfinished.replace(video)
    return video


@contextmanager
def _city(folder: Path) -> Iterator[tuple[LocalCity, Box]]:
    """A founded city with one enrolled box; its servers are stopped at the end, however it comes."""
    city = LocalCity(folder)
    try:
        with _step("found a city: root, certificates, trust bundle, database"):
            city.found()
        with _step("start mosquitto (mTLS, loopback), PostgreSQL and the aggregator"):
            city.start_servers()
        with _step("register a point with its camera; enrol a box: its key never leaves it"):
            city.register("p-012", ["cam-1"])
            box = city.enrol("box-012", "p-012", SETTINGS)
        with _step("two officers make their keys; the root grants them"):
            city.appoint_officers()
        yield city, box
    finally:
        city.stop()


@contextmanager
def _step(text: str) -> Iterator[None]:
    started = time.monotonic()
    with console.status(text):
        yield
    console.print(f"[green]✓[/] {text} [dim]{time.monotonic() - started:.1f} s[/]")


@dataclass
class _Screen:
    """What is shown while the video plays."""

    counts: dict[str, Any] = field(default_factory=dict)
    hits: dict[str, dict[str, Any]] = field(default_factory=dict)
    amended: int = 0
    said: set[str] = field(default_factory=set)

    def take(self, line: dict[str, Any]) -> None:
        """Note what happened."""
        match line["event"]:
            case "frames":
                self.counts = line
            case "hit":
                self.hits[line["hit"]] = line
            case "hit_amended":
                self.amended += 1
            case "picture" if line["hit"] in self.hits:
                self.hits[line["hit"]]["picture"] = line

    def __rich__(self) -> Group:
        """The counts, and a row per hit."""
        counts = self.counts
        table = Table("hit", "match", "confidence", "capture to signed on disk", "redacted in the picture", box=None)
        for hit in self.hits.values():
            picture = hit.get("picture")
            redacted = f"{picture['faces_filled']} faces, {picture['plates_filled']} plates" if picture else "…"
            table.add_row(
                f"[bold]{hit['plate']}[/]", hit["quality"], f"{hit['confidence']:.2f}", f"{hit['latency_ms']:.0f} ms",
                redacted,
            )  # fmt: skip
        line = Text.assemble(
            f"frames {counts.get('frames_in', 0)} (sampled out {counts.get('sampled_out', 0)}, "
            f"dropped {counts.get('dropped', 0)})   vehicles {counts.get('vehicles', 0)}   ",
            (f"reads {counts.get('reads', 0)}", "bold"),
            f" (unreadable {counts.get('unreadable', 0)})   faces counted {counts.get('faces', 0)}",
        )
        return Group(line, table)

    def say_news(self) -> None:
        """For an output that is no terminal: a line for each hit and each picture, once."""
        for hit in self.hits.values():
            key = f"{hit['hit']}{'picture' in hit}"
            if key not in self.said:
                self.said.add(key)
                what = "its redacted picture is ready" if "picture" in hit else f"{hit['latency_ms']:.0f} ms"
                console.print(f"  hit {hit['plate']} ({hit['quality']}): {what}")


def _play(agent: Program, box: Box, seconds: float) -> list[dict[str, Any]]:
    """Let the agent play the video, show what happens, and wait for its end."""
    console.print(f"[bold]the street, {seconds:g} s; what is not on the hotlist is counted and forgotten[/]")
    screen, deadline = _Screen(), time.monotonic() + seconds + AFTER_VIDEO_S
    agent.start()
    try:
        with Live(screen, console=console, refresh_per_second=5, transient=False) as live:
            seen = 0
            while agent.pid is not None and time.monotonic() < deadline:
                seen = _follow(box, screen, seen)
                if not console.is_terminal:
                    screen.say_news()
                live.refresh()
                time.sleep(0.2)
            _follow(box, screen, seen)
        code = agent.wait(5)
    finally:
        agent.stop()
    if code != 0:
        raise StackError(f"the agent ended with {code}; the last it said:\n{agent.tail()}")
    return events(box.events)


def _follow(box: Box, screen: _Screen, seen: int) -> int:
    happened = events(box.events)
    for line in happened[seen:]:
        screen.take(line)
    return len(happened)


def _keep_pictures(box: Box) -> list[Path]:
    """Copy the redacted pictures to demo/pictures, which the next demo empties."""
    target = KEPT / "pictures"
    shutil.rmtree(target, ignore_errors=True)
    if box.pictures.exists():
        shutil.copytree(box.pictures, target)
    return sorted(target.glob("*.jpg"))


def _summary(
    script: StreetScript, outcome: Stored, happened: list[dict[str, Any]], sent_messages: int
) -> dict[str, int | float | None]:
    plates = {hit.plate for hit in outcome.hits}
    took = latencies_ms(happened, outcome.hits)
    return {
        "hits_expected": len(script.expected_hits),
        "hits_found": sum(plate in plates for plate in script.expected_hits),
        "events_sent": sent_messages,
        "events_stored": outcome.distinct,
        "lost": sent_messages - outcome.distinct,
        "duplicates": outcome.messages - outcome.distinct + extra_hits(outcome.hits),
        "hit_ms_p50": percentile(took, 50),
        "hit_ms_p99": percentile(took, 99),
    }


def _say_what_happened(
    script: StreetScript, outcome: Stored, happened: list[dict[str, Any]], pictures: list[Path]
) -> None:
    found = {hit.plate for hit in outcome.hits}
    for plate in script.expected_hits:
        console.print(f"{'[green]✓[/]' if plate in found else '[red]✗ missed[/]'} {plate}")
    others = sum(v.readable is not None for v in script.vehicles) - len(script.expected_hits)
    console.print(f"{others} other readable plates passed: none of them was sent or written anywhere")
    took = latencies_ms(happened, outcome.hits)
    if took:
        console.print(f"capture to commit: median {percentile(took, 50)} ms, slowest {took[-1]:.0f} ms")
    for path in pictures:
        console.print(f"redacted picture: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        console.print(f"[red]demo:[/] {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
