"""Invitations: one box, one key, while they hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.core.invitation import (
    Course,
    Invitation,
    Refusal,
    State,
    fingerprint,
    free_device_id,
    is_signed,
    judge,
    read,
    validity,
)
from aggregator.errors import BadInput
from protocol.enrolment import invitation_signer, sign_request
from protocol.envelope import Envelope

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SIGNER = invitation_signer(bytes(16))
KEY, OTHER_KEY = b"k" * 16, b"o" * 16
OPEN = Invitation(
    invitation=bytes(SIGNER.public_key.key_id), spki=SIGNER.public_key.spki, device="box-1", city="saltillo",
    point="p-1", profile="n100", settings_toml="", needs_approval=False, invited_at=NOW - DAY, invited_by="os:ana",
    expires_at=NOW + DAY,
)  # fmt: skip
GUARDED = replace(OPEN, needs_approval=True)
CLAIMED = replace(GUARDED, key=KEY, claimed_at=NOW)
APPROVED = replace(CLAIMED, approved_at=NOW, approved_by="os:ana")
USED = replace(OPEN, key=KEY, claimed_at=NOW, certified_at=NOW)
CANCELLED = replace(OPEN, cancelled_at=NOW)


@pytest.mark.parametrize(
    ("invitation", "state", "verdict"),
    [
        (OPEN, State.OPEN, Course.CLAIM),
        (replace(OPEN, expires_at=NOW), State.EXPIRED, Refusal.EXPIRED),
        (GUARDED, State.OPEN, Course.CLAIM),
        (CLAIMED, State.WAITING, Course.WAIT),
        (replace(CLAIMED, expires_at=NOW), State.WAITING, Course.WAIT),
        (APPROVED, State.APPROVED, Course.CERTIFY),
        (USED, State.USED, Course.REPEAT),
        (replace(USED, expires_at=NOW), State.USED, Course.REPEAT),
        (CANCELLED, State.CANCELLED, Refusal.CANCELLED),
        (replace(CLAIMED, cancelled_at=NOW), State.CANCELLED, Refusal.CANCELLED),
        (replace(OPEN, is_revoked=True), State.OPEN, Refusal.REVOKED),
        (replace(USED, is_revoked=True), State.USED, Refusal.REVOKED),
    ],
)
def test_what_becomes_of_a_request(invitation: Invitation, state: State, verdict: Course | Refusal) -> None:
    assert invitation.state(NOW) is state
    assert judge(invitation, KEY, now=NOW) is verdict


@pytest.mark.parametrize("invitation", [CLAIMED, APPROVED, USED, replace(CLAIMED, cancelled_at=NOW)])
def test_another_key_is_refused_from_the_claim_on(invitation: Invitation) -> None:
    assert judge(invitation, OTHER_KEY, now=NOW) is Refusal.USED


def test_only_who_holds_the_secret_signs_for_an_invitation() -> None:
    envelope = read(sign_request(b"csr", SIGNER))
    assert isinstance(envelope, Envelope)
    assert is_signed(envelope, OPEN)
    forged = read(sign_request(b"csr", invitation_signer(bytes(15) + b"\x01")))
    assert isinstance(forged, Envelope)
    assert not is_signed(forged, OPEN)
    assert read(b"") is Refusal.BAD_REQUEST
    assert read(bytes(5_000)) is Refusal.BAD_REQUEST


def test_a_box_without_a_name_gets_its_points_with_the_first_free_number() -> None:
    assert free_device_id("p-1", {"p-1-1", "p-1-2", "p-1-4"}) == "p-1-3"
    assert free_device_id("a" * 32, ()) == "a" * 30 + "-1"


@pytest.mark.parametrize(("text", "hours"), [("1h", 1), ("72h", 72), ("3d", 72), ("60d", 1440)])
def test_how_long_an_invitation_holds_is_said_in_hours_or_days(text: str, hours: int) -> None:
    assert validity(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "0h", "3", "3w", "-1d", "61d", "99999h", "٣d"])
def test_any_other_time_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="72h or 3d"):
        validity(text)


def test_a_fingerprint_is_the_keys_id_in_groups() -> None:
    assert fingerprint(bytes(range(16))) == "0001:0203:0405:0607:0809:0a0b:0c0d:0e0f"
