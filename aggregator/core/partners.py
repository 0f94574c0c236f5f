"""Private companies: their terms out of a file, and whether a message lies within what they allow.

A message of a company's point is judged by the terms that were in force when what it tells of happened: the newest that
had been signed by then, whatever has been signed since. So what happened before a suspension is taken when it comes
late, and what happened after it is not, heard of or not. Without terms nothing is allowed.

Terms that have ended are not reached around by an old date. A message of a box that knows its clock to be wrong is
judged by when it arrives, and what arrives more than `LATEST_MS` after their end is outside whatever it says. A report
is upkeep and always taken, unless a line of it counts what its camera was not allowed to see.
"""

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

from protocol.messages import Body, CameraMinute, Clock, Message, Report
from protocol.terms import Ask, Outside, Terms, Tier, Use, asked, is_open_between, outside, standing

LATEST_MS: Final = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Signed:
    """Terms, and the rules of their time zone."""

    terms: Terms
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class PointTerms:
    """All that was ever signed for the company of a point, the oldest first."""

    point: str
    signed: tuple[Signed, ...] = ()

    def at(self, at_ms: int) -> Signed | None:
        """What was in force at an instant."""
        return next((each for each in reversed(self.signed) if each.terms.created_ms <= at_ms), None)


def why_outside(message: Message, body: Body, held: PointTerms, *, received_ms: int) -> Outside | None:
    """Why a message lies outside the terms of its point, or None if it does not."""
    if isinstance(body, Report):
        lines = (_line_outside(line, body, held, received_ms) for line in body.cameras)
        return next((why for why in lines if why is not None), None)
    asks = asked(body, message.created_ms)
    if message.clock is not Clock.GOOD:
        asks = tuple(replace(ask, at_ms=received_ms) for ask in asks)
    found = [_ask_outside(ask, held, received_ms) for ask in asks]
    return None if not found or None in found else found[0]


def state_of(terms: Terms | None, now_ms: int) -> str:
    """Where a company stands, in a word for lists."""
    if terms is None:
        return Outside.NO_TERMS.value
    if terms.is_suspended:
        return Outside.SUSPENDED.value
    if now_ms >= terms.until_ms:
        return Outside.ENDED.value
    if now_ms < terms.from_ms:
        return Outside.NOT_YET.value
    return "registered" if terms.tier is Tier.REGISTERED else "connected"


def _ask_outside(ask: Ask, held: PointTerms, received_ms: int) -> Outside | None:
    signed = held.at(ask.at_ms)
    if signed is None:
        return Outside.NO_TERMS
    if received_ms >= signed.terms.until_ms + LATEST_MS:
        return Outside.ENDED
    return outside(signed.terms, signed.zone, held.point, ask)


def _line_outside(line: CameraMinute, report: Report, held: PointTerms, received_ms: int) -> Outside | None:
    """Why a line of a report counts what it may not, by the terms at neither end of its time."""
    uses = _uses_of(line)
    if not uses:
        return None
    span = _Span(line.camera, uses, report.from_ms, report.to_ms)
    found = [_span_outside(span, held, at_ms, received_ms) for at_ms in (report.from_ms, report.to_ms)]
    return None if None in found else found[-1]


def _uses_of(line: CameraMinute) -> frozenset[Use]:
    """For any of which uses a line's counts may have been counted; none for a line that counts nothing."""
    if line.vehicles or line.reads or line.unreadable or line.hits or line.faces:
        return frozenset({Use.HIT})
    return frozenset({Use.HIT, Use.CONDITION}) if line.frames_processed else frozenset()


@dataclass(frozen=True, slots=True)
class _Span:
    """What a line of a report says was done: a camera was used, for one of these, from when to when."""

    camera: str
    uses: frozenset[Use]
    from_ms: int
    to_ms: int


def _span_outside(span: _Span, held: PointTerms, at_ms: int, received_ms: int) -> Outside | None:
    """Why the terms at an instant do not allow it."""
    signed = held.at(at_ms)
    if signed is None:
        return Outside.NO_TERMS
    terms = signed.terms
    found = standing(terms, held.point, at_ms)
    if found is not None:
        return found
    if received_ms >= terms.until_ms + LATEST_MS:
        return Outside.ENDED
    if span.camera not in (terms.cameras(held.point) or ()):
        return Outside.OTHER_CAMERA
    if not span.uses & frozenset(terms.uses):
        return Outside.OTHER_USE
    return None if is_open_between(terms, signed.zone, span.from_ms, span.to_ms) else Outside.OTHER_HOURS
