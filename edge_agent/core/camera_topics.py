"""Which of a camera's analytic events are alarms of ours, and under which word.

Cameras that follow ONVIF name their events by topics such as `tns1:RuleEngine/LineDetector/Crossed`. The table below
is ours; a setting adds a maker's own topics and chooses which alarms are wanted. Names are compared without their
namespace prefixes, and a topic of the table stands for everything below it.

- A topic with a boolean item is a state: true is `ON`, false or a deleted property is `OFF`. Else it is a `PULSE`.
- A known topic that is not wanted is counted, one that nobody knows is counted under its name.
- A topic that speaks of recognised plates, faces or people is refused, whatever the settings say: what such an
  event carries must not come onto the box by this way (docs/privacy.md). Nothing but the names of the topic and of the
  rule gets into a note, never an event's data.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from types import MappingProxyType
from typing import Final

from edge_agent.core.alarms import Sign, Signal

_UNPRINTABLE: Final = re.compile(r"[^A-Za-z0-9 ._:/=;+-]")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]+:")
_REFUSED: Final = re.compile(r"recogni|plate|lpr|anpr|face|biometr", re.IGNORECASE)
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_NAME_CHARS: Final = 96
# The sources that ONVIF's standard topics have. A maker's own could hold anything, a plate too, so they are left out.
_PLACES: Final = frozenset(
    {"Rule", "Source", "Token", "InputToken", "VideoSource", "VideoSourceToken", "VideoSourceConfigurationToken",
     "VideoAnalyticsConfigurationToken", "AnalyticsConfigurationToken", "AudioSourceConfigurationToken",
     "AudioAnalyticsConfigurationToken"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """What a topic means: our word, and the boolean items that may say whether it holds; none of them: a pulse."""

    alarm: str
    items: tuple[str, ...] = ()


TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {
        "RuleEngine/LineDetector/Crossed": Topic("line_crossing"),
        "RuleEngine/FieldDetector/ObjectsInside": Topic("intrusion", ("IsInside",)),
        "RuleEngine/LoiteringDetector/ObjectIsLoitering": Topic("loitering", ("IsLoitering", "State")),
        "RuleEngine/TamperDetector/Tamper": Topic("tamper", ("IsTamper", "State")),
        "VideoSource/GlobalSceneChange": Topic("scene_change", ("State",)),
        "VideoSource/SignalLoss": Topic("signal_loss", ("State",)),
        "VideoSource/ImageTooDark": Topic("image_too_dark", ("State",)),
        "VideoSource/ImageTooBright": Topic("image_too_bright", ("State",)),
        "VideoSource/ImageTooBlurry": Topic("image_too_blurry", ("State",)),
        "VideoSource/MotionAlarm": Topic("motion", ("State",)),
        "RuleEngine/CellMotionDetector/Motion": Topic("motion", ("IsMotion",)),
        "AudioAnalytics/Audio/DetectedSound": Topic("sound", ("IsSoundDetected", "State")),
        "Device/Trigger/DigitalInput": Topic("digital_input", ("LogicalState",)),
        "Device/HardwareFailure": Topic("hardware_failure", ("Failed", "State")),
    }
)
WANTED: Final = ("line_crossing", "intrusion", "loitering", "tamper", "scene_change", "sound", "violence")
"""What is wanted where the settings do not say: what a command centre acts on, and not every passing shadow."""


@unique
class Operation(Enum):
    """What an ONVIF property's notice is about; None, in a notice, where the camera does not say."""

    INITIALIZED = "Initialized"
    CHANGED = "Changed"
    DELETED = "Deleted"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification of a camera, as it came. The camera's own time is not in it: it is not believed."""

    topic: str
    operation: Operation | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict, repr=False)  # it may hold anything


@unique
class Unheard(Enum):
    """Why a notice is no signal."""

    UNKNOWN = "unknown"
    UNWANTED = "unwanted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TopicRules:
    """The table with the settings' additions, and the alarms that are wanted."""

    wanted: frozenset[str] = frozenset(WANTED)
    more: Mapping[str, str] = field(default_factory=dict)

    def hear(self, camera: str, notice: Notice) -> Signal | Unheard:
        """A notice as a signal of a camera, or why it is none."""
        name = topic_name(notice.topic)
        if is_refused(name):
            return Unheard.REFUSED
        topic = self._topic(name)
        if topic is None:
            return Unheard.UNKNOWN
        if topic.alarm not in self.wanted:
            return Unheard.UNWANTED
        return Signal(camera, topic.alarm, place_of(notice), _sign(topic, notice), _note(name, notice))

    def _topic(self, name: str) -> Topic | None:
        parts = name.split("/")
        for length in range(len(parts), 0, -1):
            head = "/".join(parts[:length])
            for given, alarm in self.more.items():
                if topic_name(given) == head:
                    return Topic(alarm, ("State", "IsActive", "Active"))
            if head in TOPICS:
                return TOPICS[head]
        return None


def topic_name(topic: str) -> str:
    """A topic without namespace prefixes and without anything that a terminal or a log could stumble over."""
    parts = (_PREFIX.sub("", part.strip()) for part in topic.split("/"))
    return printable("/".join(part for part in parts if part))


def is_refused(topic: str) -> bool:
    """Whether a topic speaks of what must not come onto the box by this way."""
    return _REFUSED.search(topic) is not None


def printable(text: str) -> str:
    """A camera's text, cut to a length and to letters that harm nobody."""
    return _UNPRINTABLE.sub("?", text)[:_NAME_CHARS]


def place_of(notice: Notice) -> str:
    """Where on the camera: its sources' names, which stay the same from start to end of an alarm."""
    known = sorted((name, value) for name, value in notice.source.items() if name in _PLACES)
    return printable(";".join(f"{name}={value}" for name, value in known))


def _sign(topic: Topic, notice: Notice) -> Sign:
    values = (_BOOLEANS.get(notice.data[item].strip().lower()) for item in topic.items if item in notice.data)
    holds = next((value for value in values if value is not None), None)
    if notice.operation is Operation.DELETED:
        return Sign.OFF
    if holds is None:
        return Sign.PULSE
    return Sign.ON if holds else Sign.OFF


def _note(name: str, notice: Notice) -> str:
    rule = notice.source.get("Rule", "")
    what = "/".join(name.split("/")[-2:])
    return printable(f"{what} rule={rule}" if rule else what)
