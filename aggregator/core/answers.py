"""What a box is told about each envelope it sent.

Stored, now or before: `stored`, every time. Refused: the reason, and whether it is final. A receipt goes to the device
of the topic that the envelope came by, if such a device is registered; presence has no receipts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aggregator.core.ingest import Fate
from protocol.order import Identity
from protocol.receipts import MAX_ITEMS, ReceiptItem, Status
from protocol.refusals import Refusal
from protocol.topics import PRESENCE, Topic


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one delivery: stored, or refused with a reason."""

    topic: Topic
    envelope_hash: bytes
    refusal: Refusal | None


def item_of(outcome: Outcome) -> ReceiptItem:
    """The receipt's line about a delivery."""
    if outcome.refusal is None:
        return ReceiptItem(hash=outcome.envelope_hash, status=Status.STORED)
    reason = outcome.refusal
    return ReceiptItem(hash=outcome.envelope_hash, status=Status.REFUSED, reason=int(reason), is_final=reason.is_final)


def refusal_of(fate: Fate | None) -> Refusal | None:
    """The ledger's word as a refusal. What has no fate could not be stored, for a reason of ours."""
    match fate:
        case Fate.NEW | Fate.REDELIVERED:
            return None
        case Fate.EQUIVOCATION:
            return Refusal.EQUIVOCATION
        case None:
            return Refusal.INTERNAL


def receipts(outcomes: Iterable[Outcome]) -> Iterator[tuple[Identity, tuple[ReceiptItem, ...]]]:
    """The items for each device, no more at a time than a receipt holds, each envelope once."""
    by_device: dict[Identity, dict[bytes, ReceiptItem]] = defaultdict(dict)
    for outcome in outcomes:
        topic = outcome.topic
        if topic.word != PRESENCE:
            who = Identity(device=topic.device, city=topic.city, point=topic.point)
            by_device[who][outcome.envelope_hash] = item_of(outcome)
    for who, by_hash in by_device.items():
        items = tuple(by_hash.values())
        for at in range(0, len(items), MAX_ITEMS):
            yield who, items[at : at + MAX_ITEMS]
