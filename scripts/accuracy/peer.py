"""The commercial reader beside ours, if it is here: a process of its own that answers one picture at a time.

SimpleLPR is proprietary; its trial installs from the package index into an environment of its own. Nobody has to have
it: without it the tables have a column less. It is told which countries to expect, and its text is scored twice: raw,
and as the syntax of the likeliest of them has it. Of its candidates the one counts that a country's syntax fits, else
the one in the largest print: it also reads the names of towns.
"""

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from interop_env import ROOT, is_made, python_of

from accuracy.answers import Said
from accuracy.clock import Clock
from accuracy.pictures import Picture
from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections
from protocol.plates import normalise

NAME: Final = "simplelpr"
EUROPE: Final = (
    "Albania", "Andorra", "Austria", "Belarus", "Belgium", "Bosnia and Herzegovina", "Bulgaria", "Croatia", "Cyprus",
    "Czech-Republic", "Denmark", "Estonia", "Finland", "France", "Germany", "Greece", "Hungary", "Iceland", "Ireland",
    "Italy", "Kosovo", "Latvia", "Lithuania", "Luxembourg", "Malta", "Netherlands", "Norway", "Poland", "Portugal",
    "Romania", "Russia", "Slovakia", "Slovenia", "Spain", "Sweden", "Switzerland", "Turkey",
    "UK-GreatBritain", "Ukraine",
)  # fmt: skip
COUNTRIES: Final = {"scenes_eu": EUROPE, "scenes_br": ("Brazil",)}
"""What it is told to expect; groups that are not here it cannot read at all."""


class PeerMissing(Exception):
    """It cannot be run here; the text says why."""


class Peer:
    """One running SimpleLPR. Use it as a context."""

    def __init__(self, python: Path) -> None:
        script = Path(__file__).with_name("simplelpr_peer.py")
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [python, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )
        self.version = str(self._line()["version"])
        self.names = "SimpleLPR raw", "SimpleLPR by syntax"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def said(self, picture: Picture, clock: Clock) -> dict[str, Said]:
        """Find and read in one, by name of the answer; a group it has no country for is the caller's error."""
        assert self._process.stdin is not None  # noqa: S101  asked for above
        asked = {"countries": COUNTRIES[picture.group], "file": str(picture.path)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._line()
        clock.note("peer", picture.file, cpu_ms=answer["cpu_ms"], wall_ms=answer["wall_ms"])
        return dict(zip(self.names, (said_of(answer["plates"], form) for form in ("raw", "by_country")), strict=True))

    def _line(self) -> dict[str, Any]:  # Any: JSON
        assert self._process.stdout is not None  # noqa: S101  asked for above
        line = self._process.stdout.readline()
        if not line:
            raise PeerMissing(f"{NAME} ended with code {self._process.wait()}")
        answer = json.loads(line)
        assert isinstance(answer, dict)  # noqa: S101  as the other side writes it
        return answer


def said_of(plates: list[dict[str, Any]], form: str) -> Said:  # Any: JSON
    """The plate that counts, in one of its forms; boxes around all candidates' corners, the chosen one the surest."""
    if not plates:
        return Said(Detections.none(), None, "", ())
    boxes = np.array([_around(plate["corners"]) for plate in plates], np.float32)
    best = max(plates, key=lambda plate: (bool(plate["by_country"]), plate["height"]))
    found = Detections(boxes, np.array([plate is best for plate in plates], np.float32))
    characters = best[form] or best["raw"]
    kept = [(normalise(glyph), probability) for glyph, probability in characters if normalise(glyph)]
    return Said(
        found,
        _around(best["corners"]),
        "".join(glyph for glyph, _ in kept),
        tuple(probability for _, probability in kept),
    )


def _around(corners: list[list[float]]) -> Xyxy:
    across, down = zip(*corners, strict=True)
    return min(across), min(down), max(across), max(down)


def open_peer(*, install: bool) -> Peer:
    """Start it; raises `PeerMissing` where it is not installed and `install` does not allow to, or cannot be."""
    if not install and not is_made(NAME, ROOT / "build" / f"{NAME}-venv"):
        raise PeerMissing(f"{NAME} is not installed: `python scripts/interop_env.py {NAME}` does it, or --peer")
    try:
        return Peer(python_of(NAME))
    except (subprocess.CalledProcessError, OSError) as exc:
        raise PeerMissing(f"{NAME} cannot be installed here: {exc}") from exc
