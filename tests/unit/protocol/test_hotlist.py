"""Hotlists: no server puts a plate on a box's list, and none takes a withdrawal back."""

import hashlib

import msgspec
import pytest
from protocol_samples import (
    ENTRIES,
    arm,
    batch,
    manifest,
    manifest_of,
    snapshot,
    take_batch,
    take_manifest,
    take_withdrawal,
    withdrawal,
)
from protocol_samples_world import NOW_MS, YEAR_MS, evidence_spki, key, signed_payload, trust

from protocol import cbor, hotlist
from protocol.cosign import CoSigned, cosign
from protocol.envelope import Context
from protocol.hotlist import (
    Assembled,
    Batch,
    Entry,
    ListRefusal,
    Manifest,
    Withdrawal,
    approve,
    assemble,
    check_batch,
    check_manifest,
    check_withdrawal,
    encode_batch,
    encode_snapshot,
    sign_manifest,
    withdraw,
)
from protocol.keys import KeySigner, Signer
from protocol.trust import Grant, Role, TrustStore, sign_bundle

ANA, LUIS = key("officer-ana"), key("officer-luis-p256")


def officer(signer: Signer, subject: str, *cities: str, until_ms: int = NOW_MS + YEAR_MS) -> Grant:
    return Grant(
        role=Role.OFFICER,
        spki=signer.public_key.spki,
        subject=subject,
        not_before_ms=NOW_MS - YEAR_MS,
        not_after_ms=until_ms,
        cities=cities,
    )


def trusting(*grants: Grant) -> TrustStore:
    store = TrustStore(key("root").public_key).accept(sign_bundle(1, grants, key("root"), created_ms=NOW_MS))
    assert isinstance(store, TrustStore)
    return store


def make_entry(entry: str = "e-1", scope: tuple[str, ...] = (), **changed: object) -> Entry:
    return msgspec.structs.replace(ENTRIES[1], entry=entry, scope=scope, **changed)


def signed(*entries: Entry, by: tuple[Signer, ...] = (ANA, LUIS), created_ms: int = NOW_MS) -> bytes:
    payload = encode_batch("b-1", entries, created_ms=created_ms)
    together = CoSigned(payload)
    for signer in by:
        together = together.with_signature(approve(payload, signer))
    return together.to_bytes()


def test_the_box_arms_what_two_officers_signed_less_what_one_withdrew() -> None:
    assert arm(snapshot()) == Assembled(12, ENTRIES[:1], {}, frozenset({"e-0002"}))


def test_one_officer_is_not_two() -> None:
    for by in ((ANA,), (ANA, ANA), (LUIS, LUIS), ()):
        assert take_batch(signed(make_entry(), by=by)) is ListRefusal.ONE_OFFICER


def test_two_keys_of_one_officer_are_one_officer() -> None:
    second = KeySigner.generate()
    store = trusting(officer(ANA, "ana"), officer(second, "ana"))
    raw = signed(make_entry(), by=(ANA, second))
    assert check_batch(raw, store, now_ms=NOW_MS) is ListRefusal.ONE_OFFICER


def test_one_key_under_two_names_is_one_officer() -> None:
    store = trusting(officer(ANA, "ana"), officer(ANA, "luis"))
    raw = signed(make_entry(), by=(ANA, ANA))
    assert check_batch(raw, store, now_ms=NOW_MS) is ListRefusal.ONE_OFFICER


@pytest.mark.parametrize("other", ["stranger", "server", "device"])
def test_who_is_no_officer_does_not_count(other: str) -> None:
    assert take_batch(signed(make_entry(), by=(ANA, key(other)))) is ListRefusal.UNKNOWN_OFFICER


def test_a_signature_over_something_else_does_not_count() -> None:
    payload = encode_batch("b-1", [make_entry()], created_ms=NOW_MS)
    for stray in (approve(payload + b"\x00", LUIS), cosign(payload, LUIS, Context.WITHDRAWAL)):
        raw = CoSigned(payload).with_signature(approve(payload, ANA)).with_signature(stray).to_bytes()
        assert take_batch(raw) is ListRefusal.BAD_SIGNATURE


def test_a_whole_regions_entry_needs_officers_of_the_whole_region() -> None:
    store = trusting(officer(ANA, "ana"), officer(LUIS, "luis", "saltillo"))
    for scope, taken in (((), False), (("saltillo",), True), (("saltillo", "torreon"), False)):
        result = check_batch(signed(make_entry(scope=scope)), store, now_ms=NOW_MS)
        assert isinstance(result, Batch) is taken, scope
        assert taken or result is ListRefusal.UNKNOWN_OFFICER


def test_an_officers_grants_count_together() -> None:
    store = trusting(officer(ANA, "ana"), officer(LUIS, "luis", "saltillo"), officer(LUIS, "luis", "torreon"))
    raw = signed(make_entry(scope=("saltillo", "torreon")))
    assert isinstance(check_batch(raw, store, now_ms=NOW_MS), Batch)


def test_a_batch_ends_with_the_grant_of_either_officer() -> None:
    store = trusting(officer(ANA, "ana"), officer(LUIS, "luis", until_ms=NOW_MS))
    raw = signed(make_entry())
    assert isinstance(check_batch(raw, store, now_ms=NOW_MS), Batch)
    assert check_batch(raw, store, now_ms=NOW_MS + 1) is ListRefusal.UNKNOWN_OFFICER


def test_a_withdrawal_outlives_its_officers_dates_but_not_his_removal() -> None:
    raw = withdraw(["e-1"], ANA, created_ms=NOW_MS)
    ended = trusting(officer(ANA, "ana", until_ms=NOW_MS))
    later = NOW_MS + YEAR_MS
    assert isinstance(check_withdrawal(raw, ended, city="saltillo", now_ms=later), Withdrawal)
    assert check_withdrawal(raw, trusting(), city="saltillo", now_ms=later) is ListRefusal.UNKNOWN_OFFICER
    late = withdraw(["e-1"], ANA, created_ms=later)
    assert check_withdrawal(late, ended, city="saltillo", now_ms=later) is ListRefusal.UNKNOWN_OFFICER


def test_a_withdrawal_works_in_its_officers_cities_only() -> None:
    store = trusting(officer(ANA, "ana", "saltillo"))
    raw = withdraw(["e-1"], ANA, created_ms=NOW_MS)
    assert isinstance(check_withdrawal(raw, store, city="saltillo", now_ms=NOW_MS), Withdrawal)
    assert check_withdrawal(raw, store, city="torreon", now_ms=NOW_MS) is ListRefusal.UNKNOWN_OFFICER


def test_who_is_no_officer_withdraws_nothing() -> None:
    for signer in ("server", "stranger"):
        raw = withdraw(["e-1"], key(signer), created_ms=NOW_MS)
        assert take_withdrawal(raw) is ListRefusal.UNKNOWN_OFFICER


def test_what_the_box_once_knew_withdrawn_stays_so() -> None:
    artefact = encode_snapshot(12, [batch()], [])
    again = assemble(artefact, manifest_of(artefact), trust(), now_ms=NOW_MS, withdrawn=frozenset({ENTRIES[0].entry}))
    assert isinstance(again, Assembled)
    assert [entry.entry for entry in again.entries] == ["e-0002"]


def test_of_one_id_in_two_batches_the_younger_counts_in_whatever_order() -> None:
    old = signed(make_entry(plate="OLD1"), created_ms=NOW_MS - 10)
    new = signed(make_entry(plate="NEW1"), created_ms=NOW_MS)
    for batches in ([old, new], [new, old]):
        armed = arm(encode_snapshot(12, batches, []))
        assert isinstance(armed, Assembled)
        assert [entry.plate for entry in armed.entries] == ["NEW1"]


def test_a_younger_batch_that_ends_an_entry_ends_it() -> None:
    old = signed(make_entry(), created_ms=NOW_MS - 10)
    new = signed(make_entry(expires_ms=NOW_MS), created_ms=NOW_MS)
    for batches in ([old, new], [new, old]):
        armed = arm(encode_snapshot(12, batches, []))
        assert isinstance(armed, Assembled)
        assert armed.entries == ()


def test_expired_entries_and_those_of_other_cities_are_not_armed() -> None:
    raw = signed(
        make_entry("e-now", expires_ms=NOW_MS),
        make_entry("e-later", expires_ms=NOW_MS + 1),
        make_entry("e-there", scope=("torreon",)),
        make_entry("e-here", scope=("saltillo",)),
    )
    armed = arm(encode_snapshot(12, [raw], []))
    assert isinstance(armed, Assembled)
    assert [entry.entry for entry in armed.entries] == ["e-later", "e-here"]


def test_a_bad_batch_is_counted_and_does_not_stop_the_others() -> None:
    artefact = encode_snapshot(12, [b"noise", signed(make_entry(), by=(ANA,)), batch()], [b"noise"])
    armed = arm(artefact)
    assert isinstance(armed, Assembled)
    assert armed.refused == {ListRefusal.BAD_FORM: 2, ListRefusal.ONE_OFFICER: 1}
    assert len(armed.entries) == 2


def test_a_list_of_too_many_entries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotlist, "MAX_ENTRIES", 1)
    assert arm(encode_snapshot(12, [batch()], [])) is ListRefusal.TOO_MANY


def test_an_artefact_must_be_what_the_manifest_names() -> None:
    named = manifest_of(snapshot())
    for other in (snapshot() + b"\x00", snapshot()[:-1], b"", encode_snapshot(12, [], [])):
        assert assemble(other, named, trust(), now_ms=NOW_MS) is ListRefusal.WRONG_HASH
    assert arm(encode_snapshot(11, [], [])) is ListRefusal.BAD_FORM
    assert arm(cbor.encode({0: 2})) is ListRefusal.UNKNOWN_VERSION
    assert arm(b"\xff") is ListRefusal.BAD_FORM


@pytest.mark.parametrize(
    ("city", "last_version", "now_ms", "refusal"),
    [
        ("saltillo", 12, NOW_MS, None),
        ("saltillo", 13, NOW_MS, ListRefusal.ROLLED_BACK),
        ("saltillo", 12, NOW_MS + 86_400_000, ListRefusal.EXPIRED),
        ("torreon", 12, NOW_MS, ListRefusal.UNKNOWN_KEY),
    ],
)
def test_a_manifest_is_followed_in_its_city_until_it_expires_and_never_backwards(
    city: str, last_version: int, now_ms: int, refusal: ListRefusal | None
) -> None:
    result = check_manifest(manifest(), trust(), city=city, last_version=last_version, now_ms=now_ms)
    assert result == (refusal or manifest_of(snapshot()))


def test_a_manifest_of_another_city_or_by_another_key_is_refused() -> None:
    named = msgspec.structs.replace(manifest_of(snapshot()), city="torreon")
    assert take_manifest(sign_manifest(named, key("server"))) is ListRefusal.OTHER_CITY
    for signer in ("officer-ana", "stranger", "root"):
        assert take_manifest(sign_manifest(manifest_of(snapshot()), key(signer))) is ListRefusal.UNKNOWN_KEY
    assert take_manifest(signed_payload(b"", "server", Context.RECEIPT)) is ListRefusal.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("take", "signer", "context"),
    [(take_manifest, "server", Context.MANIFEST), (take_withdrawal, "officer-ana", Context.WITHDRAWAL)],
)
def test_a_newer_version_is_told_apart(take: object, signer: str, context: Context) -> None:
    assert callable(take)
    for tree, refusal in (({0: 2}, ListRefusal.UNKNOWN_VERSION), ({0: 1}, ListRefusal.BAD_FORM)):
        payload = cbor.encode(tree)  # type: ignore[arg-type]
        assert take(signed_payload(payload, signer, context)) is refusal


def test_a_batch_is_not_read_before_its_signatures_hold() -> None:
    bad = CoSigned(b"\xff").with_signature(approve(b"other", ANA)).to_bytes()
    assert take_batch(bad) is ListRefusal.BAD_SIGNATURE


def test_the_evidence_key_is_no_officer() -> None:
    assert evidence_spki() not in {g.spki for g in trust().grants if g.role is Role.OFFICER}


def test_a_case_number_does_not_cross_but_is_bound() -> None:
    commitment = hotlist.commit_case("FGE-1", bytes(16))
    assert commitment == hashlib.sha256(b"atalaya/v1/case\x00" + bytes(16) + b"FGE-1").digest()
    assert commitment != hotlist.commit_case("FGE-1", b"\x01" * 16)
    assert b"FGE" not in batch()


def test_entries_tell_a_box_nothing_more_than_it_needs() -> None:
    assert set(Entry.__struct_fields__) == {"entry", "plate", "reason", "expires_ms", "case_commitment", "scope"}
    assert isinstance(take_manifest(manifest()), Manifest)
    assert withdrawal() not in batch()
