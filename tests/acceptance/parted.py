"""A region and two cities on two networks, with nothing but a line of packets between them.

Torreón stands beside the region; Saltillo is at the other end of the line. All three are founded, joined and run by the
commands that operators type, with brokers, databases and TLS of their own. Saltillo has one box, which says what it is
told to say, out of a real outbox.
"""

import asyncio
import contextlib
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
from stack.city import LocalCity
from stack.state import LocalRegion

from aggregator.adapters.database import NAME
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.settings import load
from tests.simulators.packet_line import CLEAR, FAR, NEAR, PacketLine

PATIENCE_S: Final = 120.0  # the machine may be busy; none of these waits is a measurement
BOX, POINT = "box-1", "p-1"
ROOT: Final = Path(__file__).resolve().parents[2]
HITS: Final = "SELECT envelope_hash, envelope FROM hit ORDER BY envelope_hash"


@dataclass
class Parted:
    """See above. Use `parted`."""

    folder: Path
    line: PacketLine
    region: LocalRegion = field(init=False)
    saltillo: LocalCity = field(init=False)
    torreon: LocalCity = field(init=False)
    tracks: int = 0

    def __post_init__(self) -> None:
        self.region = LocalRegion(self.folder / "region")
        self.saltillo, self.torreon = (
            LocalCity(self.folder / name, name, officers=(f"ana-{name}", f"luis-{name}"))
            for name in ("saltillo", "torreon")
        )

    @property
    def all(self) -> tuple[LocalCity, ...]:
        """The three."""
        return self.region, self.torreon, self.saltillo

    def at(self, installation: LocalCity) -> contextlib.AbstractContextManager[None]:
        """On the network where it stands."""
        return self.line.inside(NEAR if installation is self.saltillo else FAR)

    def run(self, installation: LocalCity, *command: str) -> str:
        """A command of `aggregator`, typed where it stands."""
        with self.at(installation):
            return installation.run(*command)

    def ask(self, installation: LocalCity, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What its database has. Its socket is a file, so it is asked from anywhere."""
        return asyncio.run(_ask(_dsn(installation), query, values))

    def until(self, claim: Callable[[], bool], what: str) -> float:
        """Wait until it holds; how many seconds that took."""
        began = time.monotonic()
        while not claim():
            assert time.monotonic() - began < PATIENCE_S, f"not within {PATIENCE_S:.0f} s: {what}"
            time.sleep(0.2)
        return time.monotonic() - began

    def say(self, hits: int, *, every_s: float = 0.0) -> list[int]:
        """Have the box say so many hits and wait until its city has receipted each; their tracks."""
        tracks = list(range(self.tracks + 1, self.tracks + hits + 1))
        self.tracks += hits
        folder = self.saltillo.folder / BOX
        argv = [sys.executable, "-m", "tests.simulators.talking_box", str(folder / "identity"), str(folder / "data")]
        with (
            (folder / "said.log").open("a") as log,
            self.at(self.saltillo),
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True, cwd=ROOT) as box,
        ):
            assert box.stdin is not None
            for track in tracks:
                box.stdin.write(f"{track}\n")
                box.stdin.flush()
                time.sleep(every_s)
            box.stdin.close()
            assert box.wait(PATIENCE_S) == 0, log.name
        return tracks

    def is_connected(self) -> bool:
        """Whether Saltillo takes itself to be connected with the region's broker."""
        return self.ask(self.saltillo, "SELECT is_connected FROM forward_line") == [(True,)]

    def is_level(self) -> bool:
        """Whether the region has what Saltillo has, and Saltillo waits for no answer."""
        (waiting,) = self.ask(
            self.saltillo, "SELECT (SELECT count(*) FROM forward_due) + (SELECT count(*) FROM transit_due)"
        )
        return waiting == (0,) and self.ask(self.region, HITS) == self.ask(self.saltillo, HITS)

    def has_followed(self) -> bool:
        """Whether Saltillo has taken its log to the end, and nothing is wrong with it."""
        ends = self.ask(self.region, "SELECT number, hash FROM federation_log WHERE city_id = 'saltillo'")
        stands = self.ask(self.saltillo, "SELECT number, hash FROM federation_followed WHERE problem IS NULL")
        return ends == stands

    def batches_of_torreon(self) -> set[str]:
        """Which batches of Torreón count in Saltillo."""
        found = self.ask(self.saltillo, "SELECT batch_id FROM foreign_batch WHERE left_out IS NULL")
        return {batch for (batch,) in found}

    def want(self, plate: str) -> str:
        """Have two officers of Torreón want a vehicle everywhere; the batch."""
        with self.at(self.torreon):
            return self.torreon.want([plate], scope="*")

    def heal(self) -> float:
        """Give the line back and wait until both sides are level; how many seconds that took."""
        self.line.becomes(CLEAR)
        claims = (self.is_connected, self.is_level, self.has_followed)
        return self.until(lambda: all(claim() for claim in claims), "the region and Saltillo level again")


@contextlib.contextmanager
def parted(folder: Path) -> Iterator[Parted]:
    """Founded, joined, running, on a clear line."""
    with contextlib.ExitStack() as stack:
        made = Parted(folder, stack.enter_context(PacketLine()))
        made.region.open_server()
        stack.callback(made.region.close_server)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(_found, made.all))
        with made.at(made.saltillo):
            made.saltillo.register(POINT, ["cam-1"])
            (made.saltillo.enrol(BOX, POINT, "").folder / "data").mkdir()
        for installation in made.all:
            stack.callback(installation.stop)
            with made.at(installation):
                installation.start_servers()
        for city in (made.torreon, made.saltillo):
            _join(made, city)
        made.heal()
        _adopt(made)
        yield made


def _found(installation: LocalCity) -> None:
    if isinstance(installation, LocalRegion):
        installation.found("--role", "region", "--dsn", installation.server.dsn(NAME), "--broker-host", FAR)
    else:
        installation.found()
        installation.appoint_officers()
    with installation.config.open("a") as config:
        config.write("\n[ingest]\nworkers = 1\n")


def _join(made: Parted, city: LocalCity) -> None:
    token = city.folder / "token"
    token.touch(mode=0o600)
    token.write_text(json.loads(made.run(made.region, "federation", "invite", city.city, "--json"))["token"])
    made.run(city, "federation", "join", "--token", str(token))


def _adopt(made: Parted) -> None:
    """Saltillo's root grants Torreón's officers."""
    root = load(made.torreon.config).keys.root_spki.read_bytes()
    fingerprint = hashlib.sha256(root).hexdigest()
    made.run(made.saltillo, "federation", "adopt", "torreon", "--fingerprint", fingerprint, *made.saltillo.root())


def _dsn(installation: LocalCity) -> str:
    database = load(installation.config).database
    return database.dsn or EmbeddedPostgres(database.data_dir).dsn(NAME)


async def _ask(dsn: str, query: str, values: Iterable[object]) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()
