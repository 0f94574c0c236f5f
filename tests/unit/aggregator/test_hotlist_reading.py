"""Composing with kept readings gives the same list as reading the batches again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.core.hotlist_reading import Reading, from_kept, judged, reading_of, to_kept
from aggregator.core.hotlist_snapshot import Ingredients, compose
from protocol.clock import to_ms
from protocol.cosign import CoSigned
from protocol.hotlist import Batch, Entry, ListRefusal, approve, check_batch, encode_batch, withdraw
from protocol.keys import KeySigner
from protocol.trust import Grant, Role, TrustStore

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
CITY = "saltillo"
ANA, LUIS = (KeySigner.generate() for _ in range(2))


def officer(key: KeySigner, name: str, *cities: str, days: int = 365) -> Grant:
    end_ms = to_ms(NOW + timedelta(days=days))
    spki = key.public_key.spki
    return Grant(role=Role.OFFICER, spki=spki, subject=name, not_before_ms=0, not_after_ms=end_ms, cities=cities)


def trust_in(*grants: Grant) -> TrustStore:
    return replace(TrustStore(KeySigner.generate().public_key), number=1, grants=grants)


BOTH = trust_in(officer(ANA, "ana"), officer(LUIS, "luis"))


def batch_of(name: str, *entries: str, scope: tuple[str, ...] = (CITY,)) -> bytes:
    """A batch that Ana and Luis signed."""
    listed = [
        Entry(
            entry=entry,
            plate="FAB1230",
            reason="abduction",
            expires_ms=to_ms(NOW + timedelta(days=1)),
            case_commitment=bytes(32),
            scope=scope,
        )
        for entry in entries
    ]
    payload = encode_batch(name, listed, created_ms=to_ms(NOW))
    return CoSigned(payload).with_signature(approve(payload, ANA)).with_signature(approve(payload, LUIS)).to_bytes()


def kept(raw: bytes) -> Reading:
    """What was read of a batch, out of the database again."""
    batch = check_batch(raw, BOTH, now_ms=to_ms(NOW))
    assert isinstance(batch, Batch)
    reading = from_kept(to_kept(reading_of(batch)))
    assert reading is not None
    return reading


@pytest.mark.parametrize(
    ("trust", "scope"),
    [
        (BOTH, (CITY,)),
        (BOTH, ()),
        (trust_in(officer(ANA, "ana"), officer(LUIS, "ana")), (CITY,)),
        (trust_in(officer(ANA, "ana")), (CITY,)),
        (trust_in(officer(ANA, "ana"), officer(LUIS, "luis", days=-1)), (CITY,)),
        (trust_in(officer(ANA, "ana", CITY), officer(LUIS, "luis")), ()),
        (trust_in(officer(ANA, "ana", CITY), officer(LUIS, "luis", "torreon")), (CITY,)),
    ],
)
def test_a_kept_reading_is_judged_as_the_batch_is(trust: TrustStore, scope: tuple[str, ...]) -> None:
    raw = batch_of("b-1", "e-1", scope=scope)
    anew, again = judged(raw, None, trust, now_ms=to_ms(NOW)), judged(raw, kept(raw), trust, now_ms=to_ms(NOW))
    assert anew == again
    batch = check_batch(raw, trust, now_ms=to_ms(NOW))
    assert anew == (batch if isinstance(batch, ListRefusal) else reading_of(batch))


def test_signatures_are_verified_though_the_batch_was_read_before() -> None:
    raw = batch_of("b-1", "e-1")
    swapped = raw.replace(b"FAB1230", b"FAB1231")
    assert judged(swapped, kept(raw), BOTH, now_ms=to_ms(NOW)) is ListRefusal.BAD_SIGNATURE
    assert judged(b"no batch", kept(raw), BOTH, now_ms=to_ms(NOW)) is ListRefusal.BAD_FORM


def test_a_reading_holds_no_plate_and_a_strange_one_is_made_again() -> None:
    raw = batch_of("b-1", "e-1")
    assert b"FAB1230" not in to_kept(kept(raw))
    for strange in (b"", b"\xc0", b"\x91\x91\x91\x01"):
        assert from_kept(strange) is None


def test_a_list_composed_with_readings_is_the_list_composed_without() -> None:
    batches = {"b-1": batch_of("b-1", "e-1", "e-2"), "b-2": batch_of("b-2", "e-3"), "b-3": b"no batch"}
    raw = withdraw(["e-1"], ANA, created_ms=to_ms(NOW))
    found = Ingredients(batches, (raw,), frozenset({"e-1"}))
    first = compose(found, BOTH, city=CITY, list_version=7, now=NOW)
    assert set(first.read) == {"b-1", "b-2"}
    again = compose(found, BOTH, city=CITY, list_version=7, now=NOW, readings=first.read)
    assert (again.artefact, again.entries, again.left_out) == (first.artefact, 2, {"b-3": "bad_form"})
    wrong = compose(found, BOTH, city=CITY, list_version=7, now=NOW, readings={"b-2": first.read["b-1"]})
    assert wrong.artefact == first.artefact, "a wrong reading makes a wrong count, and no other list"
