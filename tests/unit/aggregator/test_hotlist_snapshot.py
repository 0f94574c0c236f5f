"""What goes into a city's snapshot, and what stays out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.core.hotlist_snapshot import WITHDRAWAL_LAPSED, Composed, Ingredients, compose
from aggregator.errors import BadInput
from protocol.clock import to_ms
from protocol.cosign import CoSigned
from protocol.hotlist import Entry, Snapshot, approve, encode_batch, withdraw
from protocol.keys import KeySigner
from protocol.trust import Grant, Role, TrustStore
from protocol.wire import from_bytes

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
CITY = "saltillo"
ANA, LUIS, EVA = (KeySigner.generate() for _ in range(3))


def trust_in(*officers: KeySigner) -> TrustStore:
    """A store in which each key is another officer's."""
    grants = tuple(
        Grant(
            role=Role.OFFICER,
            spki=key.public_key.spki,
            subject=f"officer-{number}",
            not_before_ms=0,
            not_after_ms=to_ms(NOW + timedelta(days=365)),
            cities=(CITY,),
        )
        for number, key in enumerate(officers)
    )
    return replace(TrustStore(KeySigner.generate().public_key), number=1, grants=grants)


def batch_of(name: str, *entries: str, life: timedelta = timedelta(days=1)) -> bytes:
    """A batch that Ana and Luis signed."""
    listed = [
        Entry(
            entry=entry,
            plate="FAB1230",
            reason="abduction",
            expires_ms=to_ms(NOW + life),
            case_commitment=bytes(32),
            scope=(CITY,),
        )
        for entry in entries
    ]
    payload = encode_batch(name, listed, created_ms=to_ms(NOW))
    return CoSigned(payload).with_signature(approve(payload, ANA)).with_signature(approve(payload, LUIS)).to_bytes()


def composed(found: Ingredients, trust: TrustStore) -> tuple[Composed, Snapshot]:
    done = compose(found, trust, city=CITY, list_version=7, now=NOW)
    return done, from_bytes(done.artefact, Snapshot, max_bytes=10**6)


def test_batches_and_the_withdrawals_they_need_go_in_as_they_were_signed() -> None:
    one, two = batch_of("b-1", "e-1", "e-2"), batch_of("b-2", "e-3")
    needed, spare = (withdraw([entry], EVA, created_ms=to_ms(NOW)) for entry in ("e-1", "e-of-a-retired-batch"))
    found = Ingredients({"b-1": one, "b-2": two}, (needed, spare), frozenset({"e-1"}))
    done, snapshot = composed(found, trust_in(ANA, LUIS, EVA))
    assert (done.entries, done.left_out, snapshot.list_version) == (2, {}, 7)
    assert (snapshot.batches, snapshot.withdrawals) == ((one, two), (needed,))


def test_a_batch_whose_officer_is_gone_stays_out() -> None:
    done, snapshot = composed(Ingredients({"b-1": batch_of("b-1", "e-1")}, (), frozenset()), trust_in(ANA))
    assert (done.entries, done.left_out, snapshot.batches) == (0, {"b-1": "unknown_officer"}, ())


def test_a_cleared_vehicle_does_not_come_back_when_the_officer_who_cleared_it_is_gone() -> None:
    raw = withdraw(["e-1"], EVA, created_ms=to_ms(NOW))
    found = Ingredients({"b-1": batch_of("b-1", "e-1", "e-2")}, (raw,), frozenset({"e-1"}))
    done, snapshot = composed(found, trust_in(ANA, LUIS))
    assert (done.left_out, snapshot.batches) == ({"b-1": WITHDRAWAL_LAPSED}, ())
    again = withdraw(["e-1"], LUIS, created_ms=to_ms(NOW))
    done, snapshot = composed(replace(found, withdrawals=(raw, again)), trust_in(ANA, LUIS))
    assert (done.left_out, done.entries, snapshot.withdrawals) == ({}, 1, (again,))


def test_a_withdrawn_entry_that_expired_holds_nothing_back() -> None:
    old = batch_of("b-1", "e-1", life=timedelta(hours=-1))
    done, _ = composed(Ingredients({"b-1": old}, (), frozenset({"e-1"})), trust_in(ANA, LUIS))
    assert (done.left_out, done.entries) == ({}, 0)


def test_more_than_a_box_takes_is_refused() -> None:
    found = Ingredients({"b-1": batch_of("b-1", "e-1", "e-2"), "b-2": batch_of("b-2", "e-3")}, (), frozenset())
    trust = trust_in(ANA, LUIS)
    assert compose(found, trust, city=CITY, list_version=7, now=NOW, most_entries=3).entries == 3
    with pytest.raises(BadInput, match="would hold 3 entries; boxes take 2"):
        compose(found, trust, city=CITY, list_version=7, now=NOW, most_entries=2)


def test_batches_of_other_cities_go_in_behind_our_own_under_our_root() -> None:
    own = Ingredients({"b-1": batch_of("b-1", "e-1")}, (), frozenset())
    foreign = Ingredients({"torreon/b-2": batch_of("b-2", "e-2")}, (), frozenset())
    done = compose(own, trust_in(ANA, LUIS), city=CITY, list_version=7, now=NOW, foreign=foreign)
    batches = from_bytes(done.artefact, Snapshot, max_bytes=10**6).batches
    assert (done.entries, done.left_out, batches) == (2, {}, (own.batches["b-1"], foreign.batches["torreon/b-2"]))
    unknown = compose(own, trust_in(EVA), city=CITY, list_version=7, now=NOW, foreign=foreign)
    assert unknown.left_out == {"b-1": "unknown_officer", "torreon/b-2": "unknown_officer"}


def test_what_another_city_cleared_leaves_with_its_batch_though_its_officer_is_unknown_here() -> None:
    raw = withdraw(["e-2"], EVA, created_ms=to_ms(NOW))
    foreign = Ingredients({"torreon/b-2": batch_of("b-2", "e-2", "e-3")}, (raw,), frozenset({"e-2"}))
    own = Ingredients({}, (), frozenset())
    done = compose(own, trust_in(ANA, LUIS), city=CITY, list_version=7, now=NOW, foreign=foreign)
    assert (done.entries, done.left_out) == (0, {"torreon/b-2": WITHDRAWAL_LAPSED})
    vouched = compose(own, trust_in(ANA, LUIS, EVA), city=CITY, list_version=7, now=NOW, foreign=foreign)
    assert (vouched.entries, vouched.left_out) == (1, {})


def test_others_do_not_crowd_our_own_list_off_the_boxes() -> None:
    own = Ingredients({"b-1": batch_of("b-1", "e-1", "e-2")}, (), frozenset())
    large, small = batch_of("b-2", "e-3", "e-4"), batch_of("b-3", "e-5")
    foreign = Ingredients({"torreon/b-2": large, "torreon/b-3": small}, (), frozenset())
    trust = trust_in(ANA, LUIS)
    done = compose(own, trust, city=CITY, list_version=7, now=NOW, most_entries=3, foreign=foreign)
    assert (done.entries, done.left_out) == (3, {"torreon/b-2": "too_many"})
