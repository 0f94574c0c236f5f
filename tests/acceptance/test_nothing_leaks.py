"""A plate that nobody is looking for is nowhere: not on the box, not on the wire, not in the city, in no log.

The real programs play a street of eight cars (tests/acceptance/story.py). Afterwards all that was written and sent is
searched for each plate that was no hit, and for whatever else the reader took it for, in many forms of writing. Each
search is shown to be able to find: plates of hits are where they should be, and planted ones are found in every form.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from street.plates import are_distinct

from aggregator.adapters import keyfiles
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.founding import EVIDENCE_KEY_NAME
from aggregator.core.founding import BACKUP
from edge_agent.core.boxes import Xyxy, iou
from edge_agent.core.stills import StillRead, read_still
from protocol.sealing import Purpose, unseal
from protocol.topics import parse_topic
from tests.acceptance import process_view
from tests.acceptance.leaks import Leak, Search, planted
from tests.acceptance.story import PATIENCE_S, KernelView, Story
from tests.acceptance.street_cast import (
    ABSENT,
    EXACT,
    EXPIRED,
    LATE,
    POSSIBLE,
    POSSIBLE_ENTRY,
    STRANGERS,
    WITHDRAWN,
    shown,
)
from tests.simulators.drawn import house_vision

pytestmark = pytest.mark.timeout(8 * PATIENCE_S)

HITS = (EXACT, WITHDRAWN, POSSIBLE, LATE)
ON_THE_LIST_ONLY = (EXPIRED, ABSENT, POSSIBLE_ENTRY)
READABLE_PX = 45
"""Half of the width from which a plate counts as readable."""
SURE_FACE = 0.35
"""What is found is hidden from 0.2 on; at that threshold a black box where a head was is taken for a face."""
BLACK = 16
"""Mean brightness that JPEG leaves of a solid black."""


def search(*plates: str) -> Search:
    """A search for plates."""
    return Search(frozenset(map(shown, plates)))


@pytest.fixture
def of_nobody(story: Story) -> Search:
    """Plates that nobody looked for, and what else the reader took them for."""
    texts = {text for text in story.clip.texts_of_non_hits() if text not in EXPIRED}
    return search(*STRANGERS, *texts)


@pytest.fixture
def not_for_the_box(story: Story) -> Search:
    """The same, and what only the list knows: a box never writes its list down."""
    return search(*STRANGERS, *ON_THE_LIST_ONLY, *story.clip.texts_of_non_hits())


class TestTheSearch:
    def test_looks_for_plates_that_the_reader_did_read(self, story: Story) -> None:
        read = {read.text for read in story.clip.reads}
        assert read == {EXPIRED, *STRANGERS, *HITS}

    def test_looks_for_whatever_any_look_took_for_a_plate(self, story: Story) -> None:
        seen = {read.observed for read in story.clip.reads if read.text in {EXPIRED, *STRANGERS}}
        assert story.clip.texts_of_non_hits() >= {EXPIRED, *STRANGERS} | seen

    @pytest.mark.parametrize("form", planted("NKY-395-F"))
    def test_finds_a_planted_plate_in_every_form(self, tmp_path: Path, form: str) -> None:
        file = tmp_path / "deep" / "file.bin"
        file.parent.mkdir()
        file.write_bytes(bytes(5000) + planted("NKY-395-F")[form] + bytes(5000))
        assert {leak.place for leak in search("NKY395F").of_folder(tmp_path)} == {str(file)}
        assert search("FKR397E").of_folder(tmp_path) == []

    def test_finds_a_plate_in_the_name_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "nky395f.jpg").touch()
        assert search("NKY395F").of_folder(tmp_path)


class TestTheBox:
    def test_has_nothing_of_it_on_its_disk(self, story: Story, not_for_the_box: Search) -> None:
        assert not_for_the_box.of_folder(story.box.folder) == []

    def test_has_no_plate_of_a_delivered_hit_left_but_in_the_demonstrations_events(self, story: Story) -> None:
        places = {leak.place for leak in search(*HITS).of_folder(story.box.folder)}
        assert places == {str(story.box.events)}

    def test_wrote_where_the_search_looks(self, story: Story) -> None:
        names = {path.name for path in story.box.folder.rglob("*") if path.is_file()}
        assert {"outbox.db", "agent.log", "events.jsonl", "agent.toml"} <= names
        assert list((story.box.folder / "tmp").iterdir()) == []


class TestABoxThatWasKilled:
    """kill -9, with every read of the street in its memory."""

    def test_has_nothing_of_it_on_its_disk(self, story: Story, not_for_the_box: Search) -> None:
        names = {path.name for path in story.killed.rglob("*") if path.is_file()}
        assert {"outbox.db", "outbox.db-wal", "agent.log", "events.jsonl"} <= names
        assert not_for_the_box.of_folder(story.killed) == []

    def test_had_the_plates_in_its_memory(self, story: Story) -> None:
        held = kernel(story).in_memory
        if held is None:
            pytest.skip("we may not look into another process; the hit from the look-back shows it as well")
        assert held == set(STRANGERS)

    def test_could_not_leave_a_core(self, story: Story) -> None:
        assert kernel(story).core_limits == ("0", "0")
        assert not kernel(story).is_dumpable

    def test_said_whether_its_memory_is_kept_from_the_swap(self, story: Story) -> None:
        said = [json.loads(line) for line in (story.killed / "agent.log").read_text().splitlines()]
        (hardened,) = (line for line in said if line["event"] == "hardened")
        is_locked = kernel(story).locked_kb > 0
        assert (hardened["memory_locked"], story.status["memory_is_locked"]) == (is_locked, is_locked)
        assert bool(hardened["why_not"]) is not is_locked

    def test_could_be_told_from_a_process_that_may_be_dumped(self) -> None:
        argv = [*process_view.SAME_RIGHTS, "sh", "-c", "echo up; read line"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as plain:
            assert plain.stdout is not None
            plain.stdout.readline()
            assert process_view.is_dumpable(plain.pid)
            plain.communicate(b"\n")


class TestTheWire:
    def test_carries_nothing_of_it(self, story: Story, not_for_the_box: Search) -> None:
        found = [leak for each in story.crossed for leak in not_for_the_box.of_bytes(each.topic, each.payload)]
        assert found == []

    def test_says_nothing_of_it(self, story: Story, not_for_the_box: Search) -> None:
        found = [leak for each in story.crossed for leak in not_for_the_box.of_bytes(each.topic, each.told().encode())]
        assert found == []

    def test_carries_the_plates_of_hits_in_hits_alone(self, story: Story) -> None:
        wanted = search(*HITS)
        words = {parse_topic(each.topic).word for each in story.crossed if wanted.of_bytes("", each.payload)}
        assert words == {"hit"}
        assert words < {parse_topic(each.topic).word for each in story.crossed}

    def test_was_recorded_whole(self, story: Story) -> None:
        assert {row["envelope_hash"] for row in story.rows["ledger"]} <= {each.hash for each in story.crossed}
        words = {parse_topic(each.topic).word for each in story.crossed}
        assert words == {"hit", "report", "evidence", "piece", "evidence-unavailable", "presence", "hotlist", "trust"}


class TestTheCity:
    def test_has_nothing_of_it_in_any_file(self, story: Story, of_nobody: Search) -> None:
        assert of_nobody.of_folder(story.city.folder, but=[story.box.folder]) == []

    def test_has_nothing_of_it_in_any_table(self, story: Story, of_nobody: Search) -> None:
        found = [leak for table, text in story.dump.items() for leak in of_nobody.of_bytes(table, text.encode())]
        assert found == []

    def test_has_the_plates_of_hits_where_they_belong(self, story: Story) -> None:
        wanted = search(EXACT)
        tables = {table for table, text in story.dump.items() if wanted.of_bytes(table, text.encode())}
        # Signed batches and snapshots hold what officers wanted, and `hit` and its envelope what a box has seen.
        assert {"public.hit", "public.hotlist_entry"} <= tables
        assert tables <= {f"public.{name}" for name in ("hit", "hotlist_entry", "hotlist_batch", "hotlist_artefact")}
        files = wanted.of_folder(story.city.folder, but=[story.box.folder])
        assert {Path(leak.place).relative_to(story.city.home).parts[0] for leak in files} == {"postgres"}

    def test_tells_no_plate_in_what_needs_no_reason(self, story: Story) -> None:
        names = ("devices", "devices at last", "counts at last", "events at last", "audit")
        said = json.dumps([*(story.rows[name] for name in names), story.status, story.status_deaf]).encode()
        assert search(*HITS, *STRANGERS, *ON_THE_LIST_ONLY).of_bytes("listings", said) == []


def test_no_log_holds_a_plate_not_even_that_of_a_hit(story: Story) -> None:
    logs = [path for path in story.city.folder.rglob("*.log") if path.stat().st_size]
    assert {"agent.log", "aggregator.log", "broker.log"} <= {path.name for path in logs}
    wanted = search(*HITS, *STRANGERS, *ON_THE_LIST_ONLY)
    assert [leak for path in logs for leak in wanted.of_bytes(str(path), path.read_bytes())] == []


class TestAPicture:
    """Of a hit, redacted, against its sealed original and the script of the street."""

    def test_shows_no_plate_but_the_hits(self, story: Story) -> None:
        for picture in pictures(story):
            for read in picture.others(picture.redacted):
                assert all(are_distinct(read.outcome.text, v.plate) for v in story.clip.script.vehicles), picture.name

    def test_has_every_other_plate_filled(self, story: Story) -> None:
        filled = 0
        for picture in pictures(story):
            for left, top, right, bottom in picture.other_plates(story):
                assert picture.redacted[top:bottom, left:right].mean() < BLACK, picture.name
                assert picture.original[top:bottom, left:right].mean() > 3 * BLACK, picture.name
                filled += 1
        assert filled, "no picture shows a second plate"

    def test_shows_no_face(self, story: Story) -> None:
        for picture in pictures(story):
            assert found_faces(picture.redacted) == 0, picture.name
        assert sum(found_faces(picture.original) for picture in pictures(story)), "no original shows a face"

    def test_has_every_face_of_the_script_filled(self, story: Story) -> None:
        filled = 0
        for picture in pictures(story):
            for left, top, right, bottom in picture.faces(story):
                assert picture.redacted[top:bottom, left:right].mean() < BLACK, picture.name
                assert picture.original[top:bottom, left:right].mean() > BLACK, picture.name
                filled += 1
        assert filled, "no picture shows a face"

    def test_keeps_the_hits_own_plate_readable(self, story: Story) -> None:
        for picture in pictures(story):
            texts = {r.outcome.text for r in reads(picture.redacted) if picture.is_own(r)}
            assert picture.plate in texts, picture.name

    def test_could_have_shown_another_plate_as_its_sealed_original_does(self, story: Story) -> None:
        others = {read.outcome.text for picture in pictures(story) for read in picture.others(picture.original)}
        assert others & {vehicle.plate for vehicle in story.clip.script.vehicles}

    def test_is_sealed_so_that_nothing_can_be_read_in_it(self, story: Story, of_nobody: Search) -> None:
        for picture in pictures(story):
            assert of_nobody.of_bytes(picture.name, picture.sealed) == []
            assert cv2.imdecode(np.frombuffer(picture.sealed, np.uint8), cv2.IMREAD_COLOR) is None
            assert b"JFIF" not in picture.sealed


Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Picture:
    """A hit's picture in its three states, and the frame of the clip that it was made from."""

    name: str
    plate: str
    redacted: Image
    original: Image
    sealed: bytes
    frame: int
    own: Xyxy

    def is_own(self, read: StillRead) -> bool:
        """Whether a read is that of the hit's plate, by its place."""
        boxes = np.array([read.xyxy], np.float32), np.array([self.own], np.float32)
        return bool(iou(*boxes)[0, 0] > 0.1)

    def others(self, image: Image) -> list[StillRead]:
        """Reads of other plates."""
        return [read for read in reads(image) if not self.is_own(read)]

    def other_plates(self, story: Story) -> Iterator[tuple[int, int, int, int]]:
        """Where the script has other plates that are large enough to be read."""
        for vehicle in story.clip.script.vehicles:
            for frame, left, top, right, bottom in vehicle.plate_boxes:
                if vehicle.plate != self.plate and frame == self.frame and right - left >= READABLE_PX:
                    yield round(left), round(top), round(right), round(bottom)

    def faces(self, story: Story) -> Iterator[tuple[int, int, int, int]]:
        """The middle of each face that the script has in this frame."""
        for frame, left, top, right, bottom in story.clip.script.face_boxes:
            if frame == self.frame:
                dx, dy = (right - left) / 4, (bottom - top) / 4
                yield round(left + dx), round(top + dy), round(right - dx), round(bottom - dy)


def found_faces(image: Image) -> int:
    """How many faces the detector is sure of."""
    return int((house_vision().faces.detect(image).confidence >= SURE_FACE).sum())


def reads(image: Image) -> list[StillRead]:
    """What the reader of the box makes of a picture."""
    return read_still(image, house_vision().plates, house_vision().reader)


@cache
def pictures(story: Story) -> list[Picture]:
    """The pictures of all hits, unsealed with the evidence authority's key."""
    files = EvidenceFiles(story.settings.evidence_dir)
    passphrase = keyfiles.read_passphrase(Path(story.city._passphrase("evidence")))
    key = keyfiles.read_evidence_key(story.city.home / BACKUP / EVIDENCE_KEY_NAME, passphrase)
    made = []
    for row in story.rows["evidence"]:
        sealed = files.read(row["sealed_sha256"])
        plain = unseal(sealed, key, Purpose.ORIGINAL, device=row["device_id"], sha256=row["original_sha256"])
        original, redacted = decoded(plain), decoded(files.read(row["redacted_sha256"]))
        frame = nearest_frame(story, original)
        own = plate_box(story, row["plate"], frame)
        made.append(Picture(f"{row['plate']} at {frame}", row["plate"], redacted, original, sealed, frame, own))
    return made


def decoded(data: bytes) -> Image:
    """A picture's pixels."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def nearest_frame(story: Story, image: Image) -> int:
    """Which frame of the clip a picture is."""
    small = image[::8, ::8].astype(np.int16)
    return int(np.argmin([np.abs(frame[::8, ::8] - small).mean() for frame in story.clip.frames]))


def plate_box(story: Story, plate: str, frame: int) -> Xyxy:
    """Where the script has a plate in a frame."""
    (vehicle,) = (each for each in story.clip.script.vehicles if each.plate == plate)
    (box,) = ((left, top, right, bottom) for at, left, top, right, bottom in vehicle.plate_boxes if at == frame)
    return box


def kernel(story: Story) -> KernelView:
    """What the kernel said of the agent before it was killed."""
    assert story.kernel is not None
    return story.kernel


def test_a_leak_is_reported_without_the_plate() -> None:
    (leak,) = search("NKY395F").of_bytes("somewhere", b"..NKY395F..")
    assert leak == Leak("somewhere", "text")
