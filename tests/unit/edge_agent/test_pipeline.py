"""One camera from boxes and looks to reads: one read a passage, and every passage counted."""

import gc
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from edge_agent.core.boxes import Xyxy
from edge_agent.core.detections import Detections
from edge_agent.core.frames import Frame
from edge_agent.core.looks import Look
from edge_agent.core.pipeline import CameraPipeline, PipelineOutput
from edge_agent.core.reads import Read
from tests.simulators.sight import (
    CAMERA,
    STREET,
    ScriptedDetector,
    ScriptedReader,
    make_detections,
    make_frame,
    make_look,
)

WIDTH, HEIGHT = 90.0, 40.0


def passing(frames: int, *, y: float = 300.0, start: float = 20.0, step: float = 30.0) -> list[Detections]:
    """A plate that crosses the picture from left to right."""
    lefts = (start + step * index for index in range(frames))
    return [make_detections((x, y, x + WIDTH, y + HEIGHT)) for x in lefts]


def hidden(frames: int) -> list[Detections]:
    """Nothing in sight."""
    return [Detections.none()] * frames


class Street:
    """A pipeline, its scripted eyes, and what came out of it."""

    def __init__(self, script: Iterable[Detections], says: Callable[[Xyxy], Look]) -> None:
        scripted = list(script)
        self.reader = ScriptedReader(says)
        self.pipeline = CameraPipeline(CAMERA, ScriptedDetector(scripted), self.reader)
        self.outputs: list[PipelineOutput] = [
            self.pipeline.process(make_frame(index)) for index in range(len(scripted))
        ]

    def end(self) -> "Street":
        """End the stream."""
        self.outputs.append(self.pipeline.flush())
        return self

    @property
    def reads(self) -> list[Read]:
        """All reads so far."""
        return [read for output in self.outputs for read in output.reads]

    def total(self, name: str) -> int:
        """Sum of a count."""
        return sum(getattr(output, name) for output in self.outputs)


def always(text: str, sureness: float = 0.97) -> Callable[[Xyxy], Look]:
    """A reader that always says the same."""
    return lambda _: make_look(text, sureness)


def test_a_passage_is_one_read_at_the_frame_that_passed_the_threshold() -> None:
    street = Street(passing(20), always("FAB123C")).end()
    (read,) = street.reads
    assert (read.text, read.observed, read.format_name) == ("FAB123C", "FAB123C", "private-car")
    assert (read.frame.index, read.looks) == (1, 2)
    assert read.captured_at == read.frame.captured_at
    assert read.xyxy == (50.0, 300.0, 140.0, 340.0)
    assert (street.total("vehicles"), street.total("unreadable")) == (1, 0)


def test_a_read_plate_costs_no_more_looks() -> None:
    assert len(Street(passing(30), always("FAB123C")).reader.asked) == 2


def test_looks_take_turns_in_their_margins() -> None:
    street = Street(passing(30), always("FAB123C", 0.5))
    assert tuple(street.reader.asked[:3]) == street.reader.margins
    assert len(street.reader.asked) <= 12


def test_a_passage_no_look_can_read_is_counted_as_unreadable() -> None:
    street = Street(passing(20), lambda _: Look.blank()).end()
    assert street.reads == []
    assert (street.total("vehicles"), street.total("unreadable")) == (1, 1)


def test_a_flicker_of_the_detector_is_no_vehicle() -> None:
    street = Street([*passing(2), *hidden(15)], lambda _: Look.blank()).end()
    assert street.total("vehicles") == 0


def test_a_plate_too_small_to_read_is_seen_but_not_looked_at() -> None:
    small = [make_detections((100.0 + 2 * i, 100, 120.0 + 2 * i, 108)) for i in range(10)]
    street = Street(small, always("FAB123C")).end()
    assert street.reader.asked == []
    assert street.total("unreadable") == 1


def test_a_fast_passage_with_one_look_is_read_when_it_ends() -> None:
    street = Street([*passing(1), *hidden(12)], always("FAB123C"))
    (read,) = street.reads
    assert read.looks == 1
    assert read.frame.index == 0


def test_a_parked_car_is_read_once_however_long_it_stands() -> None:
    parked = [make_detections((400, 300, 490, 340))] * 600
    for index in range(200, 500):
        parked[index] = Detections.none()
    street = Street(parked, always("FAB123C")).end()
    assert len(street.reads) == 1
    assert street.total("vehicles") == 1
    assert len(street.reader.asked) <= 4


def test_a_parked_car_hidden_again_and_again_keeps_neither_frames_nor_looks() -> None:
    blink = [*[make_detections((400, 300, 490, 340))] * 4, *hidden(5)]
    street = Street([*[make_detections((400, 300, 490, 340))] * 40, *blink * 60], always("FAB123C"))
    assert len(street.reads) == 1
    (passage,) = street.pipeline._passages.values()
    assert 5 < len(street.reader.asked) <= 70
    assert passage.looks <= 32
    street.outputs.clear()
    gc.collect()
    assert not [held for held in gc.get_objects() if isinstance(held, Frame) and held.image is STREET]


def test_a_car_that_takes_a_parked_ones_place_is_read_too() -> None:
    texts = iter(["FAB123C"] * 2 + ["XYZ987W"] * 10)
    script = [*[make_detections((400, 300, 490, 340))] * 50, *hidden(20), *[make_detections((402, 301, 492, 341))] * 20]
    street = Street(script, lambda _: make_look(next(texts), 0.97)).end()
    assert [read.text for read in street.reads] == ["FAB123C", "XYZ987W"]
    assert street.total("vehicles") == 2


def test_a_track_that_breaks_gives_no_second_read() -> None:
    script = [*passing(6), *hidden(12), *passing(6, start=700.0)]
    street = Street(script, always("FAB123C")).end()
    assert len(street.reads) == 1
    assert (street.total("vehicles"), street.total("repeats")) == (1, 1)


def test_the_same_vehicle_much_later_is_a_passage_of_its_own() -> None:
    street = Street([*passing(6), *hidden(130), *passing(6)], always("FAB123C")).end()
    assert [read.text for read in street.reads] == ["FAB123C"] * 2


def test_a_better_view_amends_a_read_at_most_once() -> None:
    sizes = [2, 2.02, 3, 4, 5.3, 7]
    script = [make_detections((300, 200, 300 + 30 * s, 200 + 14 * s)) for s in sizes]
    texts = iter([("FAB128C", 0.985)] * 2 + [("FAB123C", 0.999)] * 8)
    street = Street(script, lambda _: make_look(*next(texts))).end()
    assert [(read.text, read.is_amendment) for read in street.reads] == [("FAB128C", False), ("FAB123C", True)]
    assert street.reads[0].confidence < street.reads[1].confidence
    assert street.reads[0].track_id == street.reads[1].track_id
    assert street.total("vehicles") == 1


def test_a_plate_first_half_hidden_is_one_vehicle_amended_to_the_whole() -> None:
    half = [make_detections((400, 300, 445, 340))]
    script = [*half, *hidden(12), *passing(6, start=400.0)]
    street = Street(script, lambda box: make_look("D273Y" if box[2] - box[0] < 60 else "XDD273Y", 0.97)).end()
    assert [(read.text, read.is_amendment) for read in street.reads] == [("D273Y", False), ("XDD273Y", True)]
    assert street.reads[0].track_id == street.reads[1].track_id
    assert street.total("vehicles") == 1


def test_a_read_plate_seen_again_half_hidden_is_the_same_vehicle() -> None:
    half = [make_detections((400 + 10 * i, 300, 445 + 10 * i, 340)) for i in range(4)]
    street = Street(
        [*passing(4), *hidden(12), *half], lambda box: make_look("852H" if box[2] - box[0] < 60 else "RUZ852H", 0.97)
    ).end()
    assert [read.text for read in street.reads] == ["RUZ852H"]
    assert street.total("vehicles") == 1


def test_two_vehicles_side_by_side_are_read_apart_and_looked_at_within_the_budget() -> None:
    def both(index: int) -> Detections:
        x = 20.0 + 30 * index
        return make_detections((x, 100, x + WIDTH, 140), (x, 500, x + WIDTH, 540), (x, 600, x + WIDTH, 640))

    texts = {100.0: "FAB123C", 500.0: "XYZ987W", 600.0: "GHJ456K"}
    street = Street([both(i) for i in range(12)], lambda box: make_look(texts[box[1]], 0.97)).end()
    assert sorted(read.text for read in street.reads) == sorted(texts.values())
    assert max(output.looks for output in street.outputs) <= 2


def test_a_plate_cut_by_the_rim_of_the_picture_does_not_decide() -> None:
    script = [make_detections((0, 300, 60, 340)), make_detections((0, 300, 75, 340)), *passing(4, start=5.0)]
    street = Street(script, lambda box: make_look("B123C" if box[0] <= 2 else "FAB123C", 0.97)).end()
    assert [read.text for read in street.reads] == ["FAB123C"]


def test_cameras_that_share_models_keep_their_passages_apart() -> None:
    reader = ScriptedReader(always("FAB123C"))
    pipelines = [CameraPipeline(CAMERA, ScriptedDetector(passing(5)), reader) for _ in range(2)]
    reads = [p.process(make_frame(index)).reads for index in range(5) for p in pipelines]
    assert sum(map(len, reads)) == 2


def test_a_blurred_crop_weighs_less_than_a_sharp_one() -> None:
    blurred = np.full((720, 1280, 3), 90, np.uint8)
    sharp_says, blur_says = make_look("FAB123C", 0.97), make_look("FA8123C", 0.97)
    script = passing(3)
    reader = ScriptedReader(lambda box: sharp_says if box[0] > 60 else blur_says)
    pipeline = CameraPipeline(CAMERA, ScriptedDetector(script), reader)
    images = [blurred, blurred, STREET]
    outputs = [pipeline.process(make_frame(index, image=image)) for index, image in enumerate(images)]
    reads = [read for output in outputs for read in output.reads]
    reads += pipeline.flush().reads
    assert [read.text for read in reads] == ["FAB123C"]


def test_a_car_in_a_file_that_waits_is_one_passage_however_long_its_frames_are_worked_on() -> None:
    pipeline = CameraPipeline(CAMERA, ScriptedDetector(passing(20)), ScriptedReader(always("FAB123C")))
    frames = (make_frame(index) for index in range(20))
    slow = (replace(each, captured_mono_s=5.0 * each.index, clip_s=each.captured_mono_s) for each in frames)
    outputs = [*map(pipeline.process, slow), pipeline.flush()]
    assert [sum(getattr(each, name) for each in outputs) for name in ("vehicles", "unreadable")] == [1, 0]
    assert len([read for each in outputs for read in each.reads]) == 1
