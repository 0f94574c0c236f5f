"""Settings of the agent: one TOML file, read once at start, handed down in parts.

Unknown keys are refused with the key named: a misspelt key must not quietly leave a default in place. Relative
paths count from the folder of the file. Secrets are not settings: the device's key lives in `identity_dir`.
docs/settings.md describes every key; a test holds it to the classes below.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from typing_extensions import override

from edge_agent.core.camera_topics import WANTED, is_refused
from edge_agent.core.profiles import Stack
from edge_agent.errors import BadSettings
from protocol.fields import Id, Word

DEFAULT_PATH: Final = Path("/etc/atalaya/agent.toml")
ENVIRONMENT_KEY: Final = "ATALAYA_AGENT_CONFIG"
DEFAULT_STACK: Final[Stack] = "own"

Positive = Annotated[float, msgspec.Meta(gt=0)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
Topic = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:/-]{1,96}\Z")]
# Base64 of an Ed25519 key's SubjectPublicKeyInfo (RFC 8410): its twelve bytes of head, then the key's 32.
ModelSigner = Annotated[str, msgspec.Meta(pattern=r"^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=\Z")]
Quality = Annotated[int, msgspec.Meta(ge=50, le=100)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""


class CameraSettings(Section, frozen=True, kw_only=True):
    """One camera. `url` is `rtsp://...` or a file; there is no default for what only the site knows.

    `realtime` and `loop` are for files: played at their own pace, and over and over. `onvif` is where the camera's own
    detections are asked for, with the user and password of `url`.
    """

    camera: Id
    url: str
    frames_per_s: Positive = 10.0
    realtime: bool = True
    loop: bool = False
    onvif: str = ""

    @override
    def __repr__(self) -> str:
        """Without the address, which may hold a password."""
        return f"{type(self).__name__}({self.camera!r})"


class InferenceSettings(Section, frozen=True, kw_only=True):
    """What the models must really run on; the agent stops if they do not.

    `stack` are the models themselves: our own, or the ready ones that others published. They have a `plate_side_px` of
    their own, for where none is asked for.
    `workers` are sets of the models that work side by side; 0 leaves it to the machine, as 0 threads do.
    `quantized` reads with the 8-bit forms of plate detector and reader; what hides is the set's own choice.
    `model_signers` are public keys of whoever else may sign models, beside the key that is pinned in the program.
    """

    models_dir: Path = Path("/usr/share/atalaya/models")
    model_signers: tuple[ModelSigner, ...] = ()
    stack: Stack = DEFAULT_STACK
    device: str = "CPU"
    precision: Word = "f32"
    threads: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    plate_side_px: Annotated[int, msgspec.Meta(ge=320, le=1280, multiple_of=32)] | None = None
    workers: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0
    quantized: bool = False


class OutboxSettings(Section, frozen=True, kw_only=True):
    """Bounds of what waits on disk for a receipt; past them reports go first and hits last."""

    max_rows: AtLeastOne = 50_000
    max_mb: AtLeastOne = 512
    max_dead_letters: AtLeastOne = 1_000


class DeliverySettings(Section, frozen=True, kw_only=True):
    """Pace of resending and reconnecting, and how many messages may be on their way at once."""

    resend_first_s: Positive = 2.0
    resend_most_s: Positive = 300.0
    reconnect_first_s: Positive = 0.5
    reconnect_most_s: Positive = 60.0
    keepalive_s: AtLeastOne = 15
    urgent_window: AtLeastOne = 64
    ordinary_window: AtLeastOne = 16
    piece_window: AtLeastOne = 2
    stop_drain_s: Positive = 5.0


class EvidenceSettings(Section, frozen=True, kw_only=True):
    """Pictures of hits. `keep_redacted_dir` is for demonstrations: in service nothing redacted stays on disk."""

    redacted_quality: Quality = 85
    original_quality: Quality = 95
    max_pending: AtLeastOne = 8
    keep_redacted_dir: Path | None = None


class LookbackSettings(Section, frozen=True, kw_only=True):
    """How long, in memory only, a read that matched nothing may still be matched; 15 minutes is the law's limit."""

    minutes: Annotated[float, msgspec.Meta(ge=0, le=15)] = 15.0
    max_mb: AtLeastOne = 64


class HotlistSettings(Section, frozen=True, kw_only=True):
    """Whether the list may lie on the disk, for a start without a network: under the TPM, not at all, or in any case.

    `accept-risk` seals it under a key in a file where there is no TPM: whoever takes the disk can then read the list.
    """

    at_rest: Literal["tpm", "memory", "accept-risk"] = "tpm"


class CameraEventSettings(Section, frozen=True, kw_only=True):
    """The cameras' own detections: which are wanted, makers' topics besides ours, and what keeps them from flapping."""

    wanted: tuple[Word, ...] = WANTED
    topics: dict[Topic, Word] = {}
    settle_s: Positive = 3.0
    merge_s: Positive = 10.0
    most_per_minute: AtLeastOne = 30


class PanicSettings(Section, frozen=True, kw_only=True):
    """Panic buttons: wired to a GPIO line, or calling over the local network. Off until a port or a line is named."""

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    gpio_chip: Path = Path("/dev/gpiochip0")
    gpio_lines: tuple[Annotated[int, msgspec.Meta(ge=0, le=1023)], ...] = ()
    gpio_active_low: bool = True
    debounce_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 50


class MetricsSettings(Section, frozen=True, kw_only=True):
    """Figures for Prometheus, told on loopback alone; with port 0 to nobody."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0


class RenewalSettings(Section, frozen=True, kw_only=True):
    """When the certificate is renewed: at a share of its term; and when it is said that it should have been."""

    due_share: Annotated[float, msgspec.Meta(gt=0, le=0.9)] = 2 / 3
    late_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 5 / 6
    check_interval_s: Positive = 3600.0
    spread_s: Annotated[float, msgspec.Meta(ge=0)] = 900.0
    retry_first_s: Positive = 60.0
    retry_most_s: Positive = 21_600.0


class SceneSettings(Section, frozen=True, kw_only=True):
    """Camera health: how often a picture is glanced at, and how long a condition must hold and be gone."""

    every_s: Annotated[float, msgspec.Meta(ge=0.2, le=60)] = 5.0
    begin_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0
    end_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0
    picture_every_s: Annotated[float, msgspec.Meta(ge=10)] = 600.0


class Settings(Section, frozen=True, kw_only=True):
    """The whole file."""

    identity_dir: Path = Path("/etc/atalaya/identity")
    data_dir: Path = Path("/var/lib/atalaya-agent")
    profile: str = ""
    cameras: tuple[CameraSettings, ...] = ()
    report_interval_s: Positive = 60.0
    face_count_interval_s: Positive = 10.0
    lock_memory: bool = True
    inference: InferenceSettings = InferenceSettings()
    outbox: OutboxSettings = OutboxSettings()
    delivery: DeliverySettings = DeliverySettings()
    evidence: EvidenceSettings = EvidenceSettings()
    lookback: LookbackSettings = LookbackSettings()
    scenes: SceneSettings = SceneSettings()
    hotlist: HotlistSettings = HotlistSettings()
    renewal: RenewalSettings = RenewalSettings()
    camera_events: CameraEventSettings = CameraEventSettings()
    panic: PanicSettings = PanicSettings()
    metrics: MetricsSettings = MetricsSettings()


def load_settings(path: Path) -> Settings:
    """Read a settings file; raises `BadSettings` that names the key."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise BadSettings(f"{path}: cannot be read; give a settings file with --config FILE") from exc
    return parse_settings(text, path)


def parse_settings(text: str, path: Path) -> Settings:
    """Settings from the text of a file; `path` says where relative paths count from."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadSettings(f"{path}: not TOML: {exc}") from exc
    return parse_tree(tree, path)


def parse_tree(tree: Mapping[str, Any], path: Path) -> Settings:  # `Any`: TOML
    """Settings from the tables of a file, or of a file under a signed document (`edge_agent.core.layers`)."""
    try:
        settings = msgspec.convert(tree, Settings, dec_hook=_to_path)
    except msgspec.ValidationError as exc:
        raise BadSettings(f"{path}: {exc}; docs/settings.md lists the keys") from exc
    check_cameras(settings.cameras)
    check_topics(settings.camera_events)
    return _from_folder(settings, path.resolve().parent)


def check_cameras(cameras: tuple[CameraSettings, ...]) -> None:
    """Two cameras of one name would share their counts: raises `BadSettings`."""
    names = [camera.camera for camera in cameras]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadSettings(f"cameras named twice: {', '.join(twice)}; give each its own name")


def check_topics(events: CameraEventSettings) -> None:
    """What cameras recognise of plates and people does not come in by this way: raises `BadSettings`."""
    refused = sorted(topic for topic in events.topics if is_refused(topic))
    if refused:
        raise BadSettings(f"camera_events.topics: {', '.join(refused)}: recognised plates and people are not taken")


def _to_path(kind: type, value: object) -> Any:
    """msgspec's hook for `Path`, the only type of the file that it does not know; it names the key of an error."""
    if not isinstance(value, str):
        raise ValueError(f"want a text that names a {kind.__name__.lower()}")  # noqa: TRY004  msgspec wants ValueError
    return Path(value)


def _from_folder(settings: Settings, folder: Path) -> Settings:
    kept = settings.evidence.keep_redacted_dir
    return msgspec.structs.replace(
        settings,
        identity_dir=folder / settings.identity_dir,
        data_dir=folder / settings.data_dir,
        inference=msgspec.structs.replace(settings.inference, models_dir=folder / settings.inference.models_dir),
        evidence=msgspec.structs.replace(settings.evidence, keep_redacted_dir=folder / kept if kept else None),
    )


def find_settings(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The settings file: the one given, else the environment's, else the system's."""
    return given or Path(environment.get(ENVIRONMENT_KEY) or DEFAULT_PATH)
