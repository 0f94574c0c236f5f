"""The rules of retention, without a database: what is due when, what a receipt says, when a clock is doubted."""

import hashlib
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.cli.retention import scope_of
from aggregator.core.retention import (
    LONGEST_PAUSE,
    Gone,
    Keeping,
    Rule,
    Scope,
    clock_problem,
    ids_hash,
    read_receipt,
    receipt_of,
    rules_of,
)
from aggregator.errors import BadInput, BadSettings
from aggregator.service.retention import rules
from aggregator.settings import Settings, parse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def days_of(settings: Settings) -> dict[str, int | None]:
    """The days of every rule."""
    return {rule.kind.value: rule.days for rule in rules(settings)}


def test_every_kind_has_a_rule_and_refused_bytes_never_more_than_seven_days() -> None:
    days = days_of(parse('city = "saltillo"'))
    assert list(days) == list(Keeping)
    assert days["refused"] == 7
    assert None not in days.values()
    with pytest.raises(BadSettings):
        parse('city = "saltillo"\n[ingest]\nrefused_keep_days = 8')


def test_a_kind_can_be_kept_for_good_and_no_other_word_is_taken() -> None:
    assert days_of(parse('city = "saltillo"\n[retention]\nhits_days = "keep"'))["hits"] is None
    for wrong in ('"forever"', "0", "-1"):
        with pytest.raises(BadSettings):
            parse(f'city = "saltillo"\n[retention]\nhits_days = {wrong}')


def test_what_is_kept_for_good_is_never_due() -> None:
    assert [rule.cutoff(NOW) for rule in rules_of({})] == [None] * len(Keeping)
    assert Rule(Keeping.HITS, 2).cutoff(NOW) == NOW - timedelta(days=2)


def test_a_receipt_tells_rule_kind_range_and_count_and_survives_the_audit() -> None:
    gone = Gone()
    gone.add_times([NOW, NOW - timedelta(days=3)])
    gone.add("hit", [b"b" * 32])
    gone.add("evidence", [])
    gone.add("picture", [b"a" * 32, b"c" * 32])
    receipt = receipt_of(Rule(Keeping.HITS, 365), gone)
    assert receipt is not None
    assert (receipt.kind, receipt.rule, receipt.count) == ("hits", "365 days", 3)
    assert (receipt.first_at, receipt.last_at) == (NOW - timedelta(days=3), NOW)
    assert receipt.tables == {"hit": 1, "picture": 2}
    assert receipt.ids_sha256 == hashlib.sha256(b"a" * 32 + b"b" * 32 + b"c" * 32).hexdigest()
    assert read_receipt(receipt.text) == receipt


def test_a_batch_that_took_nothing_has_no_receipt() -> None:
    gone = Gone()
    gone.add_times([NOW])
    gone.add("hit", [])
    assert receipt_of(Rule(Keeping.HITS, 1), gone) is None


def test_what_is_no_receipt_is_read_as_none() -> None:
    assert read_receipt("case FGE-1/2026") is None
    assert read_receipt('{"kind": "hits"}') is None


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True), st.randoms(use_true_random=False))
def test_the_hash_of_ids_knows_no_order(ids: list[bytes], rng: random.Random) -> None:
    mixed = rng.sample(ids, len(ids))
    assert ids_hash(mixed) == ids_hash(ids)
    assert ids_hash([*ids, bytes(32)]) != ids_hash(ids)


@pytest.mark.parametrize(
    ("since_last_run", "is_trusted"),
    [
        (None, True),
        (timedelta(0), True),
        (LONGEST_PAUSE, True),
        (LONGEST_PAUSE + timedelta(seconds=1), False),
        (timedelta(days=3650), False),
        (timedelta(seconds=-1), False),
    ],
)
def test_a_clock_that_leaped_is_doubted(since_last_run: timedelta | None, is_trusted: bool) -> None:
    last_run = None if since_last_run is None else NOW - since_last_run
    assert (clock_problem(NOW, last_run) is None) is is_trusted


@pytest.mark.parametrize(
    ("scope", "subject"),
    [
        (Scope(hit=b"\x01" * 32), "hit:" + "01" * 32),
        (Scope(entry="e-1"), "entry:e-1"),
        (Scope(device="box-1"), "device:box-1"),
        (Scope(point="p-1", camera="cam-1", from_at=NOW, to_at=NOW + timedelta(hours=1)), "camera:p-1/cam-1"),
    ],
)
def test_a_scope_has_the_name_that_the_audit_knows_it_by(scope: Scope, subject: str) -> None:
    assert scope.subject == subject


def test_a_hold_names_one_thing() -> None:
    span = ("2026-11-01", "2026-11-02")
    scope = scope_of(None, None, None, "p-1/cam-1", span, now=NOW)
    assert (scope.point, scope.camera, scope.from_at) == ("p-1", "cam-1", datetime(2026, 11, 1, tzinfo=UTC))
    with pytest.raises(BadInput, match="one thing"):
        scope_of("ab" * 32, "e-1", None, None, (None, None), now=NOW)
