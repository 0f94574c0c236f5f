"""The broker's configuration as text. Each line that is not mosquitto's default is there against a trap:

- One listener, and certificates on it: without a `listener` line mosquitto opens 1883, so there must be one.
- `use_identity_as_username` and `use_username_as_clientid`: with the first alone, a device can take over another's
  client id under its own certificate.
- `per_listener_settings` stays off: a listener that somebody adds by hand is then under the same access list.
- `max_queued_messages`: its default of 1000 drops the rest in silence, although the sender got its acknowledgement.
- `max_inflight_messages`: workers acknowledge after the commit of a batch; a window smaller than a batch stalls it.
- `retain_available` stays on: manifests are retained. Only the access list says who may.
- `user`: mosquitto started as root becomes another user, who could then read neither key nor list at a reload.

One trap has no line in mosquitto's language: with TLS session tickets a client resumes its session without showing its
certificate again, and the CRL is not asked. A revoked device would come back for hours. `TLS_POLICY` is the OpenSSL
configuration that forbids tickets; the broker must be started with OPENSSL_CONF naming it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

TLS_POLICY: Final = """\
# Read by OpenSSL in the broker (OPENSSL_CONF): a ticket would let a revoked device in without its certificate.
openssl_conf = broker
[broker]
ssl_conf = policies
[policies]
system_default = policy
[policy]
MinProtocol = TLSv1.3
NumTickets = 0
Options = -SessionTicket
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfiguration:
    """What the configuration says; paths are absolute."""

    host: str
    port: int
    ca: Path
    certificate: Path
    key: Path
    crl: Path
    access_list: Path
    state_dir: Path
    pid_file: Path
    user: str
    max_queued_messages: int
    max_inflight_messages: int
    max_packet_bytes: int
    autosave_s: int
    session_expiry_days: int

    def text(self) -> str:
        """mosquitto.conf."""
        return "\n".join(f"{key} {value}" for key, value in self._lines()) + "\n"

    def _lines(self) -> list[tuple[str, object]]:
        return [
            ("per_listener_settings", "false"),
            ("user", self.user),
            ("pid_file", self.pid_file),
            ("log_dest", "stderr"),
            ("connection_messages", "true"),
            ("persistence", "true"),
            ("persistence_location", f"{self.state_dir}/"),
            ("autosave_interval", self.autosave_s),
            ("persistent_client_expiration", f"{self.session_expiry_days}d"),
            ("max_queued_messages", self.max_queued_messages),
            ("max_queued_bytes", 0),
            ("max_inflight_messages", self.max_inflight_messages),
            ("max_packet_size", self.max_packet_bytes),
            ("listener", f"{self.port} {self.host}"),
            ("protocol", "mqtt"),
            ("tls_version", "tlsv1.3"),
            ("cafile", self.ca),
            ("certfile", self.certificate),
            ("keyfile", self.key),
            ("crlfile", self.crl),
            ("require_certificate", "true"),
            ("use_identity_as_username", "true"),
            ("use_username_as_clientid", "true"),
            ("allow_anonymous", "false"),
            ("acl_file", self.access_list),
        ]
