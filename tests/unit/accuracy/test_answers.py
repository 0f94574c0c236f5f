"""How answers add up: scores, calibration, rejects, causes, the last line."""

from pathlib import Path

import numpy as np
import pytest
from accuracy.answers import Answer, Said, character_reliability, rejecting, score, text_reliability, voted
from accuracy.calibration import calibration_error, reliability
from accuracy.causes import Cause, cause, tally
from accuracy.clock import Clock
from accuracy.figures import figures
from accuracy.pictures import Picture
from accuracy.plots import write_plots
from accuracy.rendered import Rendered, by_width, exact, false_reads
from accuracy.run import Run
from accuracy.scoring import Errors

from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections

BOX = (10.0, 10.0, 110.0, 60.0)
KEYS = [
    "scenes_eu_errors", "scenes_eu_n", "scenes_br_errors", "scenes_br_n", "crops_us_errors", "crops_us_n",
    "mx_rendered_exact", "detect_ms", "read_ms", "speedup_equal_precision",
]  # fmt: skip


def make_answer(
    truth: str, read: str, *, sure: float = 0.9, group: str = "scenes_eu", at: Xyxy | None = BOX, is_crop: bool = False
) -> Answer:
    picture = Picture(f"{group}/{truth}.png", Path(truth), group, truth, None if is_crop else BOX)
    boxes = np.array([at] if at else [], np.float32).reshape(-1, 4)
    return Answer(picture, Said(Detections(boxes, np.ones(len(boxes), np.float32)), at, read, (sure,) * len(read)))


def test_a_group_is_scored_strictly_and_folded() -> None:
    total = score([make_answer("AB0123", "AB0123"), make_answer("AB0123", "ABO123"), make_answer("AB0123", "")])
    assert (total.strict, total.folded, total.rejects) == (Errors(2, 3), Errors(1, 3), 1)
    assert total.character_accuracy == pytest.approx(1 - 7 / 18)


def test_recall_needs_the_overlap_that_it_is_named_after() -> None:
    loose = (10.0, 10.0, 110.0, 90.0)  # 5000 of 8000 square pixels
    total = score([make_answer("A1", "A1"), make_answer("A1", "A1", at=loose), make_answer("A1", "", at=None)])
    assert total.recall_50 == pytest.approx(2 / 3)
    assert total.recall_70 == pytest.approx(1 / 3)
    assert total.recall_read_50 == pytest.approx(2 / 3)


def test_nothing_to_score_is_no_error() -> None:
    assert score([]).folded == Errors(0, 0)


def test_a_calibrated_reader_has_no_calibration_error() -> None:
    said = [0.75] * 4 + [1.0] * 5
    assert calibration_error(reliability(said, [True, True, True, False] + [True] * 5)) == pytest.approx(0)


def test_the_calibration_error_is_the_weighted_gap() -> None:
    bins = reliability([0.95] * 6 + [0.55] * 4, [True] * 3 + [False] * 3 + [True] * 4)
    assert calibration_error(bins) == pytest.approx(0.6 * 0.45 + 0.4 * 0.45)
    assert sum(each.n for each in bins) == 10
    assert calibration_error(reliability([], [])) == 0.0
    with pytest.raises(ValueError, match="1 probabilities for 0"):
        reliability([0.5], [])


@pytest.mark.parametrize("said", [0.0, 0.1, 0.99, 1.0, 1.2])
def test_every_probability_falls_into_one_bin(said: float) -> None:
    assert [each.n for each in reliability([said], [True])].count(1) == 1


def test_a_character_is_right_where_the_alignment_says_so() -> None:
    bins = character_reliability([make_answer("ABC1", "BC1", sure=0.97), make_answer("ABC0", "ABCO8", sure=0.97)])
    (found,) = (each for each in bins if each.n)
    assert (found.n, found.right) == (8, 7)
    (texts,) = (each for each in text_reliability([make_answer("A", "A"), make_answer("A", "")]) if each.n)
    assert (texts.n, texts.right) == (1, 1)


def test_rejecting_keeps_the_sure_and_counts_what_is_left() -> None:
    answers = [make_answer("A1", "A1", sure=0.9), make_answer("A1", "B1", sure=0.4), make_answer("A1", "")]
    assert [(row.kept, row.errors) for row in rejecting(answers, (0.0, 0.5))] == [(2, 1), (1, 0)]


@pytest.mark.parametrize(
    ("truth", "read", "expected"),
    [
        ("ABC123", "ABC123", None),
        ("ABC103", "ABCIO3", Cause.SAME_FOLDED),
        ("ABC123", "ABC12", Cause.LOST_END),
        ("ABC123", "BC123", Cause.LOST_END),
        ("ABC123", "AB123", Cause.LOST_WITHIN),
        ("ABC123", "1ABC123", Cause.ADDED_END),
        ("ABC123", "ABCX123", Cause.ADDED_WITHIN),
        ("ABC123", "A8C123", Cause.LOOK_ALIKE),
        ("ABC123", "AXC123", Cause.UNLIKE),
        ("ABC123", "A8C12", Cause.SEVERAL),
        ("ABC123", "", Cause.NOTHING_READ),
    ],
)
def test_an_error_has_one_cause(truth: str, read: str, expected: Cause | None) -> None:
    assert cause(make_answer(truth, read)) is expected


def test_no_box_and_a_box_elsewhere_come_before_any_character() -> None:
    answers = [
        make_answer("A1", "", at=None),
        make_answer("A1", "B1", at=(500, 500, 520, 520)),
        make_answer("A1", "A1"),
    ]
    assert tally(answers) == {Cause.NOT_FOUND: 1, Cause.ELSEWHERE: 1}


def test_the_clock_takes_the_median_of_rounds_and_then_of_pictures() -> None:
    clock = Clock()
    for picture, times_ms in {"a": (90, 1, 2), "b": (80, 4, 5), "c": (70, 8, 9)}.items():
        for time_ms in times_ms:
            clock.note("own read", picture, cpu_ms=time_ms, wall_ms=2 * time_ms)
    assert (clock.median_cpu_ms("own read"), clock.median_wall_ms("own read")) == (5, 10)
    assert clock.median_cpu_ms("never") == 0.0
    assert clock.timed("call", "a", lambda: 7) == 7
    assert clock.median_wall_ms("call") > 0


def make_run(*stacks: str) -> Run:
    run = Run()
    for stack in stacks:
        run.answers[stack] = [
            make_answer("ABC123", "ABC12"),
            make_answer("AB0123", "ABO123", group="scenes_br"),
            make_answer("XYZ98", "XYZ9", group="crops_us", is_crop=True),
        ]
        run.answers[voted(stack)] = [*run.answers[stack][:2], make_answer("X9", "X9", group="crops_us", is_crop=True)]
        own_ms, ready_ms = (12.0, 3.0, 6.0), (40.0, 20.0, 60.0)
        for stage, time_ms in zip(("detect", "read", "vote"), own_ms if stack == "own" else ready_ms, strict=True):
            run.clock.note(f"{stack} {stage}", "a", cpu_ms=time_ms, wall_ms=time_ms)
    return run


def test_the_last_line_has_its_keys_and_the_figures_of_our_own_stack_by_vote() -> None:
    plates = [Rendered("mx-bus", "A1", 50.0, "A1", 0.9)] * 3 + [Rendered("mx-bus", "A1", 50.0, "A2", 0.9)]
    found = figures(make_run("own", "ready"), {"own": plates[3:], "own voted": plates})
    assert list(found) == KEYS
    assert list(found.values()) == [1, 1, 0, 1, 0, 1, 0.75, 12.0, 6.0, 4.0]


def test_what_did_not_run_is_null_and_not_nought() -> None:
    found = figures(make_run("ready"), {})
    assert list(found) == KEYS
    assert (found["mx_rendered_exact"], found["speedup_equal_precision"]) == (None, None)
    assert found["detect_ms"] == 40.0


def test_rendered_plates_count_by_width_and_pictures_of_none_apart() -> None:
    answers = [
        Rendered("mx-bus", "A1", 45.0, "A1", 0.9),
        Rendered("mx-bus", "A1", 200.0, "AI", 0.9),
        Rendered("none", "", 60.0, "X", 0.3),
        Rendered("none", "", 60.0, "", 0.0),
    ]
    assert exact(answers) == Errors(1, 2)
    assert by_width(answers) == {"40 to 59": Errors(0, 1), "160 and more": Errors(1, 1)}
    assert (false_reads(answers), false_reads(answers, 0.5)) == (Errors(1, 2), Errors(0, 2))


def test_plots_hold_no_plate(tmp_path: Path) -> None:
    write_plots(tmp_path, make_run("own", "ready"), {"own": [Rendered("mx-bus", "QQ77", 45.0, "QQ77", 0.9)]})
    drawn = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert drawn.keys() == {"errors.svg", "reliability.svg", "rejecting.svg", "rendered.svg"}
    assert all("<svg" in text and "nan" not in text for text in drawn.values())
    assert not any(plate in text for text in drawn.values() for plate in ("ABC12", "QQ77"))
