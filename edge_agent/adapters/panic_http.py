"""Panic buttons that call over the local network (`core.panic` is their protocol).

A right press is answered after the alarm is on the disk; a wrong one, whatever is wrong with it, with the same words.
Only wrong presses are limited by address: nobody may lock a button out by pressing wrongly from beside it.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import structlog
from aiohttp import web

from edge_agent.adapters.panic_lines import LIFETIME_S, Lines
from edge_agent.core.panic import CHALLENGE_S, KEY_BYTES, Attempts, Challenges, answer_text, is_mac, mac, press_text
from edge_agent.errors import BadSettings

PATH: Final = "/panic"
MAX_BODY_BYTES: Final = 1024
READ_S: Final = 5.0

Press = Callable[[str, bool], Awaitable[bool]]
"""Takes a button's name and whether it is only a test; true once the alarm is on the disk."""

log = structlog.get_logger()


class _Pressed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    button: str
    challenge: str
    mac: str
    test: bool = False


class PanicServer:
    """Answers buttons; `pressed` and `refused` count."""

    def __init__(
        self,
        keys: Mapping[str, bytes],
        press: Press,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        lifetime_s: float = LIFETIME_S,
    ) -> None:
        """The keys are by button; `lifetime_s` is that of a connection."""
        self._keys, self._press, self._monotonic, self._lifetime_s = keys, press, monotonic, lifetime_s
        self._challenges = Challenges(secrets.token_bytes(KEY_BYTES))
        self._attempts = Attempts()
        self._nobody = secrets.token_bytes(KEY_BYTES)
        self.pressed = 0
        self.refused = 0

    @asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[int]:
        """Listen; gives the port. Raises `BadSettings` for an address that cannot be had."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes([web.get(PATH, self._challenge), web.post(PATH, self._pressed)])
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=READ_S, shutdown_timeout=1.0)
        await runner.setup()
        try:
            listener = await self._listen(runner, host, port)
            try:
                yield int(listener.sockets[0].getsockname()[1])
            finally:
                listener.close()
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner, host: str, port: int) -> asyncio.Server:
        if runner.server is None:
            raise BadSettings("panic: the server was not set up")
        lines = Lines(runner.server, self._lifetime_s)
        try:
            return await asyncio.get_running_loop().create_server(lines, host, port, backlog=32)
        except OSError as exc:
            raise BadSettings(
                f"panic.http_port: {host}:{port} cannot be listened on ({exc.strerror}); choose another"
            ) from exc

    async def _challenge(self, _request: web.Request) -> web.Response:
        text = self._challenges.make(secrets.token_bytes(16), self._monotonic())
        return web.json_response({"challenge": text, "valid_s": int(CHALLENGE_S)})

    async def _pressed(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(READ_S):
                given = msgspec.json.decode(await request.read(), type=_Pressed)
        except (msgspec.DecodeError, TimeoutError):
            return self._refuse(request.remote or "")
        key = self._keys.get(given.button, self._nobody)
        text = press_text(given.button, given.challenge, is_test=given.test)
        if not is_mac(key, text, given.mac) or not self._challenges.spend(given.challenge, self._monotonic()):
            return self._refuse(request.remote or "")
        self.pressed += 1
        if not await self._press(given.button, given.test):
            return web.json_response({"error": "not stored; press again"}, status=503)
        answer = mac(key, answer_text(given.button, given.challenge))
        return web.json_response({"stored": True, "mac": answer})

    def _refuse(self, address: str) -> web.Response:
        self.refused += 1
        if self._attempts.note_wrong(address, self._monotonic()):
            return web.json_response({"error": "too many wrong presses"}, status=429)
        log.warning("panic_refused", address=address)
        return web.json_response({"error": "refused"}, status=401)
