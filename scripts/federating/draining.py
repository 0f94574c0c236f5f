"""The backlog of a city whose link was cut, drained against live traffic of every city.

While the link is cut the city's boxes say what makes the backlog, one hit to nine reports, and the city stores it: that
is an ordinary day of theirs. Then the link heals, and with it the clock starts. All boxes of the state say hits at a
steady rate meanwhile; each is live, and must not stand behind the backlog. The clock stops with the commit of the
backlog's last message in the region's database. All times are PostgreSQL's own commit times. Until the first message of
the backlog is there nothing drains, and live hits wait for the connection: they must arrive; timed are those after it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

import asyncpg
from fleet.crowd import Crowd
from load.fleet import CAMERAS, LoadBox, Said, make_report, now_ms, said_by
from load.publisher import Answer, Plan, Publisher

from aggregator.adapters.database import Pool
from aggregator.settings import Settings
from protocol.messages import Body, Hit, Kind, Match, Quality

WINDOW: Final = 16  # the agent's for reports
LIMIT_S: Final = 900.0
LIVE_LIMIT_S: Final = 60.0
_LOOK_EVERY_S: Final = 1.0
HITS: Final = 10  # every tenth message
_MINUTE_MS: Final = 60_000
_STORED: Final = """
SELECT count(*) AS messages, count(DISTINCT envelope_hash) AS distinct,
       extract(epoch FROM min(pg_xact_commit_timestamp(stored_in::xid)))::float8 AS first_s,
       extract(epoch FROM max(pg_xact_commit_timestamp(stored_in::xid)))::float8 AS last_s
  FROM delivery WHERE outbox = ANY ($1)
"""
_LIVE: Final = """
SELECT envelope_hash AS hash, extract(epoch FROM pg_xact_commit_timestamp(stored_in::xid))::float8 AS at_s
  FROM delivery WHERE envelope_hash = ANY ($1)
"""


@dataclass(slots=True)
class Drained:
    """What came of it. Live milliseconds are from the read on the box to the region's commit, sorted.

    `began_s` is how long it took from the healing to the first message; the whole of `drain_s` has it in.
    """

    messages: int
    began_s: float
    drain_s: float
    live_ms: list[float] = field(repr=False)
    lost: int
    duplicates: int


def make_backlog(boxes: Sequence[LoadBox], messages: int) -> tuple[list[bytes], list[list[Said]]]:
    """So many messages of all boxes together, signed; the outboxes they are in."""
    each, now = -(-messages // len(boxes)), now_ms()
    outboxes = [number.to_bytes(16, "big") for number in range(1, len(boxes) + 1)]
    said = [
        said_by(box, outbox, list(_day_of(each, now, number)))
        for number, (box, outbox) in enumerate(zip(boxes, outboxes, strict=True))
    ]
    return outboxes, said


def _day_of(messages: int, now: int, box: int) -> Iterator[tuple[Kind, Body, int]]:
    """Reports of the minutes back from now, a hit among them here and there; oldest first."""
    for number in range(messages):
        at_ms = now - (messages - number) * _MINUTE_MS
        if number % HITS:
            yield Kind.REPORT, make_report(number, at_ms - _MINUTE_MS), at_ms
        else:
            yield Kind.HIT, _old_hit(box * messages + number, at_ms), at_ms


def _old_hit(number: int, at_ms: int) -> Hit:
    plate = f"ZD{chr(65 + number % 8)}{number // 8 % 1000:03}A"
    return Hit(
        camera=CAMERAS[0], track=number, plate=plate, observed=plate, confidence=950,
        matches=(Match(entry=f"e-old-{number % 5000}", quality=Quality.EXACT, reason="stolen-vehicle"),),
        hotlist_version=1, captured_ms=at_ms, box=(411, 320, 530, 380), frame_size=(1920, 1080), looks=5,
    )  # fmt: skip


def store_backlog(
    settings: Settings, boxes: Sequence[LoadBox], said: Sequence[Sequence[Said]], told: Callable[[int], None]
) -> float:
    """Let the city take it in, as fast as it receipts; seconds that it took."""
    with Publisher(settings, boxes, said, Plan(Answer.RECEIPT, WINDOW)) as publisher:
        publisher.begin()
        while isinstance(news := publisher.progress(), int):
            told(news)
    return news.last_s - news.first_s


async def drain(
    crowd: Crowd,
    region: Pool,
    outboxes: Sequence[bytes],
    messages: int,
    *,
    live_per_s: float,
    heal: Callable[[], None],
    told: Callable[[int], None],
    rng: Random,
) -> Drained:
    """Heal the link and wait until the region has all of the backlog and every live hit; `told` of how much it has."""
    live: dict[bytes, float] = {}
    healed_s = time.time()
    heal()
    async with asyncio.TaskGroup() as group:
        street = group.create_task(_see(crowd, live, live_per_s, rng), name="live traffic")
        stored = await _until_stored(region, outboxes, messages, told)
        street.cancel()
    committed = await _until_live_is_there(region, list(live))
    return Drained(
        messages=messages,
        began_s=stored["first_s"] - healed_s,
        drain_s=stored["last_s"] - healed_s,
        live_ms=sorted(_waited_ms(live, committed, stored["first_s"])),
        lost=messages - stored["distinct"] + len(live) - len(committed),
        duplicates=stored["messages"] - stored["distinct"],
    )


async def _see(crowd: Crowd, live: dict[bytes, float], per_s: float, rng: Random) -> None:
    """Boxes of the whole state read wanted plates, evenly in time."""
    agents, started_s, number = crowd.all, time.monotonic(), 0
    while True:
        agent = rng.choice(agents)
        at_s, sent = time.time(), agent.see(rng.choice(agent.held.plates))
        if sent is not None:
            live[sent] = at_s
        number += 1
        await asyncio.sleep(max(0.0, started_s + number / per_s - time.monotonic()))


async def _until_stored(
    region: Pool, outboxes: Sequence[bytes], messages: int, told: Callable[[int], None]
) -> asyncpg.Record:
    ends_s = time.monotonic() + LIMIT_S
    while True:
        stored = await region.fetchrow(_STORED, list(outboxes))
        assert stored is not None  # noqa: S101  sums always have a row
        told(stored["distinct"])
        if stored["distinct"] >= messages or time.monotonic() > ends_s:
            return stored
        await asyncio.sleep(_LOOK_EVERY_S)


def _waited_ms(live: Mapping[bytes, float], committed: Mapping[bytes, float], first_s: float) -> Iterator[float]:
    """How long each live hit took that was read since the backlog began to drain."""
    return ((committed[hit] - at_s) * 1000 for hit, at_s in live.items() if hit in committed and at_s >= first_s)


async def _until_live_is_there(region: Pool, hashes: Sequence[bytes]) -> dict[bytes, float]:
    ends_s = time.monotonic() + LIVE_LIMIT_S
    while True:
        found = {row["hash"]: row["at_s"] for row in await region.fetch(_LIVE, hashes)}
        if len(found) >= len(hashes) or time.monotonic() > ends_s:
            return found
        await asyncio.sleep(_LOOK_EVERY_S)
