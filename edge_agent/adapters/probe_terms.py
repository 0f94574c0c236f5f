"""A company's terms on its box, for the doctor: the running agent's word for them, else the file's."""

from typing import Any

from edge_agent.adapters.keystore import Enrolment, TrustFile
from edge_agent.adapters.terms_file import TermsFile
from edge_agent.core.checks_terms import TermsFound
from edge_agent.settings import Settings
from protocol.clock import from_ms


def look_at_terms(
    settings: Settings, enrolment: Enrolment, status: dict[str, Any] | None, now_ms: int
) -> TermsFound | None:
    """What a company's box holds; None for a box of the city itself. (`status`: JSON, the agent's word.)"""
    told = (status or {}).get("terms")
    if told is not None:
        return _told(told)
    file = TermsFile(enrolment)
    if not file.is_partner:
        return None
    held = file.holding(TrustFile(enrolment, settings.data_dir).store)
    terms = held.terms
    return TermsFound(
        partner=file.partner or (terms.partner if terms else "-"),
        number=terms.number if terms else None,
        until=from_ms(terms.until_ms) if terms else None,
        state=held.why_not(now_ms) or "in_force",
        problem=file.problem,
        time_zone=terms.time_zone if terms else "",
    )


def _told(told: dict[str, Any]) -> TermsFound | None:
    if told["partner"] is None:
        return None
    until_ms = told["until_ms"]
    return TermsFound(
        partner=told["partner"],
        number=told["number"],
        until=None if until_ms is None else from_ms(until_ms),
        state=told["state"],
        problem=told["problem"],
        time_zone=told["time_zone"],
    )
