"""What a region makes of a city's request to join."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from aggregator.core.invitation import State
from aggregator.core.joining import CityInvitation, Course, Refusal, has_server, judge, read
from protocol.enrolment import invitation_signer
from protocol.joining import Asked, JoinRequest, sign_join
from protocol.keys import KeySigner
from protocol.messages import VERSION
from protocol.trust import Grant, Role, TrustStore, sign_bundle

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
SECRET, OTHER_SECRET = bytes(16), bytes(15) + b"\x01"
ROOT, SERVER = KeySigner.generate(), KeySigner.generate()
KEY, OTHER_KEY = bytes(16), bytes(15) + b"\x01"


def invited(**changes: object) -> CityInvitation:
    key = invitation_signer(SECRET).public_key
    made: dict[str, object] = {
        "invitation": bytes(key.key_id), "spki": key.spki, "city": "saltillo", "invited_at": NOW,
        "invited_by": "os:ana", "expires_at": NOW + timedelta(hours=1),
    }  # fmt: skip
    return CityInvitation(**{**made, **changes})  # type: ignore[arg-type]  # the test's own values


def grant(role: Role = Role.RECEIPT, *, cities: tuple[str, ...] = ("saltillo",)) -> Grant:
    spki = SERVER.public_key.spki
    return Grant(role=role, spki=spki, subject="s", not_before_ms=0, not_after_ms=2 * NOW_MS, cities=cities)


def request(*, city: str = "saltillo", trust: bytes | None = None, root: KeySigner = ROOT) -> JoinRequest:
    return JoinRequest(
        version=VERSION, city=city, name="Saltillo", time_zone="America/Monterrey", csr=b"csr",
        root_spki=root.public_key.spki, trust=trust or sign_bundle(1, (grant(),), ROOT, created_ms=1),
        created_ms=NOW_MS,
    )  # fmt: skip


def test_a_sound_request_is_read_with_what_the_citys_root_grants() -> None:
    asked = read(sign_join(request(), invitation_signer(SECRET)), invited())
    assert isinstance(asked, Asked)
    assert (asked.trust.root, asked.trust.number) == (ROOT.public_key, 1)


def test_who_does_not_hold_the_secret_learns_that_there_is_no_invitation() -> None:
    for signer in (invitation_signer(OTHER_SECRET), KeySigner.generate()):
        assert read(sign_join(request(), signer), invited()) is Refusal.UNKNOWN
    raw = sign_join(request(), invitation_signer(SECRET))
    assert read(raw[:-1] + bytes([raw[-1] ^ 1]), invited()) is Refusal.UNKNOWN


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (request(city="torreon"), Refusal.OTHER_CITY),
        (request(root=KeySigner.generate()), Refusal.BAD_TRUST),
        (request(trust=b"no bundle"), Refusal.BAD_REQUEST),
        (msgspec.structs.replace(request(), version=2), Refusal.BAD_REQUEST),
        (msgspec.structs.replace(request(), root_spki=b"no key"), Refusal.BAD_REQUEST),
    ],
    ids=["another city", "another root", "no bundle", "another version", "no root"],
)
def test_what_is_wrong_with_a_request_is_told_to_who_holds_the_secret(asked: JoinRequest, refusal: Refusal) -> None:
    assert read(sign_join(asked, invitation_signer(SECRET)), invited()) is refusal


def test_bytes_that_are_no_envelope_are_a_bad_request() -> None:
    assert read(b"?", invited()) is Refusal.BAD_REQUEST


@pytest.mark.parametrize(
    ("invitation", "state", "own", "others"),
    [
        (invited(), State.OPEN, Course.JOIN, Course.JOIN),
        (invited(expires_at=NOW), State.EXPIRED, Refusal.EXPIRED, Refusal.EXPIRED),
        (invited(cancelled_at=NOW), State.CANCELLED, Refusal.CANCELLED, Refusal.CANCELLED),
        (invited(key=KEY, joined_at=NOW), State.USED, Course.REPEAT, Refusal.USED),
        (invited(key=KEY, joined_at=NOW, expires_at=NOW), State.USED, Course.REPEAT, Refusal.USED),
    ],
    ids=["open", "expired", "cancelled", "used", "used and expired"],
)
def test_one_key_may_join_with_an_invitation_and_ask_again(
    invitation: CityInvitation, state: State, own: Course | Refusal, others: Course | Refusal
) -> None:
    assert invitation.state(NOW) is state
    assert judge(invitation, KEY, now=NOW) is own
    assert judge(invitation, OTHER_KEY, now=NOW) is others


def test_a_city_needs_a_server_that_its_root_lets_speak_for_it_now() -> None:
    def has(*grants: Grant, at_ms: int = NOW_MS) -> bool:
        return has_server(TrustStore(ROOT.public_key, 1, 1, grants), "saltillo", at_ms=at_ms)

    assert has(grant())
    assert has(grant(cities=()))
    assert not has()
    assert not has(grant(Role.OFFICER))
    assert not has(grant(cities=("torreon",)))
    assert not has(grant(), at_ms=3 * NOW_MS)
