"""The page's matrix held to what happens: a list and a hit go through a region, and each city takes what came to it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from visibility_table import PAGE

from aggregator.adapters import federation_log, hotlist_store
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.hotlist_desk import Desk
from aggregator.adapters.items_down import Arrived, ItemsDown
from aggregator.adapters.notice_desk import NoticeDesk
from aggregator.adapters.notice_maker import NoticeMaker
from aggregator.adapters.policy_file import InForce, PolicyFile
from aggregator.adapters.region_desk import Item, RegionDesk
from aggregator.core.visibility import Corridor, Policy, What
from protocol.federation import Followed, ItemKind, LogItem
from protocol.receipts import Status
from protocol.wire import from_versioned
from tests.simulators.alerting import Street
from tests.simulators.federation import REGION, Centre, Federation, federated, now
from tests.simulators.officers import HEADER, Officers

SAW: Final = "saltillo"
ASKED: Final = "torreon"
OTHER: Final = "monclova"
PLATE: Final = "FAB1230"
# What makes the third city what each line of the table is about; with none of it, it is any other city.
BESIDE: Final[dict[What | None, Policy]] = {
    What.NEIGHBOUR: Policy(neighbours={SAW: (OTHER,)}),
    What.CORRIDOR: Policy(corridors=(Corridor(name="57", cities=(SAW, OTHER)),)),
    None: Policy(),
}
MAX_ITEM: Final = 1024 * 1024


@dataclass(frozen=True)
class Line:
    """A line of the page's table: what it says that somebody sees."""

    place: bool
    entry: bool
    plate: bool
    picture: bool


def lines_of_page() -> dict[str, Line]:
    """The table of the page, by the word of `what`, or by who it is where there is none."""
    part = PAGE.read_text(encoding="utf-8").split("<!-- begin of what", 1)[1].split("<!-- end of what", 1)[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in part.splitlines() if row.startswith("|")][
        2:
    ]
    return {row[1].strip("`") or row[0]: Line(*(cell == "yes" for cell in row[4:])) for row in rows}


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region and three cities; Torreón's officers listed a vehicle for all of them."""
    async with federated(postgres, tmp_path, SAW, ASKED, OTHER) as made:
        desk = RegionDesk(made.region.pool, InForce())
        await desk.open_logs(now=now())
        await listed(made, desk)
        yield made


async def listed(made: Federation, desk: RegionDesk) -> None:
    """Two officers of Torreón list the vehicle for the whole region, and the city hands that up."""
    centre = made[ASKED]
    officers = Officers(centre.settings, centre.installation.root)
    ana, luis = officers.grant("ana"), officers.grant("luis")
    desk_there, expires = Desk(centre.pool, officers.trust, ASKED), (now() + timedelta(days=1)).isoformat()
    line = f"{PLATE},stolen-vehicle,FGE-1,{expires},*\n"
    await desk_there.import_file((HEADER + line).encode(), actor="os:ana", now=now())
    proposed = await desk_there.propose(ana, None, now=now())
    await desk_there.approve(luis, proposed.batch_id, now=now())
    async with centre.pool.acquire() as connection:
        batch = await connection.fetchrow("SELECT batch_id, payload FROM hotlist_batch")
        assert batch is not None
        signed = await hotlist_store.signed_batch(connection, batch)
    bundle = centre.settings.keys.trust_bundle.read_bytes()
    for kind, body in ((ItemKind.TRUST, bundle), (ItemKind.BATCH, signed.to_bytes())):
        answer = await desk.take(Item.of(ASKED, kind, body), now=now())
        assert answer.status is Status.STORED, answer


async def seen(made: Federation, policy: Policy) -> bytes:
    """A box of Saltillo sees it: stored there and, as it is forwarded, at the region, which tells whom it concerns."""
    region, box = made.region, made[SAW].speaker(made[SAW].boxes[0])
    maker = NoticeMaker(region.pool, REGION, InForce(PolicyFile(policy)), region.installation.server)
    await maker.begin(now())
    here, there = Street(made[SAW].pool, box), Street(region.pool, box)
    entry = await made[ASKED].pool.fetchval("SELECT entry_id FROM hotlist_entry")
    hit = here.hit(entries=[entry], plate=PLATE)
    await here.store(hit)
    await there.store(hit)
    assert await maker.make(now()) == 1
    for city in made.cities:
        await follow(made, city)
    return hit.taken.hash


async def follow(made: Federation, city: str) -> None:
    """The city takes what its log holds."""
    centre = made[city]
    async with made.region.pool.acquire() as connection:
        stretch = await federation_log.stretch_after(connection, city, await stood(centre))
        assert stretch is not None
        items = [from_versioned(each, LogItem, max_bytes=MAX_ITEM) for each in stretch.items]
        arrived = []
        for item in items:
            body = item.body or await federation_log.part(connection, item.sha256, 0, item.size_bytes)
            assert body is not None
            assert sha256(body).digest() == item.sha256
            arrived.append(Arrived(item, body))
    down, end = ItemsDown(centre.pool, centre.settings, centre.link), stretch.end
    await down.take(arrived, Followed(end.log, end.number, end.hash), now=now())
    assert not down.refused


async def stood(centre: Centre) -> int:
    """How far a city has taken its log."""
    return int(await centre.pool.fetchval("SELECT coalesce(max(number), 0) FROM federation_followed"))


async def notice_line(made: Federation, city: str, hit: bytes) -> tuple[str, Line] | None:
    """What a city's desk shows of the hit, and why it was told."""
    desk, find = NoticeDesk(made[city].pool), "SELECT notice_id FROM notice WHERE hit = $1"
    number = await made[city].pool.fetchval(find, hit)
    if number is None:
        return None
    shown = await desk.show(number, actor="os:ana", reason="case 7")
    place = (shown.notice["city"], shown.notice["point"], shown.notice["camera"]) == (SAW, f"{SAW}-p1", "cam-1")
    plate = shown.hit is not None and shown.hit.plate == PLATE
    return shown.notice["why"], Line(place, bool(shown.notice["entries"]), plate, await has_picture(made, city))


async def has_picture(made: Federation, city: str) -> bool:
    """Whether anything of a picture is in a city's database."""
    counts = "SELECT (SELECT count(*) FROM picture) + (SELECT count(*) FROM piece) + (SELECT count(*) FROM evidence)"
    return bool(await made[city].pool.fetchval(counts))


async def test_each_line_of_the_pages_matrix_is_what_came_to_that_city(state: Federation) -> None:
    page = lines_of_page()
    assert set(page) == {*What, "the city that saw it", "any other city"}
    assert page["any other city"] == Line(place=False, entry=False, plate=False, picture=False)
    assert page["the city that saw it"] == Line(place=True, entry=True, plate=True, picture=True)
    for what, policy in BESIDE.items():
        hit = await seen(state, policy)
        assert await notice_line(state, ASKED, hit) == ("asked", page[What.ASKED])
        assert await notice_line(state, OTHER, hit) == (None if what is None else (what.value, page[what])), what
        assert await notice_line(state, SAW, hit) is None
        own = await state[SAW].pool.fetchrow("SELECT plate, point_id FROM hit WHERE envelope_hash = $1", hit)
        assert own is not None
        assert tuple(own) == (PLATE, f"{SAW}-p1")
    for city in (SAW, OTHER):
        lists = "SELECT bytes, city_id FROM foreign_batch JOIN federation_body USING (sha256)"
        held = await state[city].pool.fetchrow(lists)
        assert held is not None
        assert (PLATE.encode() in held["bytes"], held["city_id"]) == (page[What.HOTLIST].plate, ASKED)
