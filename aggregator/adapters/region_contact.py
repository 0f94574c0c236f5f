"""A city's own word with its region over HTTPS, under its link's certificate: how it stands, that it leaves, and whose
roots stand behind other cities. What is signed goes elsewhere (`region_items`, `region_line`).
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import aiohttp
import asyncpg
import msgspec

from aggregator.adapters.database import Connection
from aggregator.adapters.federation_link import Link, ended
from aggregator.adapters.mosquitto import tls_context
from aggregator.adapters.region_answers import bounded
from aggregator.adapters.statements import statements
from aggregator.core.contact import (
    CERTIFICATE_PATH,
    CONTACT_PATH,
    LEAVE_PATH,
    MAX_BYTES,
    TRUST_PATH,
    RegionStanding,
    Renewed,
    Standing,
    offset_ms,
)
from aggregator.errors import NotThere, RegionAway
from protocol.clock import to_ms
from protocol.enrolment import MAX_PARCEL_BYTES, Parcel
from protocol.errors import DecodeError
from protocol.wire import from_versioned

_MAX_CHAIN_BYTES: Final = 64 * 1024
_TIMEOUT: Final = aiohttp.ClientTimeout(total=15, connect=5)


@dataclass(frozen=True, slots=True)
class Answered:
    """What the region says, and how far its clock is ahead of ours."""

    region: RegionStanding
    clock_offset_ms: int


async def standing(connection: Connection, link: Link, *, now: datetime) -> Standing:
    """How this city stands."""
    row = await connection.fetchrow(_sql("standing"), link.city, link.log_id)
    assert row is not None  # noqa: S101  it counts
    since: datetime | None = row["backlog_since"]
    return Standing(
        time_ms=to_ms(now),
        release=version("atalaya"),
        backlog=row["backlog"],
        backlog_since_ms=None if since is None else to_ms(since),
        list_version=row["list_version"],
        log_number=row["log_number"],
    )


async def say(link: Link, said: Standing) -> Answered:
    """Tell the region how we stand, and take its time; raises `RegionAway`."""
    asked_ms = to_ms(datetime.now(UTC))
    fresh = msgspec.structs.replace(said, time_ms=asked_ms)
    async with _asked(link, "POST", CONTACT_PATH, msgspec.json.encode(fresh)) as response:
        body = await bounded(response, MAX_BYTES)
    answered_ms = to_ms(datetime.now(UTC))
    try:
        region = msgspec.json.decode(body, type=RegionStanding)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise RegionAway("the region's answer is of another form than this release knows") from exc
    return Answered(region, offset_ms(asked_ms, answered_ms, region.time_ms))


async def say_leave(link: Link, reason: str) -> None:
    """Tell the region that we leave; raises `RegionAway`."""
    async with _asked(link, "POST", LEAVE_PATH, msgspec.json.encode({"reason": reason})):
        pass


async def trust_of(link: Link, city: str) -> Parcel:
    """The root that the region believes for another city, with its bundle; not believed yet. Raises `NotThere`."""
    async with _asked(link, "GET", f"{TRUST_PATH}/{city}", may_lack=True) as response:
        if response.status == 404:
            raise NotThere(f"the region knows no city {city}")
        body = await bounded(response, MAX_PARCEL_BYTES)
    try:
        return from_versioned(body, Parcel, max_bytes=MAX_PARCEL_BYTES)
    except DecodeError as exc:
        raise RegionAway("the region's answer is of another form than this release knows") from exc


async def renewed(link: Link) -> Renewed:
    """The link's certificate as the region has it now, not believed yet; raises `RegionAway`."""
    async with _asked(link, "POST", CERTIFICATE_PATH) as response:
        body = await bounded(response, _MAX_CHAIN_BYTES)
    try:
        return msgspec.json.decode(body, type=Renewed)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise RegionAway("the region's answer is of another form than this release knows") from exc


async def note(connection: Connection, link: Link, answered: Answered, *, now: datetime) -> None:
    """Keep what the region said."""
    region = answered.region
    values = (link.facts.region, now, region.release, answered.clock_offset_ms, region.log_number)
    await connection.execute(_sql("note_region"), *values)


async def note_trouble(connection: Connection, link: Link, problem: str, *, now: datetime) -> None:
    """Keep that it did not answer, and why."""
    await connection.execute(_sql("note_no_region"), link.facts.region, now, problem)


async def last(connection: Connection) -> asyncpg.Record | None:
    """How the region was last reached."""
    return await connection.fetchrow(_sql("region_contact"))


async def forget(connection: Connection) -> None:
    """The region is another now, or none."""
    await connection.execute(_sql("forget_region"))


def region_tls(link: Link) -> ssl.SSLContext:
    """Our side of TLS to the region's servers; raises `RegionAway` if a file of the link cannot be used."""
    try:
        return tls_context(link.ca, link.certificate, link.key)
    except (OSError, ssl.SSLError, NotThere) as exc:
        raise RegionAway(f"the files of the link in {link.folder} cannot be used: {exc}") from exc


@asynccontextmanager
async def _asked(
    link: Link, method: str, path: str, body: bytes | None = None, *, may_lack: bool = False
) -> AsyncIterator[aiohttp.ClientResponse]:
    """An answer of the region that is no refusal; if it may lack what is asked for, `404` too. Else `RegionAway`."""
    url, tls = f"{link.facts.artefacts_url.rstrip('/')}{path}", region_tls(link)
    name = link.facts.server_name
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.request(method, url, data=body, ssl=tls, server_hostname=name) as response,
        ):
            if response.status not in (200, 204) and not (may_lack and response.status == 404):
                raise RegionAway(f"the region refused: {(await bounded(response, MAX_BYTES)).decode(errors='replace')}")
            yield response
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        why = ended(link) or f"the region does not answer at {url}: {str(exc) or type(exc).__name__}"
        raise RegionAway(why) from exc


def _sql(name: str) -> str:
    return statements("federated")[name]
