"""Changing a settings file: the keys asked for, and not one character besides."""

from pathlib import Path

import pytest

from edge_agent.adapters.settings_file import Changes, replace_settings, with_changes
from edge_agent.errors import BadSettings
from edge_agent.settings import parse_settings

FILE = Path("agent.toml")
TEXT = """# Point 17, corner of Allende
report_interval_s = 60.0   # as agreed

[inference]
device = "CPU"   # no GPU here
threads = 0

[[cameras]]
camera = "north"  # the one by the bank
url = "rtsp://192.0.2.7/main"
frames_per_s = 10.0

[[cameras]]
camera = "south"
url = "rtsp://192.0.2.8/main"
"""


def test_only_what_changes_changes() -> None:
    changes = Changes({"inference.threads": 2, "inference.device": "CPU"}, {"north": {"frames_per_s": 8.0}})
    changed = with_changes(TEXT, changes, FILE)
    assert changed == TEXT.replace("threads = 0", "threads = 2").replace("frames_per_s = 10.0", "frames_per_s = 8.0")


def test_a_key_that_was_not_there_joins_its_table() -> None:
    changed = with_changes(TEXT, Changes({"inference.workers": 2}, {"south": {"frames_per_s": 6.5}}), FILE)
    settings = parse_settings(changed, FILE)
    assert (settings.inference.workers, settings.cameras[1].frames_per_s) == (2, 6.5)
    assert "# the one by the bank" in changed


def test_a_table_that_was_not_there_is_made() -> None:
    settings = parse_settings(with_changes(TEXT, Changes({"lookback.max_mb": 32}, {}), FILE), FILE)
    assert settings.lookback.max_mb == 32


def test_an_empty_file_can_be_changed() -> None:
    assert parse_settings(with_changes("", Changes({"inference.threads": 1}, {}), FILE), FILE).inference.threads == 1


@pytest.mark.parametrize(
    ("text", "key"),
    [("[inference", "inference.threads"), (TEXT, "inference.speed"), ("inference = 3", "inference.threads")],
)
def test_what_the_agent_would_not_take_is_never_written(text: str, key: str) -> None:
    with pytest.raises(BadSettings):
        with_changes(text, Changes({key: 1}, {}), FILE)


def test_the_files_mode_stays(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(TEXT)
    file.chmod(0o640)
    replace_settings(file, TEXT + "# new")
    assert file.read_text().endswith("# new")
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["agent.toml"]


def test_a_file_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="--out"):
        replace_settings(tmp_path / "no" / "agent.toml", TEXT)
