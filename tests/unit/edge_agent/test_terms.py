"""A company's box: what it holds, what that allows, and a time that nobody can turn back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from edge_agent.adapters.texts import LANGUAGES, texts
from edge_agent.core.checks import Verdict
from edge_agent.core.checks_terms import TermsFound, check_terms_held
from edge_agent.core.terms import AtRest, Holding, Meter, at_rest
from protocol.clock import to_ms
from protocol.terms import Ask, Outside, Shown, Use
from tests.simulators.partner_terms import make_terms

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
NOW_MS = to_ms(NOW)
DAY_MS = 86_400_000
ZONE = ZoneInfo("America/Monterrey")
TERMS = make_terms(created=NOW)


def test_the_meter_runs_on_whatever_the_clock_says() -> None:
    meter = Meter(NOW_MS, 100.0, NOW_MS)
    assert meter.now_ms(100.0) == NOW_MS
    assert meter.now_ms(100.0 + 86_400) == NOW_MS + DAY_MS
    assert meter.now_ms(90.0) == NOW_MS, "it never runs backwards"


def test_what_others_sign_moves_it_forwards_and_never_back() -> None:
    meter = Meter(NOW_MS, 100.0, NOW_MS)
    later = meter.heard(NOW_MS + DAY_MS, 200.0)
    assert later.now_ms(200.0) == NOW_MS + DAY_MS
    slow = meter.heard(NOW_MS + 1_000, 200.0)
    assert slow.now_ms(200.0) == NOW_MS + 100_000, "it had counted further already"
    assert slow.heard(NOW_MS + 1_000, 300.0) is slow


def test_the_root_may_set_it_back() -> None:
    """A server's clock had run ahead; the root's next bundle ends that (`protocol.clock`)."""
    ahead = Meter(NOW_MS, 0.0, NOW_MS).heard(NOW_MS + 400 * DAY_MS, 10.0)
    assert ahead.heard(NOW_MS + DAY_MS, 20.0).now_ms(20.0) == NOW_MS + DAY_MS


def test_a_box_of_the_city_asks_nobody() -> None:
    own = Holding("p-1")
    assert own.why_not(NOW_MS) is None
    assert own.allows(Ask(Use.HIT, "cam-9", NOW_MS))
    assert own.may_hold_list(NOW_MS)
    assert own.shows(Shown.HIT_COUNTS)


@pytest.mark.parametrize(
    ("held", "word"),
    [
        (Holding("p-1", is_partner=True), "no_terms"),
        (Holding("p-1", is_partner=True, terms=TERMS), "unknown_zone"),
        (Holding("p-2", is_partner=True, terms=TERMS, zone=ZONE), "other_point"),
        (Holding("p-1", is_partner=True, terms=make_terms(created=NOW, is_suspended=True), zone=ZONE), "suspended"),
        (Holding("p-1", is_partner=True, terms=make_terms(created=NOW, lasts=timedelta(1), begins=NOW - timedelta(2)),
                 zone=ZONE), "ended"),
    ],
)  # fmt: skip
def test_a_companys_box_without_terms_that_hold_may_do_nothing(held: Holding, word: str) -> None:
    assert held.why_not(NOW_MS) == word
    assert not any(held.allows(Ask(use, "cam-1", NOW_MS)) for use in Use)
    assert not held.may_hold_list(NOW_MS)


def test_with_them_it_may_do_what_they_say() -> None:
    held = Holding("p-1", is_partner=True, terms=TERMS, zone=ZONE)
    assert held.why_not(NOW_MS) is None
    assert held.allows(Ask(Use.HIT, "cam-1", NOW_MS))
    assert not held.allows(Ask(Use.HIT, "cam-2", NOW_MS))
    assert held.may_hold_list(NOW_MS)
    assert held.shows(Shown.COUNTS)
    assert not held.shows(Shown.HIT_COUNTS)


def test_a_box_that_reads_no_plates_holds_no_list() -> None:
    held = Holding("p-1", is_partner=True, terms=make_terms(created=NOW, uses=(Use.PANIC,)), zone=ZONE)
    assert held.allows(Ask(Use.PANIC, None, NOW_MS))
    assert not held.may_hold_list(NOW_MS)


@pytest.mark.parametrize(
    ("allowed", "is_partner", "expected"),
    [
        ("accept-risk", True, "tpm"),
        ("accept-risk", False, "accept-risk"),
        ("tpm", True, "tpm"),
        ("memory", True, "memory"),
    ],
)
def test_on_a_companys_disk_the_list_lies_under_the_tpm_or_not_at_all(
    allowed: AtRest, is_partner: bool, expected: AtRest
) -> None:
    assert at_rest(allowed, is_partner=is_partner) == expected


def found(
    state: str = "in_force", *, until: datetime | None = NOW + timedelta(days=60), problem: str = ""
) -> TermsFound:
    return TermsFound("market", 4, until, state, problem, "America/Monterrey")


@pytest.mark.parametrize(
    ("terms", "verdict"),
    [
        (found(), Verdict.PASS),
        (found(until=NOW + timedelta(days=3)), Verdict.WARN),
        (found("no_terms", until=None), Verdict.FAIL),
        (found(problem="bad_signature"), Verdict.FAIL),
        *((found(each.value), Verdict.FAIL) for each in (Outside.SUSPENDED, Outside.ENDED, Outside.OTHER_POINT)),
    ],
)
def test_the_doctor_says_how_a_companys_terms_stand_in_both_languages(terms: TermsFound, verdict: Verdict) -> None:
    check = check_terms_held(terms, NOW)
    assert check.verdict is verdict
    for language in LANGUAGES:
        say = texts(language)
        assert say("doctor-check-terms")
        if check.remedy is not None:
            assert say(check.remedy.message, **check.remedy.variables)


def test_every_state_has_its_words_in_both_languages() -> None:
    states = ["in_force", "unknown_zone", *(each.value for each in Outside)]
    asked_of_a_camera = {Outside.OTHER_CAMERA.value, Outside.OTHER_USE.value, Outside.OTHER_HOURS.value}
    for state in set(states) - asked_of_a_camera:
        for language in LANGUAGES:
            assert texts(language)(f"terms-state-{state.replace('_', '-')}")
