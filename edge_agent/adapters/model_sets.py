"""Which models see together: our own, or the ready ones that others published.

`own` reads a plate in one glance, with weights that come with the program. `ready` finds lines of text first, with
weights that `make models` fetches; it stays for comparison, and for a site that wants it. What hides has a choice of
its own: there a plate missed weighs more than time.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.adapters import models
from edge_agent.core.profiles import Stack


@dataclass(frozen=True, slots=True)
class Search:
    """How large a picture is looked at: its longer side at this share of itself, within bounds."""

    scale: float
    least_px: int
    most_px: int

    def side_px(self, longest_px: int) -> int:
        """The longer side that a network sees."""
        return round(min(max(longest_px * self.scale, self.least_px), self.most_px))


@dataclass(frozen=True, slots=True)
class ModelSet:
    """Models by what they are for. `reading` is in the order in which the reader takes them; so is `reading_int8`,
    empty for a set whose reader has no 8-bit form.

    `plate_side_px` is the longer side at which plates to read are looked for where the settings ask for none: ours
    finds at 512 what the ready one finds at 640, and narrower ones (docs/training.md).
    """

    plates: str
    plates_int8: str
    plate_side_px: int
    reading: tuple[str, ...]
    faces: str
    hidden_plates: str
    """What finds the plates that have to be hidden, at each of `plates_at`; faces at `faces_at`."""
    plates_at: tuple[Search, ...]
    faces_at: Search
    reading_int8: tuple[str, ...] = ()

    def finding(self, *, quantized: bool) -> str:
        """What finds the plates to read, as `inference.quantized` asks."""
        return self.plates_int8 if quantized else self.plates

    def read_by(self, *, quantized: bool) -> tuple[str, ...]:
        """What reads them, likewise; without an 8-bit form the full one does."""
        return (quantized and self.reading_int8) or self.reading

    def used(self, *, quantized: bool = False) -> tuple[str, ...]:
        """All that a box runs then, each once: in 8 bits one network may serve reading and hiding."""
        to_read = self.finding(quantized=quantized), *self.read_by(quantized=quantized)
        return tuple(dict.fromkeys((*to_read, *self.hiding)))

    def side_px(self, asked: int | None) -> int:
        """The longer side at which plates to read are looked for: as the settings ask, else the set's own."""
        return asked or self.plate_side_px

    @property
    def hiding(self) -> tuple[str, str]:
        """What the redactor needs: faces, plates."""
        return self.faces, self.hidden_plates


MODEL_SETS: Final[dict[Stack, ModelSet]] = {
    "own": ModelSet(
        plates=models.PLATE_FINDER,
        plates_int8=models.PLATE_FINDER_INT8,
        plate_side_px=512,
        reading=(models.PLATE_READER,),
        faces=models.FACE_FINDER,
        hidden_plates=models.PLATE_FINDER_INT8,
        plates_at=(Search(2 / 3, 960, 1920),),
        faces_at=Search(1, 640, 3840),
        reading_int8=(models.PLATE_READER_INT8,),
    ),
    "ready": ModelSet(
        plates=models.PLATE_DETECTOR,
        plates_int8=models.PLATE_DETECTOR_INT8,
        plate_side_px=640,
        reading=(models.LINE_DETECTOR, models.LINE_READER),
        faces=models.FACE_DETECTOR,
        hidden_plates=models.PLATE_DETECTOR,
        plates_at=(Search(1 / 3, 640, 960), Search(2 / 3, 1280, 1920)),
        faces_at=Search(1, 640, 2560),
    ),
}
