"""Rosters: their numbers, what is the same, what is another city's."""

from datetime import UTC, datetime

import msgspec
import pytest

from aggregator.core.roster import Holders, content_hash, is_fit, left_out, next_number
from protocol.keys import KeySigner
from protocol.roster import Roster, RosterDevice, RosterPoint, make_roster

ZONES = {"America/Monterrey"}
KEY = KeySigner.generate().public_key
NOBODY = Holders({}, {}, {})


def point(name: str = "p-1", *, latitude_e7: int = 254_200_000, longitude_e7: int = -1_009_900_000) -> RosterPoint:
    return RosterPoint(point=name, name=name, latitude_e7=latitude_e7, longitude_e7=longitude_e7)


def roster(*points: RosterPoint, time_zone: str = "America/Monterrey") -> Roster:
    device = RosterDevice(device="box-1", point="p-1", spki=KEY.spki)
    return make_roster(
        "saltillo", number=7, created_ms=7, name="Saltillo", time_zone=time_zone, points=points or (point(),),
        devices=[device],
    )  # fmt: skip


def test_numbers_follow_the_clock_and_rise_when_it_does_not() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert next_number(0, now) == int(now.timestamp())
    assert next_number(int(now.timestamp()) + 5, now) == int(now.timestamp()) + 6


def test_rosters_that_say_the_same_differ_by_number_and_time_alone() -> None:
    made = roster()
    assert content_hash(made) == content_hash(msgspec.structs.replace(made, number=9, created_ms=9))
    assert content_hash(made) != content_hash(msgspec.structs.replace(made, name="Otra"))


@pytest.mark.parametrize(
    ("made", "fits"),
    [
        (roster(), True),
        (roster(point(), point("p-2", latitude_e7=900_000_000, longitude_e7=1_800_000_000)), True),
        (roster(point(latitude_e7=900_000_001)), False),
        (roster(point(longitude_e7=-1_800_000_001)), False),
        (roster(time_zone="Mars/Olympus"), False),
        (roster(time_zone=""), False),
    ],
)
def test_places_are_on_the_globe_and_time_zones_known(made: Roster, *, fits: bool) -> None:
    assert is_fit(made, ZONES) is fits


def test_a_citys_own_names_are_its_own() -> None:
    assert left_out(roster(), NOBODY) == ()
    known = Holders({"p-1": "saltillo"}, {"box-1": "saltillo"}, {bytes(KEY.key_id): "box-1"})
    assert left_out(roster(), known) == ()


def test_what_is_anothers_is_named() -> None:
    assert left_out(roster(), Holders({"p-1": "torreon"}, {}, {})) == (
        "point p-1 is torreon's",
        "device box-1 stands at p-1, which is not saltillo's",
    )
    assert left_out(roster(), Holders({}, {"box-1": "torreon"}, {})) == ("device box-1 is torreon's",)
    assert left_out(roster(), Holders({}, {}, {bytes(KEY.key_id): "box-9"})) == (f"key {KEY.key_id.hex()} is box-9's",)
