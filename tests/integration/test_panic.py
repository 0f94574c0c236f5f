"""Panic buttons, to the outbox: over the network with a key, and from a GPIO line."""

import asyncio
import os
import select
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp
import gpiod
import pytest
from gpiod import _ext
from gpiod.line import Value

from edge_agent.adapters.outbox import Limits
from edge_agent.adapters.panic_gpio import request_lines
from edge_agent.adapters.panic_http import PanicServer
from edge_agent.adapters.panic_keys import FILE, add_button, button_names, load_keys, remove_button
from edge_agent.core.alarms import PANIC, PANIC_TEST
from edge_agent.core.panic import answer_text, is_mac, mac, press_text
from edge_agent.errors import BadSettings
from edge_agent.service.panic import Panic
from edge_agent.service.tasks import background
from edge_agent.settings import PanicSettings
from tests.simulators.alarm_box import QUICK, AlarmBox, alarm_box
from tests.simulators.broker import free_port

KEY = bytes(range(32))
TIMEOUT_S = 30
# Presses of one press take longer on a machine that stalls.
PATIENT = replace(QUICK, settle_s=60, merge_s=60, longest_merge_s=60)


class Button:
    """A button on the network, as its maker would program it."""

    def __init__(self, port: int, *, name: str = "lobby", key: bytes = KEY) -> None:
        self.url, self.name, self.key = f"http://127.0.0.1:{port}/panic", name, key

    async def challenge(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(self.url) as answer:
            return str((await answer.json())["challenge"])

    def sign(self, challenge: str, *, is_test: bool = False) -> dict[str, object]:
        signed = mac(self.key, press_text(self.name, challenge, is_test=is_test))
        return {"button": self.name, "challenge": challenge, "mac": signed, "test": is_test}

    async def post(self, body: object) -> tuple[int, dict[str, object]]:
        async with aiohttp.ClientSession() as session, session.post(self.url, json=body) as answer:
            return answer.status, await answer.json()

    async def press(self, *, is_test: bool = False) -> int:
        challenge = await self.challenge()
        status, answer = await self.post(self.sign(challenge, is_test=is_test))
        if status == 200:
            assert is_mac(self.key, answer_text(self.name, challenge), str(answer["mac"]))
        return status


@asynccontextmanager
async def listening(box: AlarmBox, keys: dict[str, bytes] | None = None) -> AsyncIterator[Button]:
    settings = PanicSettings(http_port=free_port())
    panic = Panic(settings, {"lobby": KEY} if keys is None else keys, box.desk)
    async with background(panic=panic.run()):
        async with asyncio.timeout(TIMEOUT_S):
            while panic.http_port is None:
                await asyncio.sleep(0.01)
        yield Button(settings.http_port)


async def test_a_press_is_on_the_disk_before_its_answer(tmp_path: Path) -> None:
    async with alarm_box(tmp_path) as box, listening(box) as button:
        assert await button.press() == 200
        (alarm,) = await box.said()
        assert (alarm.alarm, alarm.camera, alarm.is_active, alarm.note) == (PANIC, None, True, "button lobby")


async def test_a_press_that_was_listened_in_on_cannot_be_made_again(tmp_path: Path) -> None:
    async with alarm_box(tmp_path) as box, listening(box) as button:
        body = button.sign(await button.challenge())
        assert (await button.post(body))[0] == 200
        assert await button.post(body) == (401, {"error": "refused"})
    async with alarm_box(tmp_path) as box, listening(box) as button:
        assert (await button.post(body))[0] == 401, "nor after a restart"
        assert len(await box.said()) == 1


async def test_whatever_is_wrong_with_a_press_the_answer_is_the_same(tmp_path: Path) -> None:
    async with alarm_box(tmp_path) as box, listening(box) as button:
        challenge = await button.challenge()
        good = button.sign(challenge)
        wrongs: list[object] = [
            {**good, "mac": "00" * 32},
            {**good, "button": "nobody"},
            {**good, "test": True},
            {**good, "challenge": "00" * 40},
            {**good, "more": 1},
            {"button": 3},
            [],
        ]
        for wrong in wrongs:
            assert await button.post(wrong) == (401, {"error": "refused"})
        assert await box.said() == []
        assert (await button.post(good))[0] == 200, "and none of them has spent the challenge"


async def test_who_presses_wrongly_is_held_back_and_the_right_press_is_not(tmp_path: Path) -> None:
    async with alarm_box(tmp_path) as box, listening(box) as button:
        wrong = Button(int(button.url.split(":")[2].split("/")[0]), key=bytes(32))
        statuses = {await wrong.press() for _ in range(25)}
        assert statuses == {401, 429}
        assert await button.press() == 200
        assert len(await box.said()) == 1


async def test_a_body_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    async with alarm_box(tmp_path) as box, listening(box) as button:
        status = 0
        async with aiohttp.ClientSession() as session, session.post(button.url, data=b"x" * 5000) as answer:
            status = answer.status
        assert status in {401, 413}
        assert await button.press() == 200


async def test_presses_close_together_are_one_alarm_and_each_is_told_that_it_is_stored(tmp_path: Path) -> None:
    async with alarm_box(tmp_path, PATIENT) as box, listening(box) as button:
        assert [await button.press() for _ in range(3)] == [200, 200, 200]
        assert await box.states() == [(PANIC, True)]


async def test_a_buttons_trial_is_no_panic(tmp_path: Path) -> None:
    async with alarm_box(tmp_path) as box, listening(box) as button:
        assert await button.press(is_test=True) == 200
        assert await box.states() == [(PANIC_TEST, True)]


async def test_a_press_that_could_not_be_stored_is_not_said_to_be(tmp_path: Path) -> None:
    async with alarm_box(tmp_path, limits=Limits(0, 0, 0)) as box, listening(box) as button:
        assert await button.press() == 503


async def test_who_connects_and_says_nothing_is_cut_off_and_keeps_no_button_out() -> None:
    server = PanicServer({"lobby": KEY}, lambda *_: asyncio.sleep(0, result=True), lifetime_s=1.5)
    async with server.serving("127.0.0.1", 0) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0)) for _ in range(50)]
        assert await Button(port).press() == 200
        async with asyncio.timeout(TIMEOUT_S):
            for reader, writer in silent:
                with suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()
        late = Button(port)
        assert await late.press() == 200


async def test_a_port_that_is_taken_is_told_and_tried_again(tmp_path: Path) -> None:
    settings = PanicSettings(http_port=free_port())
    taken = PanicServer({}, lambda *_: asyncio.sleep(0, result=True))
    async with alarm_box(tmp_path) as box:
        panic = Panic(settings, {"lobby": KEY}, box.desk, retry_s=0.05)
        async with asyncio.timeout(TIMEOUT_S):
            async with taken.serving("127.0.0.1", settings.http_port), background(panic=panic.run()):
                while "cannot be listened on" not in panic.status()["faults"].get("http", ""):
                    await asyncio.sleep(0.01)
            async with background(panic=panic.run()):
                while panic.http_port is None:
                    await asyncio.sleep(0.01)


class WiredLines:
    """GPIO lines without a chip, as `gpiod.LineRequest` offers them. A pipe is readable when a line has changed."""

    def __init__(self, **pressed: bool) -> None:
        self._read, self._write = os.pipe()
        self._levels = {int(name[1:]): is_pressed for name, is_pressed in pressed.items()}
        self._events: list[gpiod.EdgeEvent] = []
        self.is_released = False

    @property
    def fd(self) -> int:
        return self._read

    @property
    def offsets(self) -> Sequence[int]:
        return list(self._levels)

    def get_values(self) -> Sequence[Value]:
        return [Value.ACTIVE if pressed else Value.INACTIVE for pressed in self._levels.values()]

    def wait_edge_events(self, timeout: float) -> bool:
        return bool(select.select([self._read], [], [], timeout)[0])

    def read_edge_events(self) -> Sequence[gpiod.EdgeEvent]:
        os.read(self._read, 4096)
        events, self._events = self._events, []
        return events

    def release(self) -> None:
        os.close(self._read)
        os.close(self._write)
        self.is_released = True

    def set(self, line: int, *, pressed: bool) -> None:
        kind = _ext.EDGE_EVENT_TYPE_RISING if pressed else _ext.EDGE_EVENT_TYPE_FALLING
        self._events.append(gpiod.EdgeEvent(kind, 0, line, 0, 0))
        os.write(self._write, b"!")


async def wait_for(box: AlarmBox, states: list[tuple[str, bool]]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while await box.states() != states:
            await asyncio.sleep(0.01)


async def test_a_wired_button_is_one_alarm_however_long_it_is_held(tmp_path: Path) -> None:
    lines = WiredLines(l17=False, l27=False)
    async with alarm_box(tmp_path, PATIENT) as box:
        panic = Panic(PanicSettings(gpio_lines=(17, 27)), {}, box.desk, open_lines=lambda: lines)
        async with background(panic=panic.run()):
            lines.set(17, pressed=True)
            await wait_for(box, [(PANIC, True)])
            lines.set(17, pressed=False)
            lines.set(17, pressed=True)
            lines.set(27, pressed=True)
            await wait_for(box, [(PANIC, True), (PANIC, True)])
        assert [each.note for each in await box.said()] == ["button gpio-17", "button gpio-27"]
    assert lines.is_released


async def test_a_button_pressed_while_the_agent_starts_is_heard_and_a_stuck_one_is_not_heard_again(
    tmp_path: Path,
) -> None:
    for _ in range(2):
        async with alarm_box(tmp_path) as box:
            panic = Panic(PanicSettings(gpio_lines=(17,)), {}, box.desk, open_lines=partial(WiredLines, l17=True))
            async with background(panic=panic.run()):
                await wait_for(box, [(PANIC, True)])


def test_a_box_without_the_chip_is_told_what_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="gpioinfo"):
        request_lines(PanicSettings(gpio_chip=tmp_path / "gpiochip9", gpio_lines=(17,)))


def test_buttons_keys_are_sealed_shown_once_and_forgotten(tmp_path: Path) -> None:
    key = add_button(tmp_path, "lobby")
    assert (button_names(tmp_path), load_keys(tmp_path)) == (("lobby",), {"lobby": key})
    file = tmp_path / FILE
    assert file.stat().st_mode & 0o077 == 0
    for form in (key, key.hex().encode()):
        assert not [path for path in tmp_path.iterdir() if form in path.read_bytes()]
    with pytest.raises(BadSettings, match="remove it first"):
        add_button(tmp_path, "lobby")
    remove_button(tmp_path, "lobby")
    with pytest.raises(BadSettings, match="no such button"):
        remove_button(tmp_path, "lobby")
    assert load_keys(tmp_path) == {}
