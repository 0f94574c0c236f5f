"""Joining a region, at both desks and in real databases: whom it lets in, under which root, what it never forgets."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from aggregator.adapters import city_trust, federation_desk, federation_link, joining_desk, keyfiles, membership
from aggregator.adapters.dates_probe import judged_files
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.founding import Passphrases, found
from aggregator.core.broker_health import Grade
from aggregator.core.dates import Kind
from aggregator.core.founding import Plan
from aggregator.errors import BadInput, NotThere
from protocol.enrolment import Token
from protocol.keys import PublicKey
from protocol.steps import stop_at
from protocol.trust import TrustRefusal, TrustStore, sign_bundle
from tests.simulators.federation import ANA, REGION, Centre, Federation, federated, now

CITY, OTHER = "saltillo", "torreon"


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region and a city that has not joined."""
    async with federated(postgres, tmp_path, CITY, is_joined=False) as made:
        yield made


async def known_trust(centre: Centre, city: str = CITY) -> TrustStore:
    async with centre.pool.acquire() as connection:
        return await city_trust.of(connection, city)


async def test_a_city_and_its_region_hold_each_others_roots(state: Federation) -> None:
    link, region, city = await state.join(CITY), state.region, state[CITY]
    assert (link.client, link.facts.region) == ("link.saltillo", REGION)
    assert link.trust() == region.installation.trust
    assert await known_trust(region) == city.installation.trust
    row = await region.pool.fetchrow("SELECT log_id, left_at FROM federated_city")
    assert row is not None
    assert (row["log_id"], row["left_at"]) == (link.log_id, None)
    assert await region.pool.fetchval("SELECT time_zone FROM city WHERE city_id = $1", CITY) == "America/Monterrey"


async def test_only_the_link_lies_with_the_city_and_its_end_is_watched_on_both_sides(state: Federation) -> None:
    made = await state.invite(CITY)
    link = await state.join(CITY, made.token)
    names = {path.name for path in link.folder.iterdir()}
    assert names == {"link.toml", "link.crt.pem", "link.key.pem", "ca.crt.pem", "root.spki", "trust.cbor"}
    assert link.key.stat().st_mode & 0o077 == 0
    assert not any(made.token.secret in path.read_bytes() for path in link.folder.iterdir())
    (row,) = await state.region.pool.fetch("SELECT federation_invitation::text AS all FROM federation_invitation")
    assert made.token.secret.hex() not in row["all"]
    for centre in (state[CITY], state.region):
        found = [each for each in judged_files(centre.settings, now=now()) if each.dated.kind is Kind.LINK]
        assert [(each.dated.name, each.grade) for each in found] == [(CITY, Grade.GOOD)]
        later = now() + timedelta(days=800)
        (soon,) = [each for each in judged_files(centre.settings, now=later) if each.dated.kind is Kind.LINK]
        assert "aggregator federation join" in soon.text


async def test_an_answer_that_was_lost_is_given_again_to_the_key_that_asked_and_to_no_other(state: Federation) -> None:
    made = await state.invite(CITY)

    async def lost(token: Token, raw: bytes) -> bytes:
        await state.answer(token, raw)
        raise ConnectionError

    city, pool = state[CITY], state.region.pool
    with pytest.raises(ConnectionError):
        await membership.join(city.pool, city.settings, made.token, actor=ANA, now=now(), ask=lost)
    link = await state.join(CITY, made.token)
    assert await pool.fetchval("SELECT count(*) FROM federation_certificate") == 1
    assert await pool.fetchval("SELECT log_id FROM federated_city") == link.log_id
    federation_link.remove(link)  # with it the key that joined
    with pytest.raises(BadInput, match="used"):
        await state.join(CITY, made.token)


async def test_a_city_that_is_cut_off_as_it_writes_its_link_asks_again_under_the_same_key(state: Federation) -> None:
    made, folder = await state.invite(CITY), state[CITY].settings.federation.link_dir
    in_the_way = folder / f".{federation_link.FACTS}.{os.getpid()}"  # where the last file is written first
    in_the_way.mkdir(parents=True)
    with pytest.raises(OSError, match=federation_link.FACTS):
        await state.join(CITY, made.token)
    assert federation_link.read(state[CITY].settings) is None
    in_the_way.rmdir()
    link = await state.join(CITY, made.token)
    assert federation_link.read(state[CITY].settings) == link
    assert not list(folder.glob("joining*"))


async def test_who_has_no_invitation_of_his_own_that_holds_is_not_let_in(state: Federation) -> None:
    expired = await state.invite(CITY, valid=timedelta(microseconds=1))
    with pytest.raises(BadInput, match="expired"):
        await state.join(CITY, expired.token)
    cancelled = (await state.invite(CITY)).token
    others = (await state.invite(OTHER)).token
    await state.invite(CITY)
    replace, city, region = msgspec.structs.replace, state[CITY], state.region
    for token, told in (
        (cancelled, "cancelled"),
        (replace(cancelled, secret=bytes(16)), "unknown_invitation"),
        (others, "for torreon, and this is saltillo"),
        (replace(others, device=CITY), "other_city"),
    ):
        with pytest.raises(BadInput, match=told):
            await state.join(CITY, token)
    with pytest.raises(BadInput, match="joins nobody"):
        await membership.join(region.pool, region.settings, cancelled, actor=ANA, now=now())
    with pytest.raises(BadInput, match="this region itself"):
        await state.invite(REGION)
    with pytest.raises(BadInput, match="only a region"):
        await federation_desk.invite(city.pool, city.settings, OTHER, valid=timedelta(1), actor=ANA, now=now())
    assert await region.pool.fetchval("SELECT count(*) FROM federated_city") == 0


async def test_a_bundle_that_goes_back_is_refused_and_every_one_that_came_is_kept(state: Federation) -> None:
    await state.join(CITY)
    city, pool, trust = state[CITY], state.region.pool, state[CITY].installation.trust
    for number in (2, 5, 5):
        raw = sign_bundle(number, trust.grants, city.installation.root, created_ms=number)
        async with pool.acquire() as connection, connection.transaction():
            assert isinstance(await city_trust.take(connection, CITY, raw, now=now()), TrustStore)
    async with pool.acquire() as connection, connection.transaction():
        old = city.settings.keys.trust_bundle.read_bytes()
        assert await city_trust.take(connection, CITY, old, now=now()) is TrustRefusal.ROLLED_BACK
        found = await city_trust.bundles(connection, CITY)
    assert found is not None
    assert [store.number for store in found.said()] == [1, 2, 5]
    with pytest.raises(BadInput, match="rolled_back"):
        await state.join(CITY)
    assert (await known_trust(state.region)).number == 5
    assert await pool.fetchval("SELECT count(*) FROM federation_certificate") == 1
    assert await pool.fetchval("SELECT count(*) FROM federation_invitation WHERE joined_at IS NULL") == 1


async def test_a_city_that_leaves_loses_its_link_and_may_join_again(state: Federation) -> None:
    asked: list[bytes] = []

    async def noted(token: Token, raw: bytes) -> bytes:
        asked.append(raw)
        return await state.answer(token, raw)

    made, region, city = await state.invite(CITY), state.region, state[CITY]
    first = await membership.join(city.pool, city.settings, made.token, actor=ANA, now=now(), ask=noted)
    await state.tell_roster(CITY)
    await federation_desk.leave(region.pool, region.settings, CITY, actor=ANA, reason="trial over", now=now())
    left = await membership.leave(city.pool, city.settings, actor=ANA, reason="trial over", now=now())
    assert left.region == REGION
    assert left.trouble is not None  # nobody listens there
    assert federation_link.read(city.settings) is None
    assert list(first.folder.iterdir()) == []
    assert await region.pool.fetchval("SELECT bool_and(revoked_at IS NOT NULL) FROM federation_certificate")
    assert await region.pool.fetchval("SELECT count(*) FROM device_key WHERE revoked_at IS NULL") == 1
    with pytest.raises(BadInput, match="left"):
        await state.answer(made.token, asked[0])
    with pytest.raises(NotThere):
        await federation_desk.leave(region.pool, region.settings, CITY, actor=ANA, reason="again", now=now())
    await audited(region, city)
    again = await state.join(CITY)
    assert again.log_id != first.log_id
    assert await region.pool.fetchval("SELECT left_at IS NULL FROM federated_city")
    assert (await state.tell_roster(CITY)).revoked == 0


async def test_what_a_region_was_still_to_be_told_is_told_to_no_other(state: Federation) -> None:
    city = state[CITY]
    add = "INSERT INTO transit_due (event, rule, received_at, is_alert) VALUES ($1, 'hit', now(), true)"
    heard = "INSERT INTO region_contact (region_id, tried_at) VALUES ($1, now())"
    left = []
    for region in (REGION, "elsewhere"):
        await city.pool.execute(add, sha256(region.encode()).digest())
        await city.pool.execute(heard, region)
        await state.join(CITY)
        left.append(await city.pool.fetchval("SELECT count(*) FROM transit_due"))
    await city.pool.execute(add, bytes(32))
    await membership.leave(city.pool, city.settings, actor=ANA, reason="trial over", now=now())
    left.append(await city.pool.fetchval("SELECT count(*) FROM transit_due"))
    assert left == [1, 0, 0], "the same region again; another; none"


async def audited(region: Centre, city: Centre) -> None:
    """Every deed is in both audits."""
    kept = await region.pool.fetch("SELECT action, actor, subject, reason FROM audit ORDER BY number")
    root = sha256(city.settings.keys.root_spki.read_bytes()).hexdigest()
    assert [tuple(row)[:3] for row in kept] == [
        ("federation.invite", ANA, f"city:{CITY}"),
        ("federation.join", f"city:{CITY}", f"city:{CITY}"),
        ("federation.leave", ANA, f"city:{CITY}"),
    ]
    assert kept[1]["reason"] == f"root {root}"
    own = await city.pool.fetch("SELECT action, actor FROM audit ORDER BY number")
    assert [tuple(row) for row in own] == [("federation.join", ANA), ("federation.leave", ANA)]


async def test_a_bundle_that_its_root_did_not_sign_or_that_grants_no_server_lets_nobody_in(state: Federation) -> None:
    city, keys = state[CITY], state[CITY].settings.keys
    token, good = (await state.invite(CITY)).token, keys.trust_bundle.read_bytes()
    keys.trust_bundle.write_bytes(state.region.settings.keys.trust_bundle.read_bytes())
    with pytest.raises(BadInput, match="bad_trust"):
        await state.join(CITY, token)
    keys.trust_bundle.write_bytes(sign_bundle(1, (), city.installation.root, created_ms=1))
    with pytest.raises(BadInput, match="bad_trust"):
        await state.join(CITY, token)
    keys.trust_bundle.write_bytes(good)
    await state.join(CITY, token)


async def test_a_city_that_lost_its_root_brings_another_under_a_new_invitation(
    state: Federation, tmp_path: Path
) -> None:
    await state.join(CITY)
    city = state[CITY]
    fresh = found(tmp_path / "anew", Plan(city=CITY, name="Saltillo"), Passphrases(b"r" * 16, b"e" * 16), now=now())
    moved = msgspec.structs.replace(
        fresh, database=city.settings.database, federation=city.settings.federation, mosquitto=city.settings.mosquitto
    )
    token = (await state.invite(CITY)).token
    await membership.join(city.pool, moved, token, actor=ANA, now=now(), ask=state.answer)
    trust = await known_trust(state.region)
    assert trust.root == PublicKey.from_spki(keyfiles.read_file(fresh.keys.root_spki))
    assert await state.region.pool.fetchval("SELECT count(*) FROM city_root") == 2


class Cut(BaseException):
    """The power goes."""


@pytest.mark.parametrize("name", joining_desk.STEPS)
async def test_power_that_goes_at_any_step_leaves_a_city_that_can_ask_again(state: Federation, name: str) -> None:
    def cut() -> None:
        raise Cut

    async def dying(_token: Token, raw: bytes) -> bytes:
        step = stop_at(name, cut)
        found = await joining_desk.answer(state.region.pool, state.region.settings, raw, now=now(), step=step)
        assert isinstance(found, bytes)
        return found

    made, city = await state.invite(CITY), state[CITY]
    with pytest.raises(Cut):
        await membership.join(city.pool, city.settings, made.token, actor=ANA, now=now(), ask=dying)
    assert federation_link.read(city.settings) is None
    await state.join(CITY, made.token)
    assert await state.region.pool.fetchval("SELECT count(*) FROM federation_certificate") == 1
    assert await state.region.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'federation.join'") == 1
