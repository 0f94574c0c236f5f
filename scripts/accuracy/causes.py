"""Why a read is wrong, as far as truth and answer alone can tell.

One cause for each error, the first that holds: nothing was found, something else was read than the plate, nothing was
read of it, only O and 0 or I and 1 differ, characters lost or added (at an end or within), a character taken for its
look-alike, for an unlike one, or several of these. Light, dirt and print are for eyes: `error_page` shows the pictures.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from accuracy.answers import Answer
from accuracy.scoring import edits, folded
from protocol.plates import CONFUSIONS

TOUCHES_IOU = 0.1


class Cause(StrEnum):
    """What went wrong, in words for a table."""

    NOT_FOUND = "no plate found"
    ELSEWHERE = "another place was read"
    NOTHING_READ = "found, but nothing read"
    SAME_FOLDED = "only O for 0 or I for 1"
    LOST_END = "lost at an end"
    LOST_WITHIN = "lost within"
    ADDED_END = "added at an end"
    ADDED_WITHIN = "added within"
    LOOK_ALIKE = "look-alike taken"
    UNLIKE = "unlike character taken"
    SEVERAL = "several faults"


def cause(answer: Answer) -> Cause | None:
    """Why the text is not exact; None if it is."""
    if answer.is_right:
        return None
    if answer.said.xyxy is None:
        return Cause.NOT_FOUND
    if answer.read_iou < TOUCHES_IOU:
        return Cause.ELSEWHERE
    if not answer.said.text:
        return Cause.NOTHING_READ
    if answer.is_right_folded:
        return Cause.SAME_FOLDED
    return _of_characters(edits(folded(answer.said.text), folded(answer.picture.text)))


def _of_characters(pairs: list[tuple[str, str]]) -> Cause:
    wrong = [place for place, (read, true) in enumerate(pairs) if read != true]
    kinds = {_kind(*pairs[place]) for place in wrong}
    if len(kinds) > 1:
        return Cause.SEVERAL
    is_end = _is_outside(wrong, len(pairs))
    match kinds.pop():
        case "added":
            return Cause.ADDED_END if is_end else Cause.ADDED_WITHIN
        case "lost":
            return Cause.LOST_END if is_end else Cause.LOST_WITHIN
        case "alike":
            return Cause.LOOK_ALIKE
        case _:
            return Cause.UNLIKE


def _kind(read: str, true: str) -> str:
    if not true:
        return "added"
    if not read:
        return "lost"
    return "alike" if true in CONFUSIONS[read] else "unlike"


def _is_outside(places: list[int], length: int) -> bool:
    """Whether what is left without these places is one unbroken run."""
    left = [place for place in range(length) if place not in places]
    return not left or left[-1] - left[0] + 1 == len(left)


def tally(answers: Sequence[Answer]) -> Counter[Cause]:
    """How often each cause, of the texts that are not exact."""
    return Counter(found for answer in answers if (found := cause(answer)) is not None)
