"""Ingest workers: which of them run here, and what one that runs in a process of its own tells of itself.

The first worker runs inside the service, under the name in the settings. The others are named after it, by number
(`worker.1` is followed by `worker.2`), and each needs a certificate of its own: the broker would let two clients of one
name kick each other off. Left to the machine, there is one worker for each core, as far as certificates go: a worker
is bound by its interpreter's lock, and so uses up one core and no more.
"""

from collections.abc import Set
from typing import Final

import msgspec

from aggregator.errors import BadSettings

MOST_BY_ITSELF: Final = 4
"""More than that only if the settings say so: broker and database want cores too."""


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker has done since it started, and how it stands."""

    stored: int = 0
    redelivered: int = 0
    refused: int = 0
    refusals: dict[str, int] = {}  # the same, by reason
    store_retries: int = 0
    pieces: int = 0
    waiting: int = 0
    dropped_unacknowledged: int = 0
    lag_s: float = 0.0
    is_subscribed: bool = False
    transits: int = 0
    transits_refused: int = 0


def further_workers(first: str, certified: Set[str], *, wanted: int, cores: int) -> tuple[str, ...]:
    """The workers beside the first one; `wanted` counts it too, and 0 leaves their number to the machine.

    Raises `BadSettings` if more are wanted than have certificates.
    """
    stem, _, number = first.rpartition(".")
    if not number.isdecimal():
        if wanted > 1:
            raise BadSettings(f"broker.worker = {first!r} has no number: name it worker.1, that others may follow it")
        return ()
    names = tuple(f"{stem}.{int(number) + step}" for step in range(1, wanted or min(cores, MOST_BY_ITSELF)))
    missing = [name for name in names if name not in certified]
    if missing and wanted:
        raise BadSettings(f"ingest.workers: {missing[0]} has no certificate; `aggregator broker client {missing[0]}`")
    return names[: names.index(missing[0])] if missing else names
