"""The acceptance of a point and the drift from it, and the paper that repeats it."""

import re
import zlib
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import segno

from edge_agent.adapters.acceptance_file import NAME, KeptAcceptance, keep_acceptance, read_acceptance
from edge_agent.adapters.acceptance_pdf import Line, Paper, qr_text, write_pdf
from edge_agent.adapters.texts import Language, texts
from edge_agent.core.acceptance import Aimed, Drift, acceptance_of, drift_of, width_checks, worse
from edge_agent.core.checks import Verdict as Seen
from edge_agent.core.checks import failed, passed, warned
from protocol.messages import Kind, body_tree
from protocol.point_messages import Acceptance, CheckResult, Verdict
from protocol.wire import from_tree

HASH = "ab" * 32
CHECKS = (
    passed("clock-offset", "3 ms"),
    warned("disk-room", "9 GB", "doctor-disk"),
    passed("camera", "10.0/s", camera="north"),
)


def make_acceptance(*, verdict_of_disk: Verdict = Verdict.WARN) -> Acceptance:
    body = acceptance_of(CHECKS, technician="Ana Ruiz", profile="n100", versions=("agent/1",), accepted_ms=1_000)
    assert body.checks[1].verdict is verdict_of_disk
    return body


def result(check: str, verdict: Verdict, camera: str | None = None) -> CheckResult:
    return CheckResult(check=check, verdict=verdict, camera=camera)


def test_an_acceptance_holds_every_check_and_its_verdict_is_the_worst() -> None:
    body = make_acceptance()
    assert [(each.check, each.verdict.name) for each in body.checks] == [
        ("clock-offset", "PASS"),
        ("disk-room", "WARN"),
        ("camera", "PASS"),
    ]
    assert body.verdict is Verdict.WARN
    assert from_tree(body_tree(body), Acceptance) == body
    assert Kind.ACCEPTANCE.slug == "acceptance"


def test_a_value_with_control_characters_or_too_long_is_made_fit_for_the_wire() -> None:
    body = acceptance_of(
        [failed("camera", "two\nlines\x1b" + "x" * 300, "doctor-camera-dead", camera="north")],
        technician="Ana", profile="n100", versions=(), accepted_ms=1,
    )  # fmt: skip
    assert from_tree(body_tree(body), Acceptance) == body
    assert body.checks[0].value.startswith("two lines ")


@pytest.mark.parametrize(
    ("aimed", "verdict"),
    [(None, Seen.WARN), (Aimed(0, None), Seen.WARN), (Aimed(4, 62), Seen.WARN), (Aimed(4, 130), Seen.PASS)],
)
def test_plates_that_were_not_seen_or_are_too_small_warn(aimed: Aimed | None, verdict: Seen) -> None:
    (check,) = width_checks(["north"], {"north": aimed} if aimed else {})
    assert (check.verdict, check.camera) == (verdict, "north")


def test_only_what_is_worse_than_it_was_is_drift() -> None:
    accepted = make_acceptance()
    now = [
        result("disk-room", Verdict.WARN),
        result("camera", Verdict.FAIL, "north"),
        result("camera", Verdict.PASS, "south"),
        result("camera-scene", Verdict.WARN, "north"),
    ]
    assert [(each.check, each.camera) for each in worse(accepted, now)] == [
        ("camera", "north"),
        ("camera-scene", "north"),
    ]


def test_drift_is_told_once_two_comparisons_agree_and_so_is_its_end() -> None:
    drift, dead = Drift(), result("camera", Verdict.FAIL, "north")
    assert drift.step([]) == ()
    assert drift.step([dead]) == ()
    assert drift.step([]) == (), "it was a moment"
    assert drift.step([dead]) == ()
    assert drift.step([dead]) == (dead,)
    assert drift.step([dead]) == ()
    assert drift.step([]) == ()
    assert drift.step([]) == (result("camera", Verdict.PASS, "north"),)
    assert drift.step([]) == ()


def test_a_drift_message_names_the_acceptance_it_compares_with() -> None:
    accepted = make_acceptance()
    body = drift_of(accepted, [result("camera", Verdict.FAIL, "north")], ("agent/2",))
    assert body.is_drift
    assert (body.accepted_ms, body.technician, body.verdict) == (1_000, "Ana Ruiz", Verdict.FAIL)


def test_the_acceptance_in_force_is_kept_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    assert read_acceptance(tmp_path) is None
    kept = KeptAcceptance(hash=HASH, acceptance=make_acceptance(), told=(result("camera", Verdict.FAIL, "north"),))
    keep_acceptance(tmp_path, kept)
    assert read_acceptance(tmp_path) == kept
    (tmp_path / NAME).write_text("{")
    assert read_acceptance(tmp_path) is None


def printed(path: Path) -> str:
    """All text of a PDF of ours, whose fonts write Latin letters as they are."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
    content = b"".join(zlib.decompress(each) for each in streams)
    return " ".join(part.decode("cp1252") for part in re.findall(rb"\((.*?)(?<!\\)\) ?Tj", content))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Certificate of acceptance", "Technician")), ("es-MX", ("Acta de aceptación", "Técnico"))],
)
def test_the_paper_bears_every_check_and_the_messages_name(
    language: Language, words: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "acceptance.pdf"
    lines = [Line("pass", f"check {number}", "3 ms") for number in range(60)] + [Line("fail", "cámara", "caída")]
    paper = Paper(
        device="box-1", place="saltillo / p-1", profile="n100", technician="Ana Ruiz",
        accepted_at=datetime(2026, 11, 22, 18, tzinfo=UTC), verdict="warn", hash=HASH, lines=lines,
    )  # fmt: skip
    write_pdf(path, paper, texts(language))
    text = printed(path)
    for word in (*words, "box-1", "Ana Ruiz", "2026-11-22 18:00 UTC", HASH, "check 0", "check 59", "cámara"):
        assert word in text, word


def test_the_qr_code_names_the_message() -> None:
    assert qr_text(HASH) == f"atalaya:acceptance:{HASH}"
    modules = np.array(
        tuple(segno.make(qr_text(HASH), error="m", micro=False).matrix_iter(scale=8, border=4)), np.uint8
    )
    read, _, _ = cv2.QRCodeDetector().detectAndDecode((1 - modules) * np.uint8(255))
    assert read == qr_text(HASH)
