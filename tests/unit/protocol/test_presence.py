"""Presence: births and deaths in whatever order a broker brings them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples import samples
from protocol_samples_world import NOW_MS, OUTBOX, WHO, key

from protocol.envelope import parse
from protocol.errors import DecodeError, EncodeError
from protocol.presence import Life, Line, Presence, decode_presence, sign_presence

OTHER = bytes(15) + b"\x01"


def presence(life: Life, connection: int, outbox: bytes = OUTBOX) -> Presence:
    raw = sign_presence(life, WHO, key("device"), connection=connection, time_ms=NOW_MS, outbox=outbox)
    return decode_presence(parse(raw))


BIRTH_1, DEATH_1, BIRTH_2, DEATH_2 = (presence(life, n) for n in (1, 2) for life in Life)


def after(*told: Presence) -> Line:
    line = Line()
    for each in told:
        line = line.after(each)
    return line


def test_a_birth_brings_on_line_and_its_own_death_off() -> None:
    assert after(BIRTH_1) == Line(1, is_online=True, outbox=OUTBOX)
    assert after(BIRTH_1, DEATH_1) == Line(1, is_online=False, outbox=OUTBOX)


def test_a_late_will_of_an_old_connection_kills_nobody() -> None:
    assert after(BIRTH_1, BIRTH_2, DEATH_1).is_online


def test_a_birth_behind_its_own_death_is_late() -> None:
    assert not after(DEATH_1, BIRTH_1).is_online
    assert after(DEATH_1, BIRTH_1, BIRTH_2).is_online


@given(st.permutations([BIRTH_1, DEATH_1, BIRTH_2, DEATH_2]))
def test_when_all_has_arrived_in_whatever_order_the_last_death_holds(told: list[Presence]) -> None:
    assert after(*told) == Line(2, is_online=False, outbox=OUTBOX)


@given(st.permutations([BIRTH_1, DEATH_1, BIRTH_2]))
def test_when_the_second_connection_lives_the_device_is_on_line_in_whatever_order(told: list[Presence]) -> None:
    assert after(*told) == Line(2, is_online=True, outbox=OUTBOX)


@given(st.lists(st.sampled_from([BIRTH_1, DEATH_1, BIRTH_2, DEATH_2])), st.sampled_from([BIRTH_1, DEATH_1, BIRTH_2]))
def test_telling_twice_changes_nothing(told: list[Presence], again: Presence) -> None:
    once = after(*told, again)
    assert once.after(again) == once


def test_a_re_imaged_box_is_on_line_at_its_first_connection() -> None:
    long_lived = after(presence(Life.BIRTH, 900, OTHER))
    assert long_lived.after(BIRTH_1) == Line(1, is_online=True, outbox=OUTBOX)
    assert long_lived.after(BIRTH_1).after(presence(Life.DEATH, 900, OTHER)).is_online
    assert not long_lived.after(BIRTH_1).after(DEATH_1).is_online


def test_a_line_kept_without_its_outbox_goes_by_numbers_alone() -> None:
    kept = Line(5, is_online=True)
    assert kept.after(presence(Life.DEATH, 5)) == Line(5, is_online=False, outbox=OUTBOX)
    assert kept.after(presence(Life.DEATH, 4)) == kept


def test_the_bounds_of_a_presence_hold_both_ways() -> None:
    with pytest.raises(EncodeError):
        presence(Life.BIRTH, 0)
    (hit, *_) = samples()
    with pytest.raises(DecodeError):
        decode_presence(parse(hit.raw))
