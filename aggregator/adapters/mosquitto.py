"""mosquitto: its files written, its reload, the live session of one device dropped.

The broker reads its CRL and access list again at SIGHUP, which refuses new connections but leaves a revoked device's
live session up. `drop_session` ends that: we connect under the same client id, with a certificate issued for that
minute, and the broker must let the older connection go. It needs no second listener, and the key it uses is registered
nowhere, so nothing signed with it would be believed.
"""

import contextlib
import os
import pwd
import shutil
import signal
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from typing_extensions import override

from aggregator.adapters import keyfiles, pki
from aggregator.core.access import LINK, access_list
from aggregator.core.broker_configuration import TLS_POLICY, BrokerConfiguration
from aggregator.errors import BrokerUnwell, NotThere
from aggregator.settings import Settings
from protocol.keys import spki_of

_PROGRAMS: Final = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")
_CONNECT_TIMEOUT_S: Final = 10.0
_LINKS: Final = f"{LINK}."
_ONE_MINUTE: Final = timedelta(minutes=1)


class ClosingSocket(ssl.SSLSocket):
    """Closed where its handshake fails: paho leaves that to the garbage collector."""

    @override
    def do_handshake(self, block: bool = False) -> None:
        """As the base does."""
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where the broker's own files are."""

    configuration: Path
    tls_policy: Path
    access_list: Path
    state_dir: Path
    pid_file: Path

    @classmethod
    def under(cls, directory: Path) -> "BrokerFiles":
        """The files of a directory."""
        return cls(
            configuration=directory / "mosquitto.conf",
            tls_policy=directory / "openssl.cnf",
            access_list=directory / "acl",
            state_dir=directory / "state",
            pid_file=directory / "mosquitto.pid",
        )

    @property
    def environment(self) -> dict[str, str]:
        """What the broker's process needs in its environment."""
        return {"OPENSSL_CONF": str(self.tls_policy)}


def program() -> str:
    """The broker's program; raises `BrokerUnwell` if it is not installed."""
    found = shutil.which("mosquitto") or next((path for path in _PROGRAMS if os.access(path, os.X_OK)), None)
    if found is None:
        raise BrokerUnwell("mosquitto is not installed; on Debian or Ubuntu: apt-get install mosquitto")
    return found


def own_clients(settings: Settings) -> list[str]:
    """The names of our own clients, by their certificates; a city has one worker or more."""
    return [name for name in _certified(settings) if not name.startswith(_LINKS)]


def linked_cities(settings: Settings) -> list[str]:
    """The cities whose links a region's broker lets in, by the certificates that lie beside our own clients'."""
    return [name.removeprefix(_LINKS) for name in _certified(settings) if name.startswith(_LINKS)]


def _certified(settings: Settings) -> list[str]:
    found = settings.broker.clients_dir.glob("*.crt.pem")
    names = {path.name.removesuffix(".crt.pem") for path in found}
    return sorted(name for name in names if "." in name)


def configuration(settings: Settings) -> BrokerConfiguration:
    """What the broker's configuration says under these settings."""
    section, files = settings.mosquitto, BrokerFiles.under(settings.mosquitto.directory)
    return BrokerConfiguration(
        host=section.listen_host,
        port=settings.broker.port,
        ca=settings.broker.ca,
        certificate=section.certificate,
        key=section.key,
        crl=settings.keys.crl,
        access_list=files.access_list,
        state_dir=files.state_dir,
        pid_file=files.pid_file,
        user=_owner(section.directory),
        max_queued_messages=section.max_queued_messages,
        max_inflight_messages=section.max_inflight_messages,
        max_packet_bytes=section.max_packet_bytes,
        autosave_s=section.autosave_s,
        session_expiry_days=section.session_expiry_days,
    )


def _owner(directory: Path) -> str:
    """Who the broker runs as: the owner of its files, whoever asks."""
    return pwd.getpwuid(directory.stat().st_uid if directory.exists() else os.geteuid()).pw_name


def access_text(settings: Settings) -> str:
    """The access list of an installation: its own clients, and the devices of its city or the links of the region."""
    city = settings.city if settings.role == "city" else None
    return access_list(own_clients(settings), city=city, linked=linked_cities(settings))


def write(settings: Settings) -> BrokerFiles:
    """Put configuration and access list in their place; a running broker reads the list at its next reload."""
    files = BrokerFiles.under(settings.mosquitto.directory)
    files.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path, text in texts(settings).items():
        keyfiles.replace(path, text, keyfiles.PRIVATE)
    return files


def texts(settings: Settings) -> dict[Path, bytes]:
    """The generated files and what is in them."""
    files = BrokerFiles.under(settings.mosquitto.directory)
    return {
        files.configuration: configuration(settings).text().encode(),
        files.tls_policy: TLS_POLICY.encode(),
        files.access_list: access_text(settings).encode(),
    }


def reload(settings: Settings) -> None:
    """Have the running broker read CRL, certificates and access list again; raises `BrokerUnwell`."""
    pid = running(settings)
    if pid is None:
        raise BrokerUnwell(f"no broker runs by {BrokerFiles.under(settings.mosquitto.directory).pid_file}")
    try:
        os.kill(pid, signal.SIGHUP)
    except PermissionError as exc:
        raise BrokerUnwell(f"the broker (process {pid}) is another user's; reload it as that user: kill -HUP") from exc


def running(settings: Settings) -> int | None:
    """The process id of the broker that these settings configure, if it runs on this machine."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(BrokerFiles.under(settings.mosquitto.directory).pid_file.read_text())
        if Path(f"/proc/{pid}/comm").read_text().strip() == "mosquitto":
            return pid
    return None


def drop_session(settings: Settings, device: str, authority: pki.Authority, *, now: datetime) -> None:
    """End a device's live connection and its stored session; raises `BrokerUnwell` if the broker does not answer."""
    with _minute_certificate(authority, device, now) as (certificate, key):
        client = client_of(device, tls_context(settings.broker.ca, certificate, key))
        try:
            connect_once(client, settings)
        finally:
            leave(client)


def tls_context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """What a client of ours needs to speak to the broker: TLS 1.3, both sides by certificate."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.sslsocket_class = ClosingSocket
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as exc:
        raise NotThere(f"{certificate} and {key} cannot be used: {exc}") from exc
    return context


@contextlib.contextmanager
def _minute_certificate(authority: pki.Authority, device: str, now: datetime) -> Iterator[tuple[Path, Path]]:
    key = Ed25519PrivateKey.generate()
    leaf = pki.issue(authority, device, spki_of(key.public_key()), pki.Use.CLIENT, now=now, valid=_ONE_MINUTE)
    with tempfile.TemporaryDirectory(prefix="atalaya-") as folder:
        certificate, key_file = Path(folder, "crt.pem"), Path(folder, "key.pem")
        keyfiles.write_certificates(certificate, leaf, authority.certificate)
        keyfiles.write_private(key_file, key)
        yield certificate, key_file


def client_of(name: str, context: ssl.SSLContext) -> Client:
    """An MQTT client that nobody has connected yet."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
    client.tls_set_context(context)
    client.connect_timeout = _CONNECT_TIMEOUT_S
    return client


def connect_once(client: Client, settings: Settings) -> None:
    """Connect and wait for the broker's answer; raises `BrokerUnwell`."""
    where = f"{settings.broker.host}:{settings.broker.port}"
    try:
        client.connect(settings.broker.host, settings.broker.port, clean_start=True)
        while not client.is_connected():
            if client.loop(timeout=_CONNECT_TIMEOUT_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise BrokerUnwell(f"the broker at {where} closed the connection")
    except OSError as exc:
        raise BrokerUnwell(f"the broker at {where} does not answer: {exc}") from exc


def leave(client: Client) -> None:
    """Disconnect, and see that it is sent."""
    client.disconnect()
    client.loop(timeout=0.1)
