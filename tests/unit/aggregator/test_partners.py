"""What ingest takes of a company's point: judged by the terms of its time, whatever was signed since."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from aggregator.core.partners import LATEST_MS, PointTerms, Signed, state_of, why_outside
from aggregator.core.terms_file import DAYS, Parties, check_own, parse_terms_file, terms_of
from aggregator.errors import BadInput
from protocol.clock import to_ms
from protocol.messages import (
    KINDS,
    VERSION,
    Alarm,
    Body,
    CameraMinute,
    CameraState,
    Clock,
    EvidenceUnavailable,
    Health,
    HitKey,
    Message,
    Report,
    body_tree,
)
from protocol.point_messages import SettingsResult, SettingsState
from protocol.terms import Hours, Outside, Shown, Terms, TermsPoint, Tier, Use

ZONE = ZoneInfo("America/Monterrey")
# A Monday noon, there.
NOON = datetime(2026, 11, 23, 12, tzinfo=ZONE)
NOON_MS = to_ms(NOON)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KEY = HitKey(outbox=bytes(16), epoch=1, sequence=1, hash=bytes(32))

FIRST = Terms(
    version=1,
    number=1,
    city="saltillo",
    partner="market",
    tier=Tier.CONNECTED,
    purpose="stolen vehicles",
    created_ms=NOON_MS - 3 * DAY_MS,
    from_ms=NOON_MS - 2 * DAY_MS,
    until_ms=NOON_MS + 30 * DAY_MS,
    time_zone="America/Monterrey",
    points=(TermsPoint(point="store-1", cameras=("cam-1",)),),
    hours=(Hours(weekday=1, from_minute=7 * 60, to_minute=22 * 60),),
    uses=(Use.HIT, Use.ALARM, Use.PANIC),
)


def held(*more: Mapping[str, object]) -> PointTerms:
    """The first terms, and what was signed after them."""
    later = [msgspec.structs.replace(FIRST, number=at, **changes) for at, changes in enumerate(more, start=2)]
    return PointTerms("store-1", tuple(Signed(each, ZONE) for each in (FIRST, *later)))


def judged(
    body: Body, terms: PointTerms, *, at_ms: int = NOON_MS, received_ms: int | None = None, clock: Clock = Clock.GOOD
) -> Outside | None:
    """Why a message written at an instant is outside."""
    message = Message(
        version=VERSION, kind=int(KINDS[type(body)]), device="box-1", city="saltillo", point="store-1",
        outbox=bytes(16), epoch=1, sequence=1, previous=bytes(32), created_ms=at_ms, clock=clock, body=body_tree(body),
    )  # fmt: skip
    return why_outside(message, body, terms, received_ms=at_ms if received_ms is None else received_ms)


def alarm(at_ms: int = NOON_MS, camera: str | None = "cam-1", word: str = "line_crossing") -> Alarm:
    return Alarm(camera=camera, alarm=word, started_ms=at_ms)


def report(*, from_ms: int = NOON_MS, to_ms: int = NOON_MS + 60_000, camera: str = "cam-1", **counts: int) -> Report:
    line = CameraMinute(camera=camera, state=CameraState.LIVE, **counts)
    return Report(from_ms=from_ms, to_ms=to_ms, cameras=(line,), health=Health())


def test_what_the_terms_allow_is_taken() -> None:
    assert judged(alarm(), held()) is None
    assert judged(report(vehicles=3, frames_processed=600), held()) is None
    assert judged(EvidenceUnavailable(hit=KEY, reason="disk_full"), held()) is None


def test_without_terms_nothing_is_but_what_a_box_says_of_itself() -> None:
    none = PointTerms("store-1")
    assert judged(alarm(), none) is Outside.NO_TERMS
    assert judged(report(vehicles=1), none) is Outside.NO_TERMS
    assert judged(report(), none) is None, "it lives, and sees nothing"
    assert judged(SettingsResult(number=1, rollout="r-1", state=SettingsState.KEPT, reason="healthy"), none) is None
    assert judged(alarm(camera=None, word="terms_not_in_force"), none) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (alarm(camera="cam-2"), Outside.OTHER_CAMERA),
        (alarm(NOON_MS + 11 * HOUR_MS), Outside.OTHER_HOURS),
        (alarm(NOON_MS + 31 * DAY_MS), Outside.ENDED),
        (alarm(NOON_MS - 2 * DAY_MS - 1), Outside.NOT_YET),
        (report(camera="cam-2", faces=1), Outside.OTHER_CAMERA),
        (report(from_ms=NOON_MS + 11 * HOUR_MS, to_ms=NOON_MS + 11 * HOUR_MS + 60_000, reads=1), Outside.OTHER_HOURS),
    ],
)
def test_what_they_do_not_is_not(body: Body, expected: Outside) -> None:
    assert judged(body, held()) is expected


def test_a_minute_that_the_shop_closed_in_is_taken() -> None:
    closing = NOON_MS + 10 * HOUR_MS
    assert judged(report(from_ms=closing - 30_000, to_ms=closing + 30_000, vehicles=1), held()) is None


def test_what_happened_before_a_suspension_is_taken_late_and_what_came_after_is_not() -> None:
    suspended = held({"is_suspended": True, "created_ms": NOON_MS})
    assert judged(alarm(NOON_MS - 1), suspended, received_ms=NOON_MS + 2 * DAY_MS) is None
    assert judged(alarm(NOON_MS), suspended) is Outside.SUSPENDED
    lifted = held({"is_suspended": True, "created_ms": NOON_MS}, {"created_ms": NOON_MS + HOUR_MS})
    assert judged(alarm(NOON_MS + HOUR_MS - 1), lifted) is Outside.SUSPENDED
    assert judged(alarm(NOON_MS + HOUR_MS), lifted) is None


def test_terms_that_allow_less_do_not_reach_back() -> None:
    fewer = held({"uses": (Use.HIT,), "created_ms": NOON_MS})
    assert judged(alarm(NOON_MS - 1), fewer) is None
    assert judged(alarm(NOON_MS), fewer) is Outside.OTHER_USE


def test_an_old_date_does_not_reach_around_the_end() -> None:
    assert judged(alarm(), held(), received_ms=FIRST.until_ms + LATEST_MS - 1) is None
    assert judged(alarm(), held(), received_ms=FIRST.until_ms + LATEST_MS) is Outside.ENDED
    assert judged(report(vehicles=1), held(), received_ms=FIRST.until_ms + LATEST_MS) is Outside.ENDED


def test_a_box_that_knows_its_clock_to_be_wrong_is_judged_by_when_it_is_heard() -> None:
    late = NOON_MS + 11 * HOUR_MS
    assert judged(alarm(), held(), received_ms=late) is None
    assert judged(alarm(), held(), received_ms=late, clock=Clock.BELOW_FLOOR) is Outside.OTHER_HOURS


def test_a_panic_button_at_night_is_heard() -> None:
    assert judged(alarm(NOON_MS + 11 * HOUR_MS, None, "panic"), held()) is None


def test_lists_say_where_a_company_stands() -> None:
    assert state_of(None, NOON_MS) == "no_terms"
    assert state_of(FIRST, NOON_MS) == "connected"
    assert state_of(msgspec.structs.replace(FIRST, tier=Tier.REGISTERED), NOON_MS) == "registered"
    assert state_of(FIRST, FIRST.until_ms) == "ended"
    assert state_of(FIRST, FIRST.from_ms - 1) == "not_yet"
    assert state_of(msgspec.structs.replace(FIRST, is_suspended=True), NOON_MS) == "suspended"


FILE = """
tier = "connected"
purpose = "stolen vehicles"
from = 2026-11-23
until = 2026-11-30
uses = ["panic", "hit"]
shown = ["health", "counts"]

[[hours]]
days = ["fri", "sat", "sun"]
from = "20:00"
to = "02:00"

[points]
store-2 = []
store-1 = ["cam-1"]
"""
WHOSE = Parties("saltillo", "market", 7, NOON)


def read(text: str = FILE) -> Terms:
    return terms_of(parse_terms_file(text), WHOSE, ZONE, "America/Monterrey")


def test_a_file_becomes_terms_from_midnight_to_midnight_there() -> None:
    found = read()
    assert (found.number, found.created_ms) == (7, NOON_MS)
    assert found.from_ms == to_ms(datetime(2026, 11, 23, tzinfo=ZONE))
    assert found.until_ms == to_ms(datetime(2026, 12, 1, tzinfo=ZONE)), "the last day is one of them"
    assert (found.uses, found.shown) == ((Use.HIT, Use.PANIC), (Shown.COUNTS, Shown.HEALTH))
    assert found.cameras("store-1") == ("cam-1",)


def test_a_night_goes_on_with_the_next_day_and_sundays_with_mondays() -> None:
    found = read()
    late = datetime(2026, 11, 30, 1, tzinfo=ZONE)
    assert DAYS[late.weekday()] == "mon"
    assert found.is_open(to_ms(late), ZONE)
    assert not found.is_open(to_ms(late + timedelta(hours=1)), ZONE)
    assert not found.is_open(to_ms(late - timedelta(hours=6)), ZONE), "Sunday at seven"


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('tier = "connected"', 'tier = "plates"', "tier"),
        ('uses = ["panic", "hit"]', "", "uses"),
        ('["panic", "hit"]', '["faces"]', "uses"),
        ('["health", "counts"]', '["plates"]', "shown"),
        ("until = 2026-11-30", "until = 2026-11-20", "before"),
        ("until = 2026-11-30", "until = 9999-12-31", "last day"),
        ('to = "02:00"', 'to = "26:00"', "time of day"),
        ('from = "20:00"', 'from = "24:00"', "00:00"),
        ('"fri", "sat", "sun"', '"freitag"', "days"),
        ("from = 2026-11-23\n", "", "from"),
        ('store-2 = []\nstore-1 = ["cam-1"]\n', "", "points"),
        ("store-2", "Store-2", "points"),
        ("[points]", "plates = true\n[points]", "plates"),
    ],
)
def test_a_file_that_says_too_little_or_what_nobody_knows_is_refused(before: str, after: str, complaint: str) -> None:
    assert before in FILE
    with pytest.raises(BadInput, match=complaint):
        read(FILE.replace(before, after, 1))


def test_no_hours_must_be_said() -> None:
    without = FILE[: FILE.index("[[hours]]")] + FILE[FILE.index("[points]") :]
    with pytest.raises(BadInput, match="always"):
        read(without)
    assert read('hours = "always"\n' + without).hours == ()


def test_terms_that_would_be_over_already_are_refused() -> None:
    late = Parties("saltillo", "market", 7, datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(BadInput, match="would have ended"):
        terms_of(parse_terms_file(FILE), late, ZONE, "America/Monterrey")


@pytest.mark.parametrize(
    ("own", "complaint"),
    [({"store-1": ["cam-1"]}, "store-2"), ({"store-1": ["cam-2"], "store-2": []}, "cam-1")],
)
def test_only_the_companys_own_points_and_cameras_are_named(own: dict[str, list[str]], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        check_own(parse_terms_file(FILE), own, "market")
    check_own(parse_terms_file(FILE), {"store-1": ["cam-1"], "store-2": []}, "market")
