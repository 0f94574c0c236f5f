"""Rosters: what a city says of its points, cameras and boxes, and what its region makes of that."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aggregator.adapters import keyfiles, roster
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.registered import Registered
from aggregator.adapters.registry_store import Certified, Registry
from aggregator.adapters.renewal_desk import renew
from aggregator.adapters.succession import move, revocations
from aggregator.core.ingest import PastPlace
from aggregator.core.registry import Camera, Point
from aggregator.core.renewal import Refusal as RenewalRefusal
from aggregator.errors import BadKey, NotThere
from protocol.clock import to_ms
from protocol.keys import KeySigner
from protocol.refusals import Refusal
from protocol.renewal import sign_request
from protocol.roster import Roster, RosterDevice, RosterPoint, accept_roster, make_roster, sign_roster
from tests.simulators.federation import ANA, Centre, Federation, federated, now

CITY, OTHER = "saltillo", "torreon"
BOX = "saltillo-1"


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region and a city that has joined."""
    async with federated(postgres, tmp_path, CITY) as made:
        yield made


@pytest.fixture
async def two(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region and two cities that have joined."""
    async with federated(postgres, tmp_path, CITY, OTHER) as made:
        yield made


async def signed(centre: Centre) -> bytes:
    async with centre.pool.acquire() as connection, connection.transaction():
        return await roster.current(connection, centre.settings, now=now())


async def taken(state: Federation, raw: bytes, city: str = CITY) -> roster.TakenRoster | Refusal:
    async with state.region.pool.acquire() as connection, connection.transaction():
        return await roster.take(connection, city, raw, now=now())


def said(centre: Centre, raw: bytes) -> Roster:
    found = accept_roster(raw, centre.installation.trust, city=centre.city, last_number=0)
    assert isinstance(found, Roster)
    return found


async def registered(state: Federation) -> Registered:
    found = Registered(state.region.pool, state.region.access)
    await found.load()
    return found


async def test_the_region_knows_a_citys_boxes_by_their_own_keys(state: Federation) -> None:
    key = state[CITY].speaker(BOX).signer.public_key
    known = (await registered(state)).key(key.key_id)
    assert known is not None
    assert (known.device, known.city, known.point, known.key, known.is_revoked) == (
        BOX, CITY, "saltillo-p1", key, False,
    )  # fmt: skip
    row = await state.region.pool.fetchrow("SELECT name, latitude, longitude FROM point WHERE point_id = 'saltillo-p1'")
    assert row is not None
    assert tuple(row) == ("saltillo-p1", 25.42, -100.99)
    assert await state.region.pool.fetchval("SELECT heading_deg FROM camera WHERE point_id = 'saltillo-p1'") == 90


async def test_a_roster_is_made_anew_only_when_it_says_something_new(state: Federation) -> None:
    city = state[CITY]
    first = await signed(city)
    assert await signed(city) == first
    async with city.pool.acquire() as connection:
        row = Point(point_id="saltillo-p2", city_id=CITY, name="Dos", latitude=25.5, longitude=-101.1)
        await Registry(connection).add("point", row)
        await Registry(connection).add("camera", Camera(point_id="saltillo-p2", camera_id="gate", heading_deg=10))
    second = await signed(city)
    assert said(city, second).number > said(city, first).number
    assert isinstance(await taken(state, second), roster.TakenRoster)
    assert await state.region.pool.fetchval("SELECT count(*) FROM camera WHERE point_id = 'saltillo-p2'") == 1
    await city.pool.execute("DELETE FROM roster_made")  # as if brought back from a backup
    assert said(city, await signed(city)).number >= said(city, first).number


async def test_the_same_roster_again_changes_nothing_and_an_older_one_is_refused(state: Federation) -> None:
    city, region = state[CITY], state.region
    old = await signed(city)
    assert isinstance(await taken(state, old), roster.TakenRoster)
    newer = said(city, old)
    raised = sign_roster(
        make_roster(
            CITY, number=newer.number + 5, created_ms=newer.created_ms, name="Saltillo", time_zone="America/Monterrey",
            points=newer.points, devices=newer.devices,
        ),
        city.installation.server,
    )  # fmt: skip
    assert isinstance(await taken(state, raised), roster.TakenRoster)
    assert await taken(state, old) is Refusal.EQUIVOCATION
    assert await region.pool.fetchval("SELECT name FROM city WHERE city_id = $1", CITY) == "Saltillo"


async def test_a_roster_that_a_stranger_signed_or_that_cannot_be_is_refused(state: Federation) -> None:
    city = state[CITY]
    good = said(city, await signed(city))
    assert await taken(state, sign_roster(good, KeySigner.generate())) is Refusal.UNKNOWN_KEY
    with pytest.raises(NotThere):
        await taken(state, await signed(city), "monclova")
    for point, zone in (
        (RosterPoint(point="x", name="x", latitude_e7=910_000_000, longitude_e7=0), "America/Monterrey"),
        (RosterPoint(point="x", name="x", latitude_e7=0, longitude_e7=0), "Mars/Olympus"),
    ):
        made = make_roster(
            CITY, number=good.number + 1, created_ms=good.created_ms, name="Saltillo", time_zone=zone, points=[point],
            devices=[],
        )  # fmt: skip
        assert await taken(state, sign_roster(made, city.installation.server)) is Refusal.BAD_FORM


async def test_a_box_that_its_city_revokes_is_revoked_at_the_region(state: Federation) -> None:
    city, key = state[CITY], state[CITY].speaker(BOX).signer.public_key.key_id
    async with city.pool.acquire() as connection, connection.transaction():
        await Registry(connection).revoke(BOX, "stolen", now=now())
    told = await state.tell_roster(CITY)
    assert told.revoked == 1
    known = (await registered(state)).key(key)
    assert known is not None
    assert known.is_revoked
    assert (await state.tell_roster(CITY)).revoked == 0


async def test_a_revocation_list_alone_revokes_at_the_region_for_good(state: Federation) -> None:
    city, key = state[CITY], state[CITY].speaker(BOX).signer.public_key.key_id
    before = await signed(city)
    async with city.pool.acquire() as connection, connection.transaction():
        await Registry(connection).revoke(BOX, "stolen", now=now())
        raw = await revocations(connection, city.settings, now=now())
    async with state.region.pool.acquire() as connection, connection.transaction():
        assert await roster.take_revocations(connection, CITY, raw, now=now()) == 1
    await taken(state, before)
    assert not (await registered(state)).is_usable(key)


async def test_a_key_that_a_roster_lacks_is_revoked(state: Federation) -> None:
    city = state[CITY]
    good = said(city, await signed(city))
    made = make_roster(
        CITY, number=good.number + 1, created_ms=good.created_ms, name="Saltillo", time_zone="America/Monterrey",
        points=good.points, devices=[],
    )  # fmt: skip
    told = await taken(state, sign_roster(made, city.installation.server))
    assert isinstance(told, roster.TakenRoster)
    assert told.revoked == 1
    assert not (await registered(state)).is_usable(city.speaker(BOX).signer.public_key.key_id)


async def test_a_box_that_was_moved_has_stood_elsewhere(state: Federation) -> None:
    city, at = state[CITY], now()
    async with city.pool.acquire() as connection:
        row = Point(point_id="saltillo-p2", city_id=CITY, name="Dos", latitude=25.5, longitude=-101.1)
        await Registry(connection).add("point", row)
        await move(connection, BOX, "saltillo-p2", actor=ANA, now=at)
    await state.tell_roster(CITY)
    known = (await registered(state)).key(city.speaker(BOX).signer.public_key.key_id)
    assert known is not None
    assert (known.point, known.past) == ("saltillo-p2", (PastPlace(CITY, "saltillo-p1", to_ms(at)),))


async def test_what_another_city_has_is_left_out_and_told_and_the_rest_is_taken(two: Federation) -> None:
    state = two
    city, theirs = state[CITY], state[OTHER].speaker("torreon-1").signer.public_key
    good = said(city, await signed(city))
    usurped = [
        RosterPoint(point="torreon-p1", name="Ours", latitude_e7=0, longitude_e7=0),
        RosterPoint(point="saltillo-p9", name="Nueve", latitude_e7=0, longitude_e7=0),
    ]
    own = KeySigner.generate().public_key
    lines = [
        RosterDevice(device="torreon-1", point="saltillo-p9", spki=KeySigner.generate().public_key.spki),
        RosterDevice(device="saltillo-8", point="saltillo-p9", spki=theirs.spki),
        RosterDevice(device="saltillo-9", point="torreon-p1", spki=own.spki),
    ]
    made = make_roster(
        CITY, number=good.number + 1, created_ms=good.created_ms, name="Saltillo", time_zone="America/Monterrey",
        points=[*good.points, *usurped], devices=[*good.devices, *lines],
    )  # fmt: skip
    assert await taken(state, await signed(state[OTHER]), CITY) is Refusal.UNKNOWN_KEY
    told = await taken(state, sign_roster(made, city.installation.server))
    assert isinstance(told, roster.TakenRoster)
    assert told.left_out == (
        "point torreon-p1 is torreon's",
        "device torreon-1 is torreon's",
        "device saltillo-9 stands at torreon-p1, which is not saltillo's",
        f"key {theirs.key_id.hex()} is torreon-1's",
    )
    pool, known = state.region.pool, await registered(state)
    assert await pool.fetchval("SELECT name FROM point WHERE point_id = 'torreon-p1'") == "torreon-p1"
    found = known.key(theirs.key_id)
    assert found is not None
    assert (found.device, found.city, found.is_revoked) == ("torreon-1", OTHER, False)
    assert not known.is_device("saltillo-9")
    assert await pool.fetchval("SELECT city_id FROM point WHERE point_id = 'saltillo-p9'") == CITY
    assert list(await pool.fetchval("SELECT roster_left_out FROM federated_city WHERE city_id = $1", CITY)) == list(
        told.left_out
    )


async def test_the_region_neither_certifies_nor_renews_what_a_city_certifies(state: Federation) -> None:
    region, box = state.region, state[CITY].speaker(BOX)
    asked = sign_request(BOX, box.signer, time_ms=to_ms(now()))
    assert await renew(region.pool, region.settings, asked, now=now()) is RenewalRefusal.UNKNOWN_KEY
    certified = Certified(box.signer.public_key, keyfiles.read_file(box.certificate).decode(), "0a", now())
    async with region.pool.acquire() as connection:
        with pytest.raises(BadKey, match="its own city"):
            await Registry(connection).keep_key(BOX, certified)


async def test_a_roster_of_a_thousand_boxes_is_taken_in_one_go(state: Federation) -> None:
    city = state[CITY]
    good = said(city, await signed(city))
    points = [RosterPoint(point=f"s-{n}", name=f"S {n}", latitude_e7=n, longitude_e7=-n) for n in range(1000)]
    devices = [
        RosterDevice(device=f"s-{n}-1", point=f"s-{n}", spki=KeySigner.generate().public_key.spki) for n in range(1000)
    ]
    made = make_roster(
        CITY, number=good.number + 1, created_ms=good.created_ms, name="Saltillo", time_zone="America/Monterrey",
        points=[*good.points, *points], devices=[*good.devices, *devices],
    )  # fmt: skip
    told = await taken(state, sign_roster(made, city.installation.server))
    assert told == roster.TakenRoster(made.number, (), 0)
    assert await state.region.pool.fetchval("SELECT count(*) FROM device WHERE city_id = $1", CITY) == 1001
