"""Terms in the running agent: taken, asked of before anything is looked at, and told.

The keeper is asked from the event loop and from the cameras' threads; it answers from what it holds at that instant.
Once a second it looks whether what was allowed is allowed still: a camera that no longer is gives up what it has seen,
and a box that may not look for anything any more forgets whom it looked for and whom it saw. The company learns it on
the box (`edge-agent status`), the command centre by an alarm.

The meter (`core.terms`) is written to the outbox once a minute: whoever cuts the power wins a minute of it at most.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import structlog

from edge_agent.adapters.keystore import TrustFile
from edge_agent.adapters.outbox import Kept
from edge_agent.adapters.terms_file import TermsFile
from edge_agent.core.alarms import PANIC as PANIC_ALARM
from edge_agent.core.alarms import PANIC_TEST, Sign, Signal
from edge_agent.core.terms import Holding, Meter
from edge_agent.errors import BadIdentity, OutboxFailed
from edge_agent.service.writer import Writer
from protocol.terms import Ask, Shown, Terms, TermsRefusal, Use

ALARM: Final = "terms_not_in_force"
KEPT_NAME: Final = "terms_meter"
LOOK_EVERY_S: Final = 1.0
KEEP_EVERY_S: Final = 60.0
SIGNAL_EVERY_S: Final = 30.0
_LOOKS: Final = (Use.HIT, Use.CONDITION)
"""The uses for which frames are looked at."""

log = structlog.get_logger()

OnSignal = Callable[[Signal], Awaitable[None]]


class _KeptMeter(msgspec.Struct, frozen=True):
    counted_ms: int


async def _say_nothing(_signal: Signal) -> None:
    """Nobody listens yet."""


async def _nobody_told(_camera: str) -> None:
    """Nobody looks yet."""


@dataclass(slots=True)
class TermsKeeper:
    """One per agent. `on_closed` is told of each camera that may no longer be looked at, `on_changed` when what the
    whole box may do has changed; `signal` reaches the alarms. `turned` is set when the box has become a company's: what
    was opened for one of the city is to be opened anew."""

    file: TermsFile
    trust: TrustFile
    writer: Writer
    cameras: tuple[str, ...]
    holding: Holding
    meter: Meter
    on_closed: Callable[[str], Awaitable[None]] = _nobody_told
    on_changed: Callable[[], None] = lambda: None
    signal: OnSignal = _say_nothing
    refused: dict[str, int] = field(default_factory=dict)
    turned: asyncio.Event = field(default_factory=asyncio.Event)
    monotonic: Callable[[], float] = time.monotonic
    _ungranted: bytes | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _open: frozenset[str] = frozenset()
    _said: tuple[str | None, bool] = (None, True)
    _kept_s: float = 0.0
    _signalled_s: float = float("-inf")

    @classmethod
    async def opened(
        cls, file: TermsFile, trust: TrustFile, writer: Writer, cameras: Iterable[str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> "TermsKeeper":  # fmt: skip
        """The keeper of a box, going on where the meter stood."""
        raw = await writer.kept(KEPT_NAME)
        try:
            kept = msgspec.json.decode(raw, type=_KeptMeter).counted_ms if raw else 0
        except msgspec.DecodeError:
            log.warning("terms_meter_forgotten", why="what was kept is of another release")
            kept = 0
        vouched_ms = writer.time.kept().vouched_ms
        meter = Meter(max(kept, vouched_ms), monotonic(), vouched_ms)
        holding = await asyncio.to_thread(file.holding, trust.store)
        return cls(file, trust, writer, tuple(cameras), holding, meter, monotonic=monotonic)

    def now_ms(self) -> int:
        """The time by which terms hold and end."""
        return max(self.writer.time.now_ms(), self.meter.now_ms(self.monotonic()))

    def allows(self, use: Use, camera: str | None = None) -> bool:
        """Whether something may be done now. May be asked in any thread."""
        return not self.holding.is_partner or self.holding.allows(Ask(use, camera, self.now_ms()))

    def wants(self, camera: str) -> bool:
        """Whether a camera's frames may be looked at now, for whatever."""
        return any(self.allows(use, camera) for use in _LOOKS)

    def allows_signal(self, signal: Signal) -> bool:
        """Whether an alarm may begin. What ends one always may, and what the box says of itself."""
        if signal.sign is Sign.OFF:
            return True
        if signal.camera is not None:
            return self.allows(Use.ALARM, signal.camera)
        return signal.alarm not in (PANIC_ALARM, PANIC_TEST) or self.allows(Use.PANIC)

    def may_hold_list(self) -> bool:
        """Whether the box may know whom to look for."""
        return self.holding.may_hold_list(self.now_ms())

    def shows(self, what: Shown) -> bool:
        """Whether whoever stands at the box may be shown something."""
        return self.holding.shows(what)

    async def take(self, raw: bytes) -> None:
        """Terms from the broker; an empty message is one that was taken back, and frees nothing."""
        if not raw:
            return
        async with self._turn:
            try:
                found = await asyncio.to_thread(self.file.take, raw, self.trust.store)
            except BadIdentity as exc:
                log.error("terms_not_kept", why=str(exc))  # noqa: TRY400  no frames in a log
                return
            if isinstance(found, TermsRefusal):
                self._ungranted = raw if found is TermsRefusal.UNKNOWN_KEY else None
                self._refuse(found)
            elif isinstance(found, Terms):
                self.writer.time.vouch(found.created_ms)
                was_partner = self.holding.is_partner
                self.holding = await asyncio.to_thread(self.file.holding, self.trust.store)
                if not was_partner:
                    self.turned.set()
                log.info("terms_taken", number=found.number, partner=found.partner, is_suspended=found.is_suspended)
                await self.look()

    def trusted(self) -> None:
        """A new trust bundle may grant the key of terms that came before it, or no longer grant that of those held."""
        self._woken.set()

    async def run(self) -> None:
        """Look once a second until cancelled."""
        self._open = frozenset(each for each in self.cameras if self.wants(each))
        while True:
            await self.look()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._woken.wait()
            except TimeoutError:
                continue
            self._woken.clear()
            await self._judge_again()

    async def look(self) -> None:
        """Do what follows from the terms as they are now."""
        if not self.holding.is_partner:
            return
        now_s = self.monotonic()
        self.meter = self.meter.heard(self.writer.time.kept().vouched_ms, now_s)
        is_open = frozenset(each for each in self.cameras if self.wants(each))
        for camera in sorted(self._open - is_open):
            await self.on_closed(camera)
        self._open = is_open
        said = (self.holding.why_not(self.now_ms()), self.may_hold_list())
        if said != self._said:
            log.warning("terms_standing", state=said[0] or "in_force", holds_list=said[1])
            before, self._said, self._signalled_s = self._said[0], said, float("-inf")
            self.on_changed()
            if before is not None and before != said[0]:
                await self.signal(Signal(None, ALARM, before, Sign.OFF))
        if said[0] is not None and now_s - self._signalled_s >= SIGNAL_EVERY_S:
            self._signalled_s = now_s
            await self.signal(Signal(None, ALARM, said[0], Sign.ON, said[0]))
        if now_s - self._kept_s >= KEEP_EVERY_S:
            self._kept_s = now_s
            await self._keep(now_s)

    def status(self) -> dict[str, Any]:  # `Any`: JSON
        """What `edge-agent status` shows."""
        held = self.holding
        if not held.is_partner:
            return {"partner": None}
        terms = held.terms
        return {
            "partner": self.file.partner,
            "state": held.why_not(self.now_ms()) or "in_force",
            "problem": self.file.problem,
            "number": terms.number if terms else None,
            "purpose": terms.purpose if terms else "",
            "until_ms": terms.until_ms if terms else None,
            "time_zone": terms.time_zone if terms else "",
            "uses": [each.slug for each in terms.uses] if terms else [],
            "shown": [each.slug for each in terms.shown] if terms else [],
            "open": sorted(each for each in self.cameras if self.wants(each)),
            "closed": sorted(each for each in self.cameras if not self.wants(each)),
            "refused": dict(self.refused),
        }

    async def _judge_again(self) -> None:
        raw, self._ungranted = self._ungranted, None
        async with self._turn:  # or terms that come meanwhile would be forgotten for those before them
            self.holding = await asyncio.to_thread(self.file.holding, self.trust.store)
        if raw is not None:
            await self.take(raw)

    async def _keep(self, now_s: float) -> None:
        kept = Kept(KEPT_NAME, msgspec.json.encode(_KeptMeter(self.meter.now_ms(now_s))))
        try:
            await self.writer.keep(kept)
        except OutboxFailed as exc:
            log.warning("outbox_failed", what="terms_meter", why=str(exc))

    def _refuse(self, why: TermsRefusal) -> None:
        self.refused[why.value] = self.refused.get(why.value, 0) + 1
        log.warning("downlink_refused", word="terms", why=why.value)
