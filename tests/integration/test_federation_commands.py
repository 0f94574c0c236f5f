"""`aggregator federation`, as an operator types it, between a region that runs and two cities."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from aggregator.adapters import city_trust, trust_ceremony
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.items_up import ItemsUp
from aggregator.adapters.region_door import RegionDoor, door_of
from aggregator.adapters.trust_file import read_trust
from aggregator.cli.app import run
from aggregator.core import trust_ledger
from aggregator.errors import RegionAway
from protocol.keys import KeySigner
from protocol.trust import Grant, Role, TrustStore
from tests.simulators.federation import Centre, Federation, federated, let_in, now, turned_away
from tests.simulators.linked_lists import Bureau
from tests.simulators.running import running

CITY, OTHER = "saltillo", "torreon"


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Desk:
    """Operators of a region and its cities."""

    state: Federation
    capture: pytest.CaptureFixture[str]

    async def at(self, centre: Centre, *arguments: str) -> Said:
        """A command in somebody's installation, whatever it says."""
        self.capture.readouterr()
        argv = ["federation", *arguments, "--config", str(centre.installation.config)]
        code = await asyncio.to_thread(run, argv)
        return Said(code, *self.capture.readouterr())

    async def does(self, centre: Centre, *arguments: str) -> Said:
        """A command that must succeed."""
        said = await self.at(centre, *arguments)
        assert said.code == 0, said.err
        return said

    async def fails(self, centre: Centre, *arguments: str) -> str:
        """What a command says that must fail."""
        said = await self.at(centre, *arguments)
        assert said.code > 0, said.out
        return said.err


@pytest.fixture
async def desk(postgres: EmbeddedPostgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Desk]:
    """A region that runs and two cities; one has joined."""
    made = federated(postgres, tmp_path, CITY, OTHER, brokers=True, is_joined=False)
    async with made as state, running(state.region.settings):
        await let_in(await state.join(OTHER))
        yield Desk(state, capsys)


def appoint(centre: Centre, *names: str, cities: tuple[str, ...] = ()) -> dict[str, Grant]:
    """Officers of a city by its own root, in its next bundle."""
    keys, root = centre.settings.keys, centre.installation.root
    spki = {name: KeySigner.generate().public_key.spki for name in names}
    made = {
        name: Grant(role=Role.OFFICER, spki=spki[name], subject=name, not_before_ms=0, not_after_ms=4 * 10**12,
                    cities=cities)
        for name in names
    }  # fmt: skip
    trust_ceremony.grant(keys, root, made.values(), now=now())
    return made


async def test_a_city_is_invited_joins_shows_its_link_and_leaves(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    region, city = desk.state.region, desk.state[CITY]
    shown = await desk.does(region, "invite", CITY)
    assert "█" in shown.out
    again = await desk.does(region, "invite", CITY, "--expires", "2d", "--json")
    assert "cancelled the invitation" in again.err
    token = tmp_path / "token"
    token.write_text(json.loads(again.out)["token"])
    joined = await desk.does(city, "join", "--token", str(token))
    assert "saltillo has joined Coahuila (coahuila)" in joined.err
    await let_in(city.link)
    assert token.read_text() not in joined.out + joined.err + caplog.text
    (line,) = json.loads((await desk.does(city, "status", "--json")).out)
    assert (line["peer"], line["state"]) == ("coahuila", "linked")
    rows = json.loads((await desk.does(region, "status", "--json")).out)
    assert [(row["peer"], row["state"]) for row in rows] == [(CITY, "linked"), (OTHER, "linked")]
    assert "only the region" in await desk.fails(city, "leave", OTHER, "--reason", "no")
    await desk.does(city, "leave", "--reason", "trial over")
    assert "not linked" in await desk.fails(city, "leave", "--reason", "trial over")
    assert (await desk.does(city, "status")).err == "no link\n"
    assert "used" in await desk.fails(city, "join", "--token", str(token))
    await desk.does(region, "leave", OTHER, "--reason", "contract over")
    rows = json.loads((await desk.does(region, "status", "--json")).out)
    assert [(row["peer"], row["state"]) for row in rows] == [(CITY, "left"), (OTHER, "left")]


async def test_what_is_no_token_is_refused_and_not_repeated(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("ATALAYA:WRONGTOKENWRONGTOKEN")
    said = await desk.fails(desk.state[CITY], "join", "--token", str(file))
    assert "token" in said
    assert "WRONGTOKEN" not in said
    assert "only a region" in await desk.fails(desk.state[CITY], "invite", "monclova")
    assert "which city" in await desk.fails(desk.state.region, "leave", "--reason", "no")


async def brought(items: ItemsUp, door: RegionDoor) -> None:
    """What the city's service does by itself: all that is due is at the region, once that knows the link."""
    async with asyncio.timeout(30):
        while True:
            with suppress(RegionAway):
                if await items.bring(door, now=now()) == 0:
                    return
            await asyncio.sleep(0.05)


async def test_a_city_that_leaves_is_told_what_stays_armed_elsewhere_and_how_to_withdraw_it(desk: Desk) -> None:
    other = desk.state[OTHER]
    bureau = Bureau.of(other)
    await bureau.list_plates(["FAB123C", "EUA1234"])
    await bureau.list_plates(["RKA999A"], scope=OTHER)
    items = ItemsUp(other.pool, other.settings, other.link.log_id)
    async with door_of(other.link) as door:
        await brought(items, door)
        found = json.loads((await desk.does(other, "shared", "--json")).out)
        assert {(row["scope"], row["is_withdrawn"]) for row in found} == {("", False)}
        assert len({row["entry"] for row in found}) == 2
        assert "FAB123C" not in str(found)
        refused = await desk.fails(other, "leave", "--reason", "trial over")
        assert "look for 2 entries of torreon" in refused
        assert "aggregator hotlist withdraw" in refused
        await bureau.withdraw("FAB123C")
        assert "look for 2 entries" in await desk.fails(other, "leave", "--reason", "the region does not know it yet")
        await brought(items, door)
        assert "look for 1 entries" in await desk.fails(other, "leave", "--reason", "trial over")
    said = await desk.does(desk.state.region, "leave", OTHER, "--reason", "contract over")
    assert "1 of its entries stay armed" in said.err
    await turned_away(other.link)
    left = await desk.fails(other, "leave", "--reason", "contract over", "--leave-armed")
    assert "1 of its entries stay armed" in left
    assert "the region was not told" in left


async def told(desk: Desk, city: str) -> None:
    """What the city's service does by itself: its newest bundle goes to the region."""
    centre, region = desk.state[city], desk.state.region
    raw = centre.settings.keys.trust_bundle.read_bytes()
    async with region.pool.acquire() as connection, connection.transaction():
        assert isinstance(await city_trust.take(connection, city, raw, now=now()), TrustStore)


async def test_officers_of_another_city_are_adopted_by_ones_own_root_and_taken_out_again(
    desk: Desk, tmp_path: Path
) -> None:
    city, other = desk.state[CITY], desk.state[OTHER]
    assert "not linked" in await desk.fails(city, "adopt", OTHER)
    await let_in(await desk.state.join(CITY))
    made = appoint(other, "ana", "luis")
    appoint(other, "eva", cities=(OTHER,))
    await told(desk, OTHER)
    shown = await desk.does(city, "adopt", OTHER, "--json")
    steps = {row["officer"]: row["step"] for row in json.loads(shown.out)}
    assert steps == {"ana": "adopt", "luis": "adopt", "eva": "elsewhere"}
    before = read_trust(city.settings.keys)
    root = ["--root-key", str(city.installation.root_key)]
    root += ["--root-passphrase-file", str(city.installation.root_passphrase_file)]
    fingerprint = sha256(other.settings.keys.root_spki.read_bytes()).hexdigest()
    assert fingerprint in shown.err
    for wrong in ([], ["--fingerprint", "00" * 32]):
        assert "own people" in await desk.fails(city, "adopt", OTHER, *wrong, *root)
    assert read_trust(city.settings.keys) == before
    await desk.does(city, "adopt", OTHER, "--fingerprint", fingerprint, "--officer", "ana", *root)
    await desk.does(city, "adopt", OTHER, "--fingerprint", fingerprint, *root)
    after = read_trust(city.settings.keys)
    assert {g.subject for g in after.grants if g.role is Role.OFFICER} == {"ana", "luis"}
    assert all(grant in after.grants for grant in made.values())
    assert after.number == before.number + 2
    said = await desk.does(city, "adopt", OTHER, "--fingerprint", fingerprint, *root)
    assert "nothing to sign" in said.err
    left = trust_ledger.withdrawn(read_trust(other.settings.keys), [made["luis"].key_id], now=now())
    store = read_trust(other.settings.keys)
    bundle = trust_ledger.next_bundle(store, left, now=now())
    trust_ceremony.install(other.settings.keys, trust_ledger.signed(bundle, other.installation.root))
    await told(desk, OTHER)
    draft = tmp_path / "draft"
    await desk.does(city, "adopt", OTHER, "--fingerprint", fingerprint, "--draft", str(draft))
    names = {g.subject for g in trust_ceremony.read_draft(draft).grants if g.role is Role.OFFICER}
    assert names == {"ana"}


async def test_a_region_that_shows_an_older_bundle_of_a_city_is_not_believed(desk: Desk) -> None:
    city, other = desk.state[CITY], desk.state[OTHER]
    await let_in(await desk.state.join(CITY))
    appoint(other, "ana", "luis")
    await told(desk, OTHER)
    await desk.does(city, "adopt", OTHER)
    await desk.state.region.pool.execute("DELETE FROM city_trust WHERE city_id = $1 AND number > 1", OTHER)
    assert "rolled back" in await desk.fails(city, "adopt", OTHER)
    assert "is this city" in await desk.fails(city, "adopt", CITY)
