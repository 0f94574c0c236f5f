"""What a device says of its point and its own upkeep: how the cameras' pictures are, how a technician left the place,
what became of the settings that it was sent. Bodies of messages, as those in `protocol.messages` are.
"""

from enum import IntEnum, unique
from typing import Annotated

import msgspec

from protocol.fields import Count, Id, Label, Ordinal, Permille, Thumbnail, TimeMs, Word
from protocol.wire import WireStruct


@unique
class Condition(IntEnum):
    """What may be wrong with a camera's picture, whoever is in it."""

    BLOCKED = 1
    MOVED = 2
    BLURRED = 3
    DARK = 4
    FROZEN = 5


@unique
class Verdict(IntEnum):
    """What came of a check of a point."""

    PASS = 1
    WARN = 2
    FAIL = 3


@unique
class SettingsState(IntEnum):
    """What a box made of a settings document."""

    KEPT = 1
    ROLLED_BACK = 2
    REFUSED = 3


class SceneFigures(WireStruct, frozen=True, kw_only=True):
    """Figures of a picture, none of them about anybody in it. Shares are per mille of the most there can be."""

    sharpness: Count = msgspec.field(name="0")
    brightness: Permille = msgspec.field(name="1")
    contrast: Permille = msgspec.field(name="2")
    edges: Permille = msgspec.field(name="3")
    shift_px: Count = msgspec.field(name="4", default=0)
    still_ms: Count = msgspec.field(name="5", default=0)


class CameraCondition(WireStruct, frozen=True, kw_only=True):
    """A camera's picture went bad, or good again. The pictures are small, and redacted like every other."""

    camera: Id = msgspec.field(name="0")
    condition: Condition = msgspec.field(name="1")
    is_active: bool = msgspec.field(name="2")
    since_ms: TimeMs = msgspec.field(name="3")
    before: SceneFigures = msgspec.field(name="4")
    after: SceneFigures = msgspec.field(name="5")
    before_jpeg: Thumbnail | None = msgspec.field(name="6", default=None)
    after_jpeg: Thumbnail | None = msgspec.field(name="7", default=None)


class CheckResult(WireStruct, frozen=True, kw_only=True):
    """One check of an acceptance, of the box or of one camera."""

    check: Word = msgspec.field(name="0")
    verdict: Verdict = msgspec.field(name="1")
    value: Label = msgspec.field(name="2", default="")
    camera: Id | None = msgspec.field(name="3", default=None)


class Acceptance(WireStruct, frozen=True, kw_only=True):
    """How a point was when a technician left it; with `is_drift`, how it compares with that later."""

    accepted_ms: TimeMs = msgspec.field(name="0")
    technician: Label = msgspec.field(name="1")
    profile: Label = msgspec.field(name="2")
    verdict: Verdict = msgspec.field(name="3")
    checks: Annotated[tuple[CheckResult, ...], msgspec.Meta(min_length=1, max_length=256)] = msgspec.field(name="4")
    versions: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = msgspec.field(name="5", default=())
    is_drift: bool = msgspec.field(name="6", default=False)


class SettingsResult(WireStruct, frozen=True, kw_only=True):
    """What became of settings document `number` on this box, and why: `healthy`, `inference`, `bad_signature`, ..."""

    number: Ordinal = msgspec.field(name="0")
    rollout: Id = msgspec.field(name="1")
    state: SettingsState = msgspec.field(name="2")
    reason: Word = msgspec.field(name="3")
    note: Label = msgspec.field(name="4", default="")
