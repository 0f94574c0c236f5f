"""A box enrols: the agent's own way against the real aggregator, broker and database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.adapters import installation as adapter
from aggregator.adapters import invitation_desk
from aggregator.adapters.database import Pool
from aggregator.adapters.enrolment_desk import answer
from aggregator.http import enrolment as enrolment_http
from aggregator.settings import Settings
from edge_agent.adapters import enroll_files, path_check
from edge_agent.adapters.keystore import CERTIFICATE, KEY, load_enrolment
from edge_agent.adapters.signed_settings import read_in_force
from edge_agent.adapters.uplink import Broker as BrokerAddress
from edge_agent.adapters.uplink import Letter, connected
from edge_agent.core.enrolment import Problem
from edge_agent.errors import EnrolmentFailed, NotEnrolled
from edge_agent.service import enroll as service
from edge_agent.service.enroll import STEPS, enroll
from protocol.order import Identity
from protocol.settings import SettingsDocument, check_settings
from protocol.steps import stop_at
from protocol.trust import TrustStore
from tests.simulators.broker import Broker
from tests.simulators.new_box import Heard, invited, make_setting
from tests.simulators.newcomer import Newcomer, told_where
from tests.simulators.running import running


@pytest.fixture
async def city(installation: Settings, broker: Broker, registry: Pool) -> AsyncIterator[Settings]:
    """A running city whose boxes are told its real ports."""
    settings = told_where(installation)
    async with running(settings):
        yield settings


async def problem_of(*args: object) -> EnrolmentFailed:
    with pytest.raises(EnrolmentFailed) as caught:
        await enroll(*args)  # type: ignore[arg-type]  # handed through
    return caught.value


async def test_a_box_is_enrolled_and_told_each_stage(city: Settings, pool: Pool, tmp_path: Path) -> None:
    heard, made = Heard(), await invited(pool, city)
    enrolled = await enroll(made.token, make_setting(tmp_path, heard=heard))
    facts = enrolled.enrolment.facts
    assert (facts.device, facts.city, facts.point) == ("p-1-1", "saltillo", "p-1")
    assert facts.enrolment_url == city.boxes.enrolment_url
    assert enrolled.until - datetime.now(UTC) > timedelta(days=800)
    assert not enrolled.clock.is_wrong
    assert heard.stages == ["key", "pin", "request", "write", "path"]
    folder = tmp_path / "identity"
    trust = TrustStore(enrolled.enrolment.root).accept((folder / "trust.cbor").read_bytes())
    assert isinstance(trust, TrustStore)
    who = Identity(device="p-1-1", city="saltillo", point="p-1")
    document = check_settings((folder / enroll_files.SETTINGS).read_bytes(), trust, who)
    assert isinstance(document, SettingsDocument)
    assert document.profile == "n100"
    in_force = read_in_force(tmp_path / "agent.toml")
    assert (in_force.settings.report_interval_s, in_force.is_trial, in_force.alarms) == (30, True, ())
    assert enrolled.settings_problem is None
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


async def test_the_same_token_on_the_same_box_again_only_proves_the_path(
    city: Settings, pool: Pool, tmp_path: Path
) -> None:
    heard, made = Heard(), await invited(pool, city)
    await enroll(made.token, make_setting(tmp_path))
    before = (tmp_path / "identity" / CERTIFICATE).read_bytes()
    await enroll(made.token, make_setting(tmp_path, heard=heard))
    assert heard.stages == ["path"]
    assert (tmp_path / "identity" / CERTIFICATE).read_bytes() == before


class Cut(BaseException):
    """The power goes."""


@pytest.mark.parametrize("name", STEPS)
async def test_a_box_that_is_cut_at_any_step_is_not_enrolled_or_wholly_so_and_gets_there_again(
    city: Settings, pool: Pool, tmp_path: Path, name: str
) -> None:
    def cut() -> None:
        raise Cut

    made = await invited(pool, city)
    with pytest.raises(Cut):
        await enroll(made.token, make_setting(tmp_path, step=stop_at(name, cut)))
    key = (tmp_path / "identity" / KEY).read_bytes()
    if (tmp_path / "identity" / CERTIFICATE).exists():
        load_enrolment(tmp_path / "identity")
    else:
        with pytest.raises(NotEnrolled):
            load_enrolment(tmp_path / "identity")
    await enroll(made.token, make_setting(tmp_path))
    assert (tmp_path / "identity" / KEY).read_bytes() == key
    assert await pool.fetchval("SELECT count(*) FROM device_certificate") == 1


async def test_a_key_that_was_cut_before_its_request_was_never_used_and_is_made_anew(
    city: Settings, pool: Pool, tmp_path: Path
) -> None:
    made = await invited(pool, city)
    folder = tmp_path / "identity"
    enroll_files.own_key(folder, "p-1-1", "file")
    (folder / "device.csr.pem").unlink()
    await enroll(made.token, make_setting(tmp_path))


async def test_doubled_requests_at_once_enrol_one_box_once(city: Settings, pool: Pool, tmp_path: Path) -> None:
    made = await invited(pool, city)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(enroll(made.token, make_setting(tmp_path)), name="first")
        await asyncio.sleep(0)  # the first has the folder now
        assert (await problem_of(made.token, make_setting(tmp_path))).problem == Problem.AT_WORK.value
        assert (await first).enrolment.facts.device == "p-1-1"


async def test_a_used_an_expired_and_a_cancelled_token_are_told_apart(
    city: Settings, pool: Pool, tmp_path: Path
) -> None:
    used = await invited(pool, city, device="box-a")
    await enroll(used.token, make_setting(tmp_path / "a"))
    assert (await problem_of(used.token, make_setting(tmp_path / "b"))).problem == "used"
    expired = await invited(pool, city, device="box-b")
    await pool.execute(
        "UPDATE invitation SET invited_at = '2026-01-01', expires_at = '2026-01-02' WHERE device_id = 'box-b'"
    )
    found = await problem_of(expired.token, make_setting(tmp_path / "c"))
    assert (found.problem, found.values["device"]) == ("expired", "box-b")
    gone = await invited(pool, city, device="box-c")
    await invitation_desk.cancel(pool, "box-c", actor="os:ana", reason="lost", now=datetime.now(UTC))
    assert (await problem_of(gone.token, make_setting(tmp_path / "d"))).problem == "cancelled"


async def test_a_box_that_is_another_already_is_left_alone(city: Settings, pool: Pool, tmp_path: Path) -> None:
    await enroll((await invited(pool, city, device="box-a")).token, make_setting(tmp_path))
    other = await invited(pool, city, device="box-b")
    found = await problem_of(other.token, make_setting(tmp_path))
    assert (found.problem, found.values["device"]) == ("other-device", "box-a")
    assert await pool.fetchval("SELECT claimed_at IS NULL FROM invitation WHERE device_id = 'box-b'")


async def test_a_guarded_box_waits_and_shows_its_key(
    city: Settings, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment_http, "ASK_AGAIN_S", 1)
    heard, made = Heard(), await invited(pool, city, needs_approval=True)
    async with asyncio.TaskGroup() as group:
        waits = group.create_task(enroll(made.token, make_setting(tmp_path, heard=heard)), name="enroll")
        async with asyncio.timeout(30):
            while "approval" not in heard.stages:
                await asyncio.sleep(0.02)
        key = str(heard.values[heard.stages.index("approval")]["key"])
        await invitation_desk.approve(pool, "p-1-1", key=key, actor="os:ana", now=datetime.now(UTC))
        assert (await waits).enrolment.facts.device == "p-1-1"


async def test_a_box_that_nobody_approves_stops_and_says_what_is_missing(
    city: Settings, pool: Pool, tmp_path: Path
) -> None:
    made = await invited(pool, city, needs_approval=True)
    found = await problem_of(made.token, make_setting(tmp_path, approval_wait_s=0))
    assert (found.problem, len(str(found.values["key"]))) == ("not-approved", 39)


async def test_a_clock_in_1970_does_not_stop_an_enrolment_and_is_told(
    city: Settings, pool: Pool, tmp_path: Path
) -> None:
    made = await invited(pool, city)
    stopped = datetime(1970, 1, 1, tzinfo=UTC)
    enrolled = await enroll(made.token, make_setting(tmp_path, wall_clock=lambda: stopped))
    assert enrolled.clock.is_wrong
    assert not enrolled.clock.is_sound


async def test_the_offline_way_carries_a_request_and_an_answer(city: Settings, pool: Pool, tmp_path: Path) -> None:
    made, setting = await invited(pool, city), make_setting(tmp_path)
    with pytest.raises(EnrolmentFailed, match="no-request"):
        service.take_answer(b"", setting)
    request = await asyncio.to_thread(service.make_request, made.token, setting)
    assert made.token.secret not in request
    parcel = await answer(pool, city, request, actor="os:ana", now=datetime.now(UTC))
    assert isinstance(parcel, bytes)
    with pytest.raises(EnrolmentFailed, match="bad-answer"):
        service.take_answer(parcel[:-1], setting)
    assert service.take_answer(parcel, setting).facts.device == "p-1-1"
    assert not (tmp_path / "identity" / enroll_files.PIN).exists()
    assert (await service.prove(setting)).enrolment.facts.device == "p-1-1"


async def test_an_answer_for_another_box_is_not_taken(city: Settings, pool: Pool, tmp_path: Path) -> None:
    made, setting = await invited(pool, city), make_setting(tmp_path)
    service.make_request(made.token, setting)
    theirs = await answer(pool, city, Newcomer().request(made.token), now=datetime.now(UTC))
    assert isinstance(theirs, bytes)
    with pytest.raises(EnrolmentFailed) as caught:
        service.take_answer(theirs, setting)
    assert caught.value.values["why"] == "other_request"
    with pytest.raises(NotEnrolled):
        load_enrolment(tmp_path / "identity")


async def test_the_path_check_leaves_the_running_agents_session_alone(
    city: Settings, pool: Pool, tmp_path: Path
) -> None:
    setting = make_setting(tmp_path)
    enrolment = (await enroll((await invited(pool, city)).token, setting)).enrolment
    address = BrokerAddress("127.0.0.1", city.broker.port, enrolment.facts.device, enrolment.tls())
    topic = f"atalaya/v1/saltillo/p-1/{enrolment.facts.device}/presence"
    async with connected(address, will=Letter(topic, b""), filters=(topic,)) as link:
        lost = asyncio.create_task(link.lost(), name="lost")
        for _ in range(3):
            await service.prove(setting)
        await link.publish(Letter(topic, b"still here"))
        done, _ = await asyncio.wait([lost], timeout=0.5)
        assert not done
        lost.cancel()


async def test_a_revoked_box_is_told_that_the_broker_refuses_it(
    city: Settings, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = make_setting(tmp_path)
    enrolment = (await enroll((await invited(pool, city)).token, setting)).enrolment
    async with pool.acquire() as connection:
        await adapter.revoke(connection, city, enrolment.facts.device, "stolen", actor="os:ana", now=datetime.now(UTC))
    async with asyncio.timeout(30):  # the word of a broker that is slow to say why is lost: it has been spoken to
        while True:
            found = await refused(lambda: path_check.check_broker(enrolment, enrolment.tls()))
            if found.values.get("why") == "SSLV3_ALERT_CERTIFICATE_REVOKED":
                break
    assert found.problem == "broker-refuses"
    monkeypatch.setattr(path_check, "_REGISTRY_S", 0.0)
    found = await refused(lambda: path_check.check_artefacts(enrolment, check_dates=True))
    assert found.problem == "artefacts-refuse"


async def refused(check: Callable[[], Awaitable[None]]) -> EnrolmentFailed:
    """Why a check fails in the end: broker and artefacts' server hear of a revocation in their own time."""
    async with asyncio.timeout(30):
        while True:
            try:
                await check()
            except EnrolmentFailed as exc:
                return exc
