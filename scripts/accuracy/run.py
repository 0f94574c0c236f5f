"""The run itself: every picture to every stack in turns, so that what the machine does meanwhile meets them alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from accuracy.answers import Answer, Said, voted
from accuracy.clock import Clock
from accuracy.peer import COUNTRIES, Peer
from accuracy.pictures import Picture
from accuracy.stacks import Stack, said_by_vote, said_of, surest
from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections
from edge_agent.core.looks import Look


@dataclass(slots=True)
class Run:
    """All answers by stack, and the times of stages: `own detect`, `own read`, `own vote` (all looks), ..., `peer`."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)

    def of(self, stack: str, group: str) -> list[Answer]:
        """Answers of one stack to one group of pictures."""
        return [answer for answer in self.answers.get(stack, []) if answer.picture.group == group]

    @property
    def groups(self) -> list[str]:
        """Groups of pictures in the order they came."""
        return list(dict.fromkeys(answer.picture.group for each in self.answers.values() for answer in each))


def measure(pictures: Sequence[Picture], stacks: Sequence[Stack], peer: Peer | None, rounds: int) -> Run:
    """Ask for every picture; scenes `rounds` times for the clock's sake, crops once."""
    run = Run()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for picture in progress.track(pictures, description="reading"):
            image = picture.pixels()
            said: dict[str, Said] = {}
            for turn in range(rounds if picture.box else 1):
                for stack in stacks if turn % 2 == 0 else reversed(stacks):
                    said |= _ask(stack, picture, image, run.clock)
                if peer is not None and picture.group in COUNTRIES:
                    said |= peer.said(picture, run.clock)
            for name, each in said.items():
                run.answers.setdefault(name, []).append(Answer(picture, each))
    return run


def _ask(stack: Stack, picture: Picture, image: NDArray[np.uint8], clock: Clock) -> dict[str, Said]:
    """One look, and the vote of all, at the box that was found; or at the whole picture, where that is the plate."""
    is_scene = picture.box is not None
    found, what = Detections.none(), "" if is_scene else " crop"
    if is_scene:
        found = clock.timed(f"{stack.name} detect", picture.file, lambda: stack.find(image))
    at = surest(found) if is_scene else _whole(image)
    if at is None:
        return {stack.name: said_of(found, None, Look.blank()), voted(stack.name): said_by_vote(found, None, None)}
    look = clock.timed(f"{stack.name} read{what}", picture.file, lambda: stack.read(image, at))
    outcome = clock.timed(f"{stack.name} vote{what}", picture.file, lambda: stack.vote(image, at))
    return {stack.name: said_of(found, at, look), voted(stack.name): said_by_vote(found, at, outcome)}


def _whole(image: NDArray[np.uint8]) -> Xyxy:
    height, width = image.shape[:2]
    return 0.0, 0.0, float(width), float(height)
