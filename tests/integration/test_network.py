"""`edge-agent network` against a real NetworkManager: changes that hold, and changes that are put back."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.cli.network import app
from edge_agent.core.network import Line, Mobile, Vlan, Wired, keyfile, static
from edge_agent.errors import NoNetworkManager
from tests.simulators.network_namespace import CAN_RUN, CENTRE, PORT, BoxNetwork, agent

GOAL = f"{CENTRE}:{PORT}"
GOOD = ("network", "set", "wired", "uplink0", "--address", "10.9.0.2/24", "--gateway", CENTRE, "--confirm", GOAL)
needs_namespaces = pytest.mark.skipif(not CAN_RUN, reason="needs root, network-manager, dbus-daemon and util-linux")
needs_nmcli = pytest.mark.skipif(shutil.which("nmcli") is None, reason="needs network-manager")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxNetwork]:
    with BoxNetwork(tmp_path_factory.mktemp("network")) as network:
        done = network.command(*GOOD, "--dns", CENTRE, "--within", "60", "--language", "es-MX")
        assert done.returncode == 0, done.stderr
        assert "se queda" in done.stdout
        yield network


@pytest.fixture
def box(site: BoxNetwork) -> Iterator[BoxNetwork]:
    """A box with one line that was set by the command and kept; each test leaves it so."""
    yield site
    site.cut(is_cut=False)
    state = ("nmcli", "-g", "GENERAL.STATE", "device", "show", "uplink0")
    until(lambda: site.addresses() == ["10.9.0.2/24"] and site.run(*state).stdout.startswith("100 "))


@needs_namespaces
def test_a_change_that_reaches_the_command_centre_is_kept(box: BoxNetwork) -> None:
    kept = "/etc/NetworkManager/system-connections/atalaya-uplink0.nmconnection"
    assert box.run("stat", "-c", "%a %U", kept).stdout == "600 root\n"
    told = json.loads(box.command("network", "show", "--json").stdout)
    shown = next(each for each in told["devices"] if each["device"] == "uplink0")
    assert shown == {
        "device": "uplink0", "kind": "ethernet", "state": "connected", "connection": "atalaya-uplink0",
        "addresses": ["10.9.0.2/24"], "gateway": CENTRE, "dns": [CENTRE],
    }  # fmt: skip
    assert told["routes"][0]["gateway"] == CENTRE
    assert "10.9.0.2/24" in box.command("network", "show").stdout


@needs_namespaces
def test_a_change_that_cuts_the_box_off_is_put_back(box: BoxNetwork) -> None:
    wrong = ("network", "set", "wired", "uplink0", "--address", "10.8.0.2/24", "--gateway", "10.8.0.1")
    done = box.command(*wrong, "--confirm", GOAL, "--within", "9")
    assert done.returncode == 1
    assert f"{GOAL} was not reached" in done.stderr
    until(lambda: box.addresses() == ["10.9.0.2/24"])
    assert box.run("nmcli", "-t", "-g", "ipv4.addresses", "connection", "show", "atalaya-uplink0").stdout == (
        "10.9.0.2/24\n"
    )


@needs_namespaces
def test_a_new_line_that_leads_nowhere_is_taken_away_again(box: BoxNetwork) -> None:
    box.cut()
    done = box.command("network", "set", "wired", "spare0", "--address", "10.30.0.2/24", "--confirm", GOAL,
                       "--within", "9")  # fmt: skip
    assert done.returncode == 1
    until(lambda: box.addresses("spare0") == [])
    assert "atalaya-spare0" not in box.run("nmcli", "connection").stdout


@needs_namespaces
def test_a_vlan_that_is_kept_carries_its_tag(box: BoxNetwork) -> None:
    trial = box.run("ip", "link", "add", "link", "spare0", "name", "spare0.7", "type", "vlan", "id", "7")
    if trial.returncode != 0:
        pytest.skip("this kernel has no VLANs (8021q)")
    done = box.command("network", "set", "vlan", "spare0", "30", "--address", "10.30.0.2/24", "--confirm", GOAL)
    assert done.returncode == 0, done.stderr
    assert "id 30" in box.run("ip", "-details", "link", "show", "spare0.30").stdout
    assert box.addresses("spare0.30") == ["10.30.0.2/24"]


@needs_namespaces
def test_if_the_command_is_killed_network_manager_puts_everything_back(box: BoxNetwork) -> None:
    wrong = ("network", "set", "wired", "uplink0", "--address", "10.8.0.2/24", "--confirm", GOAL, "--within", "8")
    process = box.start(*agent(*wrong))
    try:
        until(lambda: box.addresses() == ["10.8.0.2/24"])
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    until(lambda: box.addresses() == ["10.9.0.2/24"])


@needs_namespaces
def test_the_way_is_tried_step_by_step(box: BoxNetwork, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('identity_dir = "identity"\n')
    done = box.command("network", "test", "--config", str(config), "--json")
    found = {each["check"]: each["verdict"] for each in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0
    assert (found["network-device"], found["network-route"], found["identity"]) == ("warn", "pass", "warn")


@needs_nmcli
def test_without_network_manager_what_can_be_told_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    assert app(["show", "--json"], result_action="return_value") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["devices"] == []
    assert "systemctl start NetworkManager" in told["network_manager"]
    with pytest.raises(NoNetworkManager):
        app(["set", "wired", "eno1", "--confirm", GOAL], result_action="return_value")


@needs_nmcli
@pytest.mark.parametrize(
    "line",
    [
        Wired("eno1"),
        Wired("eno1", static("192.168.10.20/24", "192.168.10.1", ("1.1.1.1", "9.9.9.9"))),
        Wired("eno1", static("192.168.10.20/24")),
        Vlan("eno1", 30, static("10.30.0.2/24", "10.30.0.1")),
        Vlan("eno1", 4094),
        Mobile("internet.itelcel.com", pin="0123", user="webgprs", password="a;b c#d=[e]"),
    ],
    ids=repr,
)
def test_network_manager_itself_reads_the_file_and_understands_the_same(line: Line) -> None:
    text = keyfile(line)
    argv = ["nmcli", "--offline", "connection", "modify", "connection.zone", ""]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = set(done.stdout.split("\n"))
    ours = {each for each in text.split("\n") if each}
    assert ours - theirs <= {"[gsm]"}, done.stdout


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.1)
