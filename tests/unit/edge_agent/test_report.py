"""Reports as differences of what is counted, and evidence cut in pieces."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.evidence import Pictures, evidence_bodies, pieces_of
from edge_agent.core.report import CameraCounts, Snapshot, Tally, report_of
from protocol.messages import PIECE_BYTES, CameraState, Evidence, Health, HitKey, Piece

LIVE = CameraState.LIVE
HIT = HitKey(outbox=bytes(16), epoch=1, sequence=1, hash=bytes(32))


def snapshot(at_ms: int, **counts: int) -> Snapshot:
    return Snapshot(at_ms, {"cam-1": (LIVE, CameraCounts(**counts))})


def test_a_report_tells_what_came_since_the_last_one() -> None:
    report = report_of(snapshot(1000, frames_in=10, hits=1), snapshot(2000, frames_in=25, hits=1), Health(), ("a/1",))
    (camera,) = report.cameras
    assert (report.from_ms, report.to_ms, camera.frames_in, camera.hits) == (1000, 2000, 15, 0)


def test_a_camera_that_was_not_there_before_counts_from_zero() -> None:
    report = report_of(Snapshot(0, {}), snapshot(1, frames_in=7), Health(), ())
    assert report.cameras[0].frames_in == 7


def test_model_times_are_means_over_the_interval() -> None:
    before = snapshot(0, detections=10, detect_us=1_000_000, looks=0, read_us=0)
    after = snapshot(1, detections=20, detect_us=1_100_000, looks=4, read_us=40_000)
    (camera,) = report_of(before, after, Health(), ()).cameras
    assert (camera.detect_us, camera.read_us) == (10_000, 10_000)


def test_a_clock_that_was_set_back_gives_no_negative_interval() -> None:
    report = report_of(snapshot(2000), snapshot(1000), Health(), ())
    assert report.from_ms == report.to_ms == 1000


def test_everything_that_the_agent_tallies_is_in_the_counts() -> None:
    tallied = set(Tally.__dataclass_fields__)
    assert tallied <= set(CameraCounts.__dataclass_fields__)


@given(st.binary(min_size=1, max_size=3 * PIECE_BYTES), st.randoms())
def test_pieces_give_the_whole_again_in_any_order(data: bytes, random: object) -> None:
    pieces = list(pieces_of(data))
    random.shuffle(pieces)  # type: ignore[attr-defined]  # hypothesis leaves the strategy's type open
    assert b"".join(piece.data for piece in sorted(pieces, key=lambda piece: piece.offset)) == data
    assert {piece.sha256 for piece in pieces} == {hashlib.sha256(data).digest()}


def test_the_evidence_message_comes_before_its_pieces_and_names_both_pictures() -> None:
    pictures = Pictures(b"redacted", b"sealed", bytes(32), bytes(16), faces_filled=2, plates_filled=1)
    named, *pieces = evidence_bodies(HIT, "cam-1", 5, pictures, ("agent/1",))
    assert isinstance(named, Evidence)
    assert all(isinstance(piece, Piece) for piece in pieces)
    assert [piece.sha256 for piece in pieces if isinstance(piece, Piece)] == [
        named.redacted_sha256,
        named.sealed_sha256,
    ]
    assert "redacted" not in repr(pictures), "no picture in a log"
