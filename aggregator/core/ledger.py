"""The ledger's old lines, folded into ranges: what is kept of them, and which are left as they are.

A line of the ledger costs some 300 bytes with its indexes, and a box writes 1,440 and more of them a day. The ledger
must never forget: a message that comes again after a year must be counted, receipted and not stored, and another one
under the same key refused. For that it needs of each key the hash, and no more.

1. A run of consecutive sequences of one outbox and epoch becomes one range: first, last, and all hashes.
2. Lines are folded when they are older than the settings say and the chain auditor has read them. Gaps, forks and
   breaks are in its memory by then; previous hash, kind and time of a folded line are given up.
3. Lines of a hit, of its amendments and of its evidence stay, and so do their neighbours: an export of evidence shows
   how an envelope arrived and what it was chained to.
4. A range lies within one stretch of `STRETCH` sequences, so that none grows without bound, and holds `LEAST` of them
   or more: a range of a few would save nothing.
5. Folding is no purge: each key still answers as it did. It takes the ledger for itself for a moment, so that no
   message slips in between a line that goes and the range that comes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from protocol.messages import Kind

STRETCH: Final = 4096
LEAST: Final = 16
KEEP_LINES: Final = (Kind.HIT, Kind.HIT_AMENDED, Kind.EVIDENCE, Kind.EVIDENCE_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive sequences of a box's outbox whose lines are due."""

    device: str
    outbox: bytes
    epoch: int
    first: int
    last: int
    first_at: datetime
    last_at: datetime

    @property
    def lines(self) -> int:
        """How many."""
        return self.last - self.first + 1
