"""`aggregator broker`: the broker's generated files, its health, its process, its clients of ours."""

import os
import sys
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from aggregator.adapters import broker_probe, founding, mosquitto, pki
from aggregator.cli.console import AsJson, Config, say, settings_of, show_rows
from aggregator.core.access import duty_of
from aggregator.core.broker_health import Grade
from aggregator.errors import BrokerUnwell

app = App(name="broker", help="mosquitto: its configuration, its access list, its health.")


@app.command(name="config")
def write_config(*, config: Config = None) -> None:
    """Write the broker's configuration and access list, and have a running broker read them."""
    settings = settings_of(config)
    files = mosquitto.write(settings)
    say(f"written: {files.configuration}, {files.access_list}, {files.tls_policy}")
    if mosquitto.running(settings) is None:
        say("the broker does not run here; start it with: aggregator broker run")
    else:
        mosquitto.reload(settings)
        say("the broker has read its access list and revocation list again; the rest takes a restart")


@app.command
def acl(*, config: Config = None) -> None:
    """Print the access list that the topic schema gives."""
    sys.stdout.write(mosquitto.access_text(settings_of(config)))


@app.command
def check(*, json: AsJson = False, config: Config = None) -> None:
    """Look at the broker's files, its dates, and the running broker as clients meet it."""
    findings = broker_probe.check(settings_of(config), now=datetime.now(UTC))
    show_rows(("grade", "what", "found"), [(f.grade.value, f.what, f.found) for f in findings], as_json=json)
    bad = sum(finding.grade is Grade.BAD for finding in findings)
    if bad:
        raise BrokerUnwell(f"{bad} of {len(findings)} findings are bad")


@app.command
def run(*, config: Config = None) -> None:
    """Become the broker: mosquitto under the generated configuration and TLS policy. For systemd and for trying out."""
    settings = settings_of(config)
    files = mosquitto.BrokerFiles.under(settings.mosquitto.directory)
    program = mosquitto.program()
    if not files.configuration.is_file():
        raise BrokerUnwell(f"{files.configuration} is not there; run: aggregator broker config")
    argv = [program, "-c", str(files.configuration)]
    os.execve(program, argv, {**os.environ, **files.environment})  # noqa: S606  an argv list, no shell


@app.command
def client(
    name: Annotated[str, Parameter(help="worker.N, publisher.N or probe.N.")], /, *, config: Config = None
) -> None:
    """Certify one more client of ours, such as a second worker, and put it on the access list."""
    settings = settings_of(config)
    duty_of(name)
    founding.issue_client(settings, founding.read_issuing(settings), name, now=datetime.now(UTC))
    say(f"{settings.broker.certificate_of(name)} is written; name it in that process's settings")
    write_config(config=config)


@app.command
def renew(*, config: Config = None) -> None:
    """Renew the certificates of our servers and clients, for the keys they have; a running broker reads its own."""
    settings = settings_of(config)
    paths = founding.renew(settings, mosquitto.own_clients(settings), now=datetime.now(UTC))
    say(f"renewed for {pki.SERVER_DAYS} days: {', '.join(path.name for path in paths)}")
    say("restart `aggregator run`, so that it shows the new ones")
    write_config(config=config)
