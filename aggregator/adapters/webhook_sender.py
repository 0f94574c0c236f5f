"""One call of a webhook: checked where it goes, bounded in time, its answer's status and nothing else."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from aggregator.core.webhooks import Answer, address_problem, literal, url_problem


class Forbidden(OSError):
    """A name means an address to which nothing is sent."""


class CheckedResolver(AbstractResolver):
    """Looks names up at each call, and gives no address out that the rules forbid."""

    def __init__(self, *, is_private: bool) -> None:
        """`is_private`: addresses of private networks may be meant."""
        self._names, self._is_private = aiohttp.ThreadedResolver(), is_private

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        for each in found:
            address = literal(each["host"].partition("%")[0])
            problem = "no address" if address is None else address_problem(address, is_private=self._is_private)
            if problem is not None:
                raise Forbidden(problem)
        return found

    @override
    async def close(self) -> None:
        await self._names.close()


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Calls receivers, by private addresses or by public ones alone."""

    public: aiohttp.ClientSession
    private: aiohttp.ClientSession

    async def send(self, url: str, body: bytes, headers: dict[str, str], *, is_private: bool) -> Answer:
        """Post a message. What goes wrong comes back as the answer."""
        problem = url_problem(url, is_private=is_private)
        if problem is not None:
            return Answer(problem=problem)
        session = self.private if is_private else self.public
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return Answer(status=response.status)
        except TimeoutError:
            return Answer(problem="it did not answer in time")
        except (aiohttp.ClientError, OSError) as exc:
            return Answer(problem=_told(exc))


@asynccontextmanager
async def senders(timeout_s: float) -> AsyncIterator[WebhookSender]:
    """Sessions that keep no cookie, no connection and no proxy."""
    timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s / 2)

    def session(*, is_private: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(is_private=is_private), force_close=True, use_dns_cache=False
        )
        jar = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar, trust_env=False)

    async with session(is_private=False) as public, session(is_private=True) as private:
        yield WebhookSender(public, private)


def _told(exc: Exception) -> str:
    """What is kept of a failure: the rules' own words, else its kind alone."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, Forbidden):
            return str(cause)
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    return f"it cannot be reached ({type(exc).__name__})"
