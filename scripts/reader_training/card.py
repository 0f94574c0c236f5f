"""The model's card: what a manifest says of the reader, written beside the model for whoever signs it."""

from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from reader_training.export import NAME
from reader_training.history import Moment, replace_file
from reader_training.targets import STEPS, SYMBOLS
from reader_training.training import Plan

USES_FORBIDDEN: Final = (
    "to recognise or follow persons",
    "as the only ground to stop or accuse anybody: a read is a candidate until a person has looked",
    "to read plates in order to keep those that match no hotlist entry",
)


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to say of one training."""

    name: str
    version: str
    licence: str
    purpose: str
    input: str
    output: str
    classes: tuple[str, ...]
    training_data: str
    seed: int
    images_seen: int
    plates_pressed: int
    minutes: float
    parameters: int
    temperature: float
    metrics: Moment
    metrics_on: str
    not_for: tuple[str, ...]


def write(into: Path, plan: Plan, moment: Moment, *, parameters: int, photographs: int, made_on: date) -> Path:
    """Write the card of what stands in `into`."""
    card = Card(
        name=NAME,
        version=f"{made_on:%Y.%m.%d}-{moment.images // 1000}k",
        licence="AGPL-3.0-or-later",
        purpose="reads the text of one licence plate, of one line or two, from its crop",
        input="bytes (n, 64, 160, 3), BGR, the plate's box cut by edge_agent.core.plate_crop.cut",
        output=f"steps: probabilities (n, {STEPS}, {SYMBOLS}); CTC, blank first, the upper row's forty steps first",
        classes=("", *"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        training_data=(
            f"{moment.plates} plates of scripts/press_plates.py; {photographs} photographs of openalpr/benchmarks "
            "(AGPL-3.0), split train"
        ),
        seed=plan.seed,
        images_seen=moment.images,
        plates_pressed=moment.plates,
        minutes=round(moment.elapsed_s / 60, 1),
        parameters=parameters,
        temperature=round(moment.temperature, 4),
        metrics=moment,
        metrics_on="photographs and pressed plates that were held back from training, each cut with loosened boxes",
        not_for=USES_FORBIDDEN,
    )
    path = into / f"{NAME}.card.json"
    replace_file(path, msgspec.json.format(msgspec.json.encode(card), indent=1))
    return path
