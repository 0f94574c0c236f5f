"""Clock, names, broker, uplink, certificates, sealing: what stands between a hit and the command centre.

Rules
- The box's clock is held to the command centre's. A little off warns; so far off that certificates and messages stop
  being believed fails. A clock that nobody disciplines warns even if it happens to be right today.
- The broker is met with the box's certificate in a TLS handshake and no further: a second MQTT session under the same
  identity would throw the running agent off.
- A certificate that is past its dates fails; one past the time when it should have been renewed warns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from edge_agent.core.checks import Check, failed, passed, warned

CLOCK_OFF: Final = timedelta(seconds=2)
CLOCK_LOST: Final = timedelta(seconds=60)
LATE_SHARE: Final = 5 / 6
"""Share of a certificate's term after which it should have been renewed."""
CA_NOTICE: Final = timedelta(days=90)
GOOD_KBIT_S: Final = 1_000
LEAST_KBIT_S: Final = 128
"""A hit with its picture is some 600 kB: a minute at the lower figure is 40 s of it."""
SLOW_MS: Final = 500


@dataclass(frozen=True, slots=True)
class TimeService:
    """What keeps the clock: `chrony`, `timesyncd`, ..., or none; `is_synchronized` None if it cannot be told."""

    name: str
    is_synchronized: bool | None


@dataclass(frozen=True, slots=True)
class Uplink:
    """The line to the command centre as measured. `offset_ms` is our clock less the command centre's."""

    round_trip_ms: float
    up_kbit_s: float
    offset_ms: float


@dataclass(frozen=True, slots=True)
class Term:
    """From when to when a certificate holds."""

    name: str
    begins: datetime
    ends: datetime


def check_time_service(found: TimeService) -> Check:
    """Whether somebody keeps the clock right."""
    match found.is_synchronized:
        case True:
            return passed("clock-ntp", found.name)
        case False:
            return warned("clock-ntp", found.name, "doctor-ntp-unsynchronized", service=found.name)
        case None:
            return warned("clock-ntp", found.name or "-", "doctor-ntp-unknown")


def check_offset(offset_ms: float) -> Check:
    """Whether the clock is right."""
    value, off = f"{offset_ms:+.0f} ms", abs(timedelta(milliseconds=offset_ms))
    if off > CLOCK_LOST:
        return failed("clock-offset", value, "doctor-clock-wrong", seconds=round(off.total_seconds()))
    if off > CLOCK_OFF:
        return warned("clock-offset", value, "doctor-clock-off", seconds=round(off.total_seconds()))
    return passed("clock-offset", value)


def check_names(found: Mapping[str, str | None]) -> tuple[Check, ...]:
    """Hosts and the address that each was resolved to; None if it was not."""
    return tuple(
        passed("dns", f"{host} = {address}" if host != address else f"{host} (no name)")
        if address
        else failed("dns", host, "doctor-dns-failed", host=host)
        for host, address in found.items()
    )


def check_broker(where: str, refusal: str, *, is_live: bool) -> Check:
    """Whether the broker takes the box's certificate; `refusal` is empty if it does."""
    if is_live:
        return passed("broker", f"{where}, agent connected")
    if refusal:
        return failed("broker", where, "doctor-broker-refused", where=where, reason=refusal)
    return passed("broker", where)


def check_uplink(found: Uplink) -> tuple[Check, ...]:
    """Speed of the way up, and its delay."""
    value = f"{found.up_kbit_s:.0f} kbit/s, {found.round_trip_ms:.0f} ms"
    if found.up_kbit_s < LEAST_KBIT_S:
        speed = failed("uplink", value, "doctor-uplink-too-slow", least_kbit_s=LEAST_KBIT_S)
    elif found.up_kbit_s < GOOD_KBIT_S or found.round_trip_ms > SLOW_MS:
        speed = warned("uplink", value, "doctor-uplink-slow", good_kbit_s=GOOD_KBIT_S)
    else:
        speed = passed("uplink", value)
    return speed, check_offset(found.offset_ms)


def check_undated(found: Uplink) -> tuple[Check, ...]:
    """A line that works only if nobody looks at dates: our clock is wrong, or the command centre's certificate."""
    value = f"{found.up_kbit_s:.0f} kbit/s"
    return failed("uplink", value, "doctor-uplink-undated"), check_offset(found.offset_ms)


def check_terms(terms: Sequence[Term], now: datetime) -> tuple[Check, ...]:
    """Certificates against the date: the box's own first, then those above it."""
    return tuple(_term(term, now, is_own=index == 0) for index, term in enumerate(terms))


def check_sealing(*, is_hardware: bool | None, hotlist: str) -> tuple[Check, ...]:
    """Where the key lies that seals passwords, and whether the hotlist stays on the disk."""
    if is_hardware is None:
        vault = warned("sealing", "-", "doctor-sealing-none")
    elif is_hardware:
        vault = passed("sealing", "TPM")
    else:
        vault = warned("sealing", "file", "doctor-sealing-file")
    if hotlist == "file":
        return vault, warned("hotlist-at-rest", "file", "doctor-hotlist-file")
    return vault, passed("hotlist-at-rest", hotlist)


def _term(term: Term, now: datetime, *, is_own: bool) -> Check:
    value = f"{term.name} {term.begins:%Y-%m-%d} - {term.ends:%Y-%m-%d}"
    facts = {"name": term.name, "date": f"{term.ends:%Y-%m-%d}"}
    if now < term.begins:
        return failed("certificate", value, "doctor-certificate-not-yet", **facts)
    if now >= term.ends:
        return failed("certificate", value, "doctor-certificate-expired", **facts)
    is_late = now - term.begins > (term.ends - term.begins) * LATE_SHARE if is_own else term.ends - now < CA_NOTICE
    if is_late:
        return warned("certificate", value, "doctor-certificate-late" if is_own else "doctor-ca-late", **facts)
    return passed("certificate", value)
