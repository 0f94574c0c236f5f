"""`edge-agent read`: what it prints, what it refuses, and how it ends."""

import json
import sys
from pathlib import Path
from random import Random

import pytest
from street.plates import PlateClass, draw_plates
from street.render import render_street
from street.traffic import Wish

from edge_agent.adapters.pictures import encode_picture
from edge_agent.cli import main
from edge_agent.cli.read import is_enrolled
from edge_agent.settings import ENVIRONMENT_KEY
from tests.simulators.drawn import PLATE, draw_car

READY = ("--stack", "ready")
"""What reads the screen font of drawn cars; the street's plates are read by whichever models the agent takes."""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `edge-agent` in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["edge-agent", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def write_car(path: Path, text: str) -> Path:
    """A picture of a car with that plate."""
    path.write_bytes(encode_picture(draw_car(text), path.suffix))
    return path


def test_jsonl_has_one_object_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_car(tmp_path / "b.jpg", "GHJ-98-76")
    write_car(tmp_path / "a.png", "FAB-123-C")
    assert run(monkeypatch, "read", *READY, "--jsonl", str(tmp_path)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in lines] == [str(tmp_path / "a.png"), str(tmp_path / "b.jpg")]
    assert [[read["plate"] for read in line["reads"]] for line in lines] == [["FAB123C"], ["GHJ9876"]]
    assert [read["observed"] for line in lines for read in line["reads"]] == ["FAB123C", "GHJ9876"]
    read = lines[0]["reads"][0]
    assert 0.9 < read["confidence"] < 1
    assert read["candidates"][0] == {"plate": "FAB123C", "confidence": read["confidence"]}
    assert all(abs(a - b) < 30 for a, b in zip(read["box"], PLATE, strict=True))
    assert [(line["unreadable"], line["reads"][0]["is_read"]) for line in lines] == [(0, True)] * 2
    assert lines[0]["ms"] > 0


def test_a_video_gives_one_read_for_its_vehicle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (plate,) = draw_plates([PlateClass.PRIVATE], Random(8))
    render_street(tmp_path / "car.mp4", seconds=5, fps=10, size=(960, 540), vehicles=[Wish(plate)])
    assert run(monkeypatch, "read", "--jsonl", str(tmp_path / "car.mp4")) == 0
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (read,) = line["reads"]
    assert read["plate"] == read["observed"] == plate.shown.replace("-", "")
    assert read["at_s"] < 3
    assert read["looks"] >= 2
    assert (read["is_read"], line["unreadable"]) == (True, 0)


def test_without_jsonl_there_is_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_car(tmp_path / "a.png", "FAB-123-C")
    assert run(monkeypatch, "read", *READY, str(tmp_path / "a.png")) == 0
    shown = capsys.readouterr().out
    assert "FAB123C" in shown
    assert "private-car" in shown


def test_a_broken_picture_is_told_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"not a picture")
    (tmp_path / "b.mp4").write_bytes(b"not a video")
    write_car(tmp_path / "c.png", "FAB-123-C")
    assert run(monkeypatch, "read", "--jsonl", str(tmp_path)) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(tmp_path / "c.png")]
    assert "a.jpg: not a picture that can be decoded" in err
    assert "b.mp4: not a video that can be decoded" in err


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("rtsp://10.0.0.1/stream", "addresses and cameras are not read here"),
        ("http://10.0.0.1/picture.jpg", "addresses and cameras are not read here"),
        ("file:///tmp/x.jpg", "addresses and cameras are not read here"),
        ("/dev/zero", "devices are not read here"),
        ("/no/such/file.jpg", "no such file or folder"),
    ],
)
def test_cameras_addresses_and_devices_are_refused(
    path: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "read", path) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err


def test_a_link_to_a_device_is_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "camera.mp4").symlink_to("/dev/zero")
    assert run(monkeypatch, "read", str(tmp_path / "camera.mp4")) == 1
    assert "devices are not read here" in capsys.readouterr().err


def test_an_enrolled_box_refuses_before_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "agent.toml"
    settings.write_text("")
    picture = write_car(tmp_path / "a.png", "FAB-123-C")
    assert run(monkeypatch, "read", "--jsonl", str(picture), "--config", str(settings)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "enrolled" in err


def test_naming_other_settings_does_not_hide_that_a_box_is_enrolled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "agent.toml"
    settings.write_text("")
    assert not is_enrolled(tmp_path / "elsewhere.toml")
    monkeypatch.setenv(ENVIRONMENT_KEY, str(settings))
    assert is_enrolled(tmp_path / "elsewhere.toml")
