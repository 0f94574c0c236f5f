"""The agent's settings: what a file may say, and that the documentation says the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from edge_agent.errors import BadSettings
from edge_agent.settings import DEFAULT_PATH, Section, Settings, find_settings, load_settings, parse_settings

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "settings.md"
FILE = Path("/etc/atalaya/agent.toml")
ROW = re.compile(r"^\| `([a-z_.\[\]]+)` \| ([^|]+) \|", re.MULTILINE)


def test_an_empty_file_is_good() -> None:
    assert parse_settings("", FILE).report_interval_s == 60


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("report_interval = 60", "`report_interval`"),
        ("report_interval_s = 0", r"at `\$.report_interval_s`"),
        ("[lookback]\nminutes = 16", r"at `\$.lookback.minutes`"),
        ("[outbox]\nmax_row = 3", r"`max_row` - at `\$.outbox`"),
        ('[[cameras]]\ncamera = "entrance"', "`url`"),
        ('[[cameras]]\ncamera = "Entrance 1"\nurl = "x"', r"at `\$.cameras"),
        ("identity_dir = 3", r"at `\$.identity_dir`"),
        ('[inference]\nmodel_signers = ["AAAA"]', r"at `\$.inference.model_signers"),
        ("[", "not TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(text: str, told: str) -> None:
    with pytest.raises(BadSettings, match=told):
        parse_settings(text, FILE)


def test_two_cameras_of_one_name_are_refused() -> None:
    camera = '[[cameras]]\ncamera = "entrance"\nurl = "a.mp4"\n'
    with pytest.raises(BadSettings, match="entrance"):
        parse_settings(camera * 2, FILE)


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('identity_dir = "id"\ndata_dir = "/var/lib/x"\n[evidence]\nkeep_redacted_dir = "kept"\n')
    settings = load_settings(file)
    assert settings.identity_dir == tmp_path / "id"
    assert settings.data_dir == Path("/var/lib/x")
    assert settings.evidence.keep_redacted_dir == tmp_path / "kept"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml")


def test_the_option_outranks_the_environment_and_the_environment_the_default() -> None:
    assert find_settings(Path("a"), {"ATALAYA_AGENT_CONFIG": "b"}) == Path("a")
    assert find_settings(None, {"ATALAYA_AGENT_CONFIG": "b"}) == Path("b")
    assert find_settings(None, {}) == find_settings(None, {"ATALAYA_AGENT_CONFIG": ""}) == DEFAULT_PATH


def keys_of(section: type[Section], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every key of the file with its default, as TOML names it."""
    for field in msgspec.structs.fields(section):
        inner = [arg for arg in get_args(field.type) if isinstance(arg, type) and issubclass(arg, Section)]
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield from keys_of(field.type, f"{prefix}{field.name}.")
        elif inner:
            yield from keys_of(inner[0], f"{prefix}{field.name}[].")
        else:
            yield prefix + field.name, field.default


def documented() -> dict[str, str]:
    part = DOCUMENT.read_text(encoding="utf-8").split("## Agent\n", 1)[1].split("\n## ", 1)[0]
    return dict(ROW.findall(part))


def test_the_document_has_every_key_and_no_other() -> None:
    assert set(documented()) == {key for key, _ in keys_of(Settings)}


@pytest.mark.parametrize(("key", "default"), list(keys_of(Settings)), ids=str)
def test_the_document_gives_the_default_or_the_reason_for_none(key: str, default: object) -> None:
    told = documented()[key]
    if default is None or default is msgspec.NODEFAULT:
        assert told.startswith("none: ")
    else:
        shown = str(default) if isinstance(default, Path) else default
        assert told == f"`{msgspec.json.encode(shown).decode()}`"
