"""From stored hits to notices in the logs of other cities: a follower that loses none and tells none twice.

    hit stored, `notice_due` written by its trigger                         one transaction: ingest's
    due hits read, notices appended, `notice_sent` written, due deleted     one transaction: ours

It is made as alerts are (`alert_maker`), and apart from them: a notice that fails holds up no alert. A crash before our
commit repeats the work, one after it finds it done; what was told already and says the same is not told again. Ingest
waits for none of it. What goes out with a plate is in the audit, in the same transaction: to whom, and by which rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import asyncpg

from aggregator.adapters import federation_log
from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.policy_file import PolicyFile
from aggregator.adapters.statements import statements
from aggregator.core.cross_city import Matched, Seen, Telling, notice_of, over, tellings
from aggregator.core.visibility import What
from protocol.federation import ItemKind, sign_notice
from protocol.keys import Signer
from protocol.messages import Quality
from protocol.steps import Step, no_step

SERVICE: Final = "service:notices"
STEPS: Final = ("notices.read", "notices.written", "notices.committed")
BATCH: Final = 200
MOST_TRIES: Final = 3
POISON: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.RaiseError)
_TICK: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What a city was told of a hit last."""

    seen: Seen
    telling: Telling
    sent_at: datetime


class NoticeMaker:
    """Tells cities of what is due."""

    def __init__(self, pool: Pool, region: str, policy: PolicyFile, signer: Signer, step: Step = no_step) -> None:
        """`signer` is the region's server, granted RECEIPT by its root; `step` names the crash points."""
        self._pool, self._region, self._policy, self._signer, self._step = pool, region, policy, signer, step
        self._sql = statements("notices")

    async def begin(self, now: datetime) -> None:
        """Keep which policy is in force; from the first one on, what is stored is noted. Raises `DatabaseUnwell`."""
        digest = sha256(self._policy.text.encode()).digest()
        async with transaction(self._pool) as connection:
            await connection.execute(self._sql["take_turn"])
            if await connection.fetchval(self._sql["policy"]) != digest:
                await connection.execute(self._sql["add_policy"], digest, self._policy.text, now)
                subject, reason = f"policy:{digest.hex()}", "as the settings say"
                await audit(connection, actor=SERVICE, action="policy.apply", subject=subject, reason=reason)

    async def make(self, now: datetime, *, batch: int = BATCH) -> int:
        """Tell of what is due, so many hits at a time; how many there were."""
        taken = 0
        while count := await self._make_some(now, batch):
            taken += count
        return taken

    async def stuck(self) -> int:
        """How many hits could not be judged."""
        count: int = await self._pool.fetchval(self._sql["stuck"], MOST_TRIES)
        return count

    async def _make_some(self, now: datetime, batch: int) -> int:
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(self._sql["take_turn"])
                due = await connection.fetch(self._sql["due"], MOST_TRIES, batch)
                if due:
                    await self._take_in(connection, due, now)
        except POISON:
            return await self._make_each(now, batch)
        if due:
            self._step("notices.committed")
        return len(due)

    async def _make_each(self, now: datetime, batch: int) -> int:
        """The same with a savepoint for each hit: the one that is at fault is counted, and holds up no other."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["take_turn"])
            due = await connection.fetch(self._sql["due"], MOST_TRIES, batch)
            for row in due:
                try:
                    async with connection.transaction():
                        await self._take_in(connection, [row], now)
                except POISON:
                    await connection.execute(self._sql["failed"], [row["number"]])
            return len(due)

    async def _take_in(self, connection: Connection, due: Sequence[asyncpg.Record], now: datetime) -> None:
        hits = list({row["hit"] for row in due})
        seen = {row["hit"]: _seen(row) for row in await connection.fetch(self._sql["hits_now"], hits, self._region)}
        sent = [_told(row) for row in await connection.fetch(self._sql["sent"], hits)]
        cities = await federation_log.linked(connection, but=self._region)
        self._step("notices.read")
        for hit in hits:
            before = {each.telling.to: each for each in sent if each.seen.hit == hit}
            await self._judge(connection, seen.get(hit), before, cities, now)
        await connection.execute(self._sql["done"], [row["number"] for row in due])
        self._step("notices.written")

    async def _judge(
        self, connection: Connection, seen: Seen | None, before: dict[str, Told], cities: Sequence[str], now: datetime
    ) -> None:
        """Tell every city what is new to it of one hit, and those that are to be told nothing more that it is over."""
        policy = self._policy.policy
        wanted = () if seen is None else tellings(policy, seen, cities=cities, now=now)
        for telling in wanted:
            told = before.pop(telling.to, None)
            if seen is not None and (told is None or not telling.says_as(told.telling)):
                await self._send(connection, seen, telling, now if told is None else max(now, told.sent_at + _TICK))
        for told in before.values():
            if told.telling.until > now:
                at = max(now, told.sent_at + _TICK)
                await self._send(connection, told.seen, over(told.telling, now=at), at, is_over=True)

    async def _send(
        self, connection: Connection, seen: Seen, telling: Telling, now: datetime, *, is_over: bool = False
    ) -> None:
        body = sign_notice(notice_of(telling, seen, now=now), self._signer)
        number = await federation_log.append(connection, telling.to, ItemKind.NOTICE, self._region, body, now=now)
        if number is None:  # it has left since the cities were asked for
            return
        place = (seen.city, seen.point, seen.camera)
        said = (telling.why, telling.reason, telling.corridor, list(telling.entries), telling.has_plate)
        times = (seen.captured_at, now, telling.until, is_over)
        await connection.execute(self._sql["save_sent"], telling.to, seen.hit, *place, *said, *times)
        if telling.has_plate:
            reason, subject = f"to {telling.to} as {telling.why}", f"hit:{seen.hit.hex()}"
            await audit(connection, actor=SERVICE, action="notice.send", subject=subject, reason=reason)


def _seen(row: asyncpg.Record) -> Seen:
    """A hit as it is now, from `hits_now`."""
    cells: Iterable[tuple[str, str | None, str, int, str]] = zip(
        row["entries"], row["owners"], row["scopes"], row["qualities"], row["reasons"], strict=True
    )
    return Seen(
        hit=row["hit"],
        city=row["city_id"],
        point=row["point_id"],
        camera=row["camera_id"],
        captured_at=row["captured_at"],
        happened_at=row["happened_at"],
        matches=tuple(
            Matched(entry, owner, Quality(quality), reason, tuple(scope.split()))
            for entry, owner, scope, quality, reason in cells
        ),
        says_the_same=row["says_the_same"],
        envelope=row["envelope"],
    )


def _told(row: asyncpg.Record) -> Told:
    """What was told last, from `notice_sent`."""
    captured_at = row["captured_at"]
    seen = Seen(
        hit=row["hit"],
        city=row["city_id"],
        point=row["point_id"],
        camera=row["camera_id"],
        captured_at=captured_at,
        happened_at=captured_at,
        matches=(),
    )
    telling = Telling(
        to=row["to_city"],
        why=What(row["why"]),
        reason=row["reason"],
        entries=tuple(row["entries"]),
        has_plate=row["has_plate"],
        until=row["until_at"],
        corridor=row["corridor"],
    )
    return Told(seen, telling, row["sent_at"])
