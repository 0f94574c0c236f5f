"""The way to the command centre, as probes: who keeps the clock, certificates, names, broker, speed."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from edge_agent.adapters import probe_link
from edge_agent.adapters.keystore import Enrolment
from edge_agent.adapters.probe_clock import time_service
from edge_agent.adapters.probe_papers import certificate_terms
from edge_agent.core.checks_link import (
    check_broker,
    check_names,
    check_terms,
    check_time_service,
    check_undated,
    check_uplink,
)
from edge_agent.errors import LinkFailed
from edge_agent.service.probing import Checks, Patient, Probe, in_thread

LINK_S: Final = 40.0


def time_probe() -> Probe:
    """Who keeps the clock."""
    return Probe("clock-ntp", lambda: in_thread(lambda: (check_time_service(time_service()),)))


def far_probes(patient: Patient) -> tuple[Probe, ...]:
    """The way to the command centre, for a box that knows it."""
    enrolment = patient.enrolment
    if enrolment is None:
        return ()
    facts = enrolment.facts
    hosts = {facts.broker_host, urlsplit(facts.artefacts_url).hostname or ""} - {""}
    return (
        Probe("certificate", lambda: in_thread(partial(_certificates, enrolment))),
        Probe("dns", partial(_names, hosts)),
        Probe("broker", partial(_broker, patient, enrolment)),
        Probe("uplink", partial(_uplink, enrolment), LINK_S),
    )


def _certificates(enrolment: Enrolment) -> Checks:
    return check_terms(certificate_terms(enrolment.folder), datetime.now(UTC))


async def _names(hosts: set[str]) -> Checks:
    return check_names({host: await probe_link.resolve(host) for host in sorted(hosts)})


async def _broker(patient: Patient, enrolment: Enrolment) -> Checks:
    facts = enrolment.facts
    where = f"{facts.broker_host}:{facts.broker_port}"
    if (patient.status or {}).get("presence", {}).get("is_connected"):
        return (check_broker(where, "", is_live=True),)
    met = partial(probe_link.broker_refusal, facts.broker_host, facts.broker_port, enrolment.tls())
    return (check_broker(where, await asyncio.to_thread(met), is_live=False),)


async def _uplink(enrolment: Enrolment) -> Checks:
    """With dates unchecked at the second try: a clock that is wrong makes every certificate look out of date."""
    url = enrolment.facts.artefacts_url
    try:
        return check_uplink(await probe_link.measure_uplink(url, enrolment.tls))
    except LinkFailed as exc:
        try:
            found = await probe_link.measure_uplink(url, partial(enrolment.tls, check_dates=False))
        except LinkFailed:
            raise exc from None
        return check_undated(found)
