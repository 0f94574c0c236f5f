"""A camera's own detections, from real SOAP over HTTP to the outbox."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import pytest
from typing_extensions import override

from edge_agent.adapters.onvif_client import Login, OnvifAddress
from edge_agent.adapters.onvif_device import ask_camera, at_host
from edge_agent.adapters.onvif_events import PullPace, pull
from edge_agent.core.camera_topics import TopicRules
from edge_agent.core.liveness import ReconnectPace
from edge_agent.errors import BadSettings, OnvifFailed, OnvifRefused
from edge_agent.service.camera_events import MAX_TOPICS, CameraEvents, EventSource, event_sources
from edge_agent.service.tasks import background
from edge_agent.settings import CameraSettings
from tests.simulators.alarm_box import AlarmBox, alarm_box
from tests.simulators.onvif_camera import OnvifCamera, envelope

TIMEOUT_S = 30
QUICK = PullPace(life_s=20, hold_s=1)
"""Short, and long enough for a machine that stalls; a subscription that nobody ended is over before `TIMEOUT_S`."""
TAMPER = "tns1:RuleEngine/TamperDetector/Tamper"
CROSSED = "tns1:RuleEngine/LineDetector/Crossed"


class Eager(PullPace):
    """Renews again and again, each time long before the end."""

    @property
    @override
    def renew_after_s(self) -> float:
        return 1.0


def address_of(camera: OnvifCamera) -> OnvifAddress:
    return OnvifAddress.parse(camera.address)


@asynccontextmanager
async def listening(
    box: AlarmBox, camera: OnvifCamera, topics: TopicRules | None = None, *, pull_pace: PullPace = QUICK
) -> AsyncIterator[CameraEvents]:
    sources = [EventSource("cam-1", address_of(camera), Login(camera.user, camera.password))]
    pace = ReconnectPace(first_s=0.05, most_s=0.2)
    events = CameraEvents(sources, topics or TopicRules(), box.desk, pull_pace=pull_pace, pace=pace)
    async with background(events=events.run()):
        await until(lambda: camera.subscribers == 1)
        yield events


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not claim():
            await asyncio.sleep(0.01)


async def said(box: AlarmBox, states: list[tuple[str, bool]]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while await box.states() != states:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("clock_offset_s", [0.0, -86_400.0 * 365 * 20, 5_000.0])
async def test_a_detection_becomes_an_alarm_whatever_the_cameras_clock_says(
    tmp_path: Path, clock_offset_s: float
) -> None:
    with OnvifCamera(clock_offset_s=clock_offset_s) as camera:
        async with alarm_box(tmp_path) as box, listening(box, camera):
            before_ms = box.writer.time.now_ms()
            camera.tell(CROSSED, "", source={"Rule": "gate"}, data={"ObjectId": "7"})
            await said(box, [("line_crossing", True), ("line_crossing", False)])
            started, ended = await box.said()
            assert (started.camera, started.note) == ("cam-1", "LineDetector/Crossed rule=gate")
            assert before_ms <= started.started_ms == ended.started_ms <= box.writer.time.now_ms()
        assert camera.bad_logins == 0


async def test_a_state_starts_and_ends(tmp_path: Path) -> None:
    with OnvifCamera() as camera:
        camera.tell(TAMPER, source={"Rule": "r"}, data={"IsTamper": "false"})
        async with alarm_box(tmp_path) as box, listening(box, camera):
            camera.tell(TAMPER, source={"Rule": "r"}, data={"IsTamper": "true"})
            await said(box, [("tamper", True)])
            camera.tell(TAMPER, source={"Rule": "r"}, data={"IsTamper": "false"})
            await said(box, [("tamper", True), ("tamper", False)])


async def test_a_restart_of_the_box_neither_doubles_nor_forgets(tmp_path: Path) -> None:
    with OnvifCamera() as camera:
        async with alarm_box(tmp_path) as box, listening(box, camera):
            camera.tell(TAMPER, source={"Rule": "r"}, data={"IsTamper": "true"})
            await said(box, [("tamper", True)])
        await until(lambda: camera.subscribers == 0)
        async with alarm_box(tmp_path) as box, listening(box, camera) as events:
            await until(lambda: events.status()[0]["alarms"] == 1)
            assert await box.states() == [("tamper", True)]
            camera.tell(TAMPER, source={"Rule": "r"}, data={"IsTamper": "false"})
            await said(box, [("tamper", True), ("tamper", False)])


async def test_the_subscription_is_renewed_before_it_ends(tmp_path: Path) -> None:
    assert PullPace().renew_after_s <= PullPace().life_s / 2
    with OnvifCamera() as camera:
        async with alarm_box(tmp_path) as box, listening(box, camera, pull_pace=Eager(life_s=20, hold_s=1)):
            ends_s = camera.ends_s
            await until(lambda: camera.calls.count("Renew") >= 3 and camera.ends_s > ends_s)
            camera.tell(CROSSED, "")
            await said(box, [("line_crossing", True), ("line_crossing", False)])
        assert camera.calls.count("CreatePullPointSubscription") == 1
        await until(lambda: camera.calls[-1] == "Unsubscribe")


async def test_a_camera_that_was_away_is_subscribed_to_again(tmp_path: Path) -> None:
    with OnvifCamera() as camera:
        async with alarm_box(tmp_path) as box, listening(box, camera) as events:
            camera.tell(TAMPER, source={"Rule": "r"}, data={"IsTamper": "true"})
            await said(box, [("tamper", True)])
            camera.cut()
            await said(box, [("tamper", True), ("tamper", False)])
            assert (await box.said())[1].note.endswith("end not seen")
            assert events.status()[0]["fault"]
            camera.start()
            await until(lambda: camera.subscribers == 1)
            await said(box, [("tamper", True), ("tamper", False), ("tamper", True)])
            assert events.status()[0]["fault"] == ""
            camera.forget_subscriptions()
            await until(lambda: events.status()[0]["subscriptions"] == 3)


async def test_unknown_topics_are_counted_by_name_and_not_without_end(tmp_path: Path) -> None:
    with OnvifCamera() as camera:
        async with alarm_box(tmp_path) as box, listening(box, camera) as events:
            for n in range(MAX_TOPICS + 10):
                camera.tell(f"tns1:Acme/Sneeze{n}", "")
            camera.tell("tns1:Acme/Sneeze0", "")
            camera.tell("tns1:RuleEngine/Recognition/LicensePlate", "", data={"Plate": "ABC123D"})
            camera.tell("tns1:VideoSource/MotionAlarm", data={"State": "true"})
            await until(lambda: events.status()[0]["notices"] == MAX_TOPICS + 13)
            (status,) = events.status()
            assert status["unknown"]["Acme/Sneeze0"] == 2
            assert status["unknown"]["others"] == 10
            assert (status["refused"], status["unwanted"], status["alarms"]) == (1, 1, 0)
            assert await box.states() == []


async def test_an_answer_that_breaks_the_reader_costs_its_camera_the_events_and_nobody_else(tmp_path: Path) -> None:
    deep = envelope("<a>" * 20_000 + "</a>" * 20_000)
    with OnvifCamera() as good, OnvifCamera(rubbish={"PullMessages": deep}) as bad:
        sources = [
            EventSource(name, address_of(camera), Login(camera.user, camera.password))
            for name, camera in (("bad", bad), ("good", good))
        ]
        async with alarm_box(tmp_path) as box:
            events = CameraEvents(sources, TopicRules(), box.desk, pull_pace=QUICK, pace=ReconnectPace(0.05, 0.1))
            async with background(events=events.run()):
                await until(lambda: bad.calls.count("PullMessages") >= 2 and good.subscribers == 1)
                good.tell(CROSSED, "")
                await said(box, [("line_crossing", True), ("line_crossing", False)])
                assert events.status()[0]["notices"] == 0


async def test_a_wrong_password_is_told_and_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with OnvifCamera() as camera:
        source = EventSource("cam-1", address_of(camera), Login("installer", "hunter2-planted"))
        async with alarm_box(tmp_path) as box:
            events = CameraEvents([source], TopicRules(), box.desk, pace=ReconnectPace(first_s=0.05, most_s=0.1))
            async with background(events=events.run()):
                await until(lambda: camera.bad_logins >= 3)
                await until(lambda: "Authorized" in events.status()[0]["fault"])
            assert "hunter2" not in repr((source, events.status(), events))
    assert "camera_events_lost" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_camera_tells_what_it_is_and_where_it_streams() -> None:
    with OnvifCamera(stream_url="rtsp://installer:secret@192.0.2.9:8554/main") as camera:
        facts = await ask_camera(address_of(camera), Login(camera.user, camera.password))
        assert (facts.make, facts.model, facts.firmware, facts.serial) == ("Acme", "Dome 4", "1.2.3", "SN-0001")
        assert (facts.mac, facts.has_events) == ("02:00:5e:10:00:01", True)
        assert facts.main is not None
        assert (facts.main.token, facts.main.width_px, facts.main.codec) == ("main", 1920, "h264")
        assert facts.main.url == "rtsp://127.0.0.1:8554/main", "at the host that we know, without what is secret"
        with pytest.raises(OnvifRefused):
            await ask_camera(address_of(camera), Login(camera.user, "wrong"))
    with pytest.raises(OnvifFailed, match="cannot be reached"):
        await ask_camera(address_of(camera), Login())


PULLED = "<tev:PullMessagesResponse><wsnt:NotificationMessage>{}</wsnt:NotificationMessage></tev:PullMessagesResponse>"
RUBBISH = {
    "nothing": b"",
    "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
    "half an answer": envelope("<x/>")[:-20],
    "an empty body": envelope(""),
    "another answer": envelope("<tds:SomethingElseResponse/>"),
}
CALLS = (
    "GetSystemDateAndTime",
    "GetServices",
    "GetDeviceInformation",
    "GetProfiles",
    "CreatePullPointSubscription",
    "PullMessages",
)


@pytest.mark.parametrize("what", RUBBISH)
@pytest.mark.parametrize("call", CALLS)
async def test_a_camera_that_answers_rubbish_is_a_lost_camera_and_nothing_worse(call: str, what: str) -> None:
    with OnvifCamera(rubbish={call: RUBBISH[what]}) as camera:
        address, login = address_of(camera), Login(camera.user, camera.password)
        with suppress(OnvifFailed):
            await ask_camera(address, login)
        with suppress(OnvifFailed):
            async with aclosing(pull(address, login, QUICK)) as batches:
                await anext(batches)
                assert await anext(batches) == ()
        assert call in camera.calls


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<wsnt:Topic/>",
        "<wsnt:Topic>tns1:A/B</wsnt:Topic><wsnt:Message/>",
        "<wsnt:Message><tt:Message/></wsnt:Message>",
    ],
)
async def test_a_notification_with_nothing_in_it_is_left_out(inside: str) -> None:
    with OnvifCamera(rubbish={"PullMessages": envelope(PULLED.format(inside))}) as camera:
        login = Login(camera.user, camera.password)
        async with aclosing(pull(address_of(camera), login, QUICK)) as batches:
            await anext(batches)
            assert await anext(batches) == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.0.0.5", "http://10.0.0.5"),
        ("10.0.0.5:8080", "http://10.0.0.5:8080"),
        ("http://10.0.0.5/onvif/device_service", "http://10.0.0.5"),
        ("https://cam.local:443/", "https://cam.local"),
        ("http://[fe80::1]:80", "http://[fe80::1]"),
    ],
)
def test_addresses_are_read_and_shown(text: str, shown: str) -> None:
    assert str(OnvifAddress.parse(text)) == shown
    assert OnvifAddress.parse(str(OnvifAddress.parse(text))) == OnvifAddress.parse(text)


@pytest.mark.parametrize("text", ["http://admin:secret@10.0.0.5", "rtsp://10.0.0.5", "http://", "10.0.0.5:x"])
def test_an_address_that_is_none_or_holds_a_password_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(BadSettings) as told:
        event_sources([CameraSettings(camera="cam-1", url="rtsp://10.0.0.5/", onvif=text)])
    assert "secret" not in str(told.value)


def test_a_stream_that_is_not_rtsp_is_refused() -> None:
    with pytest.raises(OnvifFailed, match="RTSP"):
        at_host("http://10.0.0.5/video.mjpg", "10.0.0.5")
