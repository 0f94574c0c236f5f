"""Invitations and answers, in a real PostgreSQL and over the open port."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest
import structlog
from aiohttp import web

from aggregator.adapters import enrolment_store, invitation_desk
from aggregator.adapters.audit_log import rows as audit_rows
from aggregator.adapters.database import Pool
from aggregator.adapters.enrolment_desk import STEPS, Waiting, answer
from aggregator.adapters.invitation_desk import Invited, invite
from aggregator.core.invitation import Refusal, State, fingerprint
from aggregator.errors import BadInput, NotThere
from aggregator.http.enrolment import enrolment_routes
from aggregator.http.open_port import Tally, open_app, open_context
from aggregator.settings import Settings
from protocol.enrolment import Believed, check_parcel, token_text
from protocol.order import Identity
from protocol.settings import SettingsDocument, check_settings
from protocol.steps import Step, no_step, stop_at
from tests.simulators.newcomer import Newcomer, make_wish, told_where

ANA = "os:ana"


def now() -> datetime:
    return datetime.now(UTC)


async def make(pool: Pool, settings: Settings, **wish: object) -> Invited:
    return await invite(pool, settings, make_wish(**wish), actor=ANA, now=now())  # type: ignore[arg-type]  # the test's


async def state_of(pool: Pool, made: Invited) -> State:
    async with pool.acquire() as connection, connection.transaction():
        found = await enrolment_store.find(connection, made.invitation.invitation)
    assert found is not None
    return found.state(now())


def believed(raw: object, made: Invited, box: Newcomer) -> Believed:
    assert isinstance(raw, bytes), raw
    found = check_parcel(raw, made.token.pin, box.signer.public_key)
    assert isinstance(found, Believed), found
    return found


async def test_a_box_gets_all_that_it_needs(registry: Pool, installation: Settings) -> None:
    settings, box = told_where(installation), Newcomer()
    made = await make(registry, settings)
    found = believed(await answer(registry, settings, box.request(made.token), now=now()), made, box)
    assert (found.answer.device, found.answer.city, found.answer.point) == ("p-1-1", "saltillo", "p-1")
    assert found.answer.place.enrolment_url == settings.boxes.enrolment_url
    who = Identity(device="p-1-1", city="saltillo", point="p-1")
    document = check_settings(found.answer.settings, found.trust, who)
    assert isinstance(document, SettingsDocument)
    assert (document.profile, document.settings_toml) == ("n100", "report_interval_s = 30\n")
    assert "[hardware]" in document.profile_toml
    assert await state_of(registry, made) is State.USED


async def test_the_secret_is_kept_nowhere(registry: Pool, installation: Settings) -> None:
    made = await make(registry, installation)
    (row,) = await registry.fetch("SELECT invitation::text AS all FROM invitation")
    assert made.token.secret.hex() not in row["all"]
    assert token_text(made.token)[8:40] not in row["all"]


async def test_the_same_box_may_ask_again_and_gets_the_same_certificate(registry: Pool, installation: Settings) -> None:
    box, made = Newcomer(), await make(registry, installation)
    first = believed(await answer(registry, installation, box.request(made.token), now=now()), made, box)
    late = now() + timedelta(days=30)
    again = believed(await answer(registry, installation, box.request(made.token), now=late), made, box)
    assert again.answer.chain == first.answer.chain
    assert await registry.fetchval("SELECT count(*) FROM device_certificate") == 1


async def test_another_box_with_the_same_token_is_refused(registry: Pool, installation: Settings) -> None:
    box, thief, made = Newcomer(), Newcomer(), await make(registry, installation)
    believed(await answer(registry, installation, box.request(made.token), now=now()), made, box)
    assert await answer(registry, installation, thief.request(made.token), now=now()) is Refusal.USED


async def test_of_two_boxes_that_ask_at_once_one_gets_in(registry: Pool, installation: Settings) -> None:
    made, boxes = await make(registry, installation), [Newcomer() for _ in range(6)]
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(answer(registry, installation, box.request(made.token), now=now()), name="ask")
            for box in boxes
            for _ in range(2)
        ]
    answers = [task.result() for task in asked]
    assert sum(isinstance(each, bytes) for each in answers) == 2
    assert sum(each is Refusal.USED for each in answers) == 10
    assert await registry.fetchval("SELECT count(*) FROM device_certificate") == 1


async def test_what_is_refused_and_why(registry: Pool, installation: Settings) -> None:
    box, made = Newcomer(), await make(registry, installation)
    request = box.request(made.token)
    late = now() + timedelta(days=2)
    assert await answer(registry, installation, request, now=late) is Refusal.EXPIRED
    assert await answer(registry, installation, request[:-1], now=now()) is Refusal.BAD_REQUEST
    other_name = box.request(made.token, name="box-9")
    assert await answer(registry, installation, other_name, now=now()) is Refusal.BAD_REQUEST
    guess = msgspec.structs.replace(made.token, secret=bytes(16))
    assert await answer(registry, installation, box.request(guess), now=now()) is Refusal.UNKNOWN
    tampered = request[:-1] + bytes([request[-1] ^ 1])
    assert await answer(registry, installation, tampered, now=now()) is Refusal.UNKNOWN
    await invitation_desk.cancel(registry, "p-1-1", actor=ANA, reason="lost", now=now())
    assert await answer(registry, installation, request, now=now()) is Refusal.CANCELLED


async def test_a_revoked_device_gets_nothing(registry: Pool, installation: Settings) -> None:
    box, made = Newcomer(), await make(registry, installation)
    request = box.request(made.token)
    believed(await answer(registry, installation, request, now=now()), made, box)
    await registry.execute("UPDATE device SET state = 'revoked'")
    assert await answer(registry, installation, request, now=now()) is Refusal.REVOKED


async def test_a_guarded_invitation_waits_for_a_person(registry: Pool, installation: Settings) -> None:
    box, made = Newcomer(), await make(registry, installation, device="box-7", needs_approval=True)
    request, key = box.request(made.token), fingerprint(bytes(box.signer.public_key.key_id))
    assert await answer(registry, installation, request, now=now()) == Waiting("box-7", key)
    assert await state_of(registry, made) is State.WAITING
    assert await answer(registry, installation, request, now=now()) == Waiting("box-7", key)
    with pytest.raises(BadInput, match=key):
        await invitation_desk.approve(registry, "box-7", key="00" * 16, actor=ANA, now=now())
    await invitation_desk.approve(registry, "box-7", key=key.upper(), actor=ANA, now=now())
    believed(await answer(registry, installation, request, now=now()), made, box)
    with pytest.raises(NotThere):
        await invitation_desk.approve(registry, "box-7", key=None, actor=ANA, now=now())


async def test_nothing_is_approved_before_a_box_has_asked(registry: Pool, installation: Settings) -> None:
    await make(registry, installation, device="box-7", needs_approval=True)
    with pytest.raises(BadInput, match="is open"):
        await invitation_desk.approve(registry, "box-7", key=None, actor=ANA, now=now())


async def test_a_new_invitation_takes_the_place_of_the_lost_one(registry: Pool, installation: Settings) -> None:
    lost = await make(registry, installation, device="box-7")
    made = await make(registry, installation, device="box-7")
    assert made.replaced == (lost.invitation.invitation,)
    assert await answer(registry, installation, Newcomer().request(lost.token), now=now()) is Refusal.CANCELLED
    assert (await make(registry, installation)).token.device == "p-1-1"


async def test_an_invitation_needs_a_place_a_profile_and_a_device_that_is_free(
    registry: Pool, installation: Settings
) -> None:
    for wish, told in (
        ({"city": "torreon"}, "is in saltillo"),
        ({"point": "p-9"}, "no point"),
        ({"profile": "abacus"}, "n100"),
    ):
        with pytest.raises((BadInput, NotThere), match=told):
            await make(registry, installation, **wish)
    box, made = Newcomer(), await make(registry, installation, device="box-7")
    believed(await answer(registry, installation, box.request(made.token), now=now()), made, box)
    with pytest.raises(BadInput, match="enrolled already"):
        await make(registry, installation, device="box-7")


async def test_every_deed_is_in_the_audit_and_no_secret(registry: Pool, installation: Settings) -> None:
    box, made = Newcomer(), await make(registry, installation, needs_approval=True)
    request = box.request(made.token)
    await answer(registry, installation, request, now=now())
    await invitation_desk.approve(registry, "p-1-1", key=None, actor=ANA, now=now())
    await answer(registry, installation, request, now=now())
    await answer(registry, installation, request, now=now())
    await make(registry, installation, device="box-7")
    await invitation_desk.cancel(registry, "box-7", actor=ANA, reason="never came", now=now())
    async with registry.acquire() as connection:
        kept = await audit_rows(connection)
    assert [(row.action, row.actor) for row in kept] == [
        ("device.invite", ANA),
        ("device.approve", ANA),
        ("device.enrol", "device:p-1-1"),
        ("device.invite", ANA),
        ("device.uninvite", ANA),
    ]
    assert made.token.secret.hex() not in str(kept)


class Cut(BaseException):
    """The power goes."""


@pytest.mark.parametrize("name", STEPS)
async def test_power_that_goes_at_any_step_leaves_a_box_that_can_ask_again(
    registry: Pool, installation: Settings, name: str
) -> None:
    def cut() -> None:
        raise Cut

    box, made = Newcomer(), await make(registry, installation)
    request = box.request(made.token)
    with pytest.raises(Cut):
        await answer(registry, installation, request, now=now(), step=stop_at(name, cut))
    believed(await answer(registry, installation, request, now=now()), made, box)
    assert await registry.fetchval("SELECT count(*) FROM device_certificate") == 1
    assert await registry.fetchval("SELECT count(*) FROM audit WHERE action = 'device.enrol'") == 1


@asynccontextmanager
async def asking(
    settings: Settings, pool: Pool, tally: Tally, step: Step = no_step
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the port, with the enrolment's route."""
    runner = web.AppRunner(open_app(settings, enrolment_routes(pool, settings, tally, step), tally), access_log=None)
    await runner.setup()
    try:
        port = settings.http.enrol_port
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=open_context(settings)).start()
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(settings.broker.ca)))
        async with aiohttp.ClientSession(f"https://127.0.0.1:{port}", connector=connector) as session:
            yield session
    finally:
        await runner.cleanup()


async def test_the_port_answers_waits_and_refuses(registry: Pool, installation: Settings) -> None:
    tally, box, thief = Tally(), Newcomer(), Newcomer()
    made = await make(registry, installation, needs_approval=True)
    async with asking(installation, registry, tally) as session:
        async with session.post("/enrolments", data=box.request(made.token)) as said:
            waits = {"device": "p-1-1", "key": fingerprint(bytes(box.signer.public_key.key_id))}
            assert (said.status, await said.json()) == (202, waits)
            assert int(said.headers["Retry-After"]) > 0
        await invitation_desk.approve(registry, "p-1-1", key=waits["key"], actor=ANA, now=now())
        async with session.post("/enrolments", data=box.request(made.token)) as said:
            believed(await said.read(), made, box)
        async with session.post("/enrolments", data=thief.request(made.token)) as said:
            assert (said.status, (await said.json())["error"]) == (409, "used")
        async with session.post("/enrolments", data=b"?") as said:
            assert (said.status, (await said.json())["error"]) == (400, "bad_request")
    assert (dict(tally.granted), dict(tally.refused)) == ({"enrolment": 1}, {"used": 1, "bad_request": 1})


async def test_an_invitation_can_be_tried_so_often_a_minute(registry: Pool, installation: Settings) -> None:
    replace = msgspec.structs.replace
    settings = replace(installation, enrolment=replace(installation.enrolment, attempts_per_minute=2))
    token = (await make(registry, settings)).token
    async with asking(settings, registry, Tally()) as session:
        statuses = []
        for _ in range(3):  # within the half minute after which there is another
            async with session.post("/enrolments", data=Newcomer().request(token)) as said:
                statuses.append(said.status)
    assert statuses == [200, 409, 429]


async def test_a_command_centre_that_lacks_its_key_says_that_it_cannot_work_and_keeps_the_invitation_open(
    registry: Pool, installation: Settings, tmp_path: Path
) -> None:
    replace = msgspec.structs.replace
    broken = replace(installation, keys=replace(installation.keys, issuing_key=tmp_path / "lost.pem"))
    made = await make(registry, installation)
    async with (
        asking(broken, registry, Tally()) as session,
        session.post("/enrolments", data=Newcomer().request(made.token)) as said,
    ):
        assert (said.status, (await said.json())["error"]) == (503, "unavailable")
    assert await state_of(registry, made) is State.OPEN


async def test_no_log_line_holds_a_secret(
    registry: Pool, installation: Settings, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await make(registry, installation)
    with structlog.testing.capture_logs() as lines:
        async with asking(installation, registry, Tally()) as session:
            for box in (Newcomer(), Newcomer()):
                async with session.post("/enrolments", data=box.request(made.token)) as said:
                    await said.read()
    told = f"{lines}{caplog.text}{''.join(capsys.readouterr())}"
    assert "enrolment_refused" in told
    assert made.token.secret.hex() not in told
    assert token_text(made.token)[8:40] not in told
