"""Which models see together: our own, or the ready ones that others published.

`own` reads a plate in one glance, with weights that come with the program. `ready` finds lines of text first, with
weights that `make models` fetches; it stays for comparison, and for a site that wants it. Faces are found by the
same model in both.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.adapters import models
from edge_agent.core.profiles import Stack


@dataclass(frozen=True, slots=True)
class ModelSet:
    """Models by what they are for. `reading` is in the order in which the reader takes them."""

    plates: str
    plates_int8: str
    reading: tuple[str, ...]
    faces: str

    @property
    def names(self) -> tuple[str, ...]:
        """All of them but the 8-bit form, which only `inference.quantized` asks for."""
        return (self.plates, *self.reading, self.faces)


MODEL_SETS: Final[dict[Stack, ModelSet]] = {
    "own": ModelSet(
        plates=models.PLATE_FINDER,
        plates_int8=models.PLATE_FINDER_INT8,
        reading=(models.PLATE_READER,),
        faces=models.FACE_DETECTOR,
    ),
    "ready": ModelSet(
        plates=models.PLATE_DETECTOR,
        plates_int8=models.PLATE_DETECTOR_INT8,
        reading=(models.LINE_DETECTOR, models.LINE_READER),
        faces=models.FACE_DETECTOR,
    ),
}
