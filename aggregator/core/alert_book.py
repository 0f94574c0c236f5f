"""Which events make one alert. The same events make the same alerts, in whatever order they come.

1. Hits of one vehicle are one alert: two hits of a city that share an entry and lie no further apart than the window
   belong together, and so does all that hangs together by such pairs. Of a hit that matches several entries those of
   the best quality count. So a late hit may join what were two alerts: the younger is merged into the older.
2. What a person has decided is not drawn into that. A hit that lies before the decision is part of what was decided on;
   a later one is a new alert. What is open comes first.
3. A hit stays where it is, whatever later frames make of it. They change how certain it is, and may withdraw it.
4. The start and the end of an alarm are one alert, by device, camera, word and the instant at which it began.
5. An event is known by its envelope's hash: one that comes twice changes nothing.

What hangs together is kept as spans: for each key (a city's entry, an alarm) stretches of time, each of one alert. An
event belongs to every span of its keys that it touches, so that nothing needs to look at an alert's other hits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from aggregator.core.alerts import Act, Alert, Kind, State, merged, settled, with_hit
from protocol.messages import Quality

AlertId: TypeAlias = int
# Alerts that are not stored yet are numbered from here, so that they are younger than any that is.
PROVISIONAL: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An event as alerts see it. `quality` is that of now; None: not a hit, or withdrawn."""

    event: bytes
    kind: Kind
    city: str
    keys: frozenset[str]
    happened_at: datetime
    quality: Quality | None = None
    over_at: datetime | None = None  # the event is an alarm's end


@dataclass(frozen=True, slots=True)
class Known:
    """A sighting that is in an alert already."""

    alert: AlertId
    quality: Quality | None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which a key belongs to an alert."""

    city: str
    key: str
    alert: AlertId
    first_at: datetime
    last_at: datetime

    def is_touched(self, at: datetime, window: timedelta) -> bool:
        """Whether something at an instant belongs to it."""
        return self.first_at - window <= at <= self.last_at + window

    def with_instant(self, at: datetime) -> "Span":
        """The span with an instant of its own more, unless that lies in it."""
        if self.first_at <= at <= self.last_at:
            return self
        return replace(self, first_at=min(self.first_at, at), last_at=max(self.last_at, at))


@dataclass(frozen=True, slots=True)
class Line:
    """What happened to an alert, and its state after it. `other` is the one that it was merged with."""

    alert: AlertId
    act: Act
    state: State
    event: bytes | None = None
    other: AlertId | None = None


@dataclass(slots=True)
class Book:
    """The alerts that some events may touch, and what those do to them. Fill it, `take` events, write it back."""

    window: timedelta
    alerts: dict[AlertId, Alert] = field(default_factory=dict)
    known: dict[bytes, Known] = field(default_factory=dict)
    spans: dict[tuple[str, str], list[Span]] = field(default_factory=dict)
    merges: dict[AlertId, AlertId] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    times: dict[AlertId, tuple[datetime, datetime]] = field(default_factory=dict)
    _new: int = 0

    def add_spans(self, spans: Iterable[Span]) -> None:
        """Put what is stored into the book."""
        for span in spans:
            self.spans.setdefault((span.city, span.key), []).append(span)

    def take(self, sighting: Sighting) -> None:
        """Enter an event."""
        known = self.known.get(sighting.event)
        if known is not None:
            self._change(known, sighting)
            return
        alert = self._joined(sighting)
        if alert is None:
            alert = self._raised(sighting)
        elif sighting.over_at is None:
            self._note(alert, Act.ADD, sighting.event)
        self._enter(alert, sighting)
        self._stretch(alert, sighting)

    def home(self, alert: AlertId) -> AlertId:
        """The alert that another has become part of, or itself."""
        while alert in self.merges:
            alert = self.merges[alert]
        return alert

    def _touched(self, sighting: Sighting) -> Iterator[AlertId]:
        """The alerts whose spans the event touches."""
        for key in sorted(sighting.keys):
            for span in self.spans.get((sighting.city, key), ()):
                if self._touches(sighting, span):
                    yield self.home(span.alert)

    def _touches(self, sighting: Sighting, span: Span) -> bool:
        """Of an alarm the key says it all: when it began stands in it."""
        return sighting.kind is not Kind.HIT or span.is_touched(sighting.happened_at, self.window)

    def _joined(self, sighting: Sighting) -> AlertId | None:
        """The alert that an event belongs to, those merged that it joins."""
        found = sorted(set(self._touched(sighting)))
        if sighting.kind is not Kind.HIT:
            return found[0] if found else None
        taking = [each for each in found if self.alerts[each].takes_hits]
        if taking:
            for other in taking[1:]:
                self._merge(taking[0], other)
            return taking[0]
        decided = [(at, each) for each in found if (at := self.alerts[each].decided_at) and at > sighting.happened_at]
        return max(decided)[1] if decided else None

    def _raised(self, sighting: Sighting) -> AlertId:
        alert = PROVISIONAL + self._new
        self._new += 1
        self.alerts[alert] = Alert(kind=sighting.kind)
        self._note(alert, Act.RAISE, sighting.event)
        return alert

    def _enter(self, alert: AlertId, sighting: Sighting) -> None:
        before = self.alerts[alert]
        after = with_hit(before, sighting.quality)
        if sighting.over_at is not None and after.ended_at is None:
            after = replace(after, ended_at=sighting.over_at)
            self._note(alert, Act.END, sighting.event)
        self._settle(alert, before, after, sighting.event)
        self.known[sighting.event] = Known(alert, sighting.quality)
        first_at, last_at = self.times.get(alert, (sighting.happened_at, sighting.happened_at))
        self.times[alert] = (min(first_at, sighting.happened_at), max(last_at, sighting.happened_at))

    def _change(self, known: Known, sighting: Sighting) -> None:
        if known.quality is sighting.quality:
            return
        alert = self.home(known.alert)
        before = self.alerts[alert]
        after = with_hit(with_hit(before, known.quality, by=-1), sighting.quality)
        self._note(alert, Act.AMEND, sighting.event)
        self._settle(alert, before, after, sighting.event)
        self.known[sighting.event] = Known(alert, sighting.quality)

    def _settle(self, alert: AlertId, before: Alert, after: Alert, event: bytes | None) -> None:
        self.alerts[alert], acts = settled(before, after)
        for act in acts:
            self._note(alert, act, event)

    def _merge(self, into: AlertId, other: AlertId) -> None:
        before, absorbed = self.alerts[into], self.alerts[other]
        self.merges[other] = into
        self.alerts[other] = replace(absorbed, state=State.MERGED, outcome=None)
        self.alerts[into] = merged(before, absorbed)
        self._note(other, Act.MERGE, other=into)
        self._note(into, Act.MERGE, other=other)
        self._settle(into, before, self.alerts[into], None)
        first, second = self.times[into], self.times[other]
        self.times[into] = (min(first[0], second[0]), max(first[1], second[1]))

    def _note(self, alert: AlertId, act: Act, event: bytes | None = None, *, other: AlertId | None = None) -> None:
        self.lines.append(Line(alert, act, self.alerts[alert].state, event, other))

    def _stretch(self, alert: AlertId, sighting: Sighting) -> None:
        """Have the alert's spans hold the event; those that touch each other by it become one."""
        for key in sighting.keys:
            place = (sighting.city, key)
            mine: list[Span] = []
            others: list[Span] = []
            for span in self.spans.get(place, ()):
                is_mine = self.home(span.alert) == alert and self._touches(sighting, span)
                (mine if is_mine else others).append(span)
            whole = Span(*place, alert, sighting.happened_at, sighting.happened_at)
            for span in mine:
                whole = whole.with_instant(span.first_at).with_instant(span.last_at)
            self.spans[place] = [*others, whole]
