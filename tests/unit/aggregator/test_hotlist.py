"""Hotlist rules: batches, signatures, versions."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.core.hotlist import (
    REFUSALS,
    Case,
    Draft,
    NewBatch,
    ReasonClass,
    is_spent,
    judge_approval,
    judge_proposal,
    make_batch,
    next_list_version,
    officer_of,
    read_batch,
    told,
)
from protocol.clock import to_ms
from protocol.cosign import CoSigned
from protocol.hotlist import ListRefusal, approve
from protocol.keys import KeySigner
from protocol.trust import Grant, Role, TrustStore, sign_bundle

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
FAR = NOW + timedelta(days=30)
CITY = ("saltillo",)


def make_draft(line: int = 2, plate: str = "FAB1230", scope: tuple[str, ...] = CITY) -> Draft:
    return Draft(line, plate, ReasonClass.STOLEN_VEHICLE, f"C-{line}", FAR, scope)


def new_batch(*drafts: Draft) -> NewBatch:
    numbers = itertools.count(1)
    return make_batch(drafts or (make_draft(),), now=NOW, token=lambda size: next(numbers).to_bytes(size, "big"))


def make_trust(*holders: tuple[str, KeySigner, tuple[str, ...]]) -> TrustStore:
    root = KeySigner.generate()
    grants = tuple(
        Grant(
            role=Role.OFFICER,
            spki=key.public_key.spki,
            subject=name,
            not_before_ms=0,
            not_after_ms=to_ms(FAR),
            cities=cities,
        )
        for name, key, cities in holders
    )
    store = TrustStore(root.public_key).accept(sign_bundle(1, grants, root, created_ms=0))
    assert isinstance(store, TrustStore)
    return store


ANA, LUIS = KeySigner.generate(), KeySigner.generate()


def signed(batch: NewBatch, *officers: KeySigner) -> CoSigned:
    whole = CoSigned(batch.payload)
    for officer in officers:
        whole = whole.with_signature(approve(batch.payload, officer))
    return whole


def test_every_entry_gets_an_id_and_a_salt_of_its_own() -> None:
    batch = new_batch(make_draft(2), make_draft(3))
    assert len({entry.entry for entry in batch.entries}) == 2
    assert len({case.salt for case in batch.cases.values()}) == 2
    assert {case.case_number for case in batch.cases.values()} == {"C-2", "C-3"}


def test_a_payload_holds_no_case_number_and_no_salt() -> None:
    batch = new_batch()
    (case,) = batch.cases.values()
    assert case.case_number.encode() not in batch.payload
    assert case.salt not in batch.payload


def test_a_payload_is_read_back_with_the_cases_it_binds_and_with_no_other() -> None:
    batch = new_batch()
    assert read_batch(batch.payload, batch.cases) is not None
    (entry,) = batch.cases
    assert read_batch(batch.payload, {entry: Case("C-other", batch.cases[entry].salt)}) is None
    assert read_batch(batch.payload, {}) is None
    assert read_batch(batch.payload, {**batch.cases, "e-more": batch.cases[entry]}) is None
    assert read_batch(batch.payload[:-1], batch.cases) is None


def test_one_officer_proposes_and_a_second_approves() -> None:
    trust = make_trust(("ana", ANA, CITY), ("luis", LUIS, CITY))
    batch = new_batch()
    read = read_batch(batch.payload, batch.cases)
    assert read is not None
    assert judge_proposal(signed(batch, ANA), read, trust, now=NOW) is None
    assert judge_approval(signed(batch, ANA), trust, now=NOW) is ListRefusal.ONE_OFFICER
    assert judge_approval(signed(batch, ANA, LUIS), trust, now=NOW) is None


def test_one_officer_with_two_keys_is_one_officer() -> None:
    trust = make_trust(("ana", ANA, CITY), ("ana", LUIS, CITY))
    assert judge_approval(signed(new_batch(), ANA, LUIS), trust, now=NOW) is ListRefusal.ONE_OFFICER


@pytest.mark.parametrize("scope", [(), ("torreon",), ("saltillo", "torreon")])
def test_an_officer_of_one_city_signs_for_no_other_and_not_for_the_region(scope: tuple[str, ...]) -> None:
    trust = make_trust(("ana", ANA, CITY), ("luis", LUIS, ()))
    batch = new_batch(make_draft(scope=scope))
    assert judge_approval(signed(batch, ANA, LUIS), trust, now=NOW) is ListRefusal.UNKNOWN_OFFICER


def test_a_proposal_under_a_strangers_signature_is_refused() -> None:
    batch = new_batch()
    read = read_batch(batch.payload, batch.cases)
    assert read is not None
    trust = make_trust(("luis", LUIS, CITY))
    assert judge_proposal(signed(batch, ANA), read, trust, now=NOW) is ListRefusal.UNKNOWN_OFFICER


@pytest.mark.parametrize("scope", [(), ("torreon",), ("saltillo", "torreon")])
def test_an_officer_of_one_city_is_told_so_when_he_proposes(scope: tuple[str, ...]) -> None:
    batch = new_batch(make_draft(scope=scope))
    read = read_batch(batch.payload, batch.cases)
    assert read is not None
    trust = make_trust(("ana", ANA, CITY))
    assert judge_proposal(signed(batch, ANA), read, trust, now=NOW) is ListRefusal.UNKNOWN_OFFICER


def test_a_signature_over_another_batch_is_refused() -> None:
    trust = make_trust(("ana", ANA, CITY), ("luis", LUIS, CITY))
    moved = dataclasses.replace(signed(new_batch(), ANA, LUIS), payload=new_batch(make_draft(9)).payload)
    assert judge_approval(moved, trust, now=NOW) is ListRefusal.BAD_SIGNATURE


def test_an_officer_is_known_while_his_grant_lasts() -> None:
    trust = make_trust(("ana", ANA, CITY))
    found = officer_of(trust, ANA.public_key.key_id, now=NOW)
    assert found is not None
    assert found.subject == "ana"
    assert officer_of(trust, ANA.public_key.key_id, now=FAR + timedelta(seconds=1)) is None
    assert officer_of(trust, LUIS.public_key.key_id, now=NOW) is None


def test_what_an_officer_may_be_refused_for_is_said_in_words() -> None:
    assert all(told(why) != why.value for why in REFUSALS)
    assert told(ListRefusal.WRONG_HASH) == "wrong_hash"


def test_list_versions_rise_even_if_the_clock_does_not_and_after_a_restored_backup() -> None:
    first = next_list_version(0, now=NOW)
    assert next_list_version(first, now=NOW) == first + 1
    assert next_list_version(first, now=NOW - timedelta(days=3)) == first + 1
    assert next_list_version(first - 100_000, now=NOW) == first


def test_a_batch_is_spent_when_each_entry_expired_or_was_withdrawn() -> None:
    batch = new_batch(make_draft(2), make_draft(3))
    first, second = (entry.entry for entry in batch.entries)
    assert not is_spent(batch.entries, {first}, now=NOW)
    assert is_spent(batch.entries, {first, second}, now=NOW)
    assert is_spent(batch.entries, set(), now=FAR)


def test_nothing_prints_a_plate_or_a_case() -> None:
    batch = new_batch()
    said = f"{make_draft()!r} {batch.cases!r} {batch!r}"
    assert "C-2" not in said
    assert "FAB1230" not in said
