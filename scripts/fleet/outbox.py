"""A light box's outbox: the agent's order and the agent's schedule, in memory.

What is said takes its place in the order, is signed, and waits until a receipt moves it (`protocol.delivery`). What
goes next is decided by the agent's own rules (`edge_agent.core.delivery`). It does not outlive the process, and so its
id is drawn anew with each.
"""

import os
from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

from edge_agent.core.delivery import Row, Schedule, Send, Windows
from protocol.delivery import Bury, Forget, Pace, outcome_of
from protocol.delivery import Wait as PutOff
from protocol.envelope import envelope_hash
from protocol.keys import Signer
from protocol.messages import KINDS, Body
from protocol.order import Identity, Position, seal_message
from protocol.receipts import Range, ReceiptItem

_ID_BYTES: Final = 16
_PACE: Final = Pace(first_s=2.0, most_s=300.0)


class Outbox:
    """What one box has said and has no receipt for."""

    def __init__(self, who: Identity, signer: Signer, rng: Random) -> None:
        """A new outbox, in its first epoch."""
        self._who, self._signer = who, signer
        self._position = Position.first(os.urandom(_ID_BYTES)).restarted()
        self._schedule = Schedule(_PACE, Windows(), rng)
        self._rows: dict[int, tuple[Row, bytes]] = {}
        self._by_hash: dict[bytes, int] = {}
        self.buried = 0

    def __len__(self) -> int:
        """How many messages wait for a receipt."""
        return len(self._rows)

    @property
    def id(self) -> bytes:
        """The outbox's random id."""
        return self._position.outbox

    @property
    def said(self) -> int:
        """How many messages have been given a place."""
        return self._position.sequence - 1

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest unanswered message was made."""
        return min((row.created_ms for row, _ in self._rows.values()), default=None)

    def append(self, body: Body, *, created_ms: int) -> bytes:
        """Give a body its place and sign it; the envelope's hash."""
        at = self._position
        raw = seal_message(body, at, self._who, self._signer, created_ms=created_ms)
        row = Row(at.sequence, at.epoch, KINDS[type(body)], envelope_hash(raw), created_ms, len(raw))
        self._rows[row.sequence], self._by_hash[row.hash] = (row, raw), row.sequence
        self._position = at.after(raw)
        self._schedule.add(row)
        return row.hash

    def due(self, now_s: float) -> Iterator[tuple[Row, bytes]]:
        """What is to go now, noted as sent when the next is asked for."""
        while isinstance(step := self._schedule.next(now_s), Send):
            yield self._rows[step.row.sequence]
            self._schedule.sent(step.row.sequence, now_s)

    def pause_s(self, now_s: float) -> float | None:
        """Seconds until something is due; None: not before something changes."""
        step = self._schedule.next(now_s)
        return 0.0 if isinstance(step, Send) else step.seconds

    def settle(self, items: Iterable[ReceiptItem], now_s: float) -> list[Row]:
        """Obey a receipt; which messages are stored now, for the first time that we hear of it."""
        stored = []
        for item in items:
            sequence = self._by_hash.get(item.hash)
            if sequence is None:
                continue
            match outcome_of(item):
                case PutOff():
                    self._schedule.put_off(sequence, now_s)
                case Bury():
                    self.buried += 1
                    self._forget(sequence)
                case Forget():
                    stored.append(self._forget(sequence))
        return stored

    def resend(self, ranges: Iterable[Range]) -> None:
        """Somebody misses these: what is still here goes at once."""
        for each in ranges:
            for sequence in range(each.first, min(each.last, self.said) + 1):
                self._schedule.hurry(sequence)

    def hurry_all(self) -> None:
        """A new connection: everything unanswered is due."""
        self._schedule.hurry_all()

    def _forget(self, sequence: int) -> Row:
        row, _ = self._rows.pop(sequence)
        del self._by_hash[row.hash]
        self._schedule.remove(sequence)
        return row
