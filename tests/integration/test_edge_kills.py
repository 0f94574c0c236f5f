"""kill -9 of a box between any two steps of outbox, publication and receipt: nothing said is lost, nothing doubled."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.adapters import outbox
from edge_agent.service import delivery
from protocol.messages import Hit
from tests.simulators.aggregator_peer import AggregatorPeer
from tests.simulators.city import City
from tests.simulators.mosquitto import Mosquitto

ROOT = Path(__file__).resolve().parents[2]
TRACKS = range(1, 9)


class TalkingBox:
    """Runs of a box's process, and what it said was committed."""

    def __init__(self, folder: Path, port: int, city: City) -> None:
        self._identity_dir, self._data_dir = folder / "identity", folder / "data"
        self._data_dir.mkdir()
        city.enrol(self._identity_dir, port=port)
        self.said: list[int] = []

    def run(self, tracks: list[int], *, crash_at: str = "") -> int:
        """Tell it to say hits of these tracks; its exit code."""
        command = [sys.executable, "-m", "tests.simulators.talking_box", str(self._identity_dir), str(self._data_dir)]
        done = subprocess.run(
            command,
            input="".join(f"{track}\n" for track in tracks),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={**os.environ, "ATALAYA_CRASH_AT": crash_at},
            timeout=100,
        )
        self.said += [int(line) for line in done.stdout.splitlines() if line.isdecimal()]
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr
        return done.returncode


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[TalkingBox, AggregatorPeer]]:
    city = City(tmp_path / "city")
    with Mosquitto(tmp_path / "broker", city) as broker:
        box = TalkingBox(tmp_path, broker.port, city)
        with AggregatorPeer(city, broker.port) as peer:
            yield box, peer


@pytest.mark.parametrize("step", [*outbox.STEPS, *delivery.STEPS])
def test_a_kill_at_any_step_loses_nothing_that_was_said_and_doubles_nothing(
    place: tuple[TalkingBox, AggregatorPeer], step: str
) -> None:
    box, peer = place
    assert box.run(list(TRACKS), crash_at=f"{step}:3") == -signal.SIGKILL, f"{step} was never passed"
    unsaid = [track for track in TRACKS if track not in box.said]
    assert box.run(unsaid) == 0
    stored = [hit.track for hit in peer.bodies(Hit)]
    # The hit in the middle of whose commit the box died may have been said without being acknowledged: then it is
    # said twice, under two places in the order. It is the camera's track that is doubled, never a message.
    assert set(box.said) <= set(stored)
    assert len(stored) - len(set(stored)) <= 1
    assert peer.conflicts == []
    assert peer.sequences() == list(range(1, len(stored) + 1)), "no gap in the order"
    assert sorted({key.epoch for key in peer.stored}) in ([1], [2], [1, 2])


def test_kills_one_after_the_other_drain_in_the_end(place: tuple[TalkingBox, AggregatorPeer]) -> None:
    box, peer = place
    peer.receipts_to_drop = 1
    for n, step in enumerate(
        ("receipt.verified:1", "uplink.published:4", "outbox.settling:2", "uplink.acknowledged:2")
    ):
        box.run([10 * n + 1, 10 * n + 2], crash_at=step)
    assert box.run([]) == 0
    assert set(box.said) <= {hit.track for hit in peer.bodies(Hit)}
    assert peer.conflicts == []
    assert peer.sequences() == list(range(1, len(peer.stored) + 1))
