"""Private companies at the command centre: terms signed, told and held to, on the real broker and the real database."""

import asyncio
import stat
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters.database import Pool
from aggregator.adapters.enrolment_desk import answer
from aggregator.adapters.invitation_desk import invite
from aggregator.adapters.partner_desk import Deed, PartnerDesk
from aggregator.adapters.settings_store import settings_signer
from aggregator.adapters.succession import move
from aggregator.adapters.trust_file import read_trust
from aggregator.cli import app
from aggregator.core.terms_file import parse_terms_file
from aggregator.errors import AlreadyThere, BadInput, NotThere
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.enrolment import Believed, check_parcel
from protocol.envelope import envelope_hash
from protocol.messages import Alarm, CameraMinute, CameraState, Health, Kind, Report
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal
from protocol.terms import Terms, Tier, check_terms
from protocol.topics import TERMS, device_topic
from tests.integration.test_ingest import connected
from tests.simulators.box_line import BoxLine
from tests.simulators.broker import Broker
from tests.simulators.enrolment import Box, enrol
from tests.simulators.newcomer import Newcomer, make_wish, told_where
from tests.simulators.running import make_hit, running, until
from tests.simulators.settings_file import write_settings

TODAY = datetime.now(UTC).date()
FILE = f"""
tier = "connected"
purpose = "stolen vehicles at the entrance"
from = {TODAY - timedelta(days=2)}
until = {TODAY + timedelta(days=30)}
uses = ["hit", "panic"]
shown = ["counts", "health"]
hours = "always"

[points]
p-1 = ["cam-1"]
"""
REGISTERED = FILE.replace("connected", "registered").replace('uses = ["hit", "panic"]\n', "")


@pytest.fixture
async def market(registry: Pool) -> Pool:
    """The registry, with `p-1` a company's."""
    await registry.execute(
        "INSERT INTO partner (partner_id, name, terms, signed_on, contact)"
        " VALUES ('market', 'Market', 'folio 12', '2026-01-01', 'Rosa, 844 555 0101')"
    )
    await registry.execute("UPDATE point SET partner_id = 'market' WHERE point_id = 'p-1'")
    return registry


@pytest.fixture
def desk(market: Pool) -> PartnerDesk:
    return PartnerDesk(market, "saltillo")


@pytest.fixture
async def shop(market: Pool, installation: Settings, tmp_path: Path) -> Box:
    """A box of the company."""
    return await enrol(market, installation, "box-1", tmp_path)


@pytest.fixture
def line(broker: Broker, shop: Box, installation: Settings) -> Iterator[BoxLine]:
    with connected(shop, installation) as it:
        yield it


def deed(reason: str = "folio 12") -> Deed:
    return Deed("os:ana", reason, datetime.now(UTC))


async def sign(desk: PartnerDesk, settings: Settings, text: str = FILE) -> Terms:
    return await desk.sign("market", parse_terms_file(text), settings_signer(settings, now=datetime.now(UTC)), deed())


async def send(line: BoxLine, raw: bytes, kind: Kind) -> ReceiptItem:
    """Publish, and wait for the receipt."""
    await asyncio.to_thread(lambda: line.publish(raw, kind))
    return await asyncio.to_thread(line.receipt, envelope_hash(raw))


async def test_terms_are_numbered_signed_and_on_record(market: Pool, desk: PartnerDesk, installation: Settings) -> None:
    first = await sign(desk, installation)
    signer = settings_signer(installation, now=datetime.now(UTC))
    stopped = await desk.suspend("market", signer, deed("fraud"))
    with pytest.raises(AlreadyThere, match="suspended already"):
        await desk.suspend("market", signer, deed())
    lifted = await desk.lift("market", signer, deed("settled"))
    assert [each.number for each in (first, stopped, lifted)] == [1, 2, 3]
    assert (stopped.is_suspended, lifted.is_suspended) == (True, False)
    assert msgspec.structs.replace(lifted, number=1, created_ms=first.created_ms) == first
    trust = read_trust(installation.keys)
    for row in await market.fetch("SELECT envelope FROM partner_terms"):
        assert isinstance(check_terms(bytes(row["envelope"]), trust, city="saltillo", partner="market"), Terms)
    audited = await market.fetch("SELECT action, subject, reason FROM audit ORDER BY number")
    assert [tuple(row) for row in audited] == [
        ("partner.terms", "partner:market terms:1", "folio 12"),
        ("partner.suspend", "partner:market terms:2", "fraud"),
        ("partner.lift", "partner:market terms:3", "settled"),
    ]


async def test_two_that_sign_at_once_get_two_numbers(desk: PartnerDesk, installation: Settings) -> None:
    made = await asyncio.gather(*(sign(desk, installation) for _ in range(5)))
    assert sorted(each.number for each in made) == [1, 2, 3, 4, 5]


async def test_terms_of_others_cameras_or_of_nobody_are_not_signed(desk: PartnerDesk, installation: Settings) -> None:
    with pytest.raises(BadInput, match="cam-9"):
        await sign(desk, installation, FILE.replace("cam-1", "cam-9"))
    with pytest.raises(BadInput, match="p-2"):
        await sign(desk, installation, FILE.replace("p-1", "p-2"))
    with pytest.raises(BadInput, match="Marte"):
        await sign(desk, installation, FILE.replace("tier", 'time_zone = "Marte/Olympus"\ntier'))
    signer = settings_signer(installation, now=datetime.now(UTC))
    with pytest.raises(NotThere, match="partner add"):
        await desk.sign("bank", parse_terms_file(FILE), signer, deed())
    with pytest.raises(NotThere, match="--file"):
        await desk.in_force("market")


async def test_a_box_is_let_in_only_under_terms_that_connect_it_and_learns_whose_it_is(
    market: Pool, desk: PartnerDesk, installation: Settings
) -> None:
    settings, now = told_where(installation), datetime.now(UTC)

    async def invited() -> Believed:
        made = await invite(market, settings, make_wish(), actor="os:ana", now=now)
        newcomer = Newcomer()
        raw = await answer(market, settings, newcomer.request(made.token), now=now)
        assert isinstance(raw, bytes)
        found = check_parcel(raw, made.token.pin, newcomer.signer.public_key)
        assert isinstance(found, Believed)
        return found

    with pytest.raises(BadInput, match="no_terms"):
        await invited()
    await sign(desk, installation, REGISTERED)
    with pytest.raises(BadInput, match="registered"):
        await invited()
    await sign(desk, installation)
    assert (await invited()).answer.partner == "market"
    await market.execute("UPDATE point SET partner_id = NULL")
    await market.execute("DELETE FROM device_certificate")
    await market.execute("DELETE FROM device_key")
    assert (await invited()).answer.partner is None


async def test_a_companys_box_is_not_moved_to_anothers_point(market: Pool, shop: Box) -> None:
    sql = (
        "INSERT INTO point (point_id, city_id, name, latitude, longitude, partner_id)"
        " VALUES ($1, 'saltillo', 'x', 25, -101, $2)"
    )
    await market.execute(sql, "p-2", None)
    await market.execute(sql, "p-3", "market")
    now = datetime.now(UTC)
    async with market.acquire() as connection:
        with pytest.raises(BadInput, match="enrolled anew"):
            await move(connection, shop.who.device, "p-2", actor="os:ana", now=now)
        await move(connection, shop.who.device, "p-3", actor="os:ana", now=now)
    assert await market.fetchval("SELECT point_id FROM device") == "p-3"


async def test_ingest_takes_what_the_terms_allow_and_refuses_the_rest_for_good(
    market: Pool, desk: PartnerDesk, installation: Settings, shop: Box, line: BoxLine
) -> None:
    async with running(installation):
        early = await send(line, shop.say(make_hit()), Kind.HIT)
        assert (early.status, early.reason, early.is_final) == (Status.REFUSED, Refusal.OUTSIDE_TERMS, True)
        await sign(desk, installation)

        async def taken() -> bool:
            return (await send(line, shop.say(make_hit()), Kind.HIT)).status is Status.STORED

        async with asyncio.timeout(20):
            while not await taken():
                await asyncio.sleep(0.02)
        before = datetime.now(UTC)
        moved = shop.say(Alarm(camera="cam-1", alarm="motion", started_ms=to_ms(before)))
        assert (await send(line, moved, Kind.ALARM)).reason == Refusal.OUTSIDE_TERMS
        assert (await send(line, shop.say(Alarm(alarm="panic", started_ms=to_ms(before))), Kind.ALARM)).status is (
            Status.STORED
        )
        # Suspended: what happened before is taken late, what happens now is not, and the box still says how it is.
        signer = settings_signer(installation, now=before)
        await desk.suspend("market", signer, deed("fraud"))
        late = make_hit(captured_at=before)

        async def refused() -> bool:
            return (await send(line, shop.say(make_hit()), Kind.HIT)).reason == Refusal.OUTSIDE_TERMS

        async with asyncio.timeout(20):
            while not await refused():
                await asyncio.sleep(0.02)
        assert (await send(line, shop.say(late), Kind.HIT)).status is Status.STORED
        assert (await send(line, shop.say(minute()), Kind.REPORT)).status is Status.STORED
        assert (await send(line, shop.say(minute(vehicles=1)), Kind.REPORT)).reason == Refusal.OUTSIDE_TERMS
    reasons = await market.fetchval("SELECT array_agg(DISTINCT reason) FROM refused")
    assert reasons == [int(Refusal.OUTSIDE_TERMS)]
    (told,) = await desk.list(datetime.now(UTC))
    assert told.row["refused"] >= 4


def minute(**counts: int) -> Report:
    now_ms = to_ms(datetime.now(UTC))
    line = CameraMinute(camera="cam-1", state=CameraState.LIVE, live_ms=60_000, **counts)
    return Report(from_ms=now_ms, to_ms=now_ms, cameras=(line,), health=Health())


async def test_each_box_of_the_company_is_told_and_no_other(
    market: Pool, desk: PartnerDesk, installation: Settings, shop: Box, line: BoxLine
) -> None:
    heard: list[bytes] = []
    topic = str(device_topic(shop.who, TERMS))
    take = line.client.on_message

    def on_message(client: Any, userdata: Any, message: Any) -> None:
        if message.topic == topic:
            heard.append(bytes(message.payload))
        elif take is not None:
            take(client, userdata, message)

    line.client.on_message = on_message
    line.client.subscribe(topic, qos=1)
    trust = read_trust(installation.keys)
    async with running(installation):
        for act in (sign(desk, installation), _suspended(desk, installation)):
            made = await act
            async with asyncio.timeout(20):  # what is retained may be told again before what is new
                while not heard or check_terms(heard[-1], trust, city="saltillo", partner="market") != made:
                    await asyncio.sleep(0.02)


async def _suspended(desk: PartnerDesk, settings: Settings) -> Terms:
    return await desk.suspend("market", settings_signer(settings, now=datetime.now(UTC)), deed("fraud"))


@pytest.fixture
def ask(installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Awaitable[Any]]:
    """Run `aggregator partner`: what it printed as JSON, else what it said."""
    settings_file = write_settings(told_where(installation), tmp_path / "aggregator.toml")

    async def run(*arguments: str, code: int = 0) -> Any:  # JSON
        capsys.readouterr()
        found = await asyncio.to_thread(app.run, ["partner", *arguments, "--config", str(settings_file)])
        printed = capsys.readouterr()
        assert found == code, printed.err
        return msgspec.json.decode(printed.out) if "--json" in arguments else printed.err

    return run


async def test_the_commands_sign_show_suspend_list_and_invite(
    market: Pool, ask: Callable[..., Awaitable[Any]], tmp_path: Path
) -> None:
    file = tmp_path / "terms.toml"
    file.write_text(FILE)
    (row,) = await ask("list", "--json")
    assert (row["partner"], row["state"], row["contact"]) == ("market", "no_terms", "Rosa, 844 555 0101")
    assert "reason" in await ask("terms", "market", "--file", str(file), code=2)
    shown = await ask("terms", "market", "--file", str(file), "--reason", "folio 12", "--json")
    assert (shown["number"], shown["state"], shown["uses"], shown["hours"]) == (
        1, "connected", ["hit", "panic"], ["always"],
    )  # fmt: skip
    token = await ask("invite", "market", "--point", "p-1", "--profile", "n100", "--json")
    assert token["token"].startswith("ATALAYA:")
    assert await market.fetchval("SELECT needs_approval FROM invitation"), "a person looks at a company's box"
    assert "not registered as bank's" in await ask("invite", "bank", "--point", "p-1", "--profile", "n100", code=2)
    stopped = await ask("suspend", "market", "--reason", "fraud", "--json")
    assert (stopped["number"], stopped["state"]) == (2, "suspended")
    assert "suspended" in await ask("invite", "market", "--point", "p-1", "--profile", "n100", code=2)
    assert (await ask("suspend", "market", "--lift", "--reason", "settled", "--json"))["state"] == "connected"
    assert (await ask("terms", "market", "--again", "--reason", "new key", "--json"))["number"] == 4
    found = await ask("terms", "market", "--json")
    assert (found["number"], found["reason"]) == (4, "new key")
    (row,) = await ask("list", "--json")
    assert (row["state"], row["points"], row["cameras"], row["boxes"]) == ("connected", 1, 1, 1)


async def test_whom_to_ask_about_a_camera_near_a_place(
    market: Pool, desk: PartnerDesk, installation: Settings, ask: Callable[..., Awaitable[Any]]
) -> None:
    (camera,) = await ask("cameras", "--json")
    assert (camera["camera"], camera["state"]) == ("cam-1", "no_terms")
    terms = await sign(desk, installation, REGISTERED)
    assert terms.tier is Tier.REGISTERED
    (near,) = await ask("cameras", "--near", "25.401,-101.0", "--json")
    assert (near["state"], near["contact"], near["heading_deg"]) == ("registered", "Rosa, 844 555 0101", 90)
    assert 100 < near["metres"] < 125
    assert await ask("cameras", "--near", "25.5,-101.0", "--json") == []
    assert await ask("cameras", "--near", "25.401,-101.0", "--within", "0", "--json") == []
    for wrong in (("--near", "nan,inf"), ("--near", "91,0"), ("--near", "25.4"), ("--within", "100")):
        assert "LATITUDE,LONGITUDE" in await ask("cameras", *wrong, code=2), wrong


async def test_a_company_is_shown_what_its_terms_say_and_not_a_row_more(  # noqa: PLR0917  the test's fixtures
    market: Pool,
    desk: PartnerDesk,
    installation: Settings,
    shop: Box,
    line: BoxLine,
    ask: Callable[..., Awaitable[Any]],
    tmp_path: Path,
) -> None:
    await sign(desk, installation)
    async with running(installation):
        assert (await send(line, shop.say(make_hit()), Kind.HIT)).status is Status.STORED
        assert (await send(line, shop.say(minute(vehicles=7, reads=5, hits=1)), Kind.REPORT)).status is Status.STORED
        await until(market, "SELECT sum(vehicles) = 7 FROM camera_hour_now")
    shown = await ask("report", "market", "--reason", "monthly", "--json")
    assert set(shown["parts"]) == {"counts", "cameras", "boxes"}
    assert [each["vehicles"] for each in shown["parts"]["counts"]] == [7]
    assert shown["parts"]["boxes"][0]["device_id"] == "box-1"
    out = tmp_path / "market.json"
    await ask("report", "market", "--reason", "monthly", "--out", str(out))
    for secret in ("ABC123D", "e-1", "stolen", '"hits"', "reads", "plate"):
        assert secret not in out.read_text()
    # Terms that show hits show when and where, and still no plate.
    await sign(desk, installation, FILE.replace('"health"', '"hit_counts", "hit_times"'))
    shown = await ask("report", "market", "--reason", "monthly", "--json")
    assert [each["hits"] for each in shown["parts"]["hits_by_day"]] == [1]
    assert [(each["camera_id"], each["reasons"]) for each in shown["parts"]["hits"]] == [("cam-1", "stolen")]
    assert "ABC123D" not in msgspec.json.encode(shown).decode()
    assert "boxes" not in shown["parts"]
    assert await market.fetchval("SELECT count(*) FROM audit WHERE action = 'partner.report'") == 3
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    said = await ask("report", "market", "--reason", "monthly", "--out", str(out / "in-a-file"), code=2)
    assert "cannot be written" in said
