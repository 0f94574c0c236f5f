"""A city's side of its membership: it joins a region with a token, and leaves it; both are in its own audit.

The key is on the disk before it asks: a city whose answer was lost asks again under the same key, and gets the
same certificate. What the region says is believed by the token alone (`protocol.joining`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from aggregator.adapters import federation_link, forward_queue, joining_line, keyfiles, pki, region_contact
from aggregator.adapters.database import Pool
from aggregator.adapters.federation_desk import audit_city
from aggregator.adapters.federation_link import Link
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.registry_store import Registry
from aggregator.core.access import link_client
from aggregator.core.registry import City
from aggregator.errors import BadInput, NotThere, RegionAway
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.enrolment import AnswerRefusal, Token
from protocol.joining import JoinRequest, check_join_parcel, sign_join
from protocol.keys import KeySigner
from protocol.messages import VERSION

Ask: TypeAlias = Callable[[Token, bytes], Awaitable[bytes]]
"""How a request reaches the region of a token, and the parcel comes back; raises `BadInput`, `RegionAway`."""
_WHY: Final = {
    AnswerRefusal.BAD_FORM: "it is not of this release's form",
    AnswerRefusal.OTHER_ROOT: "another root than the token's stands behind it",
    AnswerRefusal.BAD_TRUST: "its trust bundle is not its root's",
    AnswerRefusal.BAD_SIGNATURE: "no server that its root grants has signed it",
    AnswerRefusal.OTHER_REQUEST: "it is for another request than ours",
}


@dataclass(frozen=True, slots=True)
class Left:
    """Which region was left, and why it was not told, if it was not."""

    region: str
    trouble: str | None


async def join(
    pool: Pool, settings: Settings, token: Token, *, actor: str, now: datetime, ask: Ask = joining_line.ask
) -> Link:
    """Join the region of a token, in the place of one that was joined before; raises `BadInput`, `RegionAway`."""
    _check(settings, token)
    async with transaction(pool) as connection:
        city = await Registry(connection).show("city", settings.city)
    key = federation_link.joining_key(settings)
    raw = sign_join(_request(settings, city if isinstance(city, City) else None, key, now), token.signer)
    joined = check_join_parcel(await ask(token, raw), token, key.public_key)
    if isinstance(joined, AnswerRefusal):
        raise RegionAway(f"the region's answer cannot be believed: {_WHY[joined]}")
    async with transaction(pool) as connection:
        before = await region_contact.last(connection)
        if before is not None and before["region_id"] != joined.answer.region:
            await forward_queue.forget_untold(connection)
        await region_contact.forget(connection)
        reason = f"region {joined.answer.region}, root {token.root_sha256.hex()}"
        await audit_city(connection, settings.city, actor=actor, action="federation.join", reason=reason)
    return federation_link.write(settings, joined, now=now)


async def leave(pool: Pool, settings: Settings, *, actor: str, reason: str, now: datetime) -> Left:
    """Leave the region, whether or not it can be told; raises `NotThere` for a city that is not linked."""
    link = federation_link.read(settings)
    if link is None:
        raise NotThere(f"{settings.city} is not linked to a region; see: aggregator federation status")
    async with transaction(pool) as connection:
        await audit_city(connection, settings.city, actor=actor, action="federation.leave", reason=reason)
        await region_contact.forget(connection)
        await forward_queue.forget_untold(connection)
    try:
        await region_contact.say_leave(link, reason)
        trouble = None
    except RegionAway as exc:
        trouble = str(exc)
    federation_link.remove(link)
    return Left(link.facts.region, trouble)


def _check(settings: Settings, token: Token) -> None:
    if settings.role != "city":
        raise BadInput("a region joins nobody; run this in the city's installation")
    if token.device != settings.city:
        raise BadInput(f"the token is for {token.device}, and this is {settings.city}")


def _request(settings: Settings, city: City | None, key: KeySigner, now: datetime) -> JoinRequest:
    private = key.private_key
    assert isinstance(private, Ed25519PrivateKey)  # noqa: S101  `joining_key` makes no other
    csr = x509.load_pem_x509_csr(pki.make_request(link_client(settings.city), private))
    return JoinRequest(
        version=VERSION,
        city=settings.city,
        name=city.name if city else settings.city,
        time_zone=city.time_zone if city else "",
        csr=csr.public_bytes(Encoding.DER),
        root_spki=keyfiles.read_file(settings.keys.root_spki),
        trust=keyfiles.read_file(settings.keys.trust_bundle),
        created_ms=to_ms(now),
    )
