"""The next trust bundle: what comes in, what goes out, and that a box accepts it."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.core import trust_ledger
from aggregator.errors import BadInput, NotThere
from protocol.clock import to_ms
from protocol.keys import KeySigner
from protocol.trust import Grant, Role, TrustRefusal, TrustStore

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
ROOT, SERVER, ANA, LUIS = (KeySigner.generate() for _ in range(4))


def make_grant(key: KeySigner, subject: str, role: Role = Role.OFFICER, *, valid: timedelta = YEAR) -> Grant:
    return trust_ledger.make_grant(role, key.public_key.spki, subject, now=NOW, valid=valid)


def after(store: TrustStore, grants: tuple[Grant, ...]) -> TrustStore:
    """What a box believes after the next bundle."""
    accepted = store.accept(trust_ledger.signed(trust_ledger.next_bundle(store, grants, now=NOW), ROOT))
    assert isinstance(accepted, TrustStore)
    return accepted


@pytest.fixture
def store() -> TrustStore:
    """A box that knows one server and one officer."""
    server = trust_ledger.server_grants(SERVER.public_key.spki, "saltillo", now=NOW, valid=YEAR, cities=("saltillo",))
    return after(TrustStore(ROOT.public_key), (*server, make_grant(ANA, "ana")))


def holders(store: TrustStore, role: Role) -> set[str]:
    return {grant.subject for grant in store.grants if grant.role is role}


def test_a_grant_is_added_to_those_that_hold(store: TrustStore) -> None:
    grown = after(store, trust_ledger.granted(store, [make_grant(LUIS, "luis")], now=NOW))
    assert (grown.number, holders(grown, Role.OFFICER)) == (2, {"ana", "luis"})
    assert holders(grown, Role.RECEIPT) == {"saltillo"}


def test_a_server_key_does_four_things_and_signs_no_hotlist(store: TrustStore) -> None:
    at = to_ms(NOW)
    roles = [r for r in Role if store.find(r, SERVER.public_key.key_id, city="saltillo", at_ms=at)]
    assert roles == [Role.RECEIPT, Role.MANIFEST, Role.AUDIT, Role.SETTINGS]


def test_a_server_of_one_city_is_not_believed_in_another(store: TrustStore) -> None:
    assert store.find(Role.RECEIPT, SERVER.public_key.key_id, city="monclova", at_ms=to_ms(NOW)) is None


def test_granting_again_replaces_the_dates(store: TrustStore) -> None:
    longer = after(store, trust_ledger.granted(store, [make_grant(ANA, "ana", valid=3 * YEAR)], now=NOW))
    dates = [g.not_after_ms for g in longer.grants if g.role is Role.OFFICER]
    assert dates == [to_ms(NOW + 3 * YEAR)]


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDIT])
def test_a_key_of_one_person_is_never_anothers(store: TrustStore, role: Role) -> None:
    with pytest.raises(BadInput, match="ana's already"):
        trust_ledger.granted(store, [make_grant(ANA, "luis", role)], now=NOW)


def test_two_holders_of_one_key_in_the_same_bundle_are_refused() -> None:
    with pytest.raises(BadInput, match="already"):
        trust_ledger.granted(
            TrustStore(ROOT.public_key), [make_grant(ANA, "ana"), make_grant(ANA, "luis", Role.AUDIT)], now=NOW
        )


def test_a_withdrawn_key_holds_no_role(store: TrustStore) -> None:
    left = after(store, trust_ledger.withdrawn(store, [SERVER.public_key.key_id], now=NOW))
    assert [grant.subject for grant in left.grants] == ["ana"]


def test_one_role_of_a_key_can_be_withdrawn(store: TrustStore) -> None:
    left = after(store, trust_ledger.withdrawn(store, [SERVER.public_key.key_id], now=NOW, role=Role.AUDIT))
    assert {g.role for g in left.grants if g.subject == "saltillo"} == {Role.RECEIPT, Role.MANIFEST, Role.SETTINGS}


def test_withdrawing_what_was_never_granted_is_told(store: TrustStore) -> None:
    with pytest.raises(NotThere, match=LUIS.public_key.key_id.hex()):
        trust_ledger.withdrawn(store, [LUIS.public_key.key_id], now=NOW)


def test_expired_grants_are_left_out(store: TrustStore) -> None:
    later = NOW + 2 * YEAR
    assert trust_ledger.granted(store, [], now=later) == ()


def test_a_bundle_under_another_root_is_refused(store: TrustStore) -> None:
    bundle = trust_ledger.next_bundle(store, store.grants, now=NOW)
    assert store.accept(trust_ledger.signed(bundle, ANA)) is TrustRefusal.BAD_SIGNATURE


def test_the_bundle_before_is_a_rollback(store: TrustStore) -> None:
    first = trust_ledger.signed(trust_ledger.next_bundle(TrustStore(ROOT.public_key), store.grants, now=NOW), ROOT)
    grown = after(store, trust_ledger.granted(store, [make_grant(LUIS, "luis")], now=NOW))
    assert grown.accept(first) is TrustRefusal.ROLLED_BACK


def test_a_grant_holds_for_a_box_that_is_hours_behind(store: TrustStore) -> None:
    behind = to_ms(NOW - timedelta(hours=12))
    assert store.find(Role.OFFICER, ANA.public_key.key_id, city="saltillo", at_ms=behind) is not None


def test_an_older_servers_key_is_granted_what_it_lacks_as_far_and_as_long_as_it_may_answer(store: TrustStore) -> None:
    older = after(store, trust_ledger.withdrawn(store, [SERVER.public_key.key_id], now=NOW, role=Role.SETTINGS))
    (missing,) = trust_ledger.missing_grants(older, SERVER.public_key.key_id)
    assert missing == next(g for g in store.grants if g.role is Role.SETTINGS)
    upgraded = after(older, trust_ledger.granted(older, [missing], now=NOW))
    assert set(upgraded.grants) == set(store.grants)
    assert trust_ledger.missing_grants(upgraded, SERVER.public_key.key_id) == ()
    assert trust_ledger.missing_grants(store, ANA.public_key.key_id) == (), "an officer's key is no server's"
