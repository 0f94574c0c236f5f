"""Rollouts of a region for boxes of its cities: whose word lets it, the way down a log, numbers, and the way back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters import city_trust, federation_log
from aggregator.adapters.database import Database
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.profile_texts import profile_text
from aggregator.adapters.rollout_desk import Rollout, RolloutDesk, Wish
from aggregator.adapters.rollout_office import RegionOffice, office_of
from aggregator.adapters.settings_publisher import SettingsPublisher
from aggregator.adapters.settings_store import settings_signer
from aggregator.adapters.store import Store
from aggregator.adapters.trust_file import read_trust
from aggregator.cli import app
from aggregator.core.hindrances import Hindrances
from aggregator.core.ingest import TimeRules
from aggregator.core.rollout import Course, Standing
from aggregator.errors import BadInput, BadKey, NotThere
from aggregator.service.federation_city import CityLink
from protocol.federation import ItemKind
from protocol.messages import Kind
from protocol.point_messages import SettingsResult, SettingsState
from protocol.settings import SettingsDocument, check_settings
from protocol.topics import SETTINGS, device_topic, message_topic
from protocol.trust import Role, TrustStore
from tests.simulators.federation import ANA, Centre, Federation, federated, now
from tests.simulators.forwarding import taken
from tests.simulators.linked_lists import following, head_of, region_port
from tests.simulators.mqtt_client import Credentials, MqttClient
from tests.simulators.running import running, until

CITY, OTHER = "torreon", "saltillo"
BOX, SECOND = "torreon-1", "torreon-2"
QUICK, SLOW = "report_interval_s = 30.0\n", "report_interval_s = 90.0\n"
DAY = timedelta(days=1)
# A command's JSON; `Any`, since it is of any command.
Told = Any
Ask = Callable[..., Any]


@dataclass(frozen=True)
class Street:
    """A region with the boxes of one city, and everybody's desk."""

    state: Federation

    @property
    def city(self) -> Centre:
        return self.state[CITY]

    def desk(self, centre: Centre) -> RolloutDesk:
        return RolloutDesk(centre.pool, office_of(centre.settings))

    async def start(self, centre: Centre, text: str, *devices: str, profile: str | None = "n100") -> str:
        """Begin a rollout for named boxes, and sign what is due of it."""
        of = CITY if centre is self.state.region else None
        wish = Wish(settings_toml=text, of=of, profile=profile, devices=devices or (BOX,), trial_s=60)
        begun = await self.desk(centre).start(wish, actor=ANA, reason="quicker", now=now())
        await self.carry_on(centre)
        return str(begun.row["rollout_id"])

    async def carry_on(self, centre: Centre) -> int:
        signer = settings_signer(centre.settings, now=now())
        return (await self.desk(centre).advance(signer, now=now(), ring_wait=DAY)).signed

    async def newest(self, device: str = BOX) -> SettingsDocument:
        """What the city tells a box, as the box believes it."""
        raw = await self.city.pool.fetchval(
            "SELECT envelope FROM settings_document WHERE device_id = $1 ORDER BY number DESC LIMIT 1", device
        )
        found = check_settings(raw, self.city.installation.trust, self.city.speaker(device).who)
        assert isinstance(found, SettingsDocument), found
        return found

    async def say(self, device: str, number: int, rollout: str, state: SettingsState = SettingsState.KEPT) -> None:
        """A box says what became of a document; its city stores it, and so does the region to which it goes on."""
        result = SettingsResult(number=number, rollout=rollout, state=state, reason="healthy")
        raw = self.city.speaker(device).say(result)
        for centre in (self.city, self.state.region):
            await Store(centre.pool, TimeRules()).write([taken(raw)], [])

    async def down(self) -> dict[str, int]:
        """The city takes what its log has; why it passed anything over."""
        async with following(self.city) as follower:
            await follower.take(await head_of(self.state, CITY))
            return dict(follower.items.refused)

    async def region_has_its_trust(self) -> None:
        """What the city's service does by itself: its newest bundle goes up."""
        raw = self.city.settings.keys.trust_bundle.read_bytes()
        async with transaction(self.state.region.pool) as connection:
            assert isinstance(await city_trust.take(connection, CITY, raw, now=now()), TrustStore)


def root_of(centre: Centre) -> list[str]:
    made = centre.installation
    return ["--root-key", str(made.root_key), "--root-passphrase-file", str(made.root_passphrase_file)]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run `aggregator rollout` in somebody's installation: its JSON, else what it said."""

    async def run(centre: Centre, *arguments: str, code: int = 0) -> Told:
        capsys.readouterr()
        command = ["rollout", *arguments, "--config", str(centre.installation.config)]
        assert await asyncio.to_thread(app.run, command) == code, capsys.readouterr().err
        printed = capsys.readouterr()
        return msgspec.json.decode(printed.out) if "--json" in arguments and code == 0 else printed.err

    return run


@pytest.fixture
async def strangers(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Street]:
    """A region whose word no box of the city believes yet, and its port."""
    async with federated(postgres, tmp_path, CITY, devices=2) as state, region_port(state):
        yield Street(state)


@pytest.fixture
async def street(strangers: Street, ask: Ask) -> Street:
    """A region that the city's root lets say what its boxes run."""
    await ask(strangers.city, "entrust", *root_of(strangers.city))
    await strangers.region_has_its_trust()
    return strangers


async def test_a_region_that_the_citys_root_did_not_let_says_which_command_does(strangers: Street, ask: Ask) -> None:
    region, city = strangers.state.region, strangers.city
    with pytest.raises(BadKey, match="aggregator rollout entrust"):
        await strangers.start(region, QUICK)
    assert await region.pool.fetchval("SELECT count(*) FROM rollout") == 0
    (line,) = await ask(city, "entrust", "--json")
    assert (line["step"], line["subject"], line["key_id"]) == (
        "grant", region.city, region.installation.server.public_key.key_id.hex(),
    )  # fmt: skip
    before = read_trust(city.settings.keys)
    assert [g.role for g in before.grants if g.subject == region.city] == []
    assert "bundle number" in await ask(city, "entrust", *root_of(city))
    grants = [g for g in read_trust(city.settings.keys).grants if g.subject == region.city]
    assert [(g.role, g.cities) for g in grants] == [(Role.SETTINGS, (CITY,))]
    assert "nothing to sign" in await ask(city, "entrust", *root_of(city))
    with pytest.raises(BadKey, match="does not grant"):
        await strangers.start(region, QUICK)
    await strangers.region_has_its_trust()
    assert await strangers.start(region, QUICK) == f"{region.city}-r-1"
    assert "not linked" in await ask(region, "entrust", code=1)


async def test_a_document_goes_down_the_citys_log_and_the_box_believes_it(street: Street) -> None:
    region, told = street.state.region, list[str]()

    async def publish(topic: str, _payload: bytes) -> bool:
        told.append(topic)
        return True

    wish = Wish(settings_toml=QUICK, of=CITY, profile="n100", devices=(BOX,), trial_s=60)
    await street.desk(region).start(wish, actor=ANA, reason="quicker", now=now())
    publisher = SettingsPublisher(region.settings, region.pool, publish)
    for _ in range(2):
        await publisher.look(now())
    assert told == [], "the boxes are at another broker"
    items = "SELECT origin, kind, bytes FROM federation_log_item JOIN federation_body USING (sha256)"
    rows = await region.pool.fetch(items)
    kept = await region.pool.fetchval("SELECT envelope FROM settings_document")
    assert [tuple(row) for row in rows] == [(region.city, ItemKind.SETTINGS, kept)]
    assert await street.down() == {}
    document = await street.newest()
    assert (document.number, document.rollout, document.trial_s) == (1, f"{region.city}-r-1", 60)
    assert (document.profile, document.profile_toml) == ("n100", profile_text("n100"))
    assert document.settings_toml == QUICK
    await SettingsPublisher(street.city.settings, street.city.pool, publish).look(now())
    assert told == [str(device_topic(street.city.speaker(BOX).who, SETTINGS))]
    await street.say(BOX, 1, document.rollout)
    shown = await street.desk(region).show(document.rollout)
    assert (shown.course, shown.boxes[0].standing) == (Course.DONE, Standing.KEPT)
    assert await street.desk(street.city).list() == [], "it is not the city's own"


async def test_rings_open_as_the_boxes_of_a_city_keep_it_and_one_that_rolls_back_halts(street: Street) -> None:
    region, city = street.state.region, street.city
    await city.pool.execute("UPDATE device SET profile = 'nuc-14' WHERE device_id = $1", SECOND)  # a canary
    await city.pool.execute("UPDATE device SET profile = 'n100' WHERE device_id = $1", BOX)
    await street.state.tell_roster(CITY)
    wish = Wish(settings_toml=QUICK, of=CITY, percent=100)
    begun = await street.desk(region).start(wish, actor=ANA, reason="x", now=now())
    assert begun.row["target"] == "all boxes in torreon"
    rollout = begun.row["rollout_id"]
    assert [await street.carry_on(region), await street.carry_on(region)] == [1, 0]
    await street.say(SECOND, 1, rollout)
    assert await street.carry_on(region) == 1
    await street.down()
    assert [(await street.newest(each)).profile for each in (BOX, SECOND)] == ["n100", "nuc-14"]
    await street.say(BOX, 1, rollout, SettingsState.ROLLED_BACK)
    assert (await street.desk(region).show(rollout)).course is Course.HALTED


async def test_a_region_signs_a_few_documents_at_a_time(street: Street) -> None:
    region = street.state.region
    desk = RolloutDesk(region.pool, RegionOffice(region.settings, most_at_once=1))
    wish = Wish(settings_toml=QUICK, of=CITY, profile="n100", devices=(BOX, SECOND))
    await desk.start(wish, actor=ANA, reason="x", now=now())
    signer = settings_signer(region.settings, now=now())
    assert [(await desk.advance(signer, now=now(), ring_wait=DAY)).signed for _ in range(3)] == [1, 1, 0]


async def test_a_region_numbers_above_what_the_box_spoke_of(street: Street) -> None:
    region = street.state.region
    for number in (1, 2):
        await street.start(street.city, SLOW)
        await street.say(BOX, number, f"r-{number}")
    await street.say(BOX, 2**52, "r-2")  # beyond reason: it would leave no number above it
    await street.start(street.city, SLOW, SECOND)
    await street.state.tell_roster(CITY)  # of what the second box has been told, and has not spoken of
    await street.start(region, QUICK, SECOND)
    rollout = await street.start(region, QUICK)
    assert await street.down() == {}
    assert ((await street.newest(SECOND)).number, (await street.newest(SECOND)).settings_toml) == (2, QUICK)
    assert ((await street.newest()).number, (await street.newest()).settings_toml) == (3, QUICK)
    await street.say(BOX, 3, rollout)
    assert await street.start(street.city, SLOW) == "r-4"
    assert (await street.newest()).number == 4
    await street.say(BOX, 4, "r-4")
    assert (await street.desk(region).show(rollout)).boxes[0].standing is Standing.KEPT


async def test_a_number_that_the_city_gave_meanwhile_is_refused_there_told_and_overcome_by_starting_again(
    street: Street,
) -> None:
    region = street.state.region
    await street.start(street.city, SLOW)
    rollout = await street.start(region, QUICK)
    assert await street.down() == {"rolled_back": 1}
    assert (await street.newest()).settings_toml == SLOW
    (box,) = (await street.desk(region).show(rollout)).boxes
    assert box.standing is Standing.SENT
    await street.say(BOX, 1, "r-1")
    (box,) = (await street.desk(region).show(rollout)).boxes
    assert (box.standing, box.note) == (Standing.SUPERSEDED, "by document 1 of r-1")
    rollout = await street.start(region, QUICK)
    assert await street.down() == {}
    assert ((await street.newest()).number, (await street.newest()).settings_toml) == (2, QUICK)
    await street.state.tell_roster(CITY)
    assert (await street.desk(region).show(rollout)).boxes[0].standing is Standing.SENT
    await street.start(street.city, SLOW)
    await street.state.tell_roster(CITY)
    assert (await street.desk(region).show(rollout)).boxes[0].standing is Standing.SUPERSEDED


async def test_what_a_city_passes_over_is_told_in_its_health(street: Street) -> None:
    city = street.city
    await street.start(city, SLOW)
    await street.start(street.state.region, QUICK)
    link = CityLink(city.settings, Database(city.pool, city.access), look_every_s=0.05)
    following_on = asyncio.create_task(link.run(), name="link")
    link.take_head(await head_of(street.state, CITY))
    async with asyncio.timeout(60):
        while "1 items of the region's log were passed over (rolled_back)" not in link.warnings:
            await asyncio.sleep(0.02)
    following_on.cancel()
    await asyncio.wait([following_on])


async def test_an_abort_brings_back_what_the_region_knows_and_the_city_the_rest(street: Street, ask: Ask) -> None:
    region, city = street.state.region, street.city
    first = await street.start(region, SLOW, BOX)
    await street.say(BOX, 1, first)
    await street.start(city, "[lookback]\nminutes = 5\n", SECOND)
    await street.down()
    await street.say(SECOND, 1, "r-1")
    bad = await street.start(region, QUICK, BOX, SECOND)
    await street.down()
    for device in (BOX, SECOND):
        await street.say(device, 2, bad)
    said = await ask(region, "abort", bad, "--reason", "stalls")
    assert f"1 boxes stay with it: {SECOND}" in said
    assert f"aggregator rollout undo {bad}" in said
    await street.down()
    back = await street.newest(BOX)
    assert (back.number, back.rollout, back.settings_toml) == (3, f"undo-{bad}", SLOW)
    assert (await street.newest(SECOND)).settings_toml == QUICK
    assert "aborted already" in await ask(region, "abort", bad, code=1)
    assert await ask(city, "undo", bad, "--reason", "stalls", "--json") == [{"device": SECOND}]
    back = await street.newest(SECOND)
    assert (back.number, back.rollout) == (3, f"undo-{bad}")
    assert (back.profile, back.settings_toml) == ("n100", "[lookback]\nminutes = 5\n")
    for rollout in (bad, "enrolment", f"undo-{bad}", "r-1"):
        assert "no box" in await ask(city, "undo", rollout, code=1)
    assert "rollout abort" in await ask(region, "undo", bad, code=2)
    assert await city.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'rollout.undo'") == 1


async def test_a_box_that_kept_its_citys_document_since_is_not_sent_back_to_an_older_one_of_the_region(
    street: Street,
) -> None:
    region = street.state.region
    first = await street.start(region, SLOW)
    await street.down()
    await street.say(BOX, 1, first)
    await street.start(street.city, "[lookback]\nminutes = 5\n")
    await street.say(BOX, 2, "r-1")
    second = await street.start(region, QUICK)
    await street.down()
    signer = settings_signer(region.settings, now=now())
    aborted: Rollout = await street.desk(region).abort(second, signer, actor=ANA, reason="x", now=now())
    assert [box.device for box in aborted.left] == [BOX]
    assert await street.down() == {}
    assert (await street.newest()).number == 3


async def nowhere(_topic: str, _payload: bytes) -> bool:
    """Nobody is told anything: boxes are at another broker."""
    return False


async def test_a_city_that_takes_its_grant_back_gets_nothing_more_and_an_abort_says_so(street: Street) -> None:
    region, keys = street.state.region, street.city.settings.keys
    rollout = await street.start(region, QUICK)
    wish = Wish(settings_toml=SLOW, of=CITY, profile="n100", devices=(SECOND,))
    await street.desk(region).start(wish, actor=ANA, reason="x", now=now())
    key_id = region.installation.server.public_key.key_id.hex()
    command = ["trust", "withdraw", key_id, "--role", "settings", *root_of(street.city)]
    config = ["--config", str(street.city.installation.config)]
    assert await asyncio.to_thread(app.run, [*command, *config]) == 0
    assert all(grant.key_id.hex() != key_id for grant in read_trust(keys).grants)
    await street.region_has_its_trust()
    signer = settings_signer(region.settings, now=now())
    advanced = await street.desk(region).advance(signer, now=now(), ring_wait=DAY)
    assert advanced.signed == 0
    assert "rollout entrust" in advanced.problems[0]
    hindrances = Hindrances()
    await SettingsPublisher(region.settings, region.pool, nowhere, hindrances).look(now())
    assert list(hindrances) == [f"rollout: {advanced.problems[0]}"]
    assert await street.down() == {"unknown_key": 1}
    aborted = await street.desk(region).abort(rollout, signer, actor=ANA, reason="x", now=now())
    assert [box.device for box in aborted.left] == [BOX]


async def test_a_box_of_no_known_profile_is_not_robbed_of_the_one_it_has(street: Street) -> None:
    region = street.state.region
    for whom in ({"devices": (BOX,)}, {"percent": 100}):
        wish = Wish(settings_toml=QUICK, of=CITY, **whom)
        with pytest.raises(BadInput, match="--profile"):
            await street.desk(region).start(wish, actor=ANA, reason="x", now=now())
    assert await region.pool.fetchval("SELECT count(*) FROM rollout") == 0
    await street.city.pool.execute("UPDATE device SET profile = 'n100'")
    await street.start(street.city, SLOW, BOX, profile="nuc-14")
    await street.say(BOX, 1, "r-1")
    await street.state.tell_roster(CITY)
    rollout = await street.start(region, QUICK, BOX, SECOND, profile=None)
    shown = await street.desk(region).show(rollout)
    assert {box.device: box.profile for box in shown.boxes} == {BOX: "nuc-14", SECOND: "n100"}


async def test_whose_boxes_are_meant_is_said_at_a_region_and_nowhere_else(
    street: Street, ask: Ask, tmp_path: Path
) -> None:
    region, city, quick = street.state.region, street.city, tmp_path / "quick.toml"
    quick.write_text(QUICK)
    start = ["start", "--settings", str(quick), "--profile", "n100", "--device", BOX]
    assert "--of CITY" in await ask(region, *start, code=2)
    assert "this is torreon" in await ask(city, *start, "--of", OTHER, code=2)
    assert "not linked" in await ask(region, *start, "--of", OTHER, code=1)
    assert "no active box" in await ask(region, *start, "--of", CITY, "--device", "saltillo-1", code=1)
    (line,) = await ask(city, *start, "--of", CITY, "--json")
    assert (line["rollout"], line["city"]) == ("r-1", CITY)
    (line,) = await ask(region, *start, "--of", CITY, "--json")
    assert (line["rollout"], line["city"], line["target"]) == (f"{region.city}-r-1", CITY, "1 named boxes in torreon")
    assert [each["rollout"] for each in await ask(region, "list", "--of", CITY, "--json")] == [f"{region.city}-r-1"]
    assert await ask(region, "list", "--of", OTHER, "--json") == []
    shown = await ask(region, "status", "--json")
    assert [(each["device"], each["standing"]) for each in shown["each"]] == [(BOX, "waiting")]


async def test_a_city_that_joins_again_is_told_what_its_boxes_have_not_answered(street: Street) -> None:
    region = street.state.region
    answered = await street.start(region, QUICK, SECOND)
    await street.say(SECOND, 1, answered)
    await street.start(region, QUICK)
    await street.state.join(CITY)
    async with transaction(region.pool) as connection:
        assert await federation_log.open_new(connection, now=now()) == [CITY]
    for _ in range(2):
        assert await street.carry_on(region) == 0
        rows = await region.pool.fetch("SELECT bytes FROM federation_log_item JOIN federation_body USING (sha256)")
        kept = await region.pool.fetchval("SELECT envelope FROM settings_document WHERE device_id = $1", BOX)
        assert [row["bytes"] for row in rows] == [kept]


async def test_nothing_is_started_for_a_city_that_has_left(street: Street) -> None:
    await street.state.region.pool.execute(
        "UPDATE federated_city SET left_at = now(), left_by = 'x', left_reason = 'x' WHERE city_id = $1", CITY
    )
    with pytest.raises(NotThere, match="not linked"):
        await street.start(street.state.region, QUICK)


async def test_a_rollout_of_the_region_goes_through_both_services_to_a_box_and_its_word_comes_back(
    postgres: EmbeddedPostgres, tmp_path: Path, ask: Ask
) -> None:
    async with federated(postgres, tmp_path, CITY, brokers=True) as state:
        street, city, quick = Street(state), state[CITY], tmp_path / "quick.toml"
        quick.write_text(QUICK)
        made, box = city.installation.box(BOX), city.speaker(BOX)
        credentials = Credentials(made.ca, made.certificate, made.key_file)
        async with running(state.region.settings), running(city.settings):
            with MqttClient(city.settings.broker.port, credentials, BOX) as line:
                line.subscribe(str(device_topic(box.who, SETTINGS)))
                await ask(city, "entrust", *root_of(city))
                await city.pool.execute("SELECT pg_notify('hotlist_changed', '')")  # else it is looked at every 5 s
                await until(state.region.pool, "SELECT count(*) > 1 FROM city_trust WHERE city_id = $1", CITY)
                start = ["start", "--of", CITY, "--settings", str(quick), "--profile", "n100", "--device", BOX]
                (begun,) = await ask(state.region, *start, "--json")
                raw = bytes((await asyncio.to_thread(line.take)).payload)
                found = check_settings(raw, city.installation.trust, box.who)
                assert isinstance(found, SettingsDocument), found
                assert (found.rollout, found.settings_toml) == (begun["rollout"], QUICK)
                result = SettingsResult(
                    number=found.number, rollout=found.rollout, state=SettingsState.KEPT, reason="healthy"
                )
                topic = str(message_topic(box.who, Kind.SETTINGS_RESULT))
                await asyncio.to_thread(line.publish, topic, box.say(result))
                await until(state.region.pool, "SELECT EXISTS (SELECT FROM settings_result)")
        assert (await street.desk(state.region).show(begun["rollout"])).course is Course.DONE
