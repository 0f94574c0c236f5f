"""Trust: only the root grants, nothing rolls back, and no key does what it was not granted."""

from dataclasses import replace

import pytest
from protocol_samples_world import NOW_MS, YEAR_MS, bundle, evidence_spki, key, signed_payload, trust

from protocol import cbor
from protocol.envelope import OVERHEAD_BYTES, Context, parse
from protocol.errors import EncodeError
from protocol.keys import KeySigner
from protocol.messages import Alarm
from protocol.order import Identity, Position, seal_message
from protocol.receipts import sign_receipt
from protocol.refusals import Refusal
from protocol.trust import MAX_TRUST_BYTES, Grant, Role, TrustBundle, TrustRefusal, TrustStore, sign_bundle
from protocol.wire import to_bytes, to_tree

ROOT = key("root")
FRESH = TrustStore(ROOT.public_key)


def make_grant(role: Role = Role.RECEIPT, spki: bytes | None = None, subject: str = "server", **more: object) -> Grant:
    grant = {
        "role": role,
        "spki": spki or key("server").public_key.spki,
        "subject": subject,
        "not_before_ms": NOW_MS - YEAR_MS,
        "not_after_ms": NOW_MS + YEAR_MS,
    }
    return Grant(**{**grant, **more})  # type: ignore[arg-type]


def accepted(number: int, *grants: Grant, store: TrustStore = FRESH) -> TrustStore:
    result = store.accept(sign_bundle(number, grants, ROOT, created_ms=NOW_MS))
    assert isinstance(result, TrustStore)
    return result


def test_a_bundle_replaces_the_one_before() -> None:
    first = accepted(1, make_grant())
    second = accepted(2, make_grant(Role.MANIFEST), store=first)
    assert (second.number, [g.role for g in second.grants]) == (2, [Role.MANIFEST])


def test_an_older_bundle_is_a_rollback_and_so_is_another_of_the_same_number() -> None:
    store = accepted(5, make_grant())
    for number, subject, created_ms in ((4, "server", NOW_MS), (5, "other", NOW_MS), (5, "server", NOW_MS + 1)):
        raw = sign_bundle(number, (make_grant(subject=subject),), ROOT, created_ms=created_ms)
        assert store.accept(raw) is TrustRefusal.ROLLED_BACK
    assert store.accept(sign_bundle(5, store.grants, ROOT, created_ms=NOW_MS)) == store


@pytest.mark.parametrize("signer", ["server", "stranger", "device-p256"])
def test_only_the_root_signs_bundles(signer: str) -> None:
    assert FRESH.accept(sign_bundle(1, (), key(signer), created_ms=NOW_MS)) is TrustRefusal.BAD_SIGNATURE


def test_what_the_root_signed_for_another_use_is_no_bundle() -> None:
    payload = parse(bundle()).payload
    raw = signed_payload(payload, "root", Context.MANIFEST)
    assert FRESH.accept(raw) is TrustRefusal.BAD_SIGNATURE


def test_a_newer_version_is_told_apart_from_bad_form() -> None:
    assert FRESH.accept(signed_payload(cbor.encode({0: 2}), "root", Context.TRUST)) is TrustRefusal.UNKNOWN_VERSION
    assert FRESH.accept(signed_payload(cbor.encode({0: 1}), "root", Context.TRUST)) is TrustRefusal.BAD_FORM
    assert FRESH.accept(b"") is TrustRefusal.BAD_FORM


def raw_bundle(*grants: object) -> bytes:
    tree = {0: 1, 1: 1, 2: NOW_MS, 3: list(grants)}
    return signed_payload(cbor.encode(tree), "root", Context.TRUST)  # type: ignore[arg-type]


def grant_tree(**changed: object) -> dict[int, object]:
    tree = {int(k): list(v) if isinstance(v, tuple) else v for k, v in to_tree(make_grant()).items()}
    return {**tree, **{int(k[1:]): v for k, v in changed.items()}}


def test_a_role_that_is_not_known_yet_is_passed_over() -> None:
    store = FRESH.accept(raw_bundle(grant_tree(_0=99, _1=b"no key of ours", _9=[]), grant_tree()))
    assert isinstance(store, TrustStore)
    assert [g.role for g in store.grants] == [Role.RECEIPT]


@pytest.mark.parametrize("role", [True, "1", [1], {1: 1}, b"\x01"], ids=repr)
def test_a_role_that_is_no_number_is_bad_form(role: object) -> None:
    assert FRESH.accept(raw_bundle(grant_tree(_0=role))) is TrustRefusal.BAD_FORM


def test_a_key_that_cannot_fill_its_role_makes_the_bundle_unfit() -> None:
    server = key("server").public_key.spki
    for role, spki in ((Role.OFFICER, evidence_spki()), (Role.EVIDENCE, server), (Role.RECEIPT, b"noise")):
        raw = sign_bundle(1, (make_grant(role, spki),), ROOT, created_ms=NOW_MS)
        assert FRESH.accept(raw) is TrustRefusal.BAD_FORM


def test_a_grant_ends_at_its_role_its_cities_and_its_dates() -> None:
    kid = key("server").public_key.key_id
    store = accepted(1, make_grant(cities=("saltillo",)))
    assert store.find(Role.RECEIPT, kid, city="saltillo", at_ms=NOW_MS)
    for role, city, at_ms in (
        (Role.MANIFEST, "saltillo", NOW_MS),
        (Role.RECEIPT, "torreon", NOW_MS),
        (Role.RECEIPT, "saltillo", NOW_MS - YEAR_MS - 1),
        (Role.RECEIPT, "saltillo", NOW_MS + YEAR_MS + 1),
    ):
        assert store.find(role, kid, city=city, at_ms=at_ms) is None


def test_a_receipt_by_a_key_without_the_role_is_refused() -> None:
    for signer, refusal in (("server", None), ("officer-ana", Refusal.UNKNOWN_KEY), ("stranger", Refusal.UNKNOWN_KEY)):
        envelope = parse(sign_receipt("box-17", (), key(signer), time_ms=NOW_MS))
        assert trust().check(envelope, Context.RECEIPT, Role.RECEIPT, city="saltillo", at_ms=NOW_MS) is refusal


def test_a_device_cannot_pass_its_message_off_as_a_receipt() -> None:
    store = accepted(1, make_grant(spki=key("device").public_key.spki))
    body = Alarm(alarm="x", started_ms=NOW_MS)
    who = Identity(device="box-17", city="saltillo", point="p-1")
    raw = seal_message(body, Position.first(bytes(16)).restarted(), who, key("device"), created_ms=NOW_MS)
    check = store.check(parse(raw), Context.RECEIPT, Role.RECEIPT, city="saltillo", at_ms=NOW_MS)
    assert check is Refusal.BAD_SIGNATURE


def test_the_evidence_key_granted_last_is_the_one_to_seal_to() -> None:
    store = accepted(
        1,
        make_grant(Role.EVIDENCE, evidence_spki(), "old"),
        make_grant(Role.EVIDENCE, evidence_spki(), "new", not_before_ms=NOW_MS - 1),
        make_grant(Role.EVIDENCE, evidence_spki(), "next", not_before_ms=NOW_MS + 1),
    )
    found = store.evidence_key(city="saltillo", at_ms=NOW_MS)
    assert found is not None
    assert found.subject == "new"
    assert replace(store, grants=()).evidence_key(city="saltillo", at_ms=NOW_MS) is None


def test_a_bundle_too_large_to_be_taken_is_not_signed() -> None:
    cities = tuple(f"city-{index}-of-the-long-names-there" for index in range(64))
    with pytest.raises(EncodeError):
        sign_bundle(1, (make_grant(cities=cities),) * 512, KeySigner.generate(), created_ms=NOW_MS)


def size_of(*grants: Grant) -> int:
    return len(to_bytes(TrustBundle(version=1, number=1, created_ms=NOW_MS, grants=grants)))


def test_the_largest_bundle_that_is_signed_is_accepted_and_a_byte_more_is_not_signed() -> None:
    limit = MAX_TRUST_BYTES - OVERHEAD_BYTES
    whole = make_grant(cities=tuple(f"city-{index}-of-the-long-names-there" for index in range(64)))
    grants = (whole,) * (limit // size_of(whole))
    while limit - size_of(*grants) > 180:
        grants += (make_grant(),)
    tails = (
        make_grant(subject="s" * one, cities=("c" * 32, "c" * two)) for one in range(1, 33) for two in range(1, 33)
    )
    by_size = {size_of(*grants[-1:], tail) - size_of(*grants[-1:]): tail for tail in tails}
    left = limit - size_of(*grants)
    accepted(1, *grants, by_size[left])
    with pytest.raises(EncodeError):
        sign_bundle(1, (*grants, by_size[left + 1]), ROOT, created_ms=NOW_MS)
