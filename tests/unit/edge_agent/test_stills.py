"""A single picture: each plate with as many looks as the reader asks for, told however unsure, counted if not read."""

from edge_agent.core.boxes import Xyxy
from edge_agent.core.looks import Look
from edge_agent.core.stills import Still, look_over
from tests.simulators.sight import STREET, ScriptedDetector, ScriptedReader, make_detections, make_look

CLEAR, SMEARED, DARK = (100.0, 100.0, 190.0, 140.0), (300.0, 100.0, 390.0, 140.0), (500.0, 100.0, 590.0, 140.0)


def says(box: Xyxy) -> Look:
    """A clear plate, a smeared one and one too dark to see anything on."""
    return {CLEAR: make_look("FAB123C", 0.98), SMEARED: make_look("XYZ987W", 0.15), DARK: Look.blank()}[box]


def looked_over(*boxes: Xyxy, confidence: float = 0.8) -> tuple[Still, ScriptedReader]:
    reader = ScriptedReader(says)
    return look_over(STREET, ScriptedDetector([make_detections(*boxes, confidence=confidence)]), reader), reader


def test_a_plate_is_looked_at_once_with_each_margin_of_the_reader() -> None:
    still, reader = looked_over(CLEAR)
    assert tuple(reader.asked) == reader.margins
    assert [(read.outcome.text, read.is_read, read.xyxy) for read in still.reads] == [("FAB123C", True, CLEAR)]
    assert still.unreadable == 0


def test_an_unsure_text_is_told_and_counted_as_unreadable() -> None:
    still, _ = looked_over(SMEARED)
    assert [(read.outcome.text, read.is_read) for read in still.reads] == [("XYZ987W", False)]
    assert still.unreadable == 1


def test_a_plate_of_which_nothing_is_seen_is_no_read_and_counted() -> None:
    still, _ = looked_over(CLEAR, SMEARED, DARK)
    assert [read.outcome.text for read in still.reads] == ["FAB123C", "XYZ987W"]
    assert (still.plates, still.unreadable) == (3, 2)


def test_a_weak_detection_counts_only_where_there_is_no_better() -> None:
    still, _ = looked_over(CLEAR, SMEARED, confidence=0.2)
    assert still.plates == 1


def test_a_picture_without_plates_has_nothing_unreadable() -> None:
    still, _ = looked_over()
    assert (still.reads, still.unreadable) == ([], 0)
