"""A whole state on one machine: a region and its cities, each an installation of its own, linked by commands.

A region takes no embedded database, so it gets a PostgreSQL server of its own, out of the same pinned package, and is
told of it by DSN. Between each city and the region lies a line that can be cut: what goes by MQTT and what goes by
HTTPS both pass through it, and nothing else joins the two.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from drills.links import BadLine, Mood
from typing_extensions import override

from aggregator.adapters.database import NAME
from aggregator.adapters.embedded_postgres import MAINTENANCE_DATABASE, EmbeddedPostgres
from aggregator.settings import Settings, load
from stack.city import LocalCity
from stack.process import StackError

REGION: Final = "coahuila"


class LocalRegion(LocalCity):
    """A region under a folder, with a database server of its own."""

    def __init__(self, folder: Path, region: str = REGION) -> None:
        """Nothing is there yet."""
        super().__init__(folder, region)
        self.server = EmbeddedPostgres(folder / "server")

    @property
    @override
    def cluster(self) -> Path:
        return self.folder / "server" / "cluster"

    def open_server(self) -> None:
        """Start the database server, and make the database."""
        self.server.__enter__()
        asyncio.run(_create(self.server.dsn(MAINTENANCE_DATABASE)))

    def found_region(self) -> None:
        """Found the region on its server."""
        self.found("--role", "region", "--dsn", self.server.dsn(NAME))

    def close_server(self) -> None:
        """Stop the database server."""
        self.server.__exit__(None, None, None)


@dataclass(frozen=True, slots=True)
class Link:
    """What lies between a city and the region."""

    broker: BadLine
    artefacts: BadLine

    def cut(self) -> None:
        """Nothing goes through any more, and no end may dial."""
        for line in (self.broker, self.artefacts):
            line.become(Mood.REFUSING)
            line.cut()

    def heal(self) -> None:
        """As if nothing had been."""
        for line in (self.broker, self.artefacts):
            line.become(Mood.GOOD)


class LocalState:
    """A region and its cities under a folder. `found` first; then enrol, start, join; stop ends all of it."""

    def __init__(self, folder: Path, cities: Sequence[str], *, is_linked: bool = True) -> None:
        """Nothing is there yet. A state that is not linked is cities without a region."""
        self.region = LocalRegion(folder / "region") if is_linked else None
        self.cities = {
            name: LocalCity(folder / name, name, officers=(f"ana-{name}", f"luis-{name}")) for name in cities
        }
        self.links: dict[str, Link] = {}
        self._lines = ExitStack()

    @property
    def linked_region(self) -> LocalRegion:
        """The region of a state that has one; raises `StackError`."""
        if self.region is None:
            raise StackError("these cities have no region")
        return self.region

    @property
    def all(self) -> list[LocalCity]:
        """Every installation, the region first."""
        return [*([self.region] if self.region else []), *self.cities.values()]

    def settings(self) -> dict[str, Settings]:
        """The settings of each city."""
        return {name: load(city.config) for name, city in self.cities.items()}

    def found(self, told: Callable[[], None] = lambda: None) -> None:
        """Found every installation, as many at once as there are cores; each city with two officers. `told` of each."""
        if self.region is not None:
            self.region.open_server()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(_found, self.all):
                told()

    def start(self, told: Callable[[], None] = lambda: None) -> None:
        """Start every installation's servers, each city linked before it starts; `told` of each."""
        for each in self.all:
            if self.region is not None and each is not self.region:
                self._join(self.region, each)
            each.start_servers()
            told()

    def adopt(self, told: Callable[[], None] = lambda: None) -> None:
        """Have every city's root grant the officers of every other city; `told` of each city."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(self._adopt_others, self.cities.values()):
                told()

    def stop(self) -> None:
        """Stop everything."""
        for each in reversed(self.all):
            each.stop()
        self._lines.close()
        if self.region is not None:
            self.region.close_server()

    def _join(self, region: LocalRegion, city: LocalCity) -> None:
        """Invited by the region, joined by the city; then its link is led through lines of its own."""
        token = city.folder / "token"
        token.touch(mode=0o600)
        token.write_text(json.loads(region.run("federation", "invite", city.city, "--json"))["token"])
        city.run("federation", "join", "--token", str(token))
        token.unlink()
        broker, http, *_ = region.ports
        link = Link(self._lines.enter_context(BadLine(broker)), self._lines.enter_context(BadLine(http)))
        self.links[city.city] = link
        facts = load(city.config).federation.link_dir / "link.toml"
        text = facts.read_text().replace(f"broker_port = {broker}\n", f"broker_port = {link.broker.port}\n")
        facts.write_text(text.replace(f':{http}"', f':{link.artefacts.port}"'))

    def _adopt_others(self, city: LocalCity) -> None:
        for other in self.cities.values():
            if other is not city:
                root = load(other.config).keys.root_spki.read_bytes()
                fingerprint = hashlib.sha256(root).hexdigest()
                city.run("federation", "adopt", other.city, "--fingerprint", fingerprint, *city.root())


def _found(installation: LocalCity) -> None:
    if isinstance(installation, LocalRegion):
        installation.found_region()
    else:
        installation.found()
        installation.appoint_officers()
    with installation.config.open("a") as config:
        config.write("\n[ingest]\nworkers = 1\n")


async def _create(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"CREATE DATABASE {NAME}")
    finally:
        await connection.close()
