"""Who drives through the acceptance clip, and what their plates are for.

Half of the cars are wanted in one way or another, half are nobody's business. Two of the latter come as close to an
entry as a car can that must not be reported: two substitutions out of the confusion table, and two outside it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray
from street.plates import Plate, PlateClass
from street.render import render_street
from street.script import StreetScript
from street.traffic import Wish

from edge_agent.core.frames import Frame
from edge_agent.core.pipeline import CameraPipeline
from edge_agent.core.reads import Read
from protocol.names import CameraId
from tests.simulators.drawn import agent_vision

SECONDS: Final = 16
FPS: Final = 5
LEAST_TEXT: Final = 6
"""Shorter texts stand by chance in many megabytes."""

EXACT: Final = "FKR394A"
WITHDRAWN: Final = "MKV395F"
"""Wanted while it passes, cleared later."""
POSSIBLE: Final = "HXP295"
POSSIBLE_ENTRY: Final = "HXP295E"
"""The entry has one character more at its end than the car."""
LATE: Final = "PRW847H"
"""Wanted only after it has passed."""
EXPIRED: Final = "EXH629K"
"""Wanted until shortly before it passes."""
NEAR_BY_TABLE: Final = "NKY395F"
"""`WITHDRAWN` with two of the confusion table's substitutions."""
NEAR: Final = "FKR397E"
"""`EXACT` with two other substitutions."""
STRANGER: Final = "JFE736R"
ABSENT: Final = "ZHK583W"
"""Wanted, and never comes by."""

STRANGERS: Final = (NEAR_BY_TABLE, NEAR, STRANGER)
_SHOWN: Final = {
    EXACT: "FKR-394-A",
    NEAR_BY_TABLE: "NKY-395-F",
    WITHDRAWN: "MKV-395-F",
    NEAR: "FKR-397-E",
    POSSIBLE: "HXP-295",
    EXPIRED: "EXH-629-K",
    LATE: "PRW-847-H",
    STRANGER: "JFE-736-R",
}
"""In the order in which they come, the two lanes in turn."""


@dataclass(frozen=True)
class Clip:
    """The video, its script, and what the reader makes of it."""

    video: Path
    script: StreetScript

    @cached_property
    def frames(self) -> list[NDArray[np.uint8]]:
        """The decoded pictures."""
        with av.open(str(self.video)) as container:
            return [np.asarray(f.to_ndarray(format="bgr24"), np.uint8) for f in container.decode(video=0)]

    @cached_property
    def reads(self) -> list[Read]:
        """What the box's own pipeline reads: first votes and later ones."""
        vision, camera, now = agent_vision(), CameraId("cam-1"), datetime.now(UTC)
        pipeline = CameraPipeline(camera, vision.plates, vision.reader)
        outputs = [
            pipeline.process(Frame(camera, index, now, index / FPS, image)) for index, image in enumerate(self.frames)
        ]
        return [read for output in (*outputs, pipeline.flush()) for read in output.reads]

    def texts_of_non_hits(self) -> frozenset[str]:
        """All that the reader took for the text of a car that nobody was looking for: votes, looks, candidates."""
        told = {EXACT, WITHDRAWN, POSSIBLE, LATE}
        reads = [read for read in self.reads if read.text not in told]
        texts = {text for r in reads for text in (r.text, r.observed, *(c.text for c in r.candidates))}
        return frozenset(text for text in texts if len(text) >= LEAST_TEXT and not any(text in hit for hit in told))


def render_clip(folder: Path) -> Clip:
    """Render the clip. The script, which holds every plate, lies beside it: keep both away from what is searched."""
    wishes = [
        Wish(Plate(shown, PlateClass.PRIVATE, "COAHUILA"), plate not in STRANGERS, is_approaching=index % 2 == 0)
        for index, (plate, shown) in enumerate(_SHOWN.items())
    ]
    video = folder / "street.mp4"
    return Clip(video, render_street(video, seconds=SECONDS, fps=FPS, size=(1280, 720), seed=11, vehicles=wishes))


def shown(plate: str) -> str:
    """A plate as it is embossed."""
    return _SHOWN.get(plate, plate)
