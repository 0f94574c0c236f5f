"""Webhooks: how a message to somebody else's server is signed, where it may go, and when it is tried again.

1. The form is that of Standard Webhooks (standardwebhooks.com), which many languages have a library for. Three
   headers: `webhook-id`, the same at every try; `webhook-timestamp`, seconds since 1970 of this try;
   `webhook-signature`, for each secret `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`. A receiver forgets
   what it has had by its id, and refuses what is older than some minutes.
2. A secret is `whsec_` and base64 of 24 to 64 bytes. Two lines of a file are two secrets: both sign, so that one can be
   changed without losing a message.
3. Only an address that an administrator registered is called, over https; plain http within the machine. Redirects
   are not followed. A name is looked up for each call, and what it means must be a public address, unless the webhook
   was registered for a private network. Nothing goes to link-local addresses, where clouds keep their keys.
4. An answer of 2xx within the time limit is delivery. `400` to `499`, but for 408, 425 and 429, is about this message:
   it waits alone. All else is about the receiver: it rests as a whole, with growing pauses. What was not taken in
   `give_up` is a dead letter: kept, shown, and tried again by hand only.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from random import Random
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from aggregator.errors import BadInput
from protocol.delivery import Pace

PREFIX: Final = "whsec_"
PACE: Final = Pace(first_s=5.0, most_s=3600.0)
_SECRET_BYTES: Final = range(24, 65)
_ABOUT_THE_RECEIVER: Final = frozenset({408, 425, 429})
Address: TypeAlias = IPv4Address | IPv6Address


def secret_text(secret: bytes) -> str:
    """A secret as its file holds it."""
    return PREFIX + base64.b64encode(secret).decode()


def read_secrets(text: str) -> tuple[bytes, ...]:
    """The secrets of a file, one a line; raises `BadInput`, which does not repeat them."""
    found = tuple(_secret(line.strip()) for line in text.splitlines() if line.strip())
    if not found:
        raise BadInput("the file holds no secret")
    return found


def _secret(line: str) -> bytes:
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if not line.startswith(PREFIX) or len(secret) not in _SECRET_BYTES:
        raise BadInput(f"a secret is a line of {PREFIX} and the base64 of 24 to 64 bytes")
    return secret


def headers_of(message_id: str, body: bytes, keys: tuple[bytes, ...], *, at: datetime) -> dict[str, str]:
    """What is sent with a body."""
    stamp = str(int(at.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
        "content-type": "application/json",
        "user-agent": "atalaya-webhooks",
    }


def url_problem(url: str, *, is_private: bool) -> str | None:
    """Why a webhook may not have this URL, if it may not."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in ("https", "http") or not host:
        return "it must begin with https:// and name a host"
    if parts.username is not None or parts.fragment:
        return "it must carry neither a user nor a fragment: the receiver knows us by the signature"
    address = literal(host)
    if parts.scheme == "http" and not (is_private and address is not None and address.is_loopback):
        return "plain http is for this machine alone, as http://127.0.0.1 with --private"
    return None if address is None else address_problem(address, is_private=is_private)


def address_problem(address: Address, *, is_private: bool) -> str | None:
    """Why nothing is sent to an address, if nothing is."""
    plain = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return "nothing is sent to link-local, multicast or unspecified addresses"
    if not plain.is_global and not is_private:
        return "its address is one of a private network; register it with --private if that is meant"
    return None


def literal(host: str) -> Address | None:
    """The address that a host is, if it is one."""
    try:
        return ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try: the status, or the problem in words."""

    status: int | None = None
    problem: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether it was delivered."""
        return self.status is not None and 200 <= self.status <= 299

    @property
    def is_about_the_message(self) -> bool:
        """Whether the receiver is well and will not have this one."""
        return self.status is not None and 400 <= self.status <= 499 and self.status not in _ABOUT_THE_RECEIVER

    @property
    def text(self) -> str:
        """What is kept of it."""
        return self.problem or f"it answered {self.status}"


@dataclass(frozen=True, slots=True)
class Tried:
    """How often a message was tried, how often in a row its receiver failed, since when the message waits."""

    attempts: int
    failures: int
    waiting_since: datetime


@dataclass(frozen=True, slots=True)
class Next:
    """When a message that was not taken is tried again, or that it is dead; until when its receiver rests."""

    try_at: datetime
    is_dead: bool
    rest_until: datetime | None


def after_failure(answer: Answer, tried: Tried, *, now: datetime, give_up: timedelta, rng: Random) -> Next:
    """What follows a try that failed; `tried` counts it among the message's attempts."""
    is_dead = now - tried.waiting_since >= give_up
    if answer.is_about_the_message:
        return Next(now + timedelta(seconds=PACE.wait_s(tried.attempts, rng)), is_dead, None)
    rest_until = now + timedelta(seconds=PACE.wait_s(tried.failures + 1, rng))
    return Next(rest_until, is_dead, rest_until)
