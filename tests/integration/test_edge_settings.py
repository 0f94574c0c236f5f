"""Signed settings on a running box: tried, kept or rolled back, through a real broker, real models and kill -9."""

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typing_extensions import override

from edge_agent.adapters.control_socket import ask
from edge_agent.adapters.settings_folder import NAME as FOLDER
from edge_agent.adapters.signed_settings import install_settings, read_in_force
from edge_agent.core.rollout import MOST_STARTS, State
from edge_agent.errors import BadSettings, NotRunning
from protocol.messages import Alarm, Report
from protocol.point_messages import SettingsResult, SettingsState
from tests.simulators.agent_place import MODELS, AgentPlace
from tests.simulators.aggregator_peer import until

PATIENCE_S = 120.0  # the machine may be busy; none of these waits is a measurement
# Keys of the site, and one that a document outranks.
LOCAL = "lock_memory = false\nreport_interval_s = 7.0\n"
PACE = """
[delivery]
resend_first_s = 0.2
resend_most_s = 1.0
reconnect_first_s = 0.05
reconnect_most_s = 0.3
stop_drain_s = 1.0
"""
GOOD = f"report_interval_s = 1.0\n{PACE}"

pytestmark = [
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(3 * PATIENCE_S),
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of grey noise, to be looped: cheap to decode, and never still."""
    path = tmp_path_factory.mktemp("clip") / "noise.mp4"
    noise = np.random.default_rng(5)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 5, (320, 192))
    for _ in range(5):
        writer.write(noise.integers(0, 255, (192, 320, 3), dtype=np.uint8))
    writer.release()
    return path


class Place(AgentPlace):
    """A box with one looping camera, and what the tests ask of it."""

    clip: Path

    def run(self, *, crash_at: str = "") -> "subprocess.Popen[bytes]":
        """Start the agent."""
        return self.start("--camera", str(self.clip), "--loop", "--fps", "1", crash_at=crash_at)

    @override
    def status(self) -> dict[str, Any]:
        """What the agent says of its settings; nothing while it is not there."""
        try:
            return dict(ask(self.data_dir / "control.sock", "status")["settings"])
        except NotRunning:
            return {}

    def is_live(self) -> bool:
        """Whether the camera gives frames and the broker is there."""
        try:
            found = ask(self.data_dir / "control.sock", "status")
        except NotRunning:
            return False
        return bool(found["presence"]["is_connected"] and all(c["processed"] for c in found["cameras"]))

    def send(self, text: str, *, number: int, trial_s: int = 1) -> bytes:
        """Publish a document, retained."""
        raw = self.city.settings(self.who, text, number=number, trial_s=trial_s)
        self.peer.publish_settings(self.who, raw)
        return raw

    def starts(self) -> int:
        """How often the trial has been started, by the state on the disk."""
        folder = read_in_force(self.config).folder
        state = folder.state if folder else State()
        return state.trial.starts if state.trial else 0

    def results(self) -> list[tuple[int, SettingsState, str]]:
        """What the region was told, once each."""
        told = [(each.number, each.state, each.reason) for each in self.peer.bodies(SettingsResult)]
        return list(dict.fromkeys(told))

    def wait(self, claim: Callable[[], object], what: str) -> None:
        """Wait for a claim, and show the agent's log if it does not come true."""
        try:
            until(claim, timeout_s=PATIENCE_S, what=what)
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self.status()}\n{self.log.read_text()[-3000:]}") from None


@pytest.fixture
def place(tmp_path: Path, clip: Path) -> Iterator[Place]:
    found = Place(tmp_path, settings=LOCAL)
    found.clip = clip
    with found:
        yield found


def has_no_gap(sequences: list[int]) -> bool:
    return sequences == list(range(1, len(sequences) + 1))


def end(agent: "subprocess.Popen[bytes]", number: int = signal.SIGTERM) -> None:
    agent.send_signal(number)
    agent.wait(timeout=PATIENCE_S)


KEPT = SettingsState.KEPT
BACK = SettingsState.ROLLED_BACK


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where the agent tells systemd how it is."""
    address = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(address))
        ear.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        yield ear


def said_to(ear: socket.socket) -> list[str]:
    """Everything that has been said."""
    found = []
    with suppress(BlockingIOError):
        while True:
            found.append(ear.recv(4096).decode())
    return found


def test_a_box_tries_what_its_region_signed_keeps_it_and_rolls_back_what_it_cannot_run(
    place: Place, systemd: socket.socket
) -> None:
    agent = place.run()
    place.wait(place.is_live, "the camera gives frames")
    place.wait(lambda: place.status().get("source") == "local", "it runs what it was given")
    first = place.send(GOOD, number=1)
    place.wait(lambda: (1, KEPT, "healthy") in place.results(), "the first document is kept")
    wanted = {
        "source": "signed", "number": 1, "rollout": "r-1", "passed_over": ["report_interval_s"], "trial_left_s": None,
    }  # fmt: skip
    place.wait(lambda: wanted.items() <= place.status().items(), "the first document is in force")
    # Models on a device that is not there: the box goes on with what it had.
    place.wait(place.is_live, "the camera gives frames again")
    place.send('[inference]\ndevice = "GPU.7"\n', number=2)
    place.wait(lambda: (2, BACK, "inference") in place.results(), "the second document is rolled back")
    place.wait(lambda: place.status().get("number") == 1, "the first document holds again")
    # A document that nobody may write, one that is the site's to say, and one that came before.
    place.send('data_dir = "/tmp"\n', number=3)
    place.wait(lambda: (3, SettingsState.REFUSED, "bad_settings") in place.results(), "the third is refused")
    place.peer.publish_settings(place.who, first)
    place.wait(lambda: set(place.status().get("refused", ())) == {"rolled_back"}, "the replay is refused")
    assert agent.poll() is None, "one process all the time"
    said = {line.partition("\n")[0] for line in said_to(systemd)}
    assert said == {"READY=1", "WATCHDOG=1"}, "systemd would end what says that it stops"
    assert len({key.outbox for key in list(place.peer.stored)}) == 1, "the outbox is untouched"
    place.wait(lambda: has_no_gap(place.peer.sequences()), "what was passed by on the way has come")
    assert (place.peer.bad, place.peer.conflicts) == ([], [])
    place.wait(lambda: place.peer.bodies(Report), "a report: the signed interval is a second, the local one seven")
    end(agent)
    assert agent.returncode == 0


def test_kill_nine_during_a_trial_leaves_one_document_or_the_other_and_too_many_give_it_up(place: Place) -> None:
    agent = place.run()
    place.wait(place.is_live, "the camera gives frames")
    place.send(GOOD, number=1, trial_s=600)
    for starts in range(1, MOST_STARTS + 1):
        place.wait(lambda: place.starts() == starts, f"start {starts} of the trial")  # noqa: B023  called in the loop
        assert read_in_force(place.config).is_trial
        end(agent, signal.SIGKILL)
        agent = place.run()
    place.wait(lambda: (1, BACK, "crashed") in place.results(), "the document is given up")
    # The broker still keeps it: it is not tried again.
    place.wait(place.is_live, "the camera gives frames")
    place.wait(lambda: place.status().get("source") == "local", "it runs what it had")
    assert place.results() == [(1, BACK, "crashed")]
    end(agent)


def test_a_box_killed_between_two_steps_still_ends_with_the_document_kept_and_told(place: Place) -> None:
    agent = place.run(crash_at="settings.tried")
    place.wait(place.is_live, "the camera gives frames")
    place.send(GOOD, number=1)
    for nothing_lost_at in ("settings.concluded", "settings.told"):
        assert agent.wait(timeout=PATIENCE_S) == -signal.SIGKILL
        agent = place.run(crash_at=nothing_lost_at)
    assert agent.wait(timeout=PATIENCE_S) == -signal.SIGKILL
    agent = place.run()
    place.wait(lambda: place.results() == [(1, KEPT, "healthy")], "the document is kept and told")
    place.wait(lambda: place.status().get("source") == "signed", "it holds")
    end(agent)


def test_a_box_off_line_tries_its_first_document_and_never_runs_one_that_was_changed_on_its_disk(place: Place) -> None:
    place.broker.kill()
    install_settings(place.config, place.city.settings(place.who, GOOD, number=1))
    agent = place.run()
    place.wait(lambda: place.status().get("source") == "signed", "the document is kept off line")
    place.wait(lambda: place.status().get("results_owed") == 0, "it lies in the outbox")
    place.broker.start()
    place.wait(lambda: place.results() == [(1, KEPT, "healthy")], "the region hears of it")
    place.send(GOOD.replace("= 1.0", "= 3.0", 1), number=2)
    place.wait(lambda: (2, KEPT, "healthy") in place.results(), "the second document is kept")
    end(agent)
    assert read_in_force(place.config).settings.report_interval_s == 3.0
    documents = {b"= 3.0" in file.read_bytes(): file for file in (place.data_dir / FOLDER).glob("*.cose")}
    documents[True].write_bytes(documents[True].read_bytes().replace(b"= 3.0", b"= 9.0"))
    agent = place.run()
    place.wait(lambda: place.status().get("number") == 1, "the one before is run")
    damaged = ["settings document 2: bad_signature"]
    place.wait(lambda: place.status().get("alarms") == damaged, "it says so")
    place.wait(lambda: [each.alarm for each in place.peer.bodies(Alarm)] == ["settings_damaged"], "the alarm comes")
    end(agent)
    documents[False].write_bytes(documents[False].read_bytes()[:-1] + b"!")
    found = read_in_force(place.config)
    assert (found.document, found.settings.report_interval_s) == (None, 60.0), "neither document, nor the local word"
    (place.data_dir / FOLDER / "state.json").write_bytes(b"{")
    assert read_in_force(place.config).settings.report_interval_s == 60.0
    with pytest.raises(BadSettings, match="bad_signature"):
        install_settings(place.config, place.city.settings(place.who, "", number=9)[:-1] + b"!")
