"""Whom other cities' roots grant what: their trust bundles in the database, each believed under its own root only.

A bundle that is older than the last one of that root, or another under its number, is refused, as a box refuses it of
its own city's. Nothing is ever removed: who held which grant on the day of a signature is asked years later.
"""

from dataclasses import dataclass
from datetime import datetime

from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.errors import BadKey, NotThere
from protocol.keys import PublicKey
from protocol.trust import TrustRefusal, TrustStore


async def of(connection: Connection, city: str) -> TrustStore:
    """What a city's root says now, as far as is known here; raises `NotThere` for a city without a known root."""
    root = await connection.fetchrow(_sql("root_of"), city)
    if root is None:
        raise NotThere(f"no root of {city} is known here")
    return await _last(connection, city, root["key_id"], root["spki"])


async def take(connection: Connection, city: str, raw: bytes, *, now: datetime) -> TrustStore | TrustRefusal:
    """Keep a city's bundle if its root signed it and it is not older than the last; raises `NotThere` as above."""
    root = await connection.fetchrow(_sql("hold_root"), city)
    if root is None:
        raise NotThere(f"no root of {city} is known here")
    accepted = (await _last(connection, city, root["key_id"], root["spki"])).accept(raw)
    if isinstance(accepted, TrustStore):
        await connection.execute(_sql("keep_bundle"), city, root["key_id"], accepted.number, raw, now)
    return accepted


async def learn(
    connection: Connection, city: str, root: PublicKey, raw: bytes, *, now: datetime
) -> TrustStore | TrustRefusal:
    """Believe a root for a city from now on, and take its bundle. The caller has reason to; one refused undoes it."""
    name = bytes(root.key_id)
    await connection.execute(_sql("learn_root"), city, name, root.spki, now)
    await connection.execute(_sql("make_root_current"), city, name, now)
    return await take(connection, city, raw, now=now)


@dataclass(frozen=True, slots=True)
class Bundles:
    """A city's root and every bundle of it that came, the oldest first."""

    city: str
    root: bytes
    signed: tuple[bytes, ...]

    @property
    def newest(self) -> bytes:
        """The one that holds."""
        return self.signed[-1]

    def said(self) -> tuple[TrustStore, ...]:
        """What each of them grants."""
        return tuple(_believed(self.root, each, self.city) for each in self.signed)


async def bundles(connection: Connection, city: str) -> Bundles | None:
    """All that is known of a city's trust; none for a city without a known root."""
    root = await connection.fetchrow(_sql("root_of"), city)
    if root is None:
        return None
    rows = await connection.fetch(_sql("bundles"), city, root["key_id"])
    return Bundles(city, root["spki"], tuple(row["bundle"] for row in rows)) if rows else None


async def _last(connection: Connection, city: str, name: bytes, spki: bytes) -> TrustStore:
    row = await connection.fetchrow(_sql("last_bundle"), city, name)
    return TrustStore(PublicKey.from_spki(spki)) if row is None else _believed(spki, row["bundle"], city)


def _believed(spki: bytes, bundle: bytes, city: str) -> TrustStore:
    """A bundle that was accepted when it came; raises `BadKey` if the database no longer has it as it was."""
    store = TrustStore(PublicKey.from_spki(spki)).accept(bundle)
    if isinstance(store, TrustRefusal):
        raise BadKey(f"a trust bundle of {city} in the database is damaged ({store.name.lower()}): restore a backup")
    return store


def _sql(name: str) -> str:
    return statements("federated")[name]
