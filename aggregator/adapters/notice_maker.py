"""From stored hits to notices in the logs of other cities: a follower that loses none and tells none twice.

    hit stored, `notice_due` written by its trigger                         one transaction: ingest's
    due hits read, notices appended, `notice_sent` written, due deleted     one transaction: ours

It is made as alerts are (`alert_maker`), and apart from them: a notice that fails holds up no alert. A crash before our
commit repeats the work, one after it finds it done; what was told already and says the same is not told again. Ingest
waits for none of it. The newest go first: what a link brings after hours holds up no hit of this moment. What goes out
with a plate is in the audit, in the same transaction: to whom, and by which rule.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from aggregator.adapters import federation_log
from aggregator.adapters.audit_log import Deed, audit, audit_all
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.due_notes import DueNotes
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.policy_file import InForce, PolicyFile
from aggregator.adapters.statements import statements
from aggregator.core.cross_city import Matched, Seen, Telling, notice_of, over, tellings
from aggregator.core.visibility import Policy, What
from protocol.federation import ItemKind, sign_notice
from protocol.keys import Signer
from protocol.messages import Quality
from protocol.steps import Step, no_step

SERVICE: Final = "service:notices"
STEPS: Final = ("notices.read", "notices.written", "notices.committed")
BATCH: Final = 50  # the log's turn is held for so many
_TICK: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What a city was told of a hit last."""

    seen: Seen
    telling: Telling
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Sending:
    """A notice that is to go out."""

    seen: Seen
    telling: Telling
    at: datetime
    is_over: bool = False


class NoticeMaker:
    """Tells cities of what is due."""

    def __init__(self, pool: Pool, region: str, policy: InForce, signer: Signer, step: Step = no_step) -> None:
        """`signer` is the region's server, granted RECEIPT by its root; `step` names the crash points."""
        self._pool, self._region, self._signer, self._step = pool, region, signer, step
        self.policy: Final = policy
        self._sql = statements("notices")
        self._notes = DueNotes(pool, "notices", self._take_in, lambda: step("notices.committed"))

    async def begin(self, now: datetime) -> None:
        """Keep which policy is in force; from the first one on, what is stored is noted. Raises `DatabaseUnwell`."""
        await self.apply(self.policy.file, now)

    async def apply(self, file: PolicyFile, now: datetime) -> None:
        """Have a policy in force from now on, once it is kept and audited; what was told stays told."""
        async with transaction(self._pool) as connection:
            await connection.execute(self._sql["take_turn"])
            if await connection.fetchval(self._sql["policy"]) != file.sha256:
                await connection.execute(self._sql["add_policy"], file.sha256, file.text, now)
                subject, reason = f"policy:{file.sha256.hex()}", "as the settings say"
                await audit(connection, actor=SERVICE, action="policy.apply", subject=subject, reason=reason)
        self.policy.file = file

    async def make(self, now: datetime, *, batch: int = BATCH) -> int:
        """Tell of what is due, so many hits at a time; how many there were."""
        return await self._notes.take(now, batch=batch)

    async def stuck(self) -> int:
        """How many hits could not be judged."""
        return await self._notes.stuck()

    async def _take_in(self, connection: Connection, due: Sequence[asyncpg.Record], now: datetime) -> None:
        hits = list(dict.fromkeys(row["hit"] for row in due))
        seen = {row["hit"]: _seen(row) for row in await connection.fetch(self._sql["hits_now"], hits, self._region)}
        sent = [_told(row) for row in await connection.fetch(self._sql["sent"], hits)]
        cities = await federation_log.linked(connection, but=self._region)
        self._step("notices.read")
        sendings: list[Sending] = []
        for hit in hits:
            before = {each.telling.to: each for each in sent if each.seen.hit == hit}
            sendings += _judged(self.policy.policy, seen.get(hit), before, cities, now)
        gone_out = [each for each in sendings if await self._send(connection, each)]
        await connection.execute(self._sql["done"], [row["number"] for row in due])
        await _audit_plates(connection, gone_out)
        self._step("notices.written")

    async def _send(self, connection: Connection, sending: Sending) -> bool:
        """Put a notice into its city's log; False if the city has left since."""
        seen, telling, now = sending.seen, sending.telling, sending.at
        body = sign_notice(notice_of(telling, seen, now=now), self._signer)
        number = await federation_log.append(connection, telling.to, ItemKind.NOTICE, self._region, body, now=now)
        if number is None:
            return False
        place = (seen.city, seen.point, seen.camera)
        said = (telling.why, telling.reason, telling.corridor, list(telling.entries), telling.has_plate)
        times = (seen.captured_at, now, telling.until, sending.is_over)
        await connection.execute(self._sql["save_sent"], telling.to, seen.hit, *place, *said, *times)
        return True


def _judged(
    policy: Policy, seen: Seen | None, before: dict[str, Told], cities: Sequence[str], now: datetime
) -> Iterator[Sending]:
    """What is new to each city of one hit, and for those that are to be told nothing more of it that it is over."""
    left = dict(before)
    for telling in () if seen is None else tellings(policy, seen, cities=cities, now=now):
        told = left.pop(telling.to, None)
        if seen is not None and (told is None or not telling.says_as(told.telling)):
            yield Sending(seen, telling, now if told is None else max(now, told.sent_at + _TICK))
    for told in left.values():
        if told.telling.until > now:
            at = max(now, told.sent_at + _TICK)
            yield Sending(told.seen, over(told.telling, now=at), at, is_over=True)


async def _audit_plates(connection: Connection, sendings: Iterable[Sending]) -> None:
    """Keep who was sent which plate, and why: late, since the audit's turn is held until the transaction ends."""
    deeds: dict[str, list[Deed]] = defaultdict(list)
    for each in sendings:
        if each.telling.has_plate:
            reason = f"to {each.telling.to} as {each.telling.why}"
            deeds[reason].append(Deed("notice.send", f"hit:{each.seen.hit.hex()}"))
    for reason, of_reason in deeds.items():
        await audit_all(connection, of_reason, actor=SERVICE, reason=reason)


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
