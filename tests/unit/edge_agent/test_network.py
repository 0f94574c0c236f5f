"""Lines as a technician says them: what NetworkManager gets, what is refused, what is said of what there is."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.adapters.modem import signal_of
from edge_agent.adapters.network_manager import _device
from edge_agent.adapters.routes import default_routes
from edge_agent.cli.network import app, setting
from edge_agent.core.checks import Verdict
from edge_agent.core.checks_network import Device, Route, Signal, check_devices, check_route, check_signal
from edge_agent.core.network import Line, Mobile, Static, Vlan, Wired, keyfile, name_of, static, without_secrets
from edge_agent.errors import BadNetwork
from edge_agent.service.network_trial import Goal

PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL
FIXED = static("192.168.10.20/24", "192.168.10.1", ("1.1.1.1", "9.9.9.9"))
LINE = Device("eno1", "ethernet", "connected", "atalaya-eno1", ("10.9.0.2/24",), "10.9.0.1")


def lines_of(line: Line) -> list[str]:
    return keyfile(line).splitlines()


def test_a_fixed_address_has_one_way_in_and_one_way_out() -> None:
    text = keyfile(Wired("eno1", FIXED))
    assert "address1=192.168.10.20/24,192.168.10.1\ndns=1.1.1.1;9.9.9.9;\n" in text
    assert text.endswith("[ipv6]\nmethod=disabled\n")


def test_a_line_without_a_gateway_never_becomes_the_way_out() -> None:
    assert "never-default=true" in lines_of(Wired("eno2", static("192.168.20.1/24")))


def test_saying_a_line_again_replaces_it_and_another_line_is_another() -> None:
    again = {keyfile(Wired("eno1", each)).splitlines()[2] for each in (None, FIXED)}
    assert len(again) == 1
    assert keyfile(Wired("eno2")).splitlines()[2] not in again


def test_a_vlan_names_its_cable_and_tag() -> None:
    found = lines_of(Vlan("eno1", 30, FIXED))
    assert {"interface-name=eno1.30", "id=30", "parent=eno1", "type=vlan"} <= set(found)


def test_a_modem_takes_its_secrets_and_shows_none() -> None:
    line = Mobile("internet.itelcel.com", user="webgprs", password="hush", pin="0123")
    assert {"apn=internet.itelcel.com", "password=hush", "pin=0123", "type=gsm"} <= set(lines_of(line))
    assert name_of(line) == "atalaya-modem"
    shown = keyfile(without_secrets(line)) + repr(line)
    assert "hush" not in shown
    assert "0123" not in shown


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (Wired("eno1 ; reboot"), "eno1"),
        (Wired("a" * 16), "aaaa"),
        (Vlan("eno1", 0), "VLAN 0"),
        (Vlan("eno1", 4095), "VLAN 4095"),
        (Mobile(""), "APN"),
        (Mobile("x\n[connection]"), "control"),
        (Mobile("x", password="a\nb"), "control"),
        (Wired("eno1", replace(FIXED, gateway=static("10.0.0.1/8").address.ip)), "10.0.0.1"),
    ],
)
def test_what_network_manager_would_misread_is_refused(line: Line, named: str) -> None:
    with pytest.raises(BadNetwork, match=named):
        keyfile(line)


@pytest.mark.parametrize("address", ["192.168.10.20", "192.168.10/24", "192.168.10.300/24", ""])
def test_an_address_needs_its_networks_length(address: str) -> None:
    with pytest.raises(BadNetwork):
        static(address)


def test_a_static_address_is_read_as_typed() -> None:
    assert static("10.0.0.2/8") == Static(FIXED.address.__class__("10.0.0.2/8"))


@pytest.mark.parametrize("text", ["c4.example", "c4.example:", ":8883", "c4.example:mqtt"])
def test_a_goal_is_a_host_and_a_port(text: str) -> None:
    with pytest.raises(BadNetwork):
        Goal.parse(text)
    assert Goal.parse("c4.example:8883") == Goal("c4.example", 8883)


def test_what_nmcli_says_of_a_device_is_understood() -> None:
    told = (
        "GENERAL.DEVICE:eno1\nGENERAL.TYPE:ethernet\nGENERAL.STATE:100 (connected)\nGENERAL.CONNECTION:a\\:b\n"
        "IP4.ADDRESS[1]:10.9.0.2/24\nIP4.ADDRESS[2]:10.9.0.3/24\nIP4.GATEWAY:--\nIP4.DNS[1]:10.9.0.1"
    )
    assert _device(told) == Device(
        "eno1", "ethernet", "connected", "a:b", ("10.9.0.2/24", "10.9.0.3/24"), "", ("10.9.0.1",)
    )


@pytest.mark.parametrize(
    ("device", "verdict"),
    [
        (LINE, PASS),
        (replace(LINE, state="unavailable", addresses=()), WARN),
        (replace(LINE, state="disconnected", addresses=()), WARN),
        (replace(LINE, addresses=()), WARN),
    ],
)
def test_each_line_is_judged(device: Device, verdict: Verdict) -> None:
    assert [check.verdict for check in check_devices([device])] == [verdict]


def test_a_device_that_is_left_alone_is_not_judged() -> None:
    assert check_devices([replace(LINE, state="unmanaged")]) == ()


def test_there_must_be_one_way_out() -> None:
    one, two = Route("eno1", "10.9.0.1", 100), Route("wwan0", "10.64.0.1", 700)
    assert [check_route(routes).verdict for routes in ([], [one], [two, one])] == [FAIL, PASS, WARN]
    assert check_route([two, one]).value == "10.9.0.1 (eno1), 10.64.0.1 (wwan0)"


def test_the_kernels_table_of_routes_is_read(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eno1\t00000000\t0100090A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        "eno1\t0000090A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
    )
    assert default_routes(table) == (Route("eno1", "10.9.0.1", 100),)


def test_a_weak_modem_is_said_and_no_modem_is_nothing_to_say() -> None:
    told = (
        '{"modem":{"3gpp":{"operator-name":"TELCEL"},"generic":'
        '{"access-technologies":["lte"],"signal-quality":{"recent":"yes","value":"58"}}}}'
    )
    heard = signal_of(told)
    assert heard == Signal(58, "lte", "TELCEL")
    assert signal_of("error: no modem") is None
    assert [each.verdict for each in check_signal(heard)] == [PASS]
    assert [each.verdict for each in check_signal(Signal(32, "lte", "TELCEL"))] == [WARN]
    assert check_signal(None) == ()


def test_a_dry_run_prints_the_file_without_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pin = tmp_path / "pin"
    pin.write_text("0123\n")
    setting(["mobile", "--apn", "internet.itelcel.com", "--pin-file", str(pin), "--dry-run"],
            result_action="return_value")  # fmt: skip
    shown = capsys.readouterr().out
    assert "apn=internet.itelcel.com" in shown
    assert "0123" not in shown


def test_before_enrolment_a_change_needs_to_be_told_what_must_answer(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('identity_dir = "identity"\n')
    with pytest.raises(BadNetwork, match="--confirm"):
        app(["set", "wired", "eno1", "--config", str(config)], result_action="return_value")
