"""What the site says and what the region says, put together."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.adapters.profiles import load_profile, profile_names, profile_text
from edge_agent.core.layers import SIGNED, is_same, layered, passed_over, profile_of, site_layer
from edge_agent.errors import BadProfile, BadSettings
from edge_agent.settings import Settings, parse_tree
from protocol.order import Identity
from protocol.settings import SettingsDocument, make_document
from tests.unit.edge_agent.test_settings import keys_of

FILE = Path("/etc/atalaya/agent.toml")
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "settings.md"
WHO = Identity(device="box-1", city="saltillo", point="p-1")
LOCAL: dict[str, Any] = {
    "data_dir": "/data",
    "report_interval_s": 7.0,
    "cameras": [{"camera": "cam-1", "url": "a.mp4"}],
    "inference": {"models_dir": "/models", "device": "GPU"},
    "evidence": {"keep_redacted_dir": "/kept", "max_pending": 3},
}


def made(text: str = "", profile: tuple[str, str] = ("", "")) -> SettingsDocument:
    return make_document(
        WHO, number=1, rollout="r-1", created_ms=0, profile=profile, settings_toml=text, trial_s=1
    )  # fmt: skip


def under(text: str, profile: tuple[str, str] = ("", ""), local: dict[str, Any] = LOCAL) -> Settings:
    return parse_tree(layered(local, made(text, profile)), FILE)


def test_what_only_the_site_knows_is_the_sites() -> None:
    found = under("report_interval_s = 30.0")
    assert (found.data_dir, found.inference.models_dir) == (Path("/data"), Path("/models"))
    assert [each.camera for each in found.cameras] == ["cam-1"]
    assert found.evidence.keep_redacted_dir == Path("/kept")


def test_what_may_be_signed_is_the_documents_or_the_default_and_never_the_local_files() -> None:
    found = under("report_interval_s = 30.0")
    assert (found.report_interval_s, found.inference.device, found.evidence.max_pending) == (30.0, "CPU", 8)
    assert passed_over(LOCAL) == ("evidence.max_pending", "inference.device", "report_interval_s")
    assert under("").report_interval_s == Settings().report_interval_s


@pytest.mark.parametrize("name", profile_names())
def test_the_profile_fills_what_the_settings_leave_out(name: str) -> None:
    profile = load_profile(name)
    found = under("[outbox]\nmax_rows = 9", (name, profile_text(name)))
    assert found.inference.device == profile.inference.device
    assert found.inference.plate_side_px == profile.inference.plate_side_px
    assert (found.outbox.max_mb, found.outbox.max_rows) == (profile.disk.outbox_mb, 9)
    assert under('[inference]\ndevice = "CPU"', (name, profile_text(name))).inference.device == "CPU"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('data_dir = "/tmp"', "data_dir"),
        ('identity_dir = "/tmp"', "identity_dir"),
        ('[inference]\nmodels_dir = "/tmp"', "inference.models_dir"),
        ('[evidence]\nkeep_redacted_dir = "/tmp"', "evidence.keep_redacted_dir"),
        ("lock_memory = false", "lock_memory"),
        ('[[cameras]]\ncamera = "cam-9"\nurl = "rtsp://elsewhere"', "cameras"),
        ("[panic]\nhttp_port = 80", "panic.http_port"),
        ('profile = "n100"', "profile"),
        ("[outbox]\nmax_row = 3", "outbox.max_row"),
        ("outbox = 3", "outbox"),
        ("no_such_key = 1", "no_such_key"),
    ],
)
def test_a_document_that_names_what_it_may_not_is_refused_whole(text: str, named: str) -> None:
    with pytest.raises(BadSettings, match=re.escape(named)):
        layered(LOCAL, made(text))


@pytest.mark.parametrize("text", ["[lookback]\nminutes = 16", "report_interval_s = 0", "[inference]\ndevice = 3"])
def test_a_document_is_held_to_the_bounds_of_every_key(text: str) -> None:
    with pytest.raises(BadSettings):
        under(text)


def test_a_text_that_is_not_toml_is_refused() -> None:
    with pytest.raises(BadSettings, match="not TOML"):
        layered(LOCAL, made("[["))
    with pytest.raises(BadProfile):
        profile_of(made("", ("mine", "[[")))
    assert profile_of(made()) is None


def test_two_documents_are_the_same_if_they_say_the_same() -> None:
    one, other = made("a = 1"), made("a = 1", ("n100", ""))
    assert is_same(one, made("a = 1"))
    assert not is_same(one, other)


@given(st.sets(st.sampled_from(sorted(SIGNED))))
def test_no_signable_key_of_the_local_file_survives_a_document(keys: set[str]) -> None:
    tree: dict[str, Any] = {}
    for key in keys:
        table, _, name = key.rpartition(".")
        (tree.setdefault(table, {}) if table else tree)[name] = object()
    assert site_layer(tree) == {}
    assert set(passed_over(tree)) == keys
    assert parse_tree(layered(tree, made()), FILE) == parse_tree({}, FILE)


def test_every_key_that_may_be_signed_exists_and_the_page_lists_them() -> None:
    keys = {key.replace("[]", "") for key, _ in keys_of(Settings)}
    assert keys >= SIGNED
    part = DOCUMENT.read_text(encoding="utf-8").split("## Signed settings\n", 1)[1].split("\n## ", 1)[0]
    rows = dict(re.findall(r"^\| ([a-z][a-z_ ]+) \| (.+) \|$", part, re.MULTILINE))
    signed = set(re.findall(r"`([a-z0-9_.]+)`", rows["may be signed"]))
    assert {key for each in signed for key in SIGNED if key == each or key.startswith(f"{each}.")} == SIGNED
    local = set(re.findall(r"`([a-z0-9_.]+)`", rows["only the site says"]))
    assert {key for each in local for key in keys if key == each or key.startswith(f"{each}.")} == keys - SIGNED - {
        "profile"
    }
