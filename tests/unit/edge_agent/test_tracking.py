"""Tracks of one camera."""

from edge_agent.core.detections import Detections
from edge_agent.core.tracking import Step, Tracker, TrackingSettings
from tests.simulators.sight import make_detections

WIDTH, HEIGHT = 80.0, 40.0


def at(x: float, y: float, confidence: float = 0.8) -> Detections:
    """One plate with its left upper corner there."""
    return make_detections((x, y, x + WIDTH, y + HEIGHT), confidence=confidence)


def ids(step: Step) -> list[int]:
    """Tracks seen in a step."""
    return [sighting.track.track_id for sighting in step.seen]


def make_tracker() -> Tracker:
    """A tracker with the settings of the house."""
    return Tracker(TrackingSettings())


def test_a_plate_that_moves_faster_than_its_own_width_stays_one_track() -> None:
    tracker = make_tracker()
    seen = [ids(tracker.step(at(100 + 150 * index, 300), index / 10)) for index in range(6)]
    assert seen == [[1]] * 6


def test_two_vehicles_that_cross_keep_their_tracks() -> None:
    tracker = make_tracker()
    lefts = [[(100.0 + 60 * i, 300.0), (580.0 - 60 * i, 330.0)] for i in range(9)]
    boxes = [make_detections(*[(x, y, x + WIDTH, y + HEIGHT) for x, y in pair]) for pair in lefts]
    last = [tracker.step(found, index / 10) for index, found in enumerate(boxes)][-1]
    assert {sighting.track.track_id: sighting.xyxy[0] for sighting in last.seen} == {1: 580.0, 2: 100.0}


def test_a_doubtful_box_continues_a_track_and_starts_none() -> None:
    tracker = make_tracker()
    assert ids(tracker.step(at(100, 100, confidence=0.2), 0.0)) == []
    tracker.step(at(100, 100), 0.1)
    tracker.step(at(105, 100), 0.2)
    assert ids(tracker.step(at(110, 100, confidence=0.2), 0.3)) == [1]


def test_a_track_out_of_sight_ends() -> None:
    tracker = make_tracker()
    tracker.step(at(100, 100), 0.0)
    assert tracker.step(Detections.none(), 0.9).ended == ()
    assert [track.track_id for track in tracker.step(Detections.none(), 1.1).ended] == [1]


def test_a_parked_plate_hidden_for_half_a_minute_is_the_same_track() -> None:
    tracker = make_tracker()
    for index in range(40):
        tracker.step(at(100, 100), index / 10)
    assert tracker.step(Detections.none(), 20.0).ended == ()
    assert ids(tracker.step(at(101, 100), 34.0)) == [1]


def test_a_plate_that_comes_back_after_a_gap_is_doubted() -> None:
    tracker = make_tracker()
    tracker.step(at(100, 100), 0.0)
    assert not tracker.step(at(101, 100), 0.1).seen[0].is_doubtful
    assert tracker.step(at(101, 100), 0.9).seen[0].is_doubtful


def test_a_plate_that_jumps_is_doubted() -> None:
    tracker = make_tracker()
    for index in range(3):
        tracker.step(at(100, 100), index / 10)
    assert tracker.step(at(100 + 0.9 * WIDTH, 100), 0.3).seen[0].is_doubtful


def test_a_box_of_quite_another_size_is_another_plate() -> None:
    tracker = make_tracker()
    tracker.step(at(100, 100), 0.0)
    assert ids(tracker.step(make_detections((100, 100, 140, 120)), 0.1)) == [2]


def test_a_box_far_from_where_a_known_track_goes_is_another_plate() -> None:
    tracker = make_tracker()
    for index in range(4):
        tracker.step(at(100, 100 + 5 * index), index / 10)
    assert ids(tracker.step(at(100 + 3 * WIDTH, 120), 0.4)) == [2]


def test_the_end_of_the_stream_ends_every_track_once() -> None:
    tracker = make_tracker()
    tracker.step(at(100, 100), 0.0)
    assert [track.track_id for track in tracker.end_all()] == [1]
    assert tracker.end_all() == ()
