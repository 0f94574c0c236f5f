"""How links stand, read from the database: of every city at the region, of the region in a city."""

from datetime import datetime

from aggregator.adapters import city_trust, federated_store, federation_link, forward_queue, region_contact
from aggregator.adapters.database import Connection
from aggregator.adapters.federated_store import FederatedCity
from aggregator.core.federation_status import LinkState, LinkStatus, behind, lag_s, state_of
from aggregator.core.invitation import State
from aggregator.settings import Settings


async def of(connection: Connection, settings: Settings, *, now: datetime) -> list[LinkStatus]:
    """A line for each link."""
    return await (_cities(connection, now) if settings.role == "region" else _region(connection, settings, now))


async def _cities(connection: Connection, now: datetime) -> list[LinkStatus]:
    cities, ends = await federated_store.cities(connection), await federated_store.log_ends(connection)
    found = [await _city(connection, each, ends.get(each.city), now) for each in cities]
    linked = {each.city for each in cities if each.is_linked}
    invited = [
        LinkStatus(
            peer=each.city,
            state=LinkState.INVITED,
            since=each.invited_at,
            note=f"until {each.expires_at:%Y-%m-%d %H:%M} UTC",
        )
        for each in await federated_store.invitations(connection)
        if each.city not in linked and each.state(now) is State.OPEN
    ]
    return sorted([*found, *invited], key=lambda line: (line.peer, line.since))


async def _city(connection: Connection, city: FederatedCity, end: int | None, now: datetime) -> LinkStatus:
    trust = await city_trust.of(connection, city.city)
    return LinkStatus(
        peer=city.city,
        state=state_of(city.heard_at, now=now, left=not city.is_linked),
        since=city.left_at or city.joined_at,
        heard_at=city.contact_at,
        lag_s=lag_s(city.backlog, city.backlog_since, now=now),
        backlog=city.backlog,
        clock_offset_ms=city.clock_offset_ms,
        release=city.release or None,
        list_version=city.list_version,
        log_number=city.log_number,
        log_behind=behind(end, city.log_number),
        trust_number=trust.number,
        roster_number=city.roster_number or None,
        note="; ".join(f"left out: {each}" for each in city.roster_left_out),
    )


async def _region(connection: Connection, settings: Settings, now: datetime) -> list[LinkStatus]:
    link = federation_link.read(settings)
    if link is None:
        return []
    contact, own = await region_contact.last(connection), await region_contact.standing(connection, link, now=now)
    heard_at = contact["answered_at"] if contact else None
    events, letters = await forward_queue.standing(connection), await forward_queue.dead_letters(connection)
    problem = (contact["problem"] if contact else None) or events.problem or None
    waits = None if own.backlog_since_ms is None else own.backlog_since_ms
    return [
        LinkStatus(
            peer=link.facts.region,
            state=state_of(heard_at or link.facts.joined_at, now=now, problem=problem),
            since=link.facts.joined_at,
            heard_at=heard_at,
            lag_s=0.0 if waits is None else max(0.0, now.timestamp() - waits / 1000),
            backlog=own.backlog,
            clock_offset_ms=contact["clock_offset_ms"] if contact else None,
            release=(contact["release"] or None) if contact else None,
            list_version=own.list_version,
            log_number=own.log_number,
            log_behind=behind(contact["log_number"] if contact else None, own.log_number),
            trust_number=link.trust().number,
            roster_number=await connection.fetchval("SELECT number FROM roster_made"),
            note="; ".join([*([problem] if problem else []), *(_refused(*each) for each in letters.items())]),
        )
    ]


def _refused(word: str, count: int) -> str:
    return f"refused there for good: {count} ({word})"
