"""`aggregator init`: found an installation, and say what to do next."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from aggregator.adapters import keyfiles
from aggregator.adapters.founding import EVIDENCE_KEY_NAME, ROOT_KEY_NAME, SETTINGS_NAME, Passphrases
from aggregator.adapters.installation import establish
from aggregator.adapters.registry_files import time_zones
from aggregator.cli.console import say
from aggregator.core.founding import BACKUP, Plan
from aggregator.errors import BadInput
from protocol.names import check_id

NEXT_STEPS = """\
The {role} {city} is founded in {folder}.

Carry off, and delete here ({offline}):
  {root}      signs trust bundles and the issuing CA; needed only for `aggregator trust`
  {evidence}  opens sealed originals; no server ever needs it
Each needs its passphrase file. Keep key and passphrase apart, and a copy of both elsewhere.

Next:
  export ATALAYA_CONFIG={config}{then}"""
CITY_STEPS = """
  aggregator broker run      (in a terminal of its own, or as docs/broker.md sets up the service)
  aggregator broker check
  aggregator point add POINT --city {city} --name NAME --latitude LAT --longitude LON
  aggregator run             (in a terminal of its own, or as its service)
  aggregator device invite --city {city} --point POINT --profile PROFILE
  edge-agent enroll          (on the box, with the token that the line before printed)"""

REGION_STEPS = """
  aggregator broker run      (in a terminal of its own, or as docs/broker.md sets up the service)
  aggregator broker check
  aggregator run             (in a terminal of its own, or as its service)
  aggregator federation invite CITY
  aggregator federation join (in the city, with the token that the line before printed)"""


def init(
    folder: Path,
    /,
    *,
    city: str,
    root_passphrase_file: Path,
    evidence_passphrase_file: Path,
    role: Literal["city", "region"] = "city",
    name: str | None = None,
    time_zone: str = "America/Monterrey",
    broker_host: str = "127.0.0.1",
    broker_port: int = 8883,
    http_port: int = 8443,
    enrol_port: int = 8444,
    health_port: int = 8080,
    workers: Annotated[int, Parameter(help="Ingest clients to certify, worker.1 to worker.N.")] = 2,
    dsn: Annotated[str | None, Parameter(help="PostgreSQL server; without it an embedded one runs.")] = None,
    database_password_file: Path | None = None,
) -> None:
    """Found an installation: keys, certificates, trust bundle, database, settings, the broker's configuration.

    Parameters
    ----------
    folder
        Where to; it must not be there yet, or be empty.
    city
        Id of the city or region.
    root_passphrase_file
        Encrypts the root key: a file of mode 600 with at least 16 characters in its first line.
    evidence_passphrase_file
        Encrypts the evidence authority's key; another passphrase than the root's.
    role
        A city, or the region over several.
    name
        Its name for people; the id, if none is given.
    time_zone
        IANA time zone of its points.
    broker_host
        Name or address under which boxes find the broker and the artefacts; it goes into the certificates.
    broker_port
        The broker's port.
    http_port
        Port of the artefacts.
    enrol_port
        Port where boxes without a certificate enrol.
    health_port
        Port of `/healthz`, on loopback.
    database_password_file
        Password for the DSN.
    """
    if time_zone not in time_zones():
        raise BadInput(f"--time-zone {time_zone!r} is no IANA time zone, such as America/Monterrey")
    plan = Plan(
        city=check_id(city, "--city"),
        name=name or city,
        role=role,
        time_zone=time_zone,
        broker_host=broker_host,
        broker_port=broker_port,
        http_port=http_port,
        enrol_port=enrol_port,
        health_port=health_port,
        workers=workers,
        dsn=dsn,
        password_file=str(database_password_file.resolve()) if database_password_file else None,
    )
    passphrases = read_passphrases(root_passphrase_file, evidence_passphrase_file)
    asyncio.run(establish(folder, plan, passphrases, now=datetime.now(UTC)))
    say(next_steps(folder.resolve(), plan))


def read_passphrases(root: Path, evidence: Path) -> Passphrases:
    """The two passphrases, which must differ: who can open pictures must not be able to name keys."""
    passphrases = Passphrases(keyfiles.read_passphrase(root), keyfiles.read_passphrase(evidence))
    if passphrases.root == passphrases.evidence:
        raise BadInput("root and evidence authority need different passphrases: they are different people's")
    return passphrases


def next_steps(folder: Path, plan: Plan) -> str:
    """What the operator does now."""
    offline = folder / BACKUP
    then = REGION_STEPS if plan.role == "region" else CITY_STEPS.format(city=plan.city)
    return NEXT_STEPS.format(
        then=then,
        role=plan.role,
        city=plan.city,
        folder=folder,
        offline=offline,
        root=offline / ROOT_KEY_NAME,
        evidence=offline / EVIDENCE_KEY_NAME,
        config=folder / SETTINGS_NAME,
    )
