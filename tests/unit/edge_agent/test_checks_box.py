"""What the doctor makes of what it finds: every verdict at its limit, every remedy in the catalogue."""

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace as swap

import edge_agent
from edge_agent.adapters.profiles import load_profile
from edge_agent.adapters.texts import LANGUAGES, Language, texts
from edge_agent.cli.checks import title_of
from edge_agent.core.camera_probe import StreamFigures
from edge_agent.core.checks import Check, Verdict
from edge_agent.core.checks_camera import check_dead, check_seen, check_told
from edge_agent.core.checks_inference import ModelTimes, Wanted, check_devices, check_speed
from edge_agent.core.checks_link import (
    Term,
    TimeService,
    Uplink,
    check_broker,
    check_names,
    check_offset,
    check_sealing,
    check_terms,
    check_time_service,
    check_uplink,
)
from edge_agent.core.checks_machine import DataFolder, Machine, check_disk, check_machine
from edge_agent.core.profiles import Figure

N100 = load_profile("n100")
PLATE_MS = Figure(value=30, basis="reckoned", source="a test")
PROFILE = swap(N100, inference=swap(N100.inference, plate_ms=PLATE_MS))
PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL
GOOD = Machine(
    architecture="x86-64",
    cpu_flags=frozenset({"avx2", "fma", "f16c"}),
    cores=4,
    ram_mb=8000,
    swap_mb=0,
    core_pattern="core",
    core_limit=0,
    temperature_c=55.0,
    is_locked=True,
)
FOLDER = DataFolder("/var/lib/atalaya-agent", "ext4", 50_000, 4.0)
SEEN = StreamFigures(
    codec="h264", width_px=1920, height_px=1080, first_frame_ms=200, frames=50, seconds=5.0, frames_per_s=10.0,
    dropped=0, damaged=0, longest_gap_ms=120,
)  # fmt: skip
WANTED = Wanted(stack=PROFILE.inference.stack, device="GPU", precision="f16", workers=1, frames_per_s=(6.0, 6.0))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def verdicts(checks: tuple[Check, ...]) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in checks}


def test_a_good_box_passes_everything() -> None:
    assert set(verdicts(check_machine(GOOD, PROFILE)).values()) == {PASS}
    assert set(verdicts(check_disk(FOLDER, PROFILE)).values()) == {PASS}
    assert set(verdicts(check_seen("cam-1", SEEN, 10.0, PROFILE)).values()) == {PASS}


@pytest.mark.parametrize(
    ("machine", "name", "verdict"),
    [
        (replace(GOOD, architecture="arm64"), "profile", FAIL),
        (replace(GOOD, cpu_flags=frozenset({"avx2", "fma"})), "cpu-features", FAIL),
        (replace(GOOD, cores=2), "cores", WARN),
        (replace(GOOD, ram_mb=4000), "ram", WARN),
        (replace(GOOD, ram_mb=1000), "ram", FAIL),
        (replace(GOOD, swap_mb=2000), "swap", PASS),
        (replace(GOOD, swap_mb=2000, is_locked=None), "swap", WARN),
        (replace(GOOD, swap_mb=2000, is_locked=False), "swap", FAIL),
        (replace(GOOD, core_pattern="|/usr/lib/systemd/systemd-coredump %P"), "core-dumps", WARN),
        (replace(GOOD, core_limit=-1), "core-dumps", WARN),
        (replace(GOOD, temperature_c=None), "temperature", WARN),
        (replace(GOOD, temperature_c=79.9), "temperature", PASS),
        (replace(GOOD, temperature_c=80.0), "temperature", WARN),
        (replace(GOOD, temperature_c=95.0), "temperature", FAIL),
    ],
)
def test_a_machine_is_judged_by_its_profile(machine: Machine, name: str, verdict: Verdict) -> None:
    found = verdicts(check_machine(machine, PROFILE))
    assert found.pop(name) is verdict
    assert set(found.values()) == {PASS}


@pytest.mark.parametrize(
    ("folder", "name", "verdict"),
    [
        (replace(FOLDER, free_mb=4096), "disk-room", PASS),
        (replace(FOLDER, free_mb=4095), "disk-room", WARN),
        (replace(FOLDER, free_mb=511), "disk-room", FAIL),
        (replace(FOLDER, file_system="tmpfs"), "disk-file-system", FAIL),
        (replace(FOLDER, file_system="vfat"), "disk-file-system", FAIL),
        (replace(FOLDER, file_system="overlay"), "disk-file-system", WARN),
        (replace(FOLDER, commit_ms=900.0), "disk-file-system", WARN),
        (replace(FOLDER, commit_ms=None, why_not="read-only"), "disk-file-system", FAIL),
    ],
)
def test_a_disk_must_have_room_and_keep_what_it_was_given(folder: DataFolder, name: str, verdict: Verdict) -> None:
    assert verdicts(check_disk(folder, PROFILE))[name] is verdict


@pytest.mark.parametrize(
    ("devices", "device", "expected"),
    [
        (("CPU", "GPU"), "GPU", {"inference-device": PASS}),
        (("CPU", "GPU.0", "GPU.1"), "GPU", {"inference-device": PASS}),
        (("CPU",), "GPU", {"inference-device": FAIL}),
        (("CPU",), "CPU", {"inference-device": PASS, "profile-device": WARN}),
        (("CPU", "GPU"), "CPU", {"inference-device": PASS, "profile-device": WARN}),
    ],
)
def test_the_device_asked_for_must_be_there(
    devices: tuple[str, ...], device: str, expected: dict[str, Verdict]
) -> None:
    assert verdicts(check_devices(devices, replace(WANTED, device=device), PROFILE)) == expected


@pytest.mark.parametrize(
    ("plate_ms", "expected"),
    [
        (30.0, (PASS, PASS, PASS)),
        (59.0, (PASS, WARN, PASS)),
        (61.0, (WARN, WARN, PASS)),
        (90.0, (WARN, FAIL, PASS)),
    ],
)
def test_the_models_must_be_fast_enough_for_the_cameras(plate_ms: float, expected: tuple[Verdict, ...]) -> None:
    found = check_speed(ModelTimes(plate_ms, 10.0), WANTED, PROFILE)
    assert tuple(check.verdict for check in found) == expected


def test_more_workers_carry_more() -> None:
    times = ModelTimes(90.0, 10.0)
    assert verdicts(check_speed(times, replace(WANTED, workers=2), PROFILE))["load"] is PASS


@pytest.mark.parametrize(("dropped", "verdict"), [(0.0, PASS), (0.02, PASS), (0.1, WARN), (0.3, FAIL)])
def test_while_an_agent_runs_what_it_dropped_says_whether_it_carries_its_cameras(
    dropped: float, verdict: Verdict
) -> None:
    found = check_speed(ModelTimes(900.0, 10.0), WANTED, PROFILE, dropped=dropped)
    assert verdicts(found)["load"] is verdict


@pytest.mark.parametrize("rates", [(6.0,) * 4, (7.0,)])
def test_more_than_the_profile_allows_is_said(rates: tuple[float, ...]) -> None:
    found = check_speed(ModelTimes(1.0, 1.0), replace(WANTED, frames_per_s=rates), PROFILE)
    assert verdicts(found)["capacity"] is WARN


@pytest.mark.parametrize(
    ("offset_ms", "verdict"), [(0, PASS), (-1999, PASS), (2001, WARN), (-59_000, WARN), (-9e9, FAIL)]
)
def test_the_clock_is_held_to_the_command_centres(offset_ms: float, verdict: Verdict) -> None:
    assert check_offset(offset_ms).verdict is verdict


@pytest.mark.parametrize(("is_synchronized", "verdict"), [(True, PASS), (False, WARN), (None, WARN)])
def test_somebody_must_keep_the_clock(is_synchronized: bool | None, verdict: Verdict) -> None:
    assert check_time_service(TimeService("chrony", is_synchronized)).verdict is verdict


def test_a_name_that_nobody_knows_fails_and_an_address_needs_none() -> None:
    checks = check_names({"c4.example": None, "192.0.2.7": "192.0.2.7"})
    assert [(check.verdict, check.value) for check in checks] == [(FAIL, "c4.example"), (PASS, "192.0.2.7 (no name)")]


def test_a_broker_that_the_agent_is_connected_to_is_not_asked_again() -> None:
    assert check_broker("c4:8883", "", is_live=True).verdict is PASS
    assert check_broker("c4:8883", "", is_live=False).verdict is PASS
    assert check_broker("c4:8883", "certificate revoked", is_live=False).verdict is FAIL


@pytest.mark.parametrize(
    ("up_kbit_s", "round_trip_ms", "verdict"),
    [(1000, 60, PASS), (999, 60, WARN), (5000, 501, WARN), (127, 60, FAIL)],
)
def test_the_uplink_must_carry_pictures(up_kbit_s: float, round_trip_ms: float, verdict: Verdict) -> None:
    assert verdicts(check_uplink(Uplink(round_trip_ms, up_kbit_s, 0.0)))["uplink"] is verdict


@pytest.mark.parametrize(
    ("begins_days", "ends_days", "verdict"),
    [(-10, 20, PASS), (-30, 5, WARN), (-90, 0, FAIL), (1, 90, FAIL)],
)
def test_a_certificate_is_judged_by_the_date(begins_days: int, ends_days: int, verdict: Verdict) -> None:
    term = Term("box-1", NOW + timedelta(days=begins_days), NOW + timedelta(days=ends_days))
    assert check_terms([term], NOW)[0].verdict is verdict


@pytest.mark.parametrize(("ends_days", "verdict"), [(91, PASS), (89, WARN), (-1, FAIL)])
def test_the_authoritys_certificate_warns_early(ends_days: int, verdict: Verdict) -> None:
    own = Term("box-1", NOW - timedelta(days=1), NOW + timedelta(days=90))
    above = Term("issuing", NOW - timedelta(days=3000), NOW + timedelta(days=ends_days))
    assert check_terms([own, above], NOW)[1].verdict is verdict


@pytest.mark.parametrize(
    ("is_hardware", "hotlist", "expected"),
    [(True, "memory", (PASS, PASS)), (False, "memory", (WARN, PASS)), (None, "memory", (WARN, PASS)),
     (False, "file", (WARN, WARN)), (True, "TPM", (PASS, PASS))],
)  # fmt: skip
def test_sealing_in_a_file_is_said(is_hardware: bool | None, hotlist: str, expected: tuple[Verdict, ...]) -> None:
    assert tuple(each.verdict for each in check_sealing(is_hardware=is_hardware, hotlist=hotlist)) == expected


@pytest.mark.parametrize(
    ("seen", "name", "verdict"),
    [
        (replace(SEEN, frames_per_s=8.9), "camera_rate", WARN),
        (replace(SEEN, frames_per_s=4.9), "camera_rate", FAIL),
        (replace(SEEN, codec="mjpeg"), "camera_format", WARN),
        (replace(SEEN, width_px=3840, height_px=2160), "camera-size", WARN),
        (replace(SEEN, width_px=1080, height_px=1920), "camera-size", PASS),
    ],
)
def test_a_camera_that_was_looked_at_is_judged_by_rate_and_picture(
    seen: StreamFigures, name: str, verdict: Verdict
) -> None:
    found = check_seen("cam-1", seen, 10.0, PROFILE)
    assert verdicts(found)[name] is verdict
    assert {check.camera for check in found} == {"cam-1"}


@pytest.mark.parametrize(("rate", "verdict"), [(10.0, PASS), (9.0, PASS), (8.9, WARN), (5.0, WARN), (4.9, FAIL)])
def test_a_camera_that_the_agent_reads_is_judged_by_its_word(rate: float, verdict: Verdict) -> None:
    assert check_told("cam-1", rate, 10.0).verdict is verdict


def test_a_camera_without_a_picture_fails_with_the_reason() -> None:
    dead = check_dead("cam-1", "no route to host")
    assert (dead.verdict, dead.camera) == (FAIL, "cam-1")
    assert dead.remedy is not None
    assert dict(dead.remedy.variables) == {"fault": "no route to host"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_has_a_name_in_every_language(language: Language) -> None:
    checks = (
        *check_machine(GOOD, PROFILE), *check_disk(FOLDER, PROFILE), *check_seen("cam-1", SEEN, 10.0, PROFILE),
        *check_devices(("CPU",), replace(WANTED, device="CPU"), PROFILE),
        *check_speed(ModelTimes(1.0, 1.0), WANTED, PROFILE), *check_uplink(Uplink(1.0, 1e4, 0.0)),
        *check_sealing(is_hardware=True, hotlist="tpm"), *check_names({"c4.example": None}), check_dead("cam-1", "x"),
        *check_terms([Term("box-1", NOW, NOW)], NOW), check_time_service(TimeService("chrony", True)),
        check_broker("c4:8883", "", is_live=True),
    )  # fmt: skip
    say = texts(language)
    assert all(title_of(check, say) for check in checks)


def test_a_faster_profile_allows_more() -> None:
    more = swap(PROFILE, capacity=load_profile("nuc-14").capacity)
    found = check_speed(ModelTimes(1.0, 1.0), replace(WANTED, frames_per_s=(12.0,) * 6), more)
    assert verdicts(found)["capacity"] is PASS


PREFIXES = ("doctor-", "tune-", "network-")
DYNAMIC = {"network-applying", "network-dialling", "network-rolling-back", "network-clock-yes", "network-clock-no",
           "network-clock-unknown"}  # fmt: skip


def messages_in_code() -> set[str]:
    """Message ids and names of checks, as the code of these commands has them."""
    found = set()
    for path in Path(edge_agent.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(PREFIXES):
                found.add(node.value)
    return {message for message in found if not message.endswith("-") and " " not in message}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_and_check_in_the_code_is_in_the_catalogue(language: Language) -> None:
    catalogue = set(texts(language)._bundle._messages)
    missing = {each for each in messages_in_code() if each not in catalogue}
    assert {each for each in missing if f"doctor-check-{each}" not in catalogue} == set()


def test_every_message_of_these_commands_is_used() -> None:
    own = {name for name in texts("en")._bundle._messages if name.startswith(PREFIXES)}
    unused = own - messages_in_code() - DYNAMIC
    assert {each for each in unused if not each.startswith(("doctor-check-", "network-column-"))} == set()
