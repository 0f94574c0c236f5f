"""A city joins its region: the request is bound to the token, the answer is believed by the token alone."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.enrolment import AnswerRefusal, Parcel, Token, sign_request
from protocol.envelope import Context, parse, sign
from protocol.joining import (
    Asked,
    JoinAnswer,
    Joined,
    JoinRequest,
    accept_join,
    check_join_parcel,
    invitation_of,
    sign_join,
    sign_join_answer,
)
from protocol.keys import KeySigner
from protocol.refusals import Refusal
from protocol.trust import Grant, Role, sign_bundle
from protocol.wire import to_bytes

NOW_MS = 1_795_000_000_000
REGION_ROOT, REGION, CITY_ROOT, CITY, LINK, STRANGER = (KeySigner.generate() for _ in range(6))
TOKEN = Token(
    version=1, host="region.example", port=8444, server_name="region.example", device="saltillo", expires_ms=NOW_MS,
    root_sha256=hashlib.sha256(REGION_ROOT.public_key.spki).digest(), secret=bytes(range(16)),
)  # fmt: skip


def bundle(
    root: KeySigner, server: KeySigner, *cities: str, role: Role = Role.RECEIPT, until_ms: int = 2 * NOW_MS
) -> bytes:
    grant = Grant(
        role=role, spki=server.public_key.spki, subject="server", not_before_ms=0, not_after_ms=until_ms, cities=cities
    )
    return sign_bundle(3, (grant,), root, created_ms=1)


REQUEST = JoinRequest(
    version=1, city="saltillo", name="Saltillo", time_zone="America/Monterrey", csr=b"csr",
    root_spki=CITY_ROOT.public_key.spki, trust=bundle(CITY_ROOT, CITY, "saltillo"), created_ms=NOW_MS,
)  # fmt: skip


def asked(signer: KeySigner = TOKEN.signer, **changed: object) -> bytes:
    return sign_join(msgspec.structs.replace(REQUEST, **changed), signer)


def judge(raw: bytes) -> Asked | Refusal:
    return accept_join(raw, TOKEN.signer.public_key, city="saltillo")


def test_a_request_is_bound_to_its_token_and_brings_the_citys_trust() -> None:
    found = judge(asked())
    assert isinstance(found, Asked)
    assert (found.request, found.trust.number) == (REQUEST, 3)
    assert found.trust.root == CITY_ROOT.public_key
    assert invitation_of(asked()) == TOKEN.signer.public_key.key_id
    assert TOKEN.secret not in asked()


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (asked(STRANGER), Refusal.UNKNOWN_KEY),
        (asked(city="torreon"), Refusal.NOT_YOUR_PLACE),
        (asked(trust=bundle(STRANGER, CITY)), Refusal.BAD_SIGNATURE),
        (asked(trust=b"nonsense"), Refusal.BAD_FORM),
        (asked(root_spki=b"no key"), Refusal.BAD_FORM),
        (sign_request(b"csr", TOKEN.signer), Refusal.BAD_SIGNATURE),
        (asked()[:-1], Refusal.BAD_FORM),
    ],
)
def test_a_request_that_the_invitation_or_the_citys_root_does_not_stand_behind_is_refused(
    raw: bytes, refusal: Refusal
) -> None:
    assert judge(raw) is refusal


def test_what_is_no_request_names_no_invitation() -> None:
    assert invitation_of(b"") is Refusal.BAD_FORM


ANSWER = JoinAnswer(
    version=1, invitation=bytes(TOKEN.signer.public_key.key_id), key=bytes(LINK.public_key.key_id), city="saltillo",
    region="coahuila", region_name="Coahuila", created_ms=NOW_MS, broker_host="region.example", broker_port=8883,
    server_name="region.example", artefacts_url="https://region.example:8443", log=bytes(16), chain=(b"leaf",),
    authorities=(b"ca",),
)  # fmt: skip


def parcel(
    root: KeySigner = REGION_ROOT, signer: KeySigner = REGION, trust: bytes | None = None, **changed: object
) -> bytes:
    answer = sign_join_answer(msgspec.structs.replace(ANSWER, **changed), signer)
    granted = bundle(root, REGION) if trust is None else trust
    return to_bytes(Parcel(version=1, root_spki=root.public_key.spki, trust=granted, answer=answer))


def read(raw: bytes) -> Joined | AnswerRefusal:
    return check_join_parcel(raw, TOKEN, LINK.public_key)


def test_an_answer_is_believed_by_the_token_alone() -> None:
    found = read(parcel())
    assert isinstance(found, Joined)
    assert (found.answer, found.trust.number, found.parcel.root_spki) == (ANSWER, 3, REGION_ROOT.public_key.spki)


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b"", AnswerRefusal.BAD_FORM),
        (parcel()[:-1], AnswerRefusal.BAD_FORM),
        (parcel(root=STRANGER), AnswerRefusal.OTHER_ROOT),
        (parcel(trust=bundle(STRANGER, REGION)), AnswerRefusal.BAD_TRUST),
        (parcel(signer=STRANGER), AnswerRefusal.BAD_SIGNATURE),
        (parcel(trust=bundle(REGION_ROOT, REGION, role=Role.MANIFEST)), AnswerRefusal.BAD_SIGNATURE),
        (parcel(trust=bundle(REGION_ROOT, REGION, "torreon")), AnswerRefusal.BAD_SIGNATURE),
        (parcel(trust=bundle(REGION_ROOT, REGION, until_ms=NOW_MS - 1)), AnswerRefusal.BAD_SIGNATURE),
        (parcel(city="torreon"), AnswerRefusal.OTHER_REQUEST),
        (parcel(key=bytes(16)), AnswerRefusal.OTHER_REQUEST),
        (parcel(invitation=bytes(16)), AnswerRefusal.OTHER_REQUEST),
    ],
)
def test_an_answer_that_the_regions_root_does_not_stand_behind_is_refused(raw: bytes, refusal: AnswerRefusal) -> None:
    assert read(raw) is refusal


def test_an_answer_to_a_box_is_none_to_a_city() -> None:
    as_a_box = sign(parse(sign_join_answer(ANSWER, REGION)).payload, REGION, Context.ENROLMENT_ANSWER)
    raw = to_bytes(
        Parcel(version=1, root_spki=REGION_ROOT.public_key.spki, trust=bundle(REGION_ROOT, REGION), answer=as_a_box)
    )
    assert read(raw) is AnswerRefusal.BAD_SIGNATURE


@given(where=st.integers(0, 2_000), bit=st.integers(0, 7))
def test_no_damaged_parcel_is_believed(where: int, bit: int) -> None:
    raw = bytearray(parcel())
    raw[where % len(raw)] ^= 1 << bit
    assert isinstance(read(bytes(raw)), AnswerRefusal)
