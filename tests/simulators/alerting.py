"""What boxes say that alerts are made of, stored as ingest stores it, and the alerts that came of it.

python -m tests.simulators.alerting SETTINGS STEP    makes what is due, and dies (-9) at a step
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec

from aggregator.adapters.alert_desk import AlertDesk, Wish
from aggregator.adapters.alert_maker import BATCH, AlertMaker
from aggregator.adapters.database import Pool, opened
from aggregator.adapters.store import Store
from aggregator.core.alerts import Act, Outcome, State
from aggregator.core.ingest import TimeRules
from aggregator.core.rows import Taken
from aggregator.settings import load
from protocol.clock import to_ms
from protocol.envelope import envelope_hash, parse
from protocol.messages import Alarm, Body, Hit, HitAmended, HitKey, Match, Quality, body_of, decode_message
from protocol.steps import stop_at
from tests.simulators.enrolment import Box
from tests.simulators.running import make_hit

WINDOW = timedelta(minutes=30)


@dataclass(frozen=True)
class Said:
    """A message of a box, not stored yet."""

    taken: Taken
    key: HitKey


@dataclass
class Street:
    """A box, the database, and the clock of the test."""

    pool: Pool
    box: Box
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def desk(self) -> AlertDesk:
        """The desk where everybody may do everything."""
        return AlertDesk(self.pool)

    def say(self, body: Body, *, ago: timedelta = timedelta(0)) -> Said:
        """What the box says, signed so long ago."""
        raw = self.box.say(body, at=self.now - ago)
        message, digest, place = decode_message(parse(raw).payload), envelope_hash(raw), self.box.position
        key = HitKey(outbox=place.outbox, epoch=place.epoch, sequence=place.sequence, hash=digest)
        return Said(Taken(message, body_of(message), raw, digest, self.now), key)

    def hit(
        self,
        *,
        minutes_ago: float = 0,
        entries: Sequence[str] = ("e-1",),
        quality: Quality = Quality.EXACT,
        camera: str = "cam-1",
        plate: str = "ABC123D",
    ) -> Said:
        """A hit of some entries."""
        ago = timedelta(minutes=minutes_ago)
        matches = tuple(Match(entry=entry, quality=quality, reason="stolen") for entry in entries)
        body: Hit = make_hit(plate=plate, captured_at=self.now - ago)
        return self.say(msgspec.structs.replace(body, camera=camera, matches=matches), ago=ago)

    def amended(self, hit: Said, *, quality: Quality | None, plate: str = "ABC128D") -> Said:
        """What a later vote makes of a hit; of no quality: it is withdrawn."""
        if quality is None:
            return self.say(HitAmended(hit=hit.key))
        matches = (Match(entry="e-1", quality=quality, reason="stolen"),)
        return self.say(HitAmended(hit=hit.key, matches=matches, plate=plate, observed=plate, confidence=900))

    def alarm(self, word: str = "tamper", *, started_at: datetime, is_active: bool = True) -> Said:
        """An alarm's start or end."""
        return self.say(Alarm(camera="cam-1", alarm=word, started_ms=to_ms(started_at), is_active=is_active))

    async def store(self, *said: Said) -> None:
        """Store messages as ingest does, in one batch."""
        await Store(self.pool, TimeRules()).write([each.taken for each in said], [])

    async def make(self, *, batch: int = BATCH) -> int:
        """Make what is due into alerts."""
        return await AlertMaker(self.pool, WINDOW).make(self.now, batch=batch)

    async def tell(self, *said: Said) -> None:
        """Store messages, and make alerts of them."""
        await self.store(*said)
        await self.make()

    async def step(self, act: Act, *, number: int | None = None, outcome: Outcome | None = None) -> State:
        """A step of an alert, by default the only one there is."""
        which = number or await self.pool.fetchval("SELECT alert_id FROM alert WHERE state <> 'merged'")
        wish = Wish(act=act, outcome=outcome, unit="unit 7" if act is Act.DISPATCH else None)
        return await self.desk.step(which, wish, actor="os:ana", reason="case 7", now=self.now)

    def correction(self, act: Act) -> Wish:
        """A step that takes another back."""
        return Wish(act=act, is_correction=True)

    async def alerts(self) -> list[asyncpg.Record]:
        """Every alert, the oldest first."""
        return await self.pool.fetch("SELECT * FROM alert ORDER BY alert_id")

    async def acts(self, number: int) -> list[str]:
        """What happened to an alert."""
        rows = await self.pool.fetch("SELECT act FROM alert_history WHERE alert_id = $1 ORDER BY number", number)
        return [row["act"] for row in rows]


async def die_at(settings_file: Path, step: str) -> None:
    """Make what is due, until a step."""
    settings = load(settings_file)
    crash = stop_at(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    async with opened(settings.database) as database:
        await AlertMaker(database.pool, WINDOW, crash).make(datetime.now(UTC))


if __name__ == "__main__":
    asyncio.run(die_at(Path(sys.argv[1]), sys.argv[2]))
