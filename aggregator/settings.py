"""Settings of the aggregator: one TOML file, held in frozen Structs.

1. Relative paths are relative to the file, so that an installation can be moved as one folder.
2. An unknown key is refused by name: a misspelt setting must not be a default in disguise.
3. No secret stands in the file, only paths of files that hold one; the DSN must not carry a password.
4. The file is `--config`, else the environment's ATALAYA_CONFIG, else /etc/atalaya/aggregator.toml.

`docs/settings.md` lists every key; a test holds it to the Structs below.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from aggregator.errors import BadSettings
from protocol.fields import Id

ENVIRONMENT: Final = "ATALAYA_CONFIG"
DEFAULT_FILE: Final = Path("/etc/atalaya/aggregator.toml")

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)] | Literal["keep"]
# The words of `protocol.messages.Kind` that a city may send on to its region; pieces of pictures stay in their city.
Forwarded = Literal[
    "hit",
    "hit-amended",
    "alarm",
    "report",
    "evidence",
    "evidence-unavailable",
    "dropped",
    "camera-condition",
    "acceptance",
    "settings-result",
]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""


class Database(Section, frozen=True):
    """Where rows are kept. Without a DSN an embedded PostgreSQL runs in `data_dir`."""

    dsn: str | None = None
    password_file: Path | None = None
    data_dir: Path = Path("postgres")
    pool_connections: Positive = 8


class Broker(Section, frozen=True):
    """How this process reaches the broker. A client name stands for `NAME.crt.pem` and `NAME.key.pem`."""

    host: str = "127.0.0.1"
    port: Port = 8883
    ca: Path = Path("tls/ca.crt.pem")
    clients_dir: Path = Path("tls")
    worker: str = "worker.1"
    publisher: str = "publisher.1"
    probe: str = "probe.1"

    @property
    def certificate(self) -> Path:
        """The ingest worker's certificate; its common name, and so the MQTT client id, is `worker`."""
        return self.certificate_of(self.worker)

    @property
    def key(self) -> Path:
        """The ingest worker's private key."""
        return self.key_of(self.worker)

    def certificate_of(self, client: str) -> Path:
        """The certificate of one of our own MQTT clients."""
        return self.clients_dir / f"{client}.crt.pem"

    def key_of(self, client: str) -> Path:
        """The private key of one of our own MQTT clients."""
        return self.clients_dir / f"{client}.key.pem"


class Mosquitto(Section, frozen=True):
    """What `aggregator broker config` writes for the broker itself."""

    directory: Path = Path("broker")
    listen_host: str = "0.0.0.0"  # noqa: S104  boxes come from outside; only mTLS is spoken there
    certificate: Path = Path("tls/broker.crt.pem")
    key: Path = Path("tls/broker.key.pem")
    max_queued_messages: Positive = 100_000
    max_inflight_messages: Annotated[int, msgspec.Meta(ge=20, le=65535)] = 2_000
    max_packet_bytes: Annotated[int, msgspec.Meta(ge=140_000)] = 256 * 1024
    autosave_s: Positive = 60
    session_expiry_days: Positive = 14


class Http(Section, frozen=True):
    """Artefacts (mTLS) and enrolment (TLS) for boxes, and health for the machine (plain, loopback)."""

    host: str = "0.0.0.0"  # noqa: S104  boxes come from outside; only mTLS is spoken there
    port: Port = 8443
    enrol_port: Port = 8444
    certificate: Path = Path("tls/http.crt.pem")
    key: Path = Path("tls/http.key.pem")
    health_host: str = "127.0.0.1"
    health_port: Port = 8080


class Api(Section, frozen=True):
    """The HTTP API for analysts: TLS under `http.certificate`, or one of its own; off unless it is wanted."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Port = 8445
    certificate: Path | None = None
    key: Path | None = None
    is_plain: bool = False
    requests_per_minute: Positive = 600
    rows_per_page: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 10_000
    queries_at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    query_timeout_s: Positive = 30
    streams: Positive = 32


class Boxes(Section, frozen=True):
    """What a box is told about where to find us; `device issue` writes it into its identity."""

    broker_host: str = "127.0.0.1"
    broker_port: Port = 8883
    server_name: str = "localhost"
    artefacts_url: str = "https://127.0.0.1:8443"
    enrolment_url: str = "https://127.0.0.1:8444"


class Enrolment(Section, frozen=True):
    """How boxes are let in: what an invitation is like unless it says otherwise, and how often one may try."""

    invitation_hours: Positive = 72
    needs_approval: bool = False
    attempts_per_minute: Positive = 60


class Dates(Section, frozen=True):
    """How many days before something ends it is warned of, and how many before that it makes health bad."""

    authority_warn_days: Positive = 900
    authority_alarm_days: Positive = 90
    revocations_warn_days: Positive = 365
    revocations_alarm_days: Positive = 60
    certificate_warn_days: Positive = 60
    certificate_alarm_days: Positive = 14
    check_every_s: Positive = 600


class Keys(Section, frozen=True):
    """Files of the installation's keys. The root's and the evidence authority's private keys are not among them."""

    root_certificate: Path = Path("keys/root.crt.pem")
    root_spki: Path = Path("keys/root.spki")
    issuing_certificate: Path = Path("keys/issuing.crt.pem")
    issuing_key: Path = Path("keys/issuing.key.pem")
    crl: Path = Path("keys/crl.pem")
    server_key: Path = Path("keys/server.key.pem")
    evidence_spki: Path = Path("keys/evidence.spki")
    trust_bundle: Path = Path("keys/trust.cbor")


class Ingest(Section, frozen=True):
    """How messages are taken in."""

    batch_messages: Annotated[int, msgspec.Meta(ge=1, le=500)] = 500
    batch_wait_ms: Positive = 20
    queue_messages: Positive = 5_000
    workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    verify_processes: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    historical_after_s: Positive = 600
    clock_suspect_s: Positive = 300
    compact_after_days: Days = 30
    refused_keep_days: Annotated[int, msgspec.Meta(ge=1, le=7)] = 7
    refused_keep_mb: Positive = 256


class Retention(Section, frozen=True):
    """How many days each kind is kept, or "keep" for good. A legal hold outranks all of it."""

    hits_days: Days = 365
    redacted_days: Days = 365
    sealed_days: Days = 180
    alarms_days: Days = 365
    conditions_days: Days = 365
    acceptances_days: Days = 1825
    settings_days: Days = 730
    reports_days: Days = 90
    counts_days: Days = 90
    hourly_days: Days = 1825
    daily_days: Days = 3650
    pieces_days: Days = 90
    refusals_days: Days = 365
    alerts_days: Days = 730
    notices_days: Days = 90
    transits_days: Days = 90


class Hotlist(Section, frozen=True):
    """How hotlists reach the boxes."""

    manifest_valid_hours: Positive = 72


class Rollout(Section, frozen=True):
    """How changes of what boxes run are spread."""

    ring_wait_hours: Positive = 24


class Evidence(Section, frozen=True):
    """Where pictures lie: on disk (`evidence_dir`), or in an S3-compatible bucket under keys that files hold."""

    store: Literal["disk", "s3"] = "disk"
    endpoint: str | None = None
    region: str = "us-east-1"
    bucket: str | None = None
    prefix: str = ""
    access_key_file: Path | None = None
    secret_key_file: Path | None = None
    ca: Path | None = None


class Alerts(Section, frozen=True):
    """What makes one alert of several hits, who decides on alerts, and where webhooks' secrets lie."""

    group_minutes: Positive = 30
    dispatchers: tuple[str, ...] = ()
    webhooks_dir: Path = Path("webhooks")
    webhook_timeout_s: Positive = 10
    webhook_give_up_hours: Positive = 24


class Audit(Section, frozen=True):
    """Where the service puts signed checkpoints of the audit by itself: a place that others keep."""

    checkpoint_dir: Path | None = None
    checkpoint_every_s: Positive = 3600


class Federation(Section, frozen=True):
    """How a city is linked to its region and what it sends on; for the region, who may see what."""

    link_dir: Path = Path("federation")
    forward: tuple[Forwarded, ...] = (
        "hit",
        "hit-amended",
        "alarm",
        "evidence",
        "evidence-unavailable",
        "dropped",
        "report",
        "settings-result",
    )
    forward_in_flight: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 500
    contact_every_s: Positive = 30
    policy: Path | None = None


class Settings(Section, frozen=True):
    """The whole file. `city` has no default: an aggregator that guesses its city would refuse every box."""

    city: Id
    role: Literal["city", "region"] = "city"
    evidence_dir: Path = Path("evidence")
    database: Database = Database()
    broker: Broker = Broker()
    mosquitto: Mosquitto = Mosquitto()
    http: Http = Http()
    api: Api = Api()
    boxes: Boxes = Boxes()
    enrolment: Enrolment = Enrolment()
    keys: Keys = Keys()
    dates: Dates = Dates()
    ingest: Ingest = Ingest()
    hotlist: Hotlist = Hotlist()
    rollout: Rollout = Rollout()
    retention: Retention = Retention()
    evidence: Evidence = Evidence()
    alerts: Alerts = Alerts()
    audit: Audit = Audit()
    federation: Federation = Federation()


def load(path: Path) -> Settings:
    """The settings of a file, its relative paths made absolute; raises `BadSettings`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSettings(f"{path} cannot be read ({exc}); name another with --config or {ENVIRONMENT}") from exc
    try:
        return anchored(parse(text), path.resolve().parent)
    except BadSettings as exc:
        raise BadSettings(f"{path}: {exc}") from exc


def parse(text: str) -> Settings:
    """The settings of a TOML text, paths as written; raises `BadSettings`."""
    try:
        settings = msgspec.convert(tomllib.loads(text), Settings, dec_hook=_path_from_text)
    except tomllib.TOMLDecodeError as exc:
        raise BadSettings(f"not TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise BadSettings(str(exc)) from exc
    check_sums(settings.retention)
    if settings.database.dsn and urlsplit(settings.database.dsn).password:
        raise BadSettings("database.dsn carries a password; put it in a file and name that in database.password_file")
    return settings


def check_sums(retention: Retention) -> None:
    """Refuse sums that would go before what they are made of; raises `BadSettings`."""
    kept = [retention.counts_days, retention.hourly_days, retention.daily_days]
    days = [float("inf") if each == "keep" else each for each in kept]
    if days != sorted(days):
        raise BadSettings(
            "retention: want counts_days <= hourly_days <= daily_days, since each is summed from the last"
        )


def to_json(settings: Settings) -> bytes:
    """Settings as one line, for a process of ours; paths are absolute by then."""
    return msgspec.json.encode(settings, enc_hook=str)


def from_json(line: bytes) -> Settings:
    """Settings from that line."""
    return msgspec.json.decode(line, type=Settings, dec_hook=_path_from_text)


def config_path(option: Path | None, environment: str | None) -> Path:
    """Which file to load: the option, else the environment's, else the system's."""
    return option or (Path(environment) if environment else DEFAULT_FILE)


S = TypeVar("S", bound=Section)


def anchored(section: S, base: Path) -> S:
    """The same section with every relative path, at any depth, under a folder."""
    changes: dict[str, Any] = {}  # any field type of a Struct
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Path):
            changes[field.name] = base / value
        elif isinstance(value, Section):
            changes[field.name] = anchored(value, base)
    return msgspec.structs.replace(section, **changes)


def _path_from_text(kind: type, value: object) -> Path:
    """msgspec knows no paths."""
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError("Expected a path, as text that is not empty")
