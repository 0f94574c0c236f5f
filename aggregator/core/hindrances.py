"""What stands in the way of work that goes on by itself, until it does no more: one line of text for each thing.

Who does the work notes it round after round; `/healthz` tells it as warnings. A log that said it each round would say
nothing else, so noting answers with what is new.
"""

from collections.abc import Iterable, Iterator


class Hindrances:
    """By the part of the work that is held up."""

    def __init__(self) -> None:
        """Nothing stands in the way."""
        self._of: dict[str, tuple[str, ...]] = {}

    def note(self, part: str, found: Iterable[str]) -> tuple[str, ...]:
        """All that holds a part up now, and nothing if it goes on; what of it was not there the last time."""
        before, self._of[part] = self._of.get(part, ()), tuple(found)
        return tuple(each for each in self._of[part] if each not in before)

    def __iter__(self) -> Iterator[str]:
        """Every line, part by part."""
        for part, found in self._of.items():
            for each in found:
                yield f"{part}: {each}"
