"""What an operator decides when an installation is founded, and the settings file that says so.

The file names what differs from the defaults and leaves the rest to them, so that a default which a later release
improves improves old installations too.
"""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

BACKUP: Final = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The decisions. `broker_host` is how boxes and workers find the broker; it is in its certificate."""

    city: str
    name: str
    role: Literal["city", "region"] = "city"
    time_zone: str = "America/Monterrey"
    broker_host: str = "127.0.0.1"
    broker_port: int = 8883
    http_port: int = 8443
    enrol_port: int = 8444
    health_port: int = 8080
    workers: int = 2
    dsn: str | None = None
    password_file: str | None = None

    @property
    def cities(self) -> tuple[str, ...]:
        """The cities that its server key may speak for; none means everywhere."""
        return (self.city,) if self.role == "city" else ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names and addresses in the servers' certificates."""
        return tuple(dict.fromkeys((self.broker_host, "localhost", "127.0.0.1")))

    @property
    def clients(self) -> tuple[str, ...]:
        """Our own clients at the broker."""
        return (*(f"worker.{n}" for n in range(1, self.workers + 1)), "publisher.1", "probe.1")

    @property
    def listen_host(self) -> str:
        """Where servers listen: on loopback if that is where boxes look for them, else everywhere."""
        return "127.0.0.1" if self.broker_host in ("127.0.0.1", "localhost") else "0.0.0.0"  # noqa: S104


def settings_text(plan: Plan) -> str:
    """The settings file of a new installation."""
    database: dict[str, str | int | None] = {"dsn": plan.dsn, "password_file": plan.password_file}
    tables: dict[str, dict[str, str | int | None]] = {
        "database": {} if plan.dsn is None else database,
        "broker": {"host": plan.broker_host, "port": plan.broker_port},
        "mosquitto": {"listen_host": plan.listen_host},
        "http": {
            "host": plan.listen_host,
            "port": plan.http_port,
            "enrol_port": plan.enrol_port,
            "health_port": plan.health_port,
        },
        "boxes": {
            "broker_host": plan.broker_host,
            "broker_port": plan.broker_port,
            "server_name": plan.broker_host,
            "artefacts_url": f"https://{plan.broker_host}:{plan.http_port}",
            "enrolment_url": f"https://{plan.broker_host}:{plan.enrol_port}",
        },
    }
    head = ["# Written by `aggregator init`; docs/settings.md lists every key.", *_pairs(_top(plan))]
    return "\n".join([*head, *(line for name, table in tables.items() for line in _table(name, table))]) + "\n"


def _top(plan: Plan) -> dict[str, str | int | None]:
    return {"city": plan.city, "role": plan.role}


def _table(name: str, pairs: dict[str, str | int | None]) -> list[str]:
    return ["", f"[{name}]", *_pairs(pairs)] if pairs else []


def _pairs(pairs: dict[str, str | int | None]) -> list[str]:
    # A JSON string or integer is a TOML one.
    return [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in pairs.items() if value is not None]
