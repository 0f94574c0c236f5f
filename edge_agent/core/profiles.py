"""Firmware profiles: what one class of hardware runs, and what it can carry.

A profile is a TOML file of `firmware_profiles/`, read strictly: an unknown key is refused by name, and every key is
described in docs/profiles.md (a test holds the page to the classes below). It is data for the doctor, which compares
a box with it, for `tune`, which may write nothing beyond it, and for the agent, which sheds load by it when hot.

Rules
- A figure says how it was come by: `measured` on that very hardware, or `reckoned`; and from what. None is bare.
- `inference` is what the hardware is meant to run on. Where that needs a driver that may be missing, `fallback` says
  what the box carries without it, so that it works at once and the doctor tells what is lost.
- What is shed first when hot stands first in `thermal.shed`; a step never gives more than the step before it.
- Nothing in a profile is a secret, and nothing in it loosens what docs/privacy.md promises.
"""

import tomllib
from itertools import pairwise
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from edge_agent.errors import BadProfile
from protocol.fields import Id, Word

SCHEMA: Final = 1

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
AtLeastOne: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Share: TypeAlias = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Celsius: TypeAlias = Annotated[float, msgspec.Meta(ge=20, le=125)]
Architecture: TypeAlias = Literal["x86-64", "arm64"]
Shed: TypeAlias = Literal["face-count", "frames"]
Stack: TypeAlias = Literal["own", "ready"]
"""Models that see together: our own, or those that others published."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of a profile."""


class Figure(Part, frozen=True, kw_only=True):
    """A number and how it was come by."""

    value: Annotated[float, msgspec.Meta(gt=0)]
    basis: Literal["measured", "reckoned"]
    source: Text


class Hardware(Part, frozen=True, kw_only=True):
    """Which machines a profile is for."""

    architecture: Architecture
    boards: tuple[Text, ...]
    system: Text
    cores: AtLeastOne
    cpu_features: tuple[Word, ...] = ()


class Fallback(Part, frozen=True, kw_only=True):
    """What the box carries without the device that it is meant to run on."""

    device: str
    precision: Word
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)]
    cameras: AtLeastOne


class Inference(Part, frozen=True, kw_only=True):
    """What the models run on, and how long one frame takes there."""

    engine: Literal["openvino", "tensorrt"]
    device: str
    precision: Word
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)]
    plate_side_px: Annotated[int, msgspec.Meta(ge=320, le=1280, multiple_of=32)]
    stack: Stack = "ready"
    models: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1)]
    plate_ms: Figure
    face_ms: Figure
    read_ms: Figure
    fallback: Fallback | None = None


class Video(Part, frozen=True, kw_only=True):
    """How pictures are decoded."""

    decoder: Literal["cpu", "vaapi", "nvdec"]
    chip_decoder: Literal["none", "vaapi", "nvdec"]
    codecs: tuple[Literal["h264", "hevc"], ...]
    longest_side_px: AtLeastOne
    decode_ms: Figure


class Capacity(Part, frozen=True, kw_only=True):
    """The most a box of this class is given to do, summer afternoons included."""

    cameras: Figure
    frames_per_s: Figure


class Memory(Part, frozen=True, kw_only=True):
    """RAM fitted, and what the agent may take of it."""

    ram_mb: AtLeastOne
    agent_mb: Figure
    lookback_mb: AtLeastOne


class ShedStep(Part, frozen=True, kw_only=True):
    """One thing given up when hot, down to a share of what is done when cool."""

    what: Shed
    share: Share


class Thermal(Part, frozen=True, kw_only=True):
    """From when on a box is too hot, when it is cool again, and what is given up in between."""

    limit_c: Figure
    resume_c: Celsius
    fail_c: Celsius
    step_s: AtLeastOne
    shed: Annotated[tuple[ShedStep, ...], msgspec.Meta(min_length=1)]


class Disk(Part, frozen=True, kw_only=True):
    """Room for what waits, and what must stay free."""

    outbox_mb: AtLeastOne
    free_mb: AtLeastOne


class Watchdog(Part, frozen=True, kw_only=True):
    """After how long without a sign of life the service, and the machine, are restarted."""

    service_s: AtLeastOne
    machine_s: AtLeastOne


class Service(Part, frozen=True, kw_only=True):
    """How the unit is shut in, beyond what every box's unit has."""

    memory_max_mb: AtLeastOne
    lock_memory: bool
    devices: tuple[Text, ...] = ()


class Update(Part, frozen=True, kw_only=True):
    """When boxes of this class get what is new, and how long it is on trial."""

    ring: Literal["canary", "early", "broad"]
    trial_s: AtLeastOne


class Profile(Part, frozen=True, kw_only=True):
    """The whole file."""

    schema: Literal[1]
    name: Id
    title: Text
    notes: tuple[Text, ...] = ()
    hardware: Hardware
    inference: Inference
    video: Video
    capacity: Capacity
    memory: Memory
    thermal: Thermal
    disk: Disk
    watchdog: Watchdog
    service: Service
    update: Update


def parse_profile(text: str, origin: str) -> Profile:
    """A profile from the text of its file; `origin` names the file in errors. Raises `BadProfile`."""
    try:
        profile = msgspec.convert(tomllib.loads(text), Profile)
    except tomllib.TOMLDecodeError as exc:
        raise BadProfile(f"{origin}: not TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise BadProfile(f"{origin}: {exc}; docs/profiles.md lists the keys") from exc
    problem = _contradiction(profile)
    if problem:
        raise BadProfile(f"{origin}: {problem}; docs/profiles.md says what the keys mean")
    return profile


def figures(part: Part, prefix: str = "") -> dict[str, Figure]:
    """Every figure of a profile by its key, for whoever lists what was measured and what reckoned."""
    found: dict[str, Figure] = {}
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, Figure):
            found[prefix + name] = value
        elif isinstance(value, Part):
            found |= figures(value, f"{prefix}{name}.")
    return found


def _contradiction(profile: Profile) -> str:
    """What the types cannot say."""
    thermal, memory = profile.thermal, profile.memory
    if not thermal.resume_c < thermal.limit_c.value < thermal.fail_c:
        return "thermal: want resume_c below limit_c below fail_c"
    for earlier, later in pairwise(thermal.shed):
        if earlier.what == later.what and later.share >= earlier.share:
            return f"thermal.shed: a later step of {later.what} must leave a smaller share than the one before it"
    if not memory.agent_mb.value <= profile.service.memory_max_mb <= memory.ram_mb:
        return "service.memory_max_mb: want at least memory.agent_mb and at most memory.ram_mb"
    return ""
