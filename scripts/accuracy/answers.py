"""What a stack said of a picture, what it took, and how a list of such answers adds up."""

from collections.abc import Sequence
from dataclasses import dataclass

from accuracy.calibration import Bin, calibration_error, reliability
from accuracy.pictures import Picture
from accuracy.scoring import Errors, best_iou, character_accuracy, edits, folded
from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections

_VOTED = " voted"


def voted(name: str) -> str:
    """What a stack is called where all its looks vote."""
    return name + _VOTED


def is_vote(name: str) -> bool:
    """Whether answers under this name are votes, whose characters have no probabilities of their own."""
    return name.endswith(_VOTED)


@dataclass(frozen=True, slots=True)
class Said:
    """A text and the probability of each of its characters; `xyxy` is where it was read, None if nothing was found."""

    found: Detections
    xyxy: Xyxy | None
    text: str
    probabilities: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """The weakest character's probability, as the agent counts it; 0 for no text."""
        return min(self.probabilities, default=0.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one picture."""

    picture: Picture
    said: Said

    @property
    def is_right(self) -> bool:
        """Whether the text is exact."""
        return self.said.text == self.picture.text

    @property
    def is_right_folded(self) -> bool:
        """Whether it is, O taken for 0 and I for 1."""
        return folded(self.said.text) == folded(self.picture.text)

    @property
    def iou(self) -> float:
        """How well the best box fits; 1 where the picture is the plate."""
        return 1.0 if self.picture.box is None else best_iou(self.said.found, self.picture.box)

    @property
    def read_iou(self) -> float:
        """How well the box fits that was read."""
        if self.picture.box is None:
            return 1.0
        return best_iou(self.said.found, self.picture.box, most_confident=True)


@dataclass(frozen=True, slots=True)
class Score:
    """The sum over a group of pictures."""

    strict: Errors
    folded: Errors
    rejects: int
    character_accuracy: float
    recall_50: float
    recall_70: float
    recall_read_50: float


def score(answers: Sequence[Answer]) -> Score:
    """Add up; rejects are pictures without any text."""
    n = len(answers)
    pairs = [(answer.said.text, answer.picture.text) for answer in answers]

    def share(hits: int) -> float:
        return hits / n if n else 0.0

    return Score(
        Errors(sum(not answer.is_right for answer in answers), n),
        Errors(sum(not answer.is_right_folded for answer in answers), n),
        sum(not answer.said.text for answer in answers),
        character_accuracy(pairs),
        share(sum(answer.iou >= 0.5 for answer in answers)),
        share(sum(answer.iou >= 0.7 for answer in answers)),
        share(sum(answer.read_iou >= 0.5 for answer in answers)),
    )


def character_reliability(answers: Sequence[Answer]) -> list[Bin]:
    """Every character that was read: how sure it was, and whether it is the truth's, folded."""
    said: list[float] = []
    right: list[bool] = []
    for answer in answers:
        pairs = [pair for pair in edits(folded(answer.said.text), folded(answer.picture.text)) if pair[0]]
        said += answer.said.probabilities
        right += [one == other for one, other in pairs]
    return reliability(said, right)


def text_reliability(answers: Sequence[Answer]) -> list[Bin]:
    """Every text that was read: its weakest character, and whether the whole is right, folded."""
    texts = [answer for answer in answers if answer.said.text]
    return reliability([a.said.confidence for a in texts], [a.is_right_folded for a in texts])


def calibration_errors(answers: Sequence[Answer]) -> tuple[float, float]:
    """Expected calibration errors of characters and of texts."""
    return calibration_error(character_reliability(answers)), calibration_error(text_reliability(answers))


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left if texts less sure than a threshold are rejected: errors among `kept` of n."""

    threshold: float
    kept: int
    errors: int
    n: int


def rejecting(answers: Sequence[Answer], thresholds: Sequence[float]) -> list[Kept]:
    """What rejecting by confidence would cost and save, folded."""
    rows = []
    for threshold in thresholds:
        kept = [answer for answer in answers if answer.said.text and answer.said.confidence >= threshold]
        rows.append(Kept(threshold, len(kept), sum(not answer.is_right_folded for answer in kept), len(answers)))
    return rows
