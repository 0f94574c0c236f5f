"""What the published models find, and what they must not be used for: the part of a manifest that no package says."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from edge_agent.adapters import models
from edge_agent.adapters.model_manifest import ModelEntry


class Use(NamedTuple):
    """What a detector's outputs mean, and the limits of a model's use."""

    classes: tuple[str, ...]
    not_for: tuple[str, ...]


_PLATES: Final = Use(("plate",), ("anything but finding plates, to read or to hide them",))
USES: Final = {
    models.PLATE_DETECTOR: _PLATES,
    models.PLATE_DETECTOR_INT8: Use(
        _PLATES.classes, (*_PLATES.not_for, "hiding plates: the full one finds more of them")
    ),
    models.LINE_DETECTOR: Use(("line of text",), ("pictures other than a plate's crop",)),
    models.LINE_READER: Use((), ("text other than plates", "acting on a read that no person has confirmed")),
    models.FACE_DETECTOR: Use(
        ("face",), ("recognising or telling apart people: where a face is, to hide or count it, is all it may say",)
    ),
}


def described(entry: ModelEntry) -> ModelEntry:
    """An entry with what is known of its use."""
    use = USES.get(entry.name)
    return entry if use is None else replace(entry, classes=use.classes, not_for=use.not_for)
