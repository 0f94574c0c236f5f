"""A company's terms against the date, for the doctor: what they say, and what there is to do if they do not hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from edge_agent.core.checks import Check, failed, passed, warned
from edge_agent.core.terms import NO_ZONE
from protocol.terms import Outside

SOON: Final = timedelta(days=30)
_REMEDIES: Final = {
    Outside.NO_TERMS.value: "terms-none",
    Outside.SUSPENDED.value: "terms-suspended",
    Outside.REGISTERED_ONLY.value: "terms-registered-only",
    Outside.NOT_YET.value: "terms-not-yet",
    Outside.ENDED.value: "terms-ended",
    Outside.OTHER_POINT.value: "terms-other-point",
    NO_ZONE: "terms-no-zone",
}


@dataclass(frozen=True, slots=True)
class TermsFound:
    """A company's box: whose, the terms it holds, why they allow nothing now, and what is wrong with the file."""

    partner: str
    number: int | None
    until: datetime | None
    state: str
    problem: str = ""
    time_zone: str = ""


def check_terms_held(found: TermsFound, now: datetime) -> Check:
    """Whether the box may work, and for how long."""
    date = f"{found.until:%Y-%m-%d}" if found.until else "-"
    value = f"{found.partner}, {found.number or '-'}, {date}"
    if found.problem:
        return failed("terms", value, "terms-unbelieved", reason=found.problem)
    if found.state in _REMEDIES:
        facts = {"partner": found.partner, "date": date, "zone": found.time_zone}
        return failed("terms", value, _REMEDIES[found.state], **facts)
    if found.until is not None and found.until - now < SOON:
        return warned("terms", value, "terms-end-soon", date=date)
    return passed("terms", value)
