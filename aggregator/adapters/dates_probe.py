"""What of an installation ends one day: certificates and lists on the disk, grants, boxes in the registry."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from aggregator.adapters import federation_link, keyfiles, mosquitto, pki
from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.adapters.trust_file import read_trust
from aggregator.core.access import link_client
from aggregator.core.dates import Before, Dated, Dating, Kind, judge
from aggregator.errors import AggregatorError
from aggregator.settings import Dates, Settings
from protocol.clock import from_ms
from protocol.keys import PublicKey
from protocol.trust import Role

# Of a city's grants only our own are ours to renew; an officer sees to his with his city.
_OUR_ROLES: Final = (Role.RECEIPT, Role.MANIFEST, Role.AUDIT, Role.SETTINGS, Role.EVIDENCE)


def judged_files(settings: Settings, *, now: datetime) -> list[Dating]:
    """What lies on the disk, judged. A file that cannot be read ended long ago."""
    return [judge(each, before(settings.dates, each.kind), now=now) for each in _of_files(settings)]


async def judged(connection: Connection, settings: Settings, *, now: datetime) -> list[Dating]:
    """The same, and the certificates of boxes in service."""
    limit = before(settings.dates, Kind.DEVICE)
    rows = await connection.fetch(statements("certificates")["devices_ending"])
    boxes = [judge(Dated(Kind.DEVICE, row["device_id"], row["not_after"]), limit, now=now) for row in rows]
    return [*judged_files(settings, now=now), *boxes]


def before(dates: Dates, kind: Kind) -> Before:
    """How long before its end something of a kind is told of."""
    match kind:
        case Kind.ROOT | Kind.ISSUING:
            warn, alarm = dates.authority_warn_days, dates.authority_alarm_days
        case Kind.REVOCATIONS:
            warn, alarm = dates.revocations_warn_days, dates.revocations_alarm_days
        case _:
            warn, alarm = dates.certificate_warn_days, dates.certificate_alarm_days
    return Before(timedelta(days=warn), timedelta(days=alarm))


def _of_files(settings: Settings) -> Iterator[Dated]:
    keys, broker = settings.keys, settings.broker
    yield Dated(Kind.ROOT, "of the installation", _end_of(keys.root_certificate))
    yield Dated(Kind.ISSUING, "of the installation", _end_of(keys.issuing_certificate))
    yield from _lists(keys.crl)
    yield Dated(Kind.SERVER, "broker", _end_of(settings.mosquitto.certificate))
    yield Dated(Kind.SERVER, "artefacts", _end_of(settings.http.certificate))
    for name in mosquitto.own_clients(settings):
        yield Dated(Kind.CLIENT, name, _end_of(broker.certificate_of(name)))
    for city in mosquitto.linked_cities(settings):
        yield Dated(Kind.LINK, city, _end_of(broker.certificate_of(link_client(city))))
    if (own := federation_link.certificate_of(settings)) is not None:
        yield Dated(Kind.LINK, settings.city, _end_of(own))
    yield from _grants(settings)


def _lists(path: Path) -> Iterator[Dated]:
    try:
        crls = pki.read_crls(keyfiles.read_file(path))
    except AggregatorError:
        yield Dated(Kind.REVOCATIONS, f"{path}, which cannot be read,", from_ms(0))
        return
    for crl in crls:
        yield Dated(Kind.REVOCATIONS, f"of {pki.issuer_name(crl)}", crl.next_update_utc or from_ms(0))


def _grants(settings: Settings) -> Iterator[Dated]:
    try:
        key = keyfiles.read_signer(settings.keys.server_key).public_key
        yield from _grants_of(settings, key)
    except AggregatorError:
        yield Dated(Kind.GRANT, "bundle, which cannot be read,", from_ms(0))


def _grants_of(settings: Settings, server: PublicKey) -> Iterator[Dated]:
    """The latest end of what our server key and the evidence authority may do, role by role."""
    ends: dict[Role, int] = {}
    for grant in read_trust(settings.keys).grants:
        if grant.role in _OUR_ROLES and (grant.key_id == server.key_id or grant.role is Role.EVIDENCE):
            ends[grant.role] = max(ends.get(grant.role, 0), grant.not_after_ms)
    for role, until_ms in ends.items():
        yield Dated(Kind.GRANT, f"of role {role.name.lower()}", from_ms(until_ms))


def _end_of(path: Path) -> datetime:
    try:
        certificate: x509.Certificate = keyfiles.read_certificate(path)
    except AggregatorError:
        return from_ms(0)
    return certificate.not_valid_after_utc
