"""Webhooks against a real HTTP server: signed, told in the end whatever dies, dead letters seen, nothing held up."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from aggregator.adapters.database import Access, Pool
from aggregator.adapters.webhook_desk import WebhookDesk, secret_file
from aggregator.adapters.webhook_queue import STEPS, WebhookQueue
from aggregator.adapters.webhook_sender import senders
from aggregator.core.alerts import Act
from aggregator.errors import AlreadyThere, BadInput, NotThere
from aggregator.service.webhooks import Webhooks
from aggregator.settings import Settings
from tests.simulators.alerting import Street
from tests.simulators.enrolment import Box
from tests.simulators.running import until
from tests.simulators.settings_file import write_settings
from tests.simulators.webhook_receiver import Got, Receiver

TIMEOUT_S = 30


class Office:
    """A street, and the webhooks of its command centre."""

    def __init__(self, pool: Pool, access: Access, box: Box, folder: Path) -> None:
        self.street, self.pool, self.access, self.folder = Street(pool, box), pool, access, folder
        self.desk = WebhookDesk(pool, folder)

    async def add(self, name: str, url: str, *acts: str, city: str | None = None, is_private: bool = True) -> str:
        """Register a receiver; its secret."""
        path = await self.desk.add(
            name, url, city=city, acts=acts, is_private=is_private, secret=None, actor="os:ana", reason="contract 12",
            now=self.street.now,
        )  # fmt: skip
        return path.read_text().strip()

    @asynccontextmanager
    async def telling(
        self, *, give_up: timedelta = timedelta(hours=1), timeout_s: float = 60
    ) -> AsyncIterator[Webhooks]:
        """The task, running."""
        webhooks = Webhooks(WebhookQueue(self.pool, give_up, Random(1)), self.access, self.folder, timeout_s)
        task = asyncio.create_task(webhooks.run(), name="webhooks")
        try:
            yield webhooks
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def hurry(self, name: str) -> None:
        """Have all that waits tried at once."""
        await self.desk.retry(name, None, actor="os:ana", reason="it is back", now=self.street.now)


@pytest.fixture
def office(pool: Pool, database: Access, box: Box, tmp_path: Path) -> Office:
    """An office with no webhook."""
    return Office(pool, database, box, tmp_path / "webhooks")


async def got(receiver: Receiver, count: int) -> list[Got]:
    """What a receiver got, once it is so much."""
    async with asyncio.timeout(TIMEOUT_S):
        while len(receiver.got) < count:
            await asyncio.sleep(0.02)
    return receiver.got


async def test_every_step_is_told_signed_in_order_and_without_a_plate(office: Office) -> None:
    async with Receiver().serving() as receiver, office.telling():
        secret = await office.add("cad", receiver.url)
        await office.street.tell(office.street.hit(plate="XYZ987W", entries=["e-7"]))
        for act in (Act.CONFIRM, Act.DISPATCH):
            await office.street.step(act)
        told = await got(receiver, 3)
        await until(office.pool, "SELECT delivered = 3 FROM webhook")
    assert [each.told["type"] for each in told] == ["alert.raise", "alert.confirm", "alert.dispatch"]
    assert all(each.is_signed(secret) and not each.is_signed("whsec_" + "A" * 32) for each in told)
    assert (told[2].told["unit"], told[2].told["cameras"], told[0].told["reasons"]) == (
        "unit 7",
        ["p-1/cam-1"],
        ["stolen"],
    )
    assert not any(text in each.body for each in told for text in (b"XYZ987W", b"e-7"))
    assert await office.pool.fetchval("SELECT count(*) FROM webhook_delivery") == 0


async def test_only_what_was_asked_for_is_told(office: Office) -> None:
    await office.add("cad", "https://cad.example.mx/", "confirm")
    await office.pool.execute("INSERT INTO city (city_id, name, time_zone) VALUES ('monclova', 'M', 'UTC')")
    await office.add("other", "https://cad.example.mx/", city="monclova")
    await office.street.tell(office.street.hit())
    await office.street.step(Act.CONFIRM)
    rows = await office.pool.fetch("SELECT webhook_id, body::jsonb ->> 'type' AS type FROM webhook_delivery")
    assert [tuple(row) for row in rows] == [("cad", "alert.confirm")]


async def test_a_receiver_that_was_down_gets_the_same_message_under_the_same_id(office: Office) -> None:
    async with Receiver(status=503).serving() as receiver, office.telling():
        await office.add("cad", receiver.url)
        await office.street.tell(office.street.hit())
        await until(office.pool, "SELECT failures >= 1 FROM webhook")
        receiver.status = 200
        await office.hurry("cad")
        first, second = (await got(receiver, 2))[:2]
        await until(office.pool, "SELECT NOT EXISTS (SELECT FROM webhook_delivery)")
    assert (first.id, first.body) == (second.id, second.body)


async def test_what_is_never_taken_is_a_dead_letter_that_is_seen_and_tried_again(office: Office) -> None:
    async with Receiver(status=500).serving() as receiver, office.telling(give_up=timedelta(0)) as webhooks:
        await office.add("cad", receiver.url)
        await office.street.tell(office.street.hit())
        await until(office.pool, "SELECT dead_at IS NOT NULL FROM webhook_delivery")
        (row,) = await office.desk.dead(None, 10)
        assert (row["webhook"], row["problem"], row["attempts"]) == ("cad", "it answered 500", 1)
        async with asyncio.timeout(TIMEOUT_S):
            while webhooks.warnings != ("webhook cad: 1 dead letters",):
                await asyncio.sleep(0.02)
        receiver.status = 200
        await office.hurry("cad")
        await until(office.pool, "SELECT delivered = 1 FROM webhook")
    assert await office.desk.dead(None, 10) == []


async def test_a_message_that_is_not_wanted_holds_up_no_other(office: Office) -> None:
    def refuse_first(what: Got) -> web.StreamResponse:
        return web.Response(status=422 if what.told["type"] == "alert.raise" else 200)

    async with Receiver(answer=refuse_first).serving() as receiver, office.telling():
        await office.add("cad", receiver.url)
        await office.street.tell(office.street.hit())
        await office.street.step(Act.CONFIRM)
        await until(office.pool, "SELECT delivered = 1 FROM webhook")
    assert await office.pool.fetchval("SELECT problem FROM webhook_delivery") == "it answered 422"


async def test_a_redirect_is_not_followed(office: Office) -> None:
    async with Receiver().serving() as elsewhere, Receiver().serving() as receiver, office.telling():
        receiver.answer = lambda _: web.Response(status=302, headers={"location": elsewhere.url})
        await office.add("cad", receiver.url)
        await office.street.tell(office.street.hit())
        await until(office.pool, "SELECT problem = 'it answered 302' FROM webhook_delivery")
    assert elsewhere.got == []


async def test_a_receiver_that_hangs_holds_up_neither_another_nor_ingest_and_is_left(office: Office) -> None:
    async with Receiver(is_hanging=True).serving() as hanging, Receiver().serving() as quick:
        await office.add("hanging", hanging.url)
        await office.add("quick", quick.url)
        async with office.telling(timeout_s=1):
            await office.street.tell(office.street.hit())
            await got(hanging, 1)
            await office.street.tell(office.street.hit(entries=["e-2"]))
            await got(quick, 2)
            await until(
                office.pool,
                "SELECT EXISTS (SELECT FROM webhook_delivery WHERE problem = 'it did not answer in time')",
            )
        hanging.is_hanging = False


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_the_message_is_told_in_the_end(
    office: Office, installation: Settings, tmp_path: Path, step: str
) -> None:
    settings_file = write_settings(installation, tmp_path / "aggregator.toml")
    office.folder = installation.alerts.webhooks_dir
    office.desk = WebhookDesk(office.pool, office.folder)
    async with Receiver().serving() as receiver:
        await office.add(f"cad-{step.partition('.')[2]}", receiver.url)
        await office.street.tell(office.street.hit())
        argv = [sys.executable, "-m", "tests.simulators.webhook_receiver", str(settings_file), step]
        assert await asyncio.to_thread(subprocess.call, argv) == -signal.SIGKILL
        assert len(receiver.got) == (step == "webhooks.sent")
        await office.pool.execute("UPDATE webhook_delivery SET next_try_at = now()")  # the lease has run out
        async with office.telling():
            await until(office.pool, "SELECT NOT EXISTS (SELECT FROM webhook_delivery)")
    assert len({each.id for each in receiver.got}) == 1


async def test_a_name_that_means_a_forbidden_address_is_not_called(office: Office) -> None:
    async with Receiver().serving() as receiver, senders(5) as sender:
        url = f"https://localhost:{receiver.port}/"
        answer = await sender.send(url, b"{}", {}, is_private=False)
    assert "private network" in answer.problem
    assert receiver.got == []


async def test_a_webhook_is_added_once_audited_with_its_secret_in_a_private_file(office: Office) -> None:
    await office.add("cad", "https://cad.example.mx/")
    path = secret_file(office.folder, "cad")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(AlreadyThere):
        await office.add("cad", "https://cad.example.mx/")
    with pytest.raises(NotThere):
        await office.add("other", "https://cad.example.mx/", city="nowhere")
    for name, url in (("Cad", "https://cad.example.mx/"), ("b", "http://cad.example.mx/")):
        with pytest.raises(BadInput):
            await office.add(name, url)
    await office.desk.remove("cad", actor="os:ana", reason="the contract ended")
    assert not path.exists()
    audited = await office.pool.fetch("SELECT action, subject FROM audit ORDER BY number")
    assert [tuple(row) for row in audited] == [("webhook.add", "webhook:cad"), ("webhook.remove", "webhook:cad")]
