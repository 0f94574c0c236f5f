"""Renewal where no agent runs: asked, verified and tried as the agent does it, over a connection of this process's own.

The connection is made under the box's name, which is why an agent must not be running. It leaves no will and says
nothing; what the broker hands it of the box's session is lost to the agent, and costs a resend.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.adapters import papers
from edge_agent.adapters.keystore import Enrolment, TrustFile, load_enrolment
from edge_agent.adapters.outbox import KeptTime
from edge_agent.adapters.uplink import Broker, connected
from edge_agent.errors import LinkFailed, RenewalFailed
from edge_agent.service.renewal import artefacts_problem, offered
from edge_agent.service.timekeeper import Timekeeper
from protocol.topics import HOTLIST, broadcast_topic

_NOTHING_KEPT: Final = KeptTime(0, 0)


async def renew_alone(identity_dir: Path, data_dir: Path) -> datetime:
    """Renew the certificate; until when the new one holds. Raises `RenewalFailed`; the old one stays then."""
    enrolment = load_enrolment(identity_dir)
    time = Timekeeper(_NOTHING_KEPT, root_said_ms=TrustFile(enrolment, data_dir).store.created_ms)
    is_good = time.is_clock_good
    found = await offered(enrolment, time, check_dates=is_good)
    papers.put_on_trial(identity_dir, found)
    try:
        problem = await artefacts_problem(enrolment, check_dates=is_good) or await _broker_problem(
            enrolment, check_dates=is_good
        )
        if problem is not None:
            raise RenewalFailed(f"the new certificate is not taken, the old one stays: {problem}")
        papers.adopt(identity_dir)
        papers.settle_at(enrolment, found)
    finally:
        papers.discard(identity_dir)
    return found.term.ends


async def _broker_problem(enrolment: Enrolment, *, check_dates: bool) -> str | None:
    facts = enrolment.facts
    tls = enrolment.tls(check_dates=check_dates, on_trial=True)
    broker = Broker(facts.broker_host, facts.broker_port, facts.device, tls)
    try:
        async with connected(broker, filters=[str(broadcast_topic(facts.city, HOTLIST))]):
            return None
    except LinkFailed as exc:
        return str(exc)
