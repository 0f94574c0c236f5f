"""`broker check`: the broker's files and dates on the disk, and the running broker as its clients meet it."""

import ssl
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode

from aggregator.adapters import dates_probe, mosquitto
from aggregator.core.broker_health import Finding, Grade, judge, judge_dropped
from aggregator.errors import AggregatorError, BrokerUnwell
from aggregator.settings import Settings

DROPPED: Final = "$SYS/broker/publish/messages/dropped"
_FIGURES_TIMEOUT_S: Final = 15.0  # mosquitto renews its figures every 10 s, and sends the last ones at once


def check(settings: Settings, *, now: datetime) -> list[Finding]:
    """Everything that can be said about the broker from this machine."""
    return [
        *_files(settings),
        *(each.finding for each in dates_probe.judged_files(settings, now=now)),
        *_running(settings),
    ]


def _files(settings: Settings) -> Iterator[Finding]:
    files = mosquitto.BrokerFiles.under(settings.mosquitto.directory)
    for path, wanted in mosquitto.texts(settings).items():
        is_ours = path.is_file() and path.read_bytes() == wanted
        yield judge(
            path.name, holds=is_ours, good="as generated", otherwise="not as generated; run: aggregator broker config"
        )
    open_keys = [path for path in _private_keys(settings) if path.is_file() and path.stat().st_mode & 0o077]
    yield judge(
        "private keys",
        holds=not open_keys,
        good="readable by their owner only",
        otherwise=f"others can read {', '.join(map(str, open_keys))}",
    )
    yield judge(
        "state on the disk",
        holds=files.state_dir.is_dir(),
        good="there",
        otherwise=f"{files.state_dir} is not there; run: aggregator broker config",
    )


def _running(settings: Settings) -> Iterator[Finding]:
    try:
        yield from _as_probe(settings)
    except AggregatorError as exc:
        yield Finding(Grade.BAD, "connection", str(exc))
        return
    yield _as_nobody(settings)


def _as_probe(settings: Settings) -> Iterator[Finding]:
    name, broker = settings.broker.probe, settings.broker
    context = mosquitto.tls_context(broker.ca, broker.certificate_of(name), broker.key_of(name))
    client = mosquitto.client_of(name, context)
    figures: list[int] = []
    client.on_message = lambda _c, _u, message: figures.append(_count(message))
    try:
        mosquitto.connect_once(client, settings)
        line = client.socket()
        assert isinstance(line, ssl.SSLSocket)  # noqa: S101  tls_set_context made it one
        yield Finding(Grade.GOOD, "connection", f"{name} is let in over {line.version()}")
        yield judge(
            "session tickets",
            holds=line.session is None or not line.session.has_ticket,
            good="none",
            otherwise="given out: a revoked box can resume its session. Start the broker with: aggregator broker run",
        )
        _wait_for(client, figures)
        yield judge_dropped(figures[0])
    finally:
        client.on_message = None
        mosquitto.leave(client)


def _as_nobody(settings: Settings) -> Finding:
    """Whether somebody without a certificate is sent away."""
    client = mosquitto.client_of("nobody", ssl.create_default_context(cafile=str(settings.broker.ca)))
    try:
        mosquitto.connect_once(client, settings)
    except BrokerUnwell:
        return Finding(Grade.GOOD, "clients without a certificate", "sent away")
    finally:
        mosquitto.leave(client)
    return Finding(Grade.BAD, "clients without a certificate", "let in; run: aggregator broker config, and restart it")


def _wait_for(client: Client, figures: list[int]) -> None:
    client.subscribe(DROPPED)
    deadline = time.monotonic() + _FIGURES_TIMEOUT_S
    while not figures:
        if client.loop(timeout=0.2) != MQTTErrorCode.MQTT_ERR_SUCCESS or time.monotonic() > deadline:
            raise BrokerUnwell("the broker tells the probe no figures; is its access list as generated?")


def _count(message: MQTTMessage) -> int:
    return int(message.payload)


def _private_keys(settings: Settings) -> list[Path]:
    keys = [settings.keys.issuing_key, settings.keys.server_key, settings.mosquitto.key, settings.http.key]
    return keys + [settings.broker.key_of(name) for name in mosquitto.own_clients(settings)]
