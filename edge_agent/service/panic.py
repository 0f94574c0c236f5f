"""Panic buttons: presses from the network and from GPIO lines, to the alarms' desk.

A button that cannot be heard (a port that is taken, a chip that is not there) must not keep the cameras from working:
it is logged, shown in `status`, and tried again.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final

import structlog

from edge_agent.adapters.panic_gpio import Lines, presses, request_lines
from edge_agent.adapters.panic_http import PanicServer
from edge_agent.core.alarms import PANIC, PANIC_TEST, Sign, Signal
from edge_agent.errors import BadSettings
from edge_agent.service.alarms import AlarmDesk
from edge_agent.settings import PanicSettings

STORE_S: Final = 5.0
RETRY_S: Final = 30.0

log = structlog.get_logger()


class Panic:
    """One per agent."""

    def __init__(
        self,
        settings: PanicSettings,
        keys: Mapping[str, bytes],
        desk: AlarmDesk,
        *,
        open_lines: Callable[[], Lines] | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        """Nothing is opened yet. `keys` are those of the buttons that call over the network."""
        self._settings, self._desk, self._retry_s = settings, desk, retry_s
        self._open_lines = open_lines or partial(request_lines, settings)
        self._server = PanicServer(keys, self._press)
        self._buttons = len(keys)
        self._faults: dict[str, str] = {}
        self.http_port: int | None = None

    async def run(self) -> None:
        """Hear all buttons until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._settings.http_port and self._buttons:
                group.create_task(self._again(self._serve, "http"), name="panic-http")
            if self._settings.gpio_lines:
                group.create_task(self._again(self._watch, "gpio"), name="panic-gpio")

    def status(self) -> dict[str, Any]:
        """What `edge-agent status` shows."""
        return {
            "http_port": self.http_port,
            "buttons": self._buttons,
            "pressed": self._server.pressed,
            "refused": self._server.refused,
            "gpio_lines": list(self._settings.gpio_lines),
            "faults": dict(self._faults),
        }

    async def _again(self, work: Callable[[], Any], what: str) -> None:  # `Any`: a coroutine
        while True:
            try:
                await work()
            except (BadSettings, OSError) as exc:
                if self._faults.get(what) != str(exc):
                    log.error("panic_unheard", what=what, why=str(exc))  # noqa: TRY400  no frames in a log
                self._faults[what] = str(exc)
            await asyncio.sleep(self._retry_s)

    async def _serve(self) -> None:
        async with self._server.serving(self._settings.http_host, self._settings.http_port) as port:
            self._faults.pop("http", None)
            self.http_port = port
            log.info("panic_listening", port=port, buttons=self._buttons)
            await asyncio.Event().wait()

    async def _watch(self) -> None:
        async with aclosing(presses(self._open_lines)) as changes:
            async for line, is_pressed in changes:
                self._faults.pop("gpio", None)
                name = f"gpio-{line}"
                sign = Sign.ON if is_pressed else Sign.OFF
                await self._desk.hand_in(Signal(None, PANIC, name, sign, f"button {name}"))

    async def _press(self, button: str, is_test: bool) -> bool:
        """Whether the alarm is on the disk in time; if not it stays handed in, and the button is told to try again."""
        signal = Signal(None, PANIC_TEST if is_test else PANIC, button, Sign.PULSE, f"button {button}")
        try:
            async with asyncio.timeout(STORE_S):
                return await self._desk.say(signal)
        except TimeoutError:
            return False
