"""`aggregator config`: is the settings file good, and are the files it names there."""

from cyclopts import App

from aggregator.adapters.policy_file import policy_of
from aggregator.cli.console import Config, config_file, say
from aggregator.core.founding import BACKUP
from aggregator.errors import BadSettings
from aggregator.settings import Settings, load

app = App(name="config", help="The settings file.")


@app.command
def check(config: Config = None) -> None:
    """Load the settings and look for every key file that they name."""
    path = config_file(config)
    settings = load(path)
    missing = missing_files(settings)
    if missing:
        raise BadSettings(f"{path} is well-formed, but these files are not there: {', '.join(missing)}")
    policy_of(settings)
    say(f"{path} is good: {settings.role} {settings.city}")
    left = sorted((path.resolve().parent / BACKUP).glob("*.key.pem"))
    if left:
        say(f"carry off, and delete here: {', '.join(map(str, left))}")


def missing_files(settings: Settings) -> list[str]:
    """Files that the settings name and that are not there."""
    keys, broker, http, mosquitto = settings.keys, settings.broker, settings.http, settings.mosquitto
    wanted = [
        *(keys.root_certificate, keys.root_spki, keys.issuing_certificate, keys.issuing_key, keys.crl),
        *(keys.server_key, keys.evidence_spki, keys.trust_bundle),
        *(broker.ca, http.certificate, http.key, mosquitto.certificate, mosquitto.key),
    ]
    for client in (broker.worker, broker.publisher, broker.probe):
        wanted += [broker.certificate_of(client), broker.key_of(client)]
    if settings.database.password_file is not None:
        wanted.append(settings.database.password_file)
    return [str(path) for path in wanted if not path.is_file()]
