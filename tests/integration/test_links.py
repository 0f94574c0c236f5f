"""Links between real servers: a region's aggregator and broker, a city that joins, is heard, and leaves."""

import asyncio
import contextlib
import queue
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.adapters import (
    federation_desk,
    federation_link,
    federation_status,
    founding,
    keyfiles,
    membership,
    pki,
    region_contact,
    trust_ceremony,
)
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.federation_link import Link
from aggregator.adapters.region_door import door_of
from aggregator.adapters.region_line import connected
from aggregator.adapters.registry_store import Registry
from aggregator.core.contact import Renewed, Standing
from aggregator.core.federation_status import SILENT_AFTER, LinkState, LinkStatus
from aggregator.errors import BadInput, BadKey, NotThere, RegionAway
from aggregator.http.open_port import MAX_BODY_BYTES
from aggregator.service.dates import DatesWatch
from aggregator.service.federation_contact import FederationContact
from aggregator.service.silent_links import SilentLinks
from protocol.envelope import Context, envelope_hash, parse
from protocol.keys import KeySigner
from protocol.messages import Kind
from protocol.receipts import ReceiptItem, Status, decode_receipt
from protocol.refusals import Refusal
from protocol.topics import message_topic
from protocol.trust import Grant, Role
from tests.simulators.broker import free_port
from tests.simulators.federation import ANA, REGION, Centre, Federation, federated, let_in, now
from tests.simulators.mqtt_client import Credentials, MqttClient, NotConnected
from tests.simulators.running import make_hit, running, until

CITY = "saltillo"
_ANSWER_S = 1.0


@pytest.fixture
async def state(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Federation]:
    """A region that runs, and a city that has not joined."""
    async with (
        federated(postgres, tmp_path, CITY, brokers=True, is_joined=False) as made,
        running(made.region.settings),
    ):
        yield made


async def join(state: Federation) -> Link:
    """As an operator joins: over the network, with a token."""
    made, city = await state.invite(CITY), state[CITY]
    link = await membership.join(city.pool, city.settings, made.token, actor=ANA, now=now())
    await let_in(link)
    return link


async def status(centre: Centre) -> LinkStatus:
    async with centre.pool.acquire() as connection:
        (line,) = await federation_status.of(connection, centre.settings, now=now())
    return line


def on_line(link: Link) -> MqttClient:
    """The link's own client at the region's broker."""
    return MqttClient(link.facts.broker_port, Credentials(link.ca, link.certificate, link.key), link.client)


class Uplink:
    """A city's link that passes envelopes on by hand."""

    def __init__(self, client: MqttClient, state: Federation) -> None:
        self._client, self._server = client, state.region.installation.server.public_key

    async def say(self, centre: Centre, device: str) -> bytes:
        """Pass a new hit of a box on, byte for byte."""
        box = centre.speaker(device)
        raw = box.say(make_hit())
        await asyncio.to_thread(self._client.publish, str(message_topic(box.who, Kind.HIT)), raw)
        return raw

    async def pass_on(self, centre: Centre, device: str) -> ReceiptItem | None:
        """The same, and what the region answers; a box that it does not know yet gets no answer."""
        name = envelope_hash(await self.say(centre, device))
        with contextlib.suppress(queue.Empty):
            while True:
                envelope = parse(bytes((await asyncio.to_thread(self._client.take, _ANSWER_S)).payload))
                assert envelope.check(self._server, Context.RECEIPT) is None
                receipt = decode_receipt(envelope)
                assert receipt.device == device
                for item in receipt.items:
                    if item.hash == name:
                        return item
        return None


@contextlib.contextmanager
def uplink(state: Federation, link: Link) -> Iterator[Uplink]:
    with on_line(link) as client:
        client.subscribe(f"atalaya/v1/{CITY}/+/+/receipt")
        yield Uplink(client, state)


def grants(count: int) -> Iterator[Grant]:
    """So many officers, as a large city has them."""
    for number in range(count):
        spki = KeySigner.generate().public_key.spki
        yield Grant(role=Role.OFFICER, spki=spki, subject=f"officer-{number}", not_before_ms=0, not_after_ms=4 * 10**12)


async def test_a_city_joins_over_the_network_and_the_regions_broker_lets_its_link_in(state: Federation) -> None:
    city = state[CITY].installation
    trust_ceremony.grant(city.settings.keys, city.root, grants(300), now=now())
    assert city.settings.keys.trust_bundle.stat().st_size > MAX_BODY_BYTES  # more than boxes may send at that port
    link = await join(state)
    with on_line(link) as client:
        assert client.is_up.is_set()
    access = (state.region.settings.mosquitto.directory / "acl").read_text()
    assert "user link.saltillo" in access
    assert (
        await state.region.pool.fetchval("SELECT actor FROM audit WHERE action = 'federation.join'") == "city:saltillo"
    )


async def test_the_region_takes_what_a_citys_box_signed_until_the_city_revokes_the_box(state: Federation) -> None:
    link, city, pool = await join(state), state[CITY], state.region.pool
    key = city.speaker("saltillo-1").signer.public_key.key_id
    with uplink(state, link) as line:
        await line.say(city, "saltillo-1")
        await until(pool, "SELECT count(*) = 1 FROM refused WHERE reason = $1", int(Refusal.UNKNOWN_KEY))
        await state.tell_roster(CITY)
        assert (await heard(lambda: line.pass_on(city, "saltillo-1"), Status.STORED)).reason == 0
        assert await pool.fetchval("SELECT city_id FROM hit LIMIT 1") == CITY
        async with city.pool.acquire() as connection, connection.transaction():
            await Registry(connection).revoke("saltillo-1", "stolen", now=now())
        await state.tell_roster(CITY)
        refused = await heard(lambda: line.pass_on(city, "saltillo-1"), Status.REFUSED)
        assert (refused.reason, refused.is_final) == (Refusal.REVOKED_KEY, True)
    assert await pool.fetchval("SELECT revoked_reason FROM device_key WHERE key_id = $1", bytes(key))


async def heard(ask: Callable[[], Awaitable[ReceiptItem | None]], status: Status) -> ReceiptItem:
    """Ask again until the answer is of a status: ingest hears of the registry a moment later."""
    async with asyncio.timeout(60):
        while (item := await ask()) is None or item.status is not status:
            await asyncio.sleep(0.02)
    return item


async def status_told_at_once(state: Federation) -> tuple[LinkStatus, LinkStatus]:
    """Region's and city's, once the city has told its own without being held up on the way: clocks are compared."""
    city, region = state[CITY], state.region
    async with asyncio.timeout(60):
        while True:
            await FederationContact(city.pool, city.settings).tell()
            seen, own = await status(region), await status(city)
            offsets = [line.clock_offset_ms for line in (seen, own)]
            if all(offset is not None and abs(offset) < 2_000 for offset in offsets):
                return seen, own


async def test_both_sides_know_how_the_link_stands(state: Federation) -> None:
    assert [line async for line in lines(state[CITY])] == []
    await state.invite(CITY)
    assert (await status(state.region)).state is LinkState.INVITED
    link, city, region = await join(state), state[CITY], state.region
    await state.tell_roster(CITY)
    fresh = await status(region)
    assert (fresh.state, fresh.heard_at, fresh.backlog) == (LinkState.LINKED, None, None)
    seen, own = await status_told_at_once(state)
    assert (seen.peer, seen.state, seen.backlog, seen.lag_s) == (CITY, LinkState.LINKED, 0, 0.0)
    assert (own.peer, own.state, own.backlog) == (REGION, LinkState.LINKED, 0)
    assert seen.release == own.release != ""
    assert own.heard_at is not None
    for line in (seen, own):
        assert line.clock_offset_ms is not None
        assert abs(line.clock_offset_ms) < 2_000
    assert seen.roster_number == own.roster_number is not None
    assert (seen.trust_number, own.trust_number) == (1, 1)
    assert own.since == link.facts.joined_at
    await region.pool.execute("UPDATE federated_city SET roster_left_out = '{point p-1 is torreon''s}'")
    assert (await status(region)).note == "left out: point p-1 is torreon's"
    watch = SilentLinks(region.pool)
    await watch.look(now=now() + SILENT_AFTER)
    assert list(watch.warnings) == ["saltillo has not been heard for 5 min; see: aggregator federation status"]
    await watch.look(now=now())
    assert not watch.warnings
    parcel = await region_contact.trust_of(link, CITY)
    assert parcel.root_spki == city.settings.keys.root_spki.read_bytes()
    with pytest.raises(NotThere, match="no city monclova"):
        await region_contact.trust_of(link, "monclova")


async def test_a_region_that_does_not_know_what_it_is_told_was_not_told(state: Federation) -> None:
    link = await join(state)
    elsewhere = msgspec.structs.replace(link.facts, artefacts_url=f"{link.facts.artefacts_url}/elsewhere")
    with pytest.raises(RegionAway, match="refused: 404"):
        await region_contact.say_leave(replace(link, facts=elsewhere), "by mistake")


async def lines(centre: Centre) -> AsyncIterator[LinkStatus]:
    async with centre.pool.acquire() as connection:
        for line in await federation_status.of(connection, centre.settings, now=now()):
            yield line


async def test_a_link_is_renewed_for_its_own_key_when_the_region_signs_under_another_ca(state: Federation) -> None:
    link, city, keys = await join(state), state[CITY], state.region.settings.keys
    contact, before = FederationContact(city.pool, city.settings), keyfiles.read_certificate(link.certificate)
    await contact.tell()
    assert keyfiles.read_certificate(link.certificate) == before
    key = Ed25519PrivateKey.generate()
    private = state.region.installation.root.private_key
    assert isinstance(private, Ed25519PrivateKey)
    root = pki.Authority(keyfiles.read_certificate(keys.root_certificate), private)
    issuing = pki.make_issuing("the next issuing CA", root, key, now=now())
    keys.issuing_key.unlink()
    keyfiles.write_private(keys.issuing_key, key)
    keyfiles.replace(keys.issuing_certificate, keyfiles.pem_of(issuing.certificate))
    keyfiles.replace(state.region.settings.broker.ca, keyfiles.pem_of(issuing.certificate) + link.ca.read_bytes())
    await contact.tell()
    after = keyfiles.read_certificate(link.certificate)
    after.verify_directly_issued_by(issuing.certificate)
    assert (after.public_key(), pki.common_name(after)) == (before.public_key(), "link.saltillo")
    assert await state.region.pool.fetchval("SELECT count(*) FROM federation_certificate WHERE revoked_at IS NULL") == 2
    assert await state.region.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'federation.renew'") == 1
    stranger = Renewed(
        chain=city.installation.boxes["saltillo-1"].certificate.read_text(), authorities=link.ca.read_text()
    )
    with pytest.raises(BadKey, match="root"):
        federation_link.renew(link, stranger)


async def test_a_link_that_ended_while_its_city_was_off_says_what_to_type_and_that_mends_it(state: Federation) -> None:
    link, city = await join(state), state[CITY]
    issuing, ended_at = founding.read_issuing(state.region.settings), now() - timedelta(days=1)
    spki, term = keyfiles.read_signer(link.key).public_key.spki, timedelta(days=pki.CLIENT_DAYS)
    leaf = pki.issue(issuing, link.client, spki, pki.Use.CLIENT, now=ended_at - term, valid=term)
    keyfiles.replace(link.certificate, keyfiles.pem_of(leaf) + keyfiles.pem_of(issuing.certificate))
    told = f"ended on {ended_at:%Y-%m-%d}, .* aggregator federation invite saltillo; then here: .* federation join"
    contact = FederationContact(city.pool, city.settings)
    await contact.tell()
    away = await status(city)
    assert away.state is LinkState.AWAY
    assert re.search(told, away.note), away.note
    with pytest.raises(RegionAway, match=told):
        async with connected(link):
            pass
    async with door_of(link) as door:
        with pytest.raises(RegionAway, match=told):
            await door.page(0)
    watch = DatesWatch(city.pool, city.settings)
    await watch.look(now=now())
    (problem,) = (line for line in watch.problems if line.startswith("link of saltillo ended"))
    assert problem.endswith("aggregator federation invite saltillo; then in the city: aggregator federation join")
    await join(state)
    await contact.tell()
    assert (await status(city)).state is LinkState.LINKED


async def test_a_city_that_leaves_tells_the_region_and_is_out_at_once(state: Federation) -> None:
    link, city, region = await join(state), state[CITY], state.region
    kept = Path(link.folder.with_name("kept"))
    with on_line(link) as client:
        kept.mkdir()
        for path in link.folder.iterdir():
            (kept / path.name).write_bytes(path.read_bytes())
        left = await membership.leave(city.pool, city.settings, actor=ANA, reason="trial over", now=now())
        assert left == membership.Left(REGION, None)
        assert await asyncio.to_thread(client.is_down.wait, 30)
    assert (await status(region)).state is LinkState.LEFT
    assert "link.saltillo" not in (region.settings.mosquitto.directory / "acl").read_text()
    thief = Link(CITY, kept, link.facts)
    with pytest.raises(NotConnected), on_line(thief):
        pass
    await until(region.pool, "SELECT count(*) = 1 FROM federated_city WHERE left_at IS NOT NULL")
    async with city.pool.acquire() as connection:
        said = await region_contact.standing(connection, thief, now=now())
    with pytest.raises(RegionAway, match="no linked city"):
        await insisting(thief, said)
    again = await join(state)
    with on_line(again) as client:
        assert client.is_up.is_set()


async def insisting(link: Link, said: Standing) -> None:
    """Tell the region again and again, until it no longer listens."""
    async with asyncio.timeout(30):
        while True:
            await region_contact.say(link, said)


async def test_the_region_ends_a_link_that_does_not_answer(state: Federation) -> None:
    link, region = await join(state), state.region
    with on_line(link) as client:
        trouble = await federation_desk.leave(
            region.pool, region.settings, CITY, actor=ANA, reason="contract over", now=now()
        )
        assert trouble is None
        assert await asyncio.to_thread(client.is_down.wait, 30)
    with pytest.raises(NotConnected), on_line(link):
        pass


async def test_a_token_of_another_region_or_of_nobody_joins_nothing(state: Federation) -> None:
    made, city = await state.invite(CITY), state[CITY]
    foreign = msgspec.structs.replace(made.token, root_sha256=bytes(32))
    with pytest.raises(RegionAway, match="its root is not ours"):
        await membership.join(city.pool, city.settings, foreign, actor=ANA, now=now())
    nobody = msgspec.structs.replace(made.token, port=free_port())
    with pytest.raises(RegionAway, match="does not answer"):
        await membership.join(city.pool, city.settings, nobody, actor=ANA, now=now())
    unknown = msgspec.structs.replace(made.token, secret=bytes(16))
    with pytest.raises(BadInput, match="unknown_invitation"):
        await membership.join(city.pool, city.settings, unknown, actor=ANA, now=now())
    assert federation_link.read(city.settings) is None
    await membership.join(city.pool, city.settings, made.token, actor=ANA, now=now())


async def test_a_region_that_is_away_is_noted_and_leaving_needs_nobody(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with federated(postgres, tmp_path, CITY) as state:
        city = state[CITY]
        await FederationContact(city.pool, city.settings).tell()
        away = await status(city)
        assert away.state is LinkState.AWAY
        assert "does not answer" in away.note
        left = await membership.leave(city.pool, city.settings, actor=ANA, reason="trial over", now=now())
        assert left.trouble is not None
        assert [line async for line in lines(city)] == []
        with pytest.raises(NotThere):
            await membership.leave(city.pool, city.settings, actor=ANA, reason="again", now=now())
        await FederationContact(city.pool, city.settings).tell()
