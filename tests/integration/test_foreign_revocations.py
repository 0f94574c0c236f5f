"""Other cities' lists of revoked keys: believed on those cities' own word, never taken back, and what they tell."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from aggregator.adapters import city_trust, foreign_lists, foreign_revocations
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.notice_desk import NoticeDesk, take_notice
from aggregator.adapters.succession import revocations
from aggregator.adapters.trust_file import read_trust
from aggregator.cli.app import run
from aggregator.core import trust_ledger
from protocol.clock import from_ms, to_ms
from protocol.envelope import envelope_hash
from protocol.federation import ItemKind, Notice
from protocol.keys import KeySigner
from protocol.messages import VERSION
from protocol.revocations import RevokedKey, sign_list
from protocol.trust import TrustStore
from tests.simulators.federation import Centre, Federation, federated, now
from tests.simulators.linked_lists import following, hand_up, head_of, region_port
from tests.simulators.running import make_hit

OWNER, HERE = "saltillo", "torreon"
BOX = "saltillo-1"


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region with two cities that have joined."""
    async with federated(postgres, tmp_path, OWNER, HERE, devices=2) as made:
        yield made


async def revoke(centre: Centre, *devices: str) -> None:
    """The city takes boxes out of service."""
    sql = "UPDATE device_key SET revoked_at = now(), revoked_reason = 'lost' WHERE device_id = ANY($1::text[])"
    await centre.pool.execute(sql, list(devices))


async def list_of(centre: Centre) -> bytes:
    """Its list, as it hands it up."""
    async with transaction(centre.pool) as connection:
        return await revocations(connection, centre.settings, now=now())


async def adopted(state: Federation) -> None:
    """What `federation adopt` does first: the other city's root is known here from now on."""
    keys = state[OWNER].settings.keys
    async with transaction(state[HERE].pool) as connection:
        root, raw = state[OWNER].installation.root.public_key, keys.trust_bundle.read_bytes()
        assert isinstance(await city_trust.learn(connection, OWNER, root, raw, now=now()), TrustStore)


async def taken(state: Federation, raw: bytes) -> str | None:
    """A list comes to the other city; why it is passed over."""
    async with transaction(state[HERE].pool) as connection:
        return await foreign_revocations.take(connection, OWNER, raw, now=now())


async def believed(state: Federation) -> set[str]:
    """Whose keys are revoked, as far as the other city believes."""
    async with transaction(state[HERE].pool) as connection:
        found = await foreign_revocations.newest(connection, OWNER)
    return set() if found is None else {each.device for each in found.keys}


async def test_a_list_comes_down_the_log_and_counts_once_the_root_behind_it_is_known(state: Federation) -> None:
    async with region_port(state), following(state[HERE]) as follower:
        await revoke(state[OWNER], BOX)
        assert await hand_up(state[OWNER]) == 0
        await follower.take(await head_of(state, HERE))
        assert follower.items.refused == {}
        assert await believed(state) == set()
        await adopted(state)
        assert await believed(state) == {BOX}
        await revoke(state[OWNER], "saltillo-2")
        await hand_up(state[OWNER])
        await follower.take(await head_of(state, HERE))
    assert await believed(state) == {BOX, "saltillo-2"}


async def test_a_list_that_does_not_verify_or_takes_something_back_is_passed_over(state: Federation) -> None:
    owner = state[OWNER]
    await adopted(state)
    await revoke(owner, BOX)
    assert await taken(state, await list_of(owner)) is None
    key = RevokedKey(key_id=bytes(16), device="saltillo-9", revoked_ms=to_ms(now()))
    server, stranger = owner.installation.server, KeySigner.generate()
    assert await taken(state, sign_list(OWNER, [key], stranger, created_ms=to_ms(now()))) == "unknown_key"
    assert await taken(state, sign_list(HERE, [key], server, created_ms=to_ms(now()))) == "bad_form"
    assert await taken(state, sign_list(OWNER, [key], server, created_ms=to_ms(now()))) == "equivocation"
    assert await taken(state, sign_list(OWNER, [], server, created_ms=to_ms(now()))) == "equivocation"
    altered = bytearray(await list_of(owner))
    altered[-1] ^= 1
    assert await taken(state, bytes(altered)) == "bad_signature"
    assert await taken(state, b"no list") == "bad_form"
    assert await believed(state) == {BOX}


async def test_a_list_still_counts_when_the_key_that_signed_it_is_changed(state: Federation) -> None:
    owner, keys = state[OWNER], state[OWNER].settings.keys
    await adopted(state)
    await revoke(owner, BOX)
    assert await taken(state, old := await list_of(owner)) is None
    store, server = read_trust(keys), owner.installation.server.public_key
    left = trust_ledger.withdrawn(store, [server.key_id], now=now())
    raw = trust_ledger.signed(trust_ledger.next_bundle(store, left, now=now()), owner.installation.root)
    async with transaction(state[HERE].pool) as connection:
        assert isinstance(await city_trust.take(connection, OWNER, raw, now=now()), TrustStore)
    assert await believed(state) == {BOX}
    assert await taken(state, old) == "unknown_key"


async def test_a_message_under_a_key_that_its_city_revoked_is_not_shown_as_proven(
    state: Federation, capsys: pytest.CaptureFixture[str]
) -> None:
    here, owner = state[HERE], state[OWNER]
    raw = owner.speaker(BOX).say(make_hit(plate="FAB123C"))
    notice = Notice(
        version=VERSION, to=HERE, hit=envelope_hash(raw), city=OWNER, point="saltillo-p1", camera="cam-1", why="asked",
        reason="stolen-vehicle", entries=("e-1",), captured_ms=to_ms(now()), created_ms=to_ms(now()),
        until_ms=to_ms(now() + timedelta(hours=1)), envelope=raw,
    )  # fmt: skip
    async with transaction(here.pool) as connection:
        assert await take_notice(connection, notice)
    desk = NoticeDesk(here.pool)
    assert (await desk.show(1, actor="os:ana", reason="case 7")).key_revoked_at is None
    await adopted(state)
    await revoke(owner, BOX)
    assert await taken(state, await list_of(owner)) is None
    shown = await desk.show(1, actor="os:ana", reason="case 7")
    revoked_at = await owner.pool.fetchval("SELECT revoked_at FROM device_key WHERE device_id = $1", BOX)
    assert shown.key_revoked_at == from_ms(to_ms(revoked_at))
    command = ["notices", "show", "1", "--reason", "case 7", "--json", "--config", str(here.installation.config)]
    assert await asyncio.to_thread(run, command) == 0
    printed = capsys.readouterr()
    assert msgspec.json.decode(printed.out)["key_revoked_at"] is not None
    assert "not proven" in printed.err
    async with transaction(here.pool) as connection:
        assert await foreign_lists.document(connection, OWNER, ItemKind.REVOCATIONS) is not None
