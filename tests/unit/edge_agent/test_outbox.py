"""The outbox on a real file: order, receipts, bounds, and what a crash leaves."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from edge_agent.adapters.outbox import STEPS, Kept, KeptTime, Limits, Outbox, Stamp
from edge_agent.core.delivery import Row
from edge_agent.core.giving_up import place_of
from edge_agent.errors import OutboxBroken, OutboxFailed, OutboxFull
from protocol.envelope import Context, envelope_hash, parse
from protocol.keys import KeySigner
from protocol.messages import KINDS, Body, Dropped, Kind, body_of, decode_message
from protocol.order import NO_PREVIOUS, Identity
from protocol.receipts import Range, ReceiptItem, Status
from protocol.steps import Step, no_step
from tests.simulators.letters import NOW_MS, make_hit, make_piece, make_report, make_unavailable

WHO = Identity(device="box-1", city="saltillo", point="p-1")
SIGNER = KeySigner.generate()
ROOMY = Limits(max_rows=1000, max_bytes=10_000_000, max_dead_letters=3)
STAMP = Stamp(NOW_MS)
TIME = KeptTime(NOW_MS, NOW_MS)


def open_outbox(path: Path, limits: Limits = ROOMY, step: Step = no_step) -> Outbox:
    return Outbox.open(path, WHO, SIGNER, limits, step=step)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with closing(open_outbox(path)) as outbox:
        yield outbox


def stored(row: Row) -> ReceiptItem:
    return ReceiptItem(hash=row.hash, status=Status.STORED)


def refused(row: Row, *, is_final: bool) -> ReceiptItem:
    return ReceiptItem(hash=row.hash, status=Status.REFUSED, reason=4, is_final=is_final)


def append(outbox: Outbox, *bodies: Body) -> tuple[Row, ...]:
    return outbox.append(bodies, STAMP).rows


def test_messages_are_signed_chained_and_numbered_from_one(outbox: Outbox) -> None:
    append(outbox, make_hit())
    append(outbox, make_report(), make_report())
    previous = NO_PREVIOUS
    for sequence, row in enumerate(outbox.rows(), start=1):
        raw = outbox.envelope(row.sequence)
        assert raw is not None
        envelope = parse(raw)
        message = decode_message(envelope.payload)
        assert envelope.check(SIGNER.public_key, Context.MESSAGE) is None
        assert (row.sequence, message.sequence, message.previous) == (sequence, sequence, previous)
        assert (row.hash, row.size_bytes) == (envelope_hash(raw), len(raw))
        previous = row.hash


def test_a_restart_goes_on_in_the_order_under_the_next_epoch(path: Path) -> None:
    with closing(open_outbox(path)) as outbox:
        before = outbox.position
        append(outbox, make_hit())
        after = outbox.position
    with closing(open_outbox(path)) as outbox:
        assert outbox.position == after.restarted()
        assert outbox.position.outbox == before.outbox
        assert len(outbox.rows()) == 1


def test_two_new_outboxes_have_different_ids(tmp_path: Path) -> None:
    with closing(open_outbox(tmp_path / "a")) as one, closing(open_outbox(tmp_path / "b")) as other:
        assert one.position.outbox != other.position.outbox


def test_a_second_agent_on_the_same_outbox_is_told_so(path: Path, outbox: Outbox) -> None:
    assert outbox.rows() == ()
    with pytest.raises(OutboxBroken, match="another agent"):
        open_outbox(path)


def test_a_file_that_is_no_outbox_is_refused_and_not_overwritten(path: Path) -> None:
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(OutboxBroken, match="by hand"):
        open_outbox(path)
    assert path.read_bytes().startswith(b"something else")


def test_a_newer_agents_outbox_is_refused(path: Path) -> None:
    open_outbox(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(OutboxBroken, match="schema 9"):
        open_outbox(path)


def test_the_file_is_for_its_owner_only(path: Path, outbox: Outbox) -> None:
    assert outbox.rows() == ()
    assert path.stat().st_mode & 0o077 == 0


def test_a_receipt_deletes_the_row_it_names_and_no_other(outbox: Outbox) -> None:
    first, second = append(outbox, make_hit(), make_hit())
    (settled,) = outbox.settle([stored(first)], TIME)
    assert settled.row == first
    assert outbox.rows() == (second,)
    assert outbox.settle([stored(first)], TIME) == ()


def test_a_final_refusal_buries_and_the_dead_letters_are_bounded(outbox: Outbox) -> None:
    rows = append(outbox, *[make_hit() for _ in range(5)])
    outbox.settle([refused(row, is_final=True) for row in rows], TIME)
    holdings = outbox.holdings()
    assert (holdings.rows, holdings.size_bytes, holdings.dead_letters) == (0, 0, 3)


def test_a_refusal_for_now_leaves_the_row(outbox: Outbox) -> None:
    (row,) = append(outbox, make_hit())
    outbox.settle([refused(row, is_final=False)], TIME)
    assert outbox.rows() == (row,)


def test_reports_are_given_up_before_pictures_and_hits_last(path: Path) -> None:
    with closing(open_outbox(path, Limits(max_rows=3, max_bytes=10_000_000, max_dead_letters=3))) as outbox:
        append(outbox, make_hit())
        append(outbox, make_piece())
        append(outbox, make_report())
        for expected in (Kind.REPORT, Kind.PIECE, Kind.HIT):
            appended = outbox.append([make_hit()], STAMP)
            assert [row.kind for row in appended.given_up] == [expected]
        assert {row.kind for row in outbox.rows()} == {Kind.HIT}


def test_a_report_finds_no_room_among_hits(path: Path) -> None:
    with closing(open_outbox(path, Limits(max_rows=2, max_bytes=10_000_000, max_dead_letters=3))) as outbox:
        append(outbox, make_hit(), make_hit())
        before = outbox.position
        with pytest.raises(OutboxFull, match="report"):
            append(outbox, make_report())
        assert outbox.position == before


def test_the_bound_in_bytes_holds(path: Path) -> None:
    with closing(open_outbox(path, Limits(max_rows=1000, max_bytes=5_000, max_dead_letters=3))) as outbox:
        for mark in range(10):
            append(outbox, make_piece(1000, mark=mark))
        append(outbox, make_hit())
        assert outbox.holdings().size_bytes <= 5_000
        assert [row.kind for row in outbox.rows()][-1] is Kind.HIT


def test_what_was_given_up_is_told_with_its_hash_once_and_again_when_asked(path: Path) -> None:
    with closing(open_outbox(path, Limits(max_rows=2, max_bytes=10_000_000, max_dead_letters=3))) as outbox:
        gone = append(outbox, make_report())[0]
        append(outbox, make_hit(), make_hit())
        (row,) = outbox.tell_dropped(STAMP).rows
        raw = outbox.envelope(row.sequence)
        assert raw is not None
        told = body_of(decode_message(parse(raw).payload))
        assert isinstance(told, Dropped)
        assert [(t.sequence, t.kind, t.hash) for t in told.tombstones] == [(gone.sequence, Kind.REPORT, gone.hash)]
        assert outbox.tell_dropped(STAMP).rows == ()
        assert outbox.retell([Range(first=1, last=2)]) == (2,)
        assert len(outbox.tell_dropped(STAMP).rows) == 1


def test_a_picture_is_owed_until_it_is_settled_even_over_a_restart(path: Path) -> None:
    with closing(open_outbox(path)) as outbox:
        (row,) = outbox.append([make_hit()], STAMP, owes_picture=True).rows
        (owed,) = outbox.pictures_owed()
        assert (owed.sequence, owed.hash) == (row.sequence, row.hash)
        outbox.settle([stored(row)], TIME)
    with closing(open_outbox(path)) as outbox:
        assert outbox.pictures_owed() == (owed,)
        outbox.append([make_unavailable(owed)], STAMP, settles=owed)
        assert outbox.pictures_owed() == ()


class Cut(Exception):
    """The power is cut."""


@pytest.mark.parametrize("at", STEPS[:3])
def test_what_a_sender_remembers_is_there_exactly_if_its_message_is(path: Path, at: str) -> None:
    def cut(step: str) -> None:
        if step == at:
            raise Cut

    with closing(open_outbox(path, step=cut)) as outbox, pytest.raises(Cut):
        outbox.append([make_report()], STAMP, keeps=Kept("alarms", b"one"))
    with closing(open_outbox(path)) as outbox:
        assert (outbox.kept("alarms") is not None) == (outbox.holdings().rows == 1) == (at == "outbox.committed")
        outbox.append([make_report()], STAMP, keeps=Kept("alarms", b"two"))
        outbox.keep(Kept("other", b"three"))
        assert (outbox.kept("alarms"), outbox.kept("other"), outbox.kept("none")) == (b"two", b"three", None)


def test_an_outbox_of_an_earlier_release_learns_to_keep(path: Path) -> None:
    with closing(open_outbox(path)) as outbox:
        append(outbox, make_report())
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE kept")
    with closing(open_outbox(path)) as outbox:
        outbox.keep(Kept("alarms", b"one"))
        assert (outbox.kept("alarms"), outbox.holdings().rows) == (b"one", 1)


def test_connection_numbers_list_version_and_time_survive_a_restart(path: Path) -> None:
    with closing(open_outbox(path)) as outbox:
        assert outbox.next_connection() == 1
        outbox.keep_list_version(7)
        outbox.keep_list_version(5)
        outbox.settle([], KeptTime(NOW_MS + 2, NOW_MS + 1))
    with closing(open_outbox(path)) as outbox:
        assert outbox.next_connection() == 2
        assert outbox.kept_list_version() == 7
        assert outbox.kept_time() == KeptTime(NOW_MS + 2, NOW_MS + 1)
        outbox.keep_time(KeptTime(NOW_MS, NOW_MS))
        assert outbox.kept_time() == KeptTime(NOW_MS, NOW_MS)


def test_a_full_disk_fails_loudly_keeps_what_was_there_and_heals(path: Path) -> None:
    with closing(open_outbox(path)) as outbox:
        append(outbox, make_hit())
        before = (outbox.position, outbox.rows(), outbox.holdings())
        outbox._db.execute("PRAGMA max_page_count = 1").fetchall()  # SQLite then says what a full disk says
        with pytest.raises(OutboxFailed, match="full"):
            outbox.append([make_piece(40_000, mark=n) for n in range(50)], STAMP)
        assert (outbox.position, outbox.rows(), outbox.holdings()) == before
        outbox._db.execute("PRAGMA max_page_count = 100000").fetchall()
        assert append(outbox, make_hit())[0].sequence == 2


def test_no_error_of_the_outbox_shows_a_plate(path: Path) -> None:
    with closing(open_outbox(path, Limits(max_rows=1, max_bytes=10, max_dead_letters=3))) as outbox:
        with pytest.raises(OutboxFull) as full:
            append(outbox, make_hit("CANARY77"))
        assert "CANARY77" not in str(full.value) + repr(full.value.__cause__)
        assert b"CANARY77" not in path.read_bytes()


def test_a_receipted_hit_is_overwritten_on_the_disk(path: Path) -> None:
    with closing(open_outbox(path)) as outbox:
        outbox.settle([stored(append(outbox, make_hit("CANARY77"))[0])], TIME)
    assert b"CANARY77" not in path.read_bytes()
    assert not path.with_name("outbox.db-wal").exists()


MAKERS: tuple[Callable[[], Body], ...] = (make_hit, make_report, make_piece)
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # hundreds of commits; the disk is not what is tested


class OutboxMachine(RuleBasedStateMachine):
    """The outbox against a plain list of what it must hold, with kills between steps and full bounds."""

    LIMITS = Limits(max_rows=6, max_bytes=8_000, max_dead_letters=3)

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-", dir=IN_MEMORY))
        self.path = self.folder / "outbox.db"
        self.outbox = open_outbox(self.path, self.LIMITS, self.step)
        self.held: dict[int, Row] = {}
        self.told: set[int] = set()
        self.gone: set[int] = set()
        self.kill_at = ""

    def step(self, name: str) -> None:
        if name == self.kill_at:
            raise KeyboardInterrupt(name)

    @rule(make=st.sampled_from(MAKERS))
    def says(self, make: Callable[[], Body]) -> None:
        body = make()
        try:
            appended = self.outbox.append([body], STAMP)
        except OutboxFull:
            self.had_to_refuse(KINDS[type(body)])
            return
        for row in appended.given_up:
            assert not any(place_of(kept.kind) < place_of(row.kind) for kept in self.held.values())
            del self.held[row.sequence]
            self.gone.add(row.sequence)
        self.held |= {row.sequence: row for row in appended.rows}

    def had_to_refuse(self, kind: Kind) -> None:
        """Giving up everything that may go for this kind would not have been enough."""
        kept = [row for row in self.held.values() if place_of(row.kind) > place_of(kind)]
        is_short_of_rows = len(kept) + 1 > self.LIMITS.max_rows
        is_short_of_bytes = sum(row.size_bytes for row in kept) + 2_000 > self.LIMITS.max_bytes
        assert is_short_of_rows or is_short_of_bytes

    @rule()
    def tells_what_it_gave_up(self) -> None:
        appended = self.outbox.tell_dropped(STAMP)
        assert bool(appended.rows) == bool(self.gone - self.told)
        self.told |= self.gone
        self.held |= {row.sequence: row for row in appended.rows}

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["stored", "final", "retry"]))
    def gets_a_receipt(self, data: st.DataObject, how: str) -> None:
        row = self.held[data.draw(st.sampled_from(sorted(self.held)))]
        item = stored(row) if how == "stored" else refused(row, is_final=how == "final")
        self.outbox.settle([item], TIME)
        if how != "retry":
            del self.held[row.sequence]

    @rule(at=st.sampled_from(STEPS[:3]), make=st.sampled_from(MAKERS))
    def is_killed_while_it_says_something(self, at: str, make: Callable[[], Body]) -> None:
        before, self.kill_at = self.outbox.position, at
        try:
            self.outbox.append([make()], STAMP)
        except (KeyboardInterrupt, OutboxFull):
            pass
        finally:
            self.kill_at = ""
        self.open_a_copy_of_the_disk()
        was_committed = self.outbox.position.sequence > before.sequence
        assert was_committed == (at == "outbox.committed") or at == "outbox.committed"
        after = {row.sequence: row for row in self.outbox.rows()}
        self.gone |= set(self.held) - set(after)
        self.held = after

    @rule()
    def is_killed(self) -> None:
        before = self.outbox.position
        self.open_a_copy_of_the_disk()
        assert self.outbox.position == before.restarted()

    def open_a_copy_of_the_disk(self) -> None:
        """What another process would find after a kill -9: the files as they are, without closing them."""
        copy = Path(tempfile.mkdtemp(prefix="outbox-", dir=IN_MEMORY))
        for file in self.folder.iterdir():
            shutil.copy(file, copy)
        self.outbox._db.close()
        shutil.rmtree(self.folder)
        self.folder, self.path = copy, copy / "outbox.db"
        self.outbox = open_outbox(self.path, self.LIMITS, self.step)

    @invariant()
    def holds_what_it_must_within_its_bounds(self) -> None:
        rows = self.outbox.rows()
        holdings = self.outbox.holdings()
        messages = [row for row in rows if row.kind is not Kind.DROPPED]
        assert {row.sequence: row for row in rows} == self.held
        assert (holdings.rows, holdings.size_bytes) == (len(rows), sum(row.size_bytes for row in rows))
        assert len(messages) <= self.LIMITS.max_rows
        assert all(envelope_hash(self.outbox.envelope(row.sequence) or b"") == row.hash for row in rows)
        assert all(row.sequence < self.outbox.position.sequence for row in rows)

    @override
    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.folder)


OutboxMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestOutboxMachine = OutboxMachine.TestCase
