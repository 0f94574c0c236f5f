"""A city's way to a region that it has not joined yet: HTTPS to the address in its token.

The region's authorities are fetched over TLS that nothing can verify yet; the root among them is taken only if it is
the token's. The request goes over TLS that ends at that root. Whatever goes wrong says what to do about it.
"""

import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from aggregator.adapters.region_answers import bounded
from aggregator.errors import BadInput, RegionAway
from protocol.enrolment import AUTHORITY_PATH, MAX_PARCEL_BYTES, Token
from protocol.joining import JOIN_PATH
from protocol.keys import spki_of

_MAX_AUTHORITY_BYTES: Final = 64 * 1024
_MAX_REFUSAL_BYTES: Final = 4 * 1024
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=10)


class _Said(msgspec.Struct, frozen=True):
    """A refusal of the open port."""

    error: str
    text: str


async def ask(token: Token, raw: bytes) -> bytes:
    """Send a request and take the parcel, not believed yet; raises `BadInput` if it is refused, `RegionAway`."""
    root = await _root(token)
    pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pinned.minimum_version = ssl.TLSVersion.TLSv1_3
    pinned.load_verify_locations(cadata=root)
    async with _session(token) as session, _post(session, token, pinned, raw) as response:
        if response.status == 200:
            return await bounded(response, MAX_PARCEL_BYTES)
        raise _refusal(response.status, await bounded(response, _MAX_REFUSAL_BYTES))


async def _root(token: Token) -> str:
    """The root that the token names, PEM; raises `RegionAway`."""
    blind = ssl.create_default_context()
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE  # what is fetched is public, and held to the token
    async with _session(token) as session, session.get(AUTHORITY_PATH, ssl=blind) as response:
        pem = await bounded(response, _MAX_AUTHORITY_BYTES)
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as exc:
        raise RegionAway(f"{token.host}:{token.port} is no region's port for joining") from exc
    for certificate in found:
        key = certificate.public_key()
        is_ours = isinstance(key, Ed25519PublicKey) and hashlib.sha256(spki_of(key)).digest() == token.root_sha256
        if is_ours:
            return certificate.public_bytes(Encoding.PEM).decode()
    raise RegionAway(f"{token.host}:{token.port} is another region's, or somebody stands between: its root is not ours")


@asynccontextmanager
async def _session(token: Token) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the token's address; what the network says becomes `RegionAway`."""
    host = f"[{token.host}]" if ":" in token.host else token.host
    try:
        async with aiohttp.ClientSession(f"https://{host}:{token.port}", timeout=_TIMEOUT) as session:
            yield session
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        what = str(exc) or type(exc).__name__
        raise RegionAway(f"the region at {token.host}:{token.port} does not answer: {what}") from exc


def _post(
    session: aiohttp.ClientSession, token: Token, tls: ssl.SSLContext, raw: bytes
) -> "aiohttp.client._RequestContextManager":
    return session.post(JOIN_PATH, data=raw, ssl=tls, server_hostname=token.server_name)


def _refusal(status: int, body: bytes) -> BadInput | RegionAway:
    try:
        said = msgspec.json.decode(body, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return RegionAway(f"the region answered with status {status}, and not as one")
    if status >= 500 or status == 429:
        return RegionAway(f"the region cannot answer now: {said.text}")
    return BadInput(f"the region refused ({said.error}): {said.text}")
