"""A city's roster: who may sign it, that it only goes forwards, and that it is whole or nothing."""

import msgspec
import pytest

from protocol.envelope import Context, parse, sign
from protocol.errors import EncodeError
from protocol.keys import Algorithm, KeySigner
from protocol.refusals import Refusal
from protocol.roster import (
    Past,
    Roster,
    RosterCamera,
    RosterDevice,
    RosterPoint,
    accept_roster,
    make_roster,
    sign_roster,
)
from protocol.trust import Grant, Role, TrustStore

NOW_MS = 1_795_000_000_000
ROOT, SERVER, STRANGER = (KeySigner.generate() for _ in range(3))
BOX, OLD = (KeySigner.generate().public_key.spki for _ in range(2))
GRANT = Grant(
    role=Role.RECEIPT, spki=SERVER.public_key.spki, subject="server", not_before_ms=NOW_MS, not_after_ms=2 * NOW_MS,
    cities=("saltillo",),
)  # fmt: skip
TRUST = TrustStore(ROOT.public_key, 1, 0, (GRANT,))
POINTS = (
    RosterPoint(point="p-2", name="Periférico y Abasolo", latitude_e7=254_200_000, longitude_e7=-1_010_000_000),
    RosterPoint(
        point="p-1", name="Puente sur", latitude_e7=254_100_000, longitude_e7=-1_009_000_000,
        cameras=(RosterCamera(camera="cam-1", heading_deg=90), RosterCamera(camera="cam-2")),
        time_zone="America/Tijuana",
    ),
)  # fmt: skip
DEVICES = (
    RosterDevice(device="box-1", point="p-2", spki=BOX, past=(Past(city="saltillo", point="p-1", until_ms=NOW_MS),)),
    RosterDevice(device="box-1", point="p-2", spki=OLD, is_revoked=True),
)


def made(**changed: object) -> Roster:
    fields = {
        "number": 4, "created_ms": NOW_MS, "name": "Saltillo", "time_zone": "America/Monterrey", "points": POINTS,
        "devices": DEVICES,
    }  # fmt: skip
    city = str(changed.pop("city", "saltillo"))
    return make_roster(city, **(fields | changed))  # type: ignore[arg-type]  # the test's own values


def heard(raw: bytes, last_number: int = 3) -> Roster | Refusal:
    return accept_roster(raw, TRUST, city="saltillo", last_number=last_number)


def test_a_roster_of_the_citys_server_is_taken_in_whatever_order_it_was_made() -> None:
    found = heard(sign_roster(made(), SERVER))
    assert found == made(points=POINTS[::-1], devices=DEVICES[::-1])
    assert isinstance(found, Roster)
    assert [each.point for each in found.points] == ["p-1", "p-2"]
    assert {each.algorithm for each in found.devices} == {Algorithm.ED25519}


def test_the_same_number_is_taken_again_and_a_lower_one_is_not() -> None:
    raw = sign_roster(made(), SERVER)
    assert isinstance(heard(raw, 4), Roster)
    assert heard(raw, 5) is Refusal.EQUIVOCATION


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (sign_roster(made(), STRANGER), Refusal.UNKNOWN_KEY),
        (sign_roster(made(city="torreon"), SERVER), Refusal.NOT_YOUR_PLACE),
        (sign_roster(made(created_ms=NOW_MS - 1), SERVER), Refusal.UNKNOWN_KEY),
        (sign_roster(made(), SERVER)[:-1] + b"x", Refusal.BAD_SIGNATURE),
        (sign(parse(sign_roster(made(), SERVER)).payload, SERVER, Context.REVOCATIONS), Refusal.BAD_SIGNATURE),
        (sign_roster(made(devices=(msgspec.structs.replace(DEVICES[0], spki=b"no key"),)), SERVER), Refusal.BAD_FORM),
        (b"", Refusal.BAD_FORM),
    ],
)
def test_any_other_roster_is_refused(raw: bytes, refusal: Refusal) -> None:
    assert heard(raw) is refusal


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"points": POINTS[:1] * 2}, "twice"),
        ({"devices": DEVICES[:1] * 2}, "twice"),
        ({"points": POINTS[1:]}, "does not have"),
    ],
)
def test_a_roster_that_does_not_hang_together_cannot_be_made(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        made(**changed)


def test_what_a_receiver_would_refuse_is_not_sent() -> None:
    with pytest.raises(EncodeError):
        sign_roster(made(name="Sal\ttillo"), SERVER)
