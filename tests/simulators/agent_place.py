"""Everything an agent process needs around it: a city, a broker, artefacts, an enrolled box, a settings file."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.errors import NotRunning
from protocol.order import Identity
from tests.simulators.aggregator_peer import AggregatorPeer, until
from tests.simulators.artefact_shelf import ArtefactShelf
from tests.simulators.city import City
from tests.simulators.mosquitto import Mosquitto

ANSWERS_S = 100.0
MODELS = Path(__file__).resolve().parents[2] / "models"
QUICK = """
report_interval_s = 1.0
lock_memory = false
[delivery]
resend_first_s = 0.2
resend_most_s = 1.0
reconnect_first_s = 0.05
reconnect_most_s = 0.3
"""


class AgentPlace:
    """Use as a context. `start` runs the real command line; every process of it ends with the context."""

    def __init__(self, folder: Path, *, settings: str = QUICK) -> None:
        self.folder = folder
        self.city = City(folder / "city")
        self.data_dir = folder / "data"
        self.identity_dir = folder / "identity"
        self.config = folder / "agent.toml"
        self.events = folder / "events.jsonl"
        self.log = folder / "agent.log"
        self._settings = settings
        self._stack = ExitStack()
        self._agents: list[subprocess.Popen[bytes]] = []
        self.broker: Mosquitto
        self.shelf: ArtefactShelf
        self.peer: AggregatorPeer
        self.who: Identity

    def __enter__(self) -> Self:
        """Start broker, artefacts and peer; enrol the box."""
        with contextlib.ExitStack() as stack:
            self.broker = stack.enter_context(Mosquitto(self.folder / "broker", self.city))
            self.shelf = stack.enter_context(ArtefactShelf(self.city))
            self.who = self.city.enrol(self.identity_dir, port=self.broker.port, artefacts=self.shelf.port)
            self.peer = stack.enter_context(AggregatorPeer(self.city, self.broker.port))
            stack.callback(self.kill)
            self._stack = stack.pop_all()
        head = f'identity_dir = "identity"\ndata_dir = "data"\n{self._settings}'
        self.config.write_text(
            f'{head}\n[inference]\nmodels_dir = "{MODELS}"\n[evidence]\nkeep_redacted_dir = "kept"\n'
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._stack.close()

    def arm(self, plates: Iterable[str], *, version: int = 1) -> None:
        """Publish a hotlist of these plates."""
        manifest, artefact = self.city.hotlist(plates, version=version)
        self.shelf.put(artefact)
        self.peer.publish_hotlist(manifest)

    def start(self, *args: str, crash_at: str = "") -> "subprocess.Popen[bytes]":
        """Run `edge-agent run`."""
        command = [sys.executable, "-c", "from edge_agent.cli import main; main()", "run", "--config", str(self.config)]
        environment = {**os.environ, "ATALAYA_CRASH_AT": crash_at}
        with self.log.open("ab") as log:
            agent = subprocess.Popen(
                [*command, "--events-jsonl", str(self.events), *args], stdout=log, stderr=log, env=environment
            )
        self._agents.append(agent)
        return agent

    def kill(self) -> None:
        """kill -9 whatever still runs."""
        for agent in self._agents:
            if agent.poll() is None:
                agent.send_signal(signal.SIGKILL)
            agent.wait()
        self._agents.clear()

    def asked(self, word: str) -> dict[str, Any]:
        """What the agent answers, once it does: it may be starting, or the machine stand still for a while."""
        found: dict[str, Any] = {}

        def has_answered() -> bool:
            with suppress(NotRunning):
                found.update(ask(self.data_dir / NAME, word))
            return bool(found)

        until(has_answered, timeout_s=ANSWERS_S, what="an answer of the agent")
        return found

    def status(self) -> dict[str, Any]:
        """What the agent says of itself."""
        return self.asked("status")

    def told(self, event: str) -> list[dict[str, Any]]:
        """Lines of the event stream of one kind."""
        return [line for line in self._lines() if line["event"] == event]

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self.events.exists():
            for line in self.events.read_text().splitlines():
                yield json.loads(line)
