"""Firmware profiles: every one of them holds, every key is documented, what is wrong is named."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin

import msgspec
import pytest

from edge_agent.adapters.model_sets import MODEL_SETS
from edge_agent.adapters.profiles import architecture, box_profile, load_profile, profile_names, profile_text
from edge_agent.cli.profiles import app
from edge_agent.core.profiles import Figure, Part, Profile, figures, parse_profile
from edge_agent.errors import BadProfile
from edge_agent.settings import InferenceSettings

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
NAMES = profile_names()
EXPECTED = {
    "generic-arm64", "generic-x86-64", "jetson-agx-orin", "jetson-orin-nano", "jetson-orin-nx", "jetson-xavier-nx",
    "n100", "nuc-11", "nuc-12-13", "nuc-14",
}  # fmt: skip


def changed(old: str, new: str) -> str:
    """The generic profile with one thing changed."""
    text = profile_text("generic-x86-64")
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_every_class_of_hardware_has_its_profile() -> None:
    assert set(NAMES) == EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_is_valid_and_named_as_its_file(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert set(profile.inference.models) == set(MODEL_SETS[profile.inference.stack].used())


@pytest.mark.parametrize("name", NAMES)
def test_what_openvino_is_to_run_are_settings_that_the_agent_takes(name: str) -> None:
    inference = load_profile(name).inference
    runs = [inference] if inference.engine == "openvino" else [inference.fallback]
    for each in runs:
        assert each is not None
        asked = {"device": each.device, "precision": each.precision, "threads": each.threads}
        msgspec.convert(asked | {"plate_side_px": inference.plate_side_px}, InferenceSettings)


@pytest.mark.parametrize("name", sorted(EXPECTED - {"generic-x86-64"}))
def test_no_figure_of_hardware_that_was_never_at_hand_claims_to_be_measured(name: str) -> None:
    assert {key for key, figure in figures(load_profile(name)).items() if figure.basis == "measured"} == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_lists_the_profile(name: str) -> None:
    assert f"`{name}`" in PAGE


def keys_of(part: type[Part], prefix: str = "") -> Iterator[str]:
    """Every key of the file, as TOML names it; a figure is one key."""
    for field in msgspec.structs.fields(part):
        arguments = get_args(field.type)
        inner = [kind for kind in (field.type, *arguments) if isinstance(kind, type) and issubclass(kind, Part)]
        listed = [a for kind in arguments for a in get_args(kind) if isinstance(a, type) and issubclass(a, Part)]
        name = prefix + field.name
        if Figure in inner or not (inner or listed):
            yield name
        elif inner:
            if isinstance(field.type, UnionType) or get_origin(field.type) is not None:
                yield name
            yield from keys_of(inner[0], f"{name}.")
        else:
            yield name
            yield from keys_of(listed[0], f"{name}[].")


def test_the_page_describes_every_key_and_no_other() -> None:
    part = PAGE.split("## Keys\n", 1)[1].split("\n## ", 1)[0]
    documented = re.findall(r"^\| `([a-z_.\[\]]+)` \|", part, re.MULTILINE)
    assert sorted(documented) == sorted(keys_of(Profile))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (changed('ring = "broad"', 'ring = "broad"\ncolour = "red"'), "colour"),
        (changed('ring = "broad"', 'ring = "nightly"'), "ring"),
        (changed('ring = "broad"\n', ""), "ring"),
        (changed("schema = 1", "schema = 2"), "schema"),
        (changed("plate_side_px = 512", "plate_side_px = 650"), "plate_side_px"),
        (changed('stack = "own"', 'stack = "theirs"'), "stack"),
        (changed("share = 0.6", "share = 0.2"), "frames"),
        (changed("share = 0.6", "share = 1.0"), "share"),
        (changed("resume_c = 70", "resume_c = 85"), "resume_c"),
        (changed("memory_max_mb = 3072", "memory_max_mb = 100"), "memory_max_mb"),
        (changed("[update]", "[update"), "TOML"),
    ],
)
def test_what_is_wrong_with_a_profile_is_named(text: str, named: str) -> None:
    with pytest.raises(BadProfile, match=re.escape(named)) as caught:
        parse_profile(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")


def test_a_bare_number_is_no_figure() -> None:
    text = re.sub(r"^plate_ms = .*$", "plate_ms = 12", profile_text("generic-x86-64"), flags=re.MULTILINE)
    with pytest.raises(BadProfile, match="plate_ms"):
        parse_profile(text, "mine.toml")


def test_a_profile_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(changed('name = "generic-x86-64"', 'name = "mine"'))
    assert load_profile(str(mine)).name == "mine"


def test_a_profile_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(BadProfile, match="nuc-11"):
        load_profile("nuc-1")


@pytest.mark.parametrize(("machine", "found"), [("x86_64", "x86-64"), ("aarch64", "arm64")])
def test_a_machine_is_told_by_what_the_kernel_calls_it(machine: str, found: str) -> None:
    assert architecture(machine) == found


def test_a_machine_that_no_profile_covers_is_refused() -> None:
    with pytest.raises(BadProfile, match="riscv64"):
        architecture("riscv64")


def test_without_a_name_the_generic_profile_holds() -> None:
    assert box_profile("").name == f"generic-{architecture()}"
    assert box_profile("n100").name == "n100"


def test_the_list_says_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["list"], result_action="return_value") == 0
    shown = capsys.readouterr().out
    assert "n100" in shown
    assert app(["list", "--json"], result_action="return_value") == 0
    assert {each["name"] for each in json.loads(capsys.readouterr().out)} == EXPECTED


def test_one_profile_is_shown_as_it_was_written_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["show", "n100"], result_action="return_value") == 0
    assert capsys.readouterr().out == profile_text("n100")
    assert app(["show", "n100", "--json"], result_action="return_value") == 0
    assert json.loads(capsys.readouterr().out)["update"]["ring"] == "broad"
