"""Terms: who may sign them, that they only go forwards, and what they allow, hour by hour."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples_minor import trust
from protocol_samples_terms import LAST_TERMS, PARTNER, take_terms, terms
from protocol_samples_world import NOW_MS, WHO, YEAR_MS, key

from protocol.clock import to_ms
from protocol.envelope import envelope_hash
from protocol.errors import EncodeError
from protocol.messages import Alarm, Body, Hit, HitKey, Match, Piece, Quality, Report
from protocol.messages import Health as BoxHealth
from protocol.point_messages import CameraCondition, Condition, SceneFigures
from protocol.settings import Taken
from protocol.terms import (
    FOLLOWING_MS,
    MAX_POINTS,
    Ask,
    Hours,
    Outside,
    Terms,
    TermsPoint,
    TermsRefusal,
    Tier,
    Use,
    asked,
    check_terms,
    is_open_between,
    outside,
    sign_terms,
    standing,
)

ZONE = ZoneInfo("America/Monterrey")
SIGNED = sign_terms(terms(), key("server"))
# A Monday, eight in the morning, there.
MONDAY_MS = to_ms(datetime(2026, 11, 23, 8, tzinfo=ZONE))
HOUR_MS = 3_600_000


def made(**changes: object) -> Terms:
    """Terms that hold on that Monday, with changes."""
    span = {"from_ms": MONDAY_MS - 24 * HOUR_MS, "until_ms": MONDAY_MS + 30 * 24 * HOUR_MS}
    return msgspec.structs.replace(terms(), **{**span, **changes})


def why(found: Terms, use: Use = Use.HIT, camera: str | None = "cam-1", *, hours: float = 0) -> Outside | None:
    """Why something is outside, so many hours after that Monday morning."""
    return outside(found, ZONE, WHO.point, Ask(use, camera, MONDAY_MS + round(hours * HOUR_MS)))


def test_a_box_reads_what_its_city_signed() -> None:
    assert take_terms(SIGNED) == terms()


def test_the_same_terms_again_are_no_step_back_and_other_bytes_under_their_number_are() -> None:
    taken = Taken(5, envelope_hash(SIGNED))
    assert check_terms(SIGNED, trust(), city=WHO.city, partner=PARTNER, taken=taken) == terms()
    other = sign_terms(made(), key("server"))
    assert check_terms(other, trust(), city=WHO.city, partner=PARTNER, taken=taken) is TermsRefusal.ROLLED_BACK


def test_a_box_that_knows_no_company_yet_takes_those_of_any() -> None:
    other = sign_terms(msgspec.structs.replace(terms(), partner="bank"), key("server"))
    assert take_terms(other) is TermsRefusal.OTHER_PARTNER
    found = check_terms(other, trust(), city=WHO.city, taken=LAST_TERMS)
    assert isinstance(found, Terms)


def test_they_hold_after_their_grant_has_run_out_if_they_were_signed_within() -> None:
    """No clock is asked: a box without an uplink goes on with what it has."""
    last = sign_terms(msgspec.structs.replace(terms(), created_ms=NOW_MS + YEAR_MS), key("server"))
    assert isinstance(take_terms(last), Terms)


def test_every_single_bit_counts() -> None:
    for at in range(0, len(SIGNED), 5):
        changed = SIGNED[:at] + bytes((SIGNED[at] ^ 1,)) + SIGNED[at + 1 :]
        assert isinstance(take_terms(changed), TermsRefusal)


def test_a_city_can_name_a_thousand_points_of_a_company_and_no_more() -> None:
    points = tuple(TermsPoint(point=f"store-{n}", cameras=("cam-1", "cam-2")) for n in range(MAX_POINTS))
    assert isinstance(take_terms(sign_terms(msgspec.structs.replace(terms(), points=points), key("server"))), Terms)
    with pytest.raises(EncodeError):
        sign_terms(msgspec.structs.replace(terms(), points=(*points, TermsPoint(point="p", cameras=()))), key("server"))


def test_within_the_hours_what_is_named_is_allowed_and_nothing_else() -> None:
    assert why(made()) is None
    assert why(made(), camera="cam-3") is Outside.OTHER_CAMERA
    assert why(made(), Use.ALARM) is Outside.OTHER_USE
    assert outside(made(), ZONE, "p-9", Ask(Use.HIT, "cam-1", MONDAY_MS)) is Outside.OTHER_POINT


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(-1.01, Outside.OTHER_HOURS), (-1, None), (13.99, None), (14, Outside.OTHER_HOURS), (-24, Outside.OTHER_HOURS)],
)
def test_hours_begin_and_end_on_the_minute_and_sunday_has_none(hours: float, expected: Outside | None) -> None:
    assert why(made(), hours=hours) is expected


def test_a_panic_button_knows_no_hours_but_knows_an_end() -> None:
    assert why(made(), Use.PANIC, None, hours=15) is None
    assert why(made(), Use.PANIC, None, hours=30 * 24) is Outside.ENDED
    assert why(made(uses=(Use.HIT,)), Use.PANIC, None) is Outside.OTHER_USE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"is_suspended": True}, Outside.SUSPENDED),
        ({"tier": Tier.REGISTERED}, Outside.REGISTERED_ONLY),
        ({"from_ms": MONDAY_MS + 1}, Outside.NOT_YET),
        ({"from_ms": MONDAY_MS}, None),
        ({"until_ms": MONDAY_MS}, Outside.ENDED),
        ({"until_ms": MONDAY_MS + 1}, None),
    ],
)
def test_terms_stand_or_they_do_not(changes: dict[str, object], expected: Outside | None) -> None:
    assert standing(made(**changes), WHO.point, MONDAY_MS) is expected
    assert why(made(**changes)) is expected


def test_the_clock_on_the_wall_there_decides_in_summer_too() -> None:
    """Towns at the border change their clocks with Texas; the rest of the state does not."""
    border = ZoneInfo("America/Matamoros")
    found = made(from_ms=0, hours=(Hours(weekday=1, from_minute=8 * 60, to_minute=9 * 60),))
    for day in (datetime(2026, 7, 6, 8, 30, tzinfo=border), datetime(2026, 12, 7, 8, 30, tzinfo=border)):
        assert found.is_open(to_ms(day), border)
    summer = datetime(2026, 7, 6, 8, 30, tzinfo=border)
    assert not found.is_open(to_ms(summer), ZONE), "half past seven in Saltillo"


@given(st.integers(0, 7 * 24 * 60 - 1))
def test_no_hours_are_all_hours(minute: int) -> None:
    assert made(hours=()).is_open(MONDAY_MS + minute * 60_000, UTC)


def test_an_interval_is_open_if_a_minute_of_it_is() -> None:
    night = made()
    assert not is_open_between(night, ZONE, MONDAY_MS - 3 * HOUR_MS, MONDAY_MS - HOUR_MS - 1)
    assert is_open_between(night, ZONE, MONDAY_MS - 3 * HOUR_MS, MONDAY_MS - HOUR_MS)
    assert is_open_between(night, ZONE, MONDAY_MS - 3 * HOUR_MS, MONDAY_MS + 24 * HOUR_MS)


KEY = HitKey(outbox=bytes(16), epoch=1, sequence=1, hash=bytes(32))
NEVER = SceneFigures(sharpness=1, brightness=1, contrast=1, edges=1)


def hit() -> Hit:
    match = Match(entry="e-1", quality=Quality.EXACT, reason="stolen")
    return Hit(
        camera="cam-1", track=1, plate="ABC123", observed="ABC123", confidence=900, matches=(match,),
        hotlist_version=1, captured_ms=MONDAY_MS, box=(0, 0, 1, 1), frame_size=(2, 2), looks=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (hit(), (Ask(Use.HIT, "cam-1", MONDAY_MS),)),
        (
            Piece(sha256=bytes(32), total_bytes=1, offset=0, data=b"x"),
            (Ask(Use.HIT, None, 9_000_000), Ask(Use.HIT, None, 8_100_000)),
        ),
        (Alarm(camera="cam-2", alarm="line_crossing", started_ms=7), (Ask(Use.ALARM, "cam-2", 7),)),
        (Alarm(alarm="panic", started_ms=7), (Ask(Use.PANIC, None, 7),)),
        (Alarm(alarm="settings_damaged", started_ms=7), ()),
        (
            CameraCondition(
                camera="cam-1", condition=Condition.DARK, is_active=True, since_ms=5, before=NEVER, after=NEVER
            ),
            (Ask(Use.CONDITION, "cam-1", 5), Ask(Use.CONDITION, "cam-1", 9_000_000)),
        ),
        (Report(from_ms=0, to_ms=1, cameras=(), health=BoxHealth()), ()),
    ],
)  # fmt: skip
def test_each_message_asks_for_its_use(body: Body, expected: tuple[Ask, ...]) -> None:
    assert FOLLOWING_MS == 900_000
    assert asked(body, 9_000_000) == expected


def test_what_follows_a_use_is_allowed_a_little_after_the_hours_and_no_longer() -> None:
    closing = MONDAY_MS + 14 * HOUR_MS
    for late_ms, expected in (
        (60_000, [Outside.OTHER_HOURS, None]),
        (FOLLOWING_MS + 60_000, [Outside.OTHER_HOURS, Outside.OTHER_HOURS]),
    ):
        asks = asked(Piece(sha256=bytes(32), total_bytes=1, offset=0, data=b"x"), closing + late_ms)
        assert [outside(made(), ZONE, WHO.point, ask) for ask in asks] == expected


def test_a_window_longer_than_its_day_cannot_be_signed() -> None:
    with pytest.raises(EncodeError):
        sign_terms(made(hours=(Hours(weekday=1, from_minute=0, to_minute=1441),)), key("server"))
