"""Refusals: every reason of DESIGN, and which of them are for good."""

from protocol.refusals import Refusal


def test_what_a_later_receiver_may_take_is_not_refused_for_good() -> None:
    assert {refusal.name for refusal in Refusal if not refusal.is_final} == {
        "UNKNOWN_KEY",
        "UNKNOWN_VERSION",
        "UNKNOWN_KIND",
        "BUSY",
        "INTERNAL",
    }


def test_every_reason_of_the_ingest_has_a_number_that_stays() -> None:
    assert {refusal.name: refusal.value for refusal in Refusal} == {
        "TOO_LARGE": 1,
        "BAD_FORM": 2,
        "UNKNOWN_VERSION": 3,
        "UNKNOWN_KEY": 4,
        "REVOKED_KEY": 5,
        "BAD_SIGNATURE": 6,
        "WRONG_ALGORITHM": 7,
        "NOT_YOUR_TOPIC": 8,
        "NOT_YOUR_PLACE": 9,
        "UNKNOWN_KIND": 10,
        "EQUIVOCATION": 11,
        "BUSY": 12,
        "INTERNAL": 13,
        "OUTSIDE_TERMS": 14,
    }
