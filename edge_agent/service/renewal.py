"""Renewal in the running agent: ask in good time, try what is offered, then put it in force.

    due -> asked -> verified -> tried at the artefacts -> tried at the broker -> in force
             \\___________\\________________\\______________________\\-> the old one stays; asked again later

The trial at the broker is the delivery's next connection (`Delivery.try_papers`): a second connection under this box's
name would throw the first one off. Whatever fails leaves the certificate in force where it is, and the wait before the
next attempt grows. A certificate that ended while the box was off is renewed the same way, since the request goes by
the key and not by the certificate.

The answer also says where the box stands. One that is refused as not of its place (`LinkState.misplaced`) asks at once;
if it was moved, its identity is written anew and the service ends, to be started again at the new point.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import structlog

from edge_agent.adapters import papers, renewal
from edge_agent.adapters.keystore import Enrolment
from edge_agent.core.alarms import Sign, Signal
from edge_agent.core.renewal import Shares, Standing, Term, standing
from edge_agent.errors import BadIdentity, RenewalFailed
from edge_agent.service.delivery import LinkState
from edge_agent.service.timekeeper import Timekeeper
from edge_agent.settings import RenewalSettings
from protocol.delivery import Pace

TRIAL_S: Final = 30.0
LATE_ALARM: Final = "certificate_late"
NOTE_CHARS: Final = 90

log = structlog.get_logger()

Trial = Callable[[float], Awaitable[str | None]]
"""Connects to the broker under the papers on trial; None if it takes them, else why not."""

OnSignal = Callable[[Signal], Awaitable[None]]
"""Takes the signal that a certificate is late, or no more."""


async def _say_nothing(_signal: Signal) -> None:
    pass


@dataclass(slots=True)
class Renewer:
    """One per agent; `run` never returns by itself."""

    enrolment: Enrolment
    time: Timekeeper
    link: LinkState
    try_papers: Trial
    settings: RenewalSettings
    signal: OnSignal = _say_nothing
    rng: Random = field(default_factory=Random)
    failed: int = 0
    problem: str = ""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the identity names another point than this service runs for: it is to start again."""
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _knows_its_place: bool = False

    async def run(self) -> None:
        """Look at the certificate now and then, and renew it when it is due."""
        pace = Pace(self.settings.retry_first_s, self.settings.retry_most_s)
        while True:
            found = self.standing()
            await self.signal(late_signal(found, self.problem))
            if found is Standing.FRESH:
                if not await self._misplaced_within(self.settings.check_interval_s):
                    continue
            else:
                self._log_standing(found)
            await asyncio.sleep(self.rng.uniform(0, self.settings.spread_s))
            with suppress(RenewalFailed):
                await self.renew()
                continue
            await asyncio.sleep(pace.wait_s(self.failed, self.rng))

    async def renew(self) -> Term:
        """Renew now, whether due or not; the new term. Raises `RenewalFailed`."""
        async with self._one_at_a_time:
            try:
                term = await self._renew()
            except RenewalFailed as exc:
                self.failed, self.problem = self.failed + 1, str(exc)
                log.warning("renewal_failed", why=str(exc), attempts=self.failed)
                raise
            self.failed, self.problem = 0, ""
            log.info("certificate_renewed", ends=term.ends.isoformat())
            return term

    def standing(self) -> Standing:
        """How the certificate in force stands."""
        shares = Shares(self.settings.due_share, self.settings.late_share)
        return standing(self.term, papers.term_of_der(self.link.server_certificate), shares, now=self.time.now())

    @property
    def term(self) -> Term:
        """The dates of the certificate in force."""
        return papers.term_in_force(self.enrolment.folder)

    def status(self) -> dict[str, Any]:
        """What `edge-agent status` shows of the certificate."""
        term = self.term
        return {
            "standing": self.standing().value,
            "ends": term.ends.isoformat(),
            "due_at": term.due_at(self.settings.due_share).isoformat(),
            "failed_renewals": self.failed,
            "problem": self.problem,
        }

    async def answer(self) -> dict[str, Any]:
        """Renew at somebody's word on the control socket."""
        return {"ends": (await self.renew()).ends.isoformat(), "is_moved": self.moved.is_set()}

    async def _renew(self) -> Term:
        is_good = self.time.is_clock_good
        found = await offered(self.enrolment, self.time, check_dates=is_good)
        folder = self.enrolment.folder
        await asyncio.to_thread(papers.put_on_trial, folder, found)
        try:
            problem = await artefacts_problem(self.enrolment, check_dates=is_good) or await self.try_papers(TRIAL_S)
            if problem is not None:
                raise RenewalFailed(f"the new certificate is not taken, the old one stays: {problem}")
            await asyncio.to_thread(papers.adopt, folder)
            self._knows_its_place = True
            if await asyncio.to_thread(papers.settle_at, self.enrolment, found):
                log.warning("moved", city=found.city, point=found.point)
                self.moved.set()
        finally:
            papers.discard(folder)
        return found.term

    async def _misplaced_within(self, seconds: float) -> bool:
        """Whether a message is refused as not of this place, meanwhile; asked about once a run."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.link.misplaced.wait()
                if not self._knows_its_place:
                    return True
                await asyncio.Event().wait()
        return False

    def _log_standing(self, found: Standing) -> None:
        say = log.info if found is Standing.DUE else log.error
        say("certificate_to_be_renewed", standing=found.value, ends=self.term.ends.isoformat(), problem=self.problem)


async def offered(enrolment: Enrolment, time: Timekeeper, *, check_dates: bool) -> papers.Papers:
    """Papers that the command centre offers, verified; raises `RenewalFailed`."""
    answer = await renewal.ask(enrolment, now=time.now(), check_dates=check_dates)
    return papers.verified(answer, enrolment, now=time.now() if check_dates else None)


async def artefacts_problem(enrolment: Enrolment, *, check_dates: bool) -> str | None:
    """Whether the artefacts' server takes the papers on trial."""
    try:
        return await renewal.artefacts_problem(enrolment, check_dates=check_dates, on_trial=True)
    except BadIdentity as exc:
        raise RenewalFailed("the certificate offered cannot be used with this box's key") from exc


def late_signal(found: Standing, problem: str) -> Signal:
    """What the alarms are told of how a certificate stands; they say it once."""
    is_late = found in (Standing.LATE, Standing.ENDED)
    return Signal(None, LATE_ALARM, "", Sign.ON if is_late else Sign.OFF, problem[:NOTE_CHARS] if is_late else "")
