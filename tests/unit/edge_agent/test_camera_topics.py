"""ONVIF topics and our alarm words."""

import re
from pathlib import Path

import pytest

from edge_agent.core.alarms import Sign, Signal
from edge_agent.core.camera_topics import TOPICS, Notice, Operation, TopicRules, Unheard, topic_name
from protocol.messages import Alarm
from protocol.wire import to_bytes

RULES = TopicRules()
DOCS = Path(__file__).resolve().parents[3] / "docs" / "cameras.md"


def hear(notice: Notice, rules: TopicRules = RULES) -> Signal:
    found = rules.hear("cam-1", notice)
    assert isinstance(found, Signal)
    return found


def test_a_crossed_line_is_a_pulse_that_names_its_rule() -> None:
    heard = hear(Notice("tns1:RuleEngine/LineDetector/Crossed", source={"Rule": "gate"}, data={"ObjectId": "15"}))
    assert heard == Signal("cam-1", "line_crossing", "Rule=gate", Sign.PULSE, "LineDetector/Crossed rule=gate")


@pytest.mark.parametrize(
    ("operation", "value", "sign"),
    [
        (Operation.INITIALIZED, "true", Sign.ON),
        (Operation.CHANGED, "1", Sign.ON),
        (Operation.CHANGED, "FALSE", Sign.OFF),
        (Operation.INITIALIZED, "0", Sign.OFF),
        (Operation.DELETED, "true", Sign.OFF),
        (None, "true", Sign.ON),
    ],
)
def test_a_state_follows_its_boolean(operation: Operation | None, value: str, sign: Sign) -> None:
    notice = Notice("tns1:RuleEngine/TamperDetector/Tamper", operation, {"Rule": "r"}, {"IsTamper": value})
    assert hear(notice).sign is sign


def test_a_topic_stands_for_what_is_below_it() -> None:
    heard = hear(Notice("tns1:VideoSource/GlobalSceneChange/ImagingService", data={"State": "true"}))
    assert (heard.alarm, heard.note) == ("scene_change", "GlobalSceneChange/ImagingService")


def test_prefixes_and_stray_slashes_do_not_matter() -> None:
    assert topic_name(" tns1:RuleEngine/tnsx:LineDetector/Crossed/ ") == "RuleEngine/LineDetector/Crossed"


def test_what_is_not_wanted_and_what_nobody_knows_are_told_apart() -> None:
    assert RULES.hear("c", Notice("tns1:VideoSource/MotionAlarm", data={"State": "true"})) is Unheard.UNWANTED
    assert RULES.hear("c", Notice("tns1:Acme/Sneeze")) is Unheard.UNKNOWN


def test_a_makers_own_topic_is_added_by_the_settings() -> None:
    rules = TopicRules(more={"tnsacme:Audio/Scream": "violence"})
    assert hear(Notice("tns1:Audio/Scream", data={"State": "true"}), rules).sign is Sign.ON
    assert hear(Notice("tns1:Audio/Scream/Loud"), rules).alarm == "violence"


@pytest.mark.parametrize(
    "topic",
    ["tns1:RuleEngine/Recognition/LicensePlate", "tns1:RuleEngine/FaceDetect", "acme:ANPR/Read", "tns1:X/LPR"],
)
def test_topics_that_name_plates_or_persons_are_refused_whatever_the_settings_say(topic: str) -> None:
    rules = TopicRules(wanted=frozenset({"violence"}), more={topic: "violence"})
    assert rules.hear("cam-1", Notice(topic, data={"Plate": "ABC123D"})) is Unheard.REFUSED


def test_no_data_of_an_event_reaches_the_message() -> None:
    notice = Notice(
        "tns1:RuleEngine/FieldDetector/ObjectsInside",
        source={"Rule": "yard", "PlateNumber": "ABC123D"},
        data={"IsInside": "true", "Likely": "XYZ987W"},
    )
    heard = hear(notice)
    assert "yard" in repr(heard)
    assert not {"ABC123D", "XYZ987W"} & set(re.findall(r"[A-Z0-9]{7}", repr(heard)))


def test_a_cameras_text_always_fits_the_wire() -> None:
    nasty = "\x1b[31m" + "é" * 500 + "\n"
    notice = Notice("tns1:RuleEngine/LineDetector/Crossed", source={"Rule": nasty, nasty: nasty})
    heard = hear(notice)
    assert to_bytes(Alarm(camera="c", alarm=heard.alarm, started_ms=1, note=heard.note), max_bytes=1000)


def test_the_docs_list_every_topic_and_its_alarm() -> None:
    rows = re.findall(r"^\| `(?:tns1:)([^`]+)` \| `([a-z_]+)` \|", DOCS.read_text(), re.MULTILINE)
    assert dict(rows) == {name: topic.alarm for name, topic in TOPICS.items()}
