"""`edge-agent redact IN OUT`: what is written, what is not, and how it ends."""

import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edge_agent.adapters import clips
from edge_agent.adapters.clips import ClipInfo, clip_frames, clip_info, write_clip
from edge_agent.adapters.pictures import encode_picture, read_picture
from edge_agent.adapters.redactor_pool import RedactorPool
from edge_agent.cli import main
from edge_agent.core.detections import Detections, Detector
from edge_agent.core.redaction import Redactor
from tests.simulators.drawn import PLATE, astronaut, draw_car
from tests.simulators.sight import ScriptedDetector, make_detections

DRAWN = ("--stack", "ready")
"""A drawn car has screen letters on its plate, which only the ready finder takes for one."""
FACE = (slice(80, 160), slice(195, 250))
"""Middle of the astronaut's face."""
PLATE_MIDDLE = (slice(PLATE[1] + 4, PLATE[3] - 4), slice(PLATE[0] + 4, PLATE[2] - 4))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `edge-agent` in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["edge-agent", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_folder_keeps_its_names_and_its_pictures_their_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "sub").mkdir(parents=True)
    (source / "face.png").write_bytes(encode_picture(astronaut(), ".png"))
    (source / "sub" / "car.jpg").write_bytes(encode_picture(draw_car("FAB-123-C"), ".jpg"))
    (source / "notes.txt").write_text("not a picture")
    assert run(monkeypatch, "redact", str(source), str(target), *DRAWN) == 0
    assert "2 of 2 redacted" in capsys.readouterr().out
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()) == ["face.png", "sub/car.jpg"]
    face, car = read_picture(target / "face.png"), read_picture(target / "sub" / "car.jpg")
    assert face.shape == astronaut().shape
    assert not face[FACE].any()
    assert car.shape == (480, 640, 3)
    assert car[PLATE_MIDDLE].max() < 12


def test_what_a_camera_hid_beside_the_pixels_does_not_come_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "somebody's place and name"
    picture = Image.fromarray(cv2.cvtColor(draw_car("FAB-123-C"), cv2.COLOR_BGR2RGB))
    picture.save(tmp_path / "in.jpg", exif=exif)
    assert run(monkeypatch, "redact", str(tmp_path / "in.jpg"), str(tmp_path / "out.jpg")) == 0
    assert b"somebody" in (tmp_path / "in.jpg").read_bytes()
    assert b"somebody" not in (tmp_path / "out.jpg").read_bytes()
    with Image.open(tmp_path / "out.jpg") as written:
        assert not written.getexif()


def test_every_frame_of_a_video_is_redacted_and_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = ClipInfo(640, 480, Fraction(10), 8)
    write_clip(tmp_path / "in.mp4", ".mp4", info, [draw_car("FAB-123-C")] * 8)
    assert run(monkeypatch, "redact", str(tmp_path / "in.mp4"), str(tmp_path / "out.mp4"), *DRAWN) == 0
    frames = list(clip_frames(tmp_path / "out.mp4"))
    assert clip_info(tmp_path / "out.mp4").rate == 10
    assert [frame.image.shape for frame in frames] == [(480, 640, 3)] * 8
    assert max(frame.image[PLATE_MIDDLE].mean() for frame in frames) < 25


class FailsFrom:
    """A detector that breaks at the n-th picture."""

    def __init__(self, picture: int) -> None:
        self.left = picture

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Fail as an inference engine does."""
        self.left -= 1
        if self.left < 0:
            raise RuntimeError(f"no memory for {image.shape}")
        return Detections.none()


def see_by(monkeypatch: pytest.MonkeyPatch, faces: Detector) -> None:
    """Let the command find faces by this detector, and no plates."""
    pool = RedactorPool([Redactor(faces, ScriptedDetector([]))])
    monkeypatch.setattr("edge_agent.cli.redact.open_redactors", lambda settings, pictures: pool)


def test_where_the_detector_fails_nothing_is_written_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a.png", "b.png"):
        (source / name).write_bytes(encode_picture(draw_car("FAB-123-C"), ".png"))
    write_clip(source / "c.mp4", ".mp4", ClipInfo(640, 480, Fraction(10), 5), [draw_car("FAB-123-C")] * 5)
    see_by(monkeypatch, FailsFrom(3))
    assert run(monkeypatch, "redact", str(source), str(target)) == 1
    out, err = capsys.readouterr()
    assert "the face detector failed" in err
    assert "2 of 3 redacted" in out
    assert sorted(path.name for path in target.rglob("*")) == ["a.png", "b.png"]


def test_a_face_that_one_frame_missed_does_not_flash_and_its_head_is_covered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face, white = (200.0, 200.0, 260.0, 280.0), np.full((480, 640, 3), 255, np.uint8)
    write_clip(tmp_path / "in.mp4", ".mp4", ClipInfo(640, 480, Fraction(10), 12), [white] * 12)
    script = [Detections.none() if n in (0, 5, 6, 11) else make_detections(face) for n in range(12)]
    see_by(monkeypatch, ScriptedDetector(script))
    assert run(monkeypatch, "redact", str(tmp_path / "in.mp4"), str(tmp_path / "out.mp4")) == 0
    frames = [frame.image for frame in clip_frames(tmp_path / "out.mp4")]
    assert len(frames) == 12
    assert max(frame[202:278, 202:258].mean() for frame in frames) < 12
    assert max(frame[165:195, 205:255].mean() for frame in frames) < 12
    assert min(frame[350:].mean() for frame in frames) > 240


def test_a_codec_that_is_missing_is_told_with_a_way_out_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "in.mp4", ".mp4", ClipInfo(64, 64, Fraction(10), 2), [np.zeros((64, 64, 3), np.uint8)] * 2)
    monkeypatch.setitem(clips.CODECS, ".webm", "no-such-codec")
    see_by(monkeypatch, ScriptedDetector([]))
    assert run(monkeypatch, "redact", str(tmp_path / "in.mp4"), str(tmp_path / "out" / "a.webm")) == 1
    said = capsys.readouterr().err
    assert "the codec no-such-codec is missing" in said
    assert ".mp4" in said
    assert not list((tmp_path / "out").iterdir())


def test_a_jpeg_is_as_fine_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.png").write_bytes(encode_picture(astronaut(), ".png"))
    for quality in ("95", "30"):
        see_by(monkeypatch, ScriptedDetector([]))
        options = ("--quality", quality)
        assert run(monkeypatch, "redact", str(tmp_path / "in.png"), str(tmp_path / f"{quality}.jpg"), *options) == 0
    assert (tmp_path / "30.jpg").stat().st_size < (tmp_path / "95.jpg").stat().st_size / 2


def test_a_broken_picture_is_told_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(b"not a picture")
    (tmp_path / "in" / "b.png").write_bytes(encode_picture(astronaut(), ".png"))
    assert run(monkeypatch, "redact", str(tmp_path / "in"), str(tmp_path / "out")) == 1
    assert "a.jpg: not a picture that can be decoded" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["b.png"]


@pytest.mark.parametrize("target", ["in", "in/below"])
def test_what_is_read_is_never_written_over(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(encode_picture(astronaut(), ".png"))
    assert run(monkeypatch, "redact", str(tmp_path / "in"), str(tmp_path / target)) == 1
    assert "another place" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "in").rglob("*")] == ["a.png"]
