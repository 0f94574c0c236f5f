"""Which officers of another city our own root is asked to grant, and which to take out."""

from aggregator.core.adoption import Officer, Step, plan
from protocol.keys import KeySigner
from protocol.trust import Grant, Role, TrustStore

ROOT, THEIR_ROOT = KeySigner.generate().public_key, KeySigner.generate().public_key
NOW_MS, LATER_MS = 1_000, 2_000
KEYS = {name: KeySigner.generate().public_key.spki for name in ("ana", "luis", "eva", "own")}


def officer(name: str, *, cities: tuple[str, ...] = (), until_ms: int = LATER_MS, role: Role = Role.OFFICER) -> Grant:
    return Grant(role=role, spki=KEYS[name], subject=name, not_before_ms=0, not_after_ms=until_ms, cities=cities)


def ours(*grants: Grant) -> TrustStore:
    return TrustStore(ROOT, 1, 1, grants)


def said(*bundles: tuple[Grant, ...]) -> list[TrustStore]:
    return [TrustStore(THEIR_ROOT, number, 1, grants) for number, grants in enumerate(bundles, 1)]


def steps(own: TrustStore, theirs: list[TrustStore], **wish: tuple[str, ...]) -> dict[str, Step]:
    found = plan(own, theirs, city="saltillo", at_ms=NOW_MS, **wish)
    return {each.grant.subject: each.step for each in found}


def test_officers_of_the_other_root_who_may_list_here_are_to_be_adopted_as_they_are() -> None:
    theirs = said((officer("ana"), officer("luis", cities=("saltillo", "torreon"))))
    assert plan(ours(), theirs, city="saltillo", at_ms=NOW_MS) == (
        Officer(officer("ana"), Step.ADOPT),
        Officer(officer("luis", cities=("saltillo", "torreon")), Step.ADOPT),
    )


def test_who_may_not_list_here_or_is_no_officer_or_is_none_any_more_is_not() -> None:
    theirs = said((officer("ana", cities=("torreon",)), officer("luis", role=Role.RECEIPT), officer("eva", until_ms=9)))
    assert steps(ours(), theirs) == {"ana": Step.ELSEWHERE}


def test_who_counts_already_is_held_unless_the_grant_has_changed() -> None:
    theirs = said((officer("ana"), officer("luis")))
    own = ours(officer("ana"), officer("luis", until_ms=1_500))
    assert steps(own, theirs) == {"ana": Step.HELD, "luis": Step.ADOPT}


def test_who_was_an_officer_there_and_is_none_any_more_is_to_be_withdrawn() -> None:
    theirs = said((officer("ana"), officer("luis")), (officer("ana"),))
    own = ours(officer("ana"), officer("luis"), officer("own"))
    assert steps(own, theirs) == {"ana": Step.HELD, "luis": Step.WITHDRAW}
    assert steps(ours(officer("ana")), theirs) == {"ana": Step.HELD}


def test_only_those_who_are_named_are_looked_at() -> None:
    theirs = said((officer("ana"), officer("luis")), (officer("ana"),))
    assert steps(ours(officer("luis")), theirs, names=("luis",)) == {"luis": Step.WITHDRAW}
    assert steps(ours(), theirs, names=("eva",)) == {}


def test_of_a_root_that_said_nothing_nobody_is_adopted() -> None:
    assert steps(ours(officer("own")), []) == {}
