"""A camera that speaks ONVIF: device, media and events (PullPoint) as SOAP over HTTP on a loopback port.

Every call but the one for its clock wants a WS-UsernameToken: the digest is checked, a nonce is taken once, and the
time must be near the camera's own clock, which `clock_offset_s` sets wrong. It remembers properties and tells them
anew to each subscription (`Initialized`), as cameras do; subscriptions end at their termination time. What
`rubbish` holds for a call is answered instead.
"""

import base64
import hashlib
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from typing_extensions import override

from tests.simulators.broker import free_port

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wsa5": "http://www.w3.org/2005/08/addressing",
    "ter": "http://www.onvif.org/ver10/error",
    "tns1": "http://www.onvif.org/ver10/topics",
}
SKEW_S = 30
INFORMATION = (
    "<tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>Dome 4</tds:Model>"
    "<tds:FirmwareVersion>1.2.3</tds:FirmwareVersion><tds:SerialNumber>{serial}</tds:SerialNumber>"
    "<tds:HardwareId>D4</tds:HardwareId>"
)
INTERFACES = (
    '<tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>eth0</tt:Name>'
    "<tt:HwAddress>02:00:5E:10:00:01</tt:HwAddress></tt:Info></tds:NetworkInterfaces>"
)
STREAM = (
    "<trt:MediaUri><tt:Uri>{url}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
    "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
)


class Fault(Exception):
    """What the camera answers instead."""


@dataclass
class Subscription:
    """One subscriber's queue."""

    number: int
    ends_s: float
    waiting: list[str] = field(default_factory=list)


@dataclass
class OnvifCamera:
    """A context manager; `cut` and `start` take its power away and give it back, on the same port."""

    user: str = "installer"
    password: str = "a camera's password"
    stream_url: str = "rtsp://127.0.0.1:554/main"
    clock_offset_s: float = 0.0
    serial: str = "SN-0001"
    max_life_s: float = 3600.0
    port: int = field(default_factory=free_port)
    calls: list[str] = field(default_factory=list)
    bad_logins: int = 0
    rubbish: dict[str, bytes] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Serve."""
        self._changed = threading.Condition()
        self._subscriptions: dict[int, Subscription] = {}
        self._properties: dict[tuple[str, str], str] = {}
        self._nonces: set[str] = set()
        self._server: ThreadingHTTPServer | None = None
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """End it."""
        self.cut()

    def start(self) -> None:
        """Listen, on the port it had before if it had one."""
        camera = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = camera.answer(self.path, body)
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    self.close_connection = True  # the client has left

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="onvif-camera")
        self._thread.start()

    def cut(self) -> None:
        """Stop answering and forget every subscription, as a power cut does."""
        server, self._server = self._server, None
        if server is None:
            return
        self.forget_subscriptions()
        server.shutdown()
        server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Its ONVIF address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def subscribers(self) -> int:
        """Subscriptions that have not ended."""
        with self._changed:
            return len(self._live())

    @property
    def ends_s(self) -> float:
        """When the subscription that ends first does, by the monotonic clock."""
        with self._changed:
            return min(each.ends_s for each in self._live())

    def tell(
        self,
        topic: str,
        operation: str = "Changed",
        *,
        source: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> None:
        """Notify all subscribers; a property (`operation`) is remembered for those to come."""
        source, data = source or {}, data or {}
        with self._changed:
            if operation:
                self._properties[topic, str(source)] = self._notice(topic, "Initialized", source, data)
            for each in self._live():
                each.waiting.append(self._notice(topic, operation, source, data))
            self._changed.notify_all()

    def forget_subscriptions(self) -> None:
        """Lose all subscriptions, as a reboot does."""
        with self._changed:
            self._subscriptions.clear()
            self._changed.notify_all()

    def answer(self, path: str, body: str) -> tuple[int, bytes]:
        """One SOAP call."""
        action = _action(body)
        self.calls.append(action)
        if action in self.rubbish:
            return 200, self.rubbish[action]
        try:
            if action != "GetSystemDateAndTime":
                self._check_login(body)
            return 200, envelope(self._act(action, path, body))
        except Fault as exc:
            subcode = "<s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode>" if "uthor" in str(exc) else ""
            fault = (
                f"<s:Fault><s:Code><s:Value>s:Sender</s:Value>{subcode}</s:Code>"
                f'<s:Reason><s:Text xml:lang="en">{escape(str(exc))}</s:Text></s:Reason></s:Fault>'
            )
            return 400, envelope(fault)

    def _act(self, action: str, path: str, body: str) -> str:
        match action:
            case "CreatePullPointSubscription":
                return self._subscribe(body)
            case "PullMessages":
                return self._pull(self._subscription(path), body)
            case "Renew":
                return self._renew(self._subscription(path), body)
            case "Unsubscribe":
                return self._unsubscribe(self._subscription(path))
            case _:
                return self._tell_facts(action, body)

    def _tell_facts(self, action: str, body: str) -> str:
        token = re.search(r"ProfileToken>([^<]*)<", body)
        is_main = token is not None and token[1] == "main"
        facts = {
            "GetSystemDateAndTime": _date_and_time(self._now()),
            "GetServices": _services(self.address),
            "GetDeviceInformation": INFORMATION.format(serial=self.serial),
            "GetNetworkInterfaces": INTERFACES,
            "GetProfiles": _profile("sub", 640, 360, 15, "H264") + _profile("main", 1920, 1080, 25, "H264"),
            "GetStreamUri": STREAM.format(url=escape(self.stream_url + ("" if is_main else "?sub"))),
        }
        if action not in facts:
            raise Fault(f"Action not supported: {action}")
        prefix = "trt" if action in {"GetProfiles", "GetStreamUri"} else "tds"
        return f"<{prefix}:{action}Response>{facts[action]}</{prefix}:{action}Response>"

    def _check_login(self, body: str) -> None:
        found = {name: _text(body, name) for name in ("Username", "Password", "Nonce", "Created")}
        nonce, created = found["Nonce"], found["Created"]
        raw = base64.b64decode(nonce) + created.encode() + self.password.encode()
        digest = base64.b64encode(hashlib.sha1(raw).digest()).decode()  # noqa: S324  what ONVIF asks for
        skew_s = abs((datetime.fromisoformat(created) - self._now()).total_seconds()) if created else float("inf")
        is_good = found["Username"] == self.user and found["Password"] == digest and nonce not in self._nonces
        if not is_good or skew_s > SKEW_S:
            self.bad_logins += 1
            raise Fault("Sender not Authorized")
        self._nonces.add(nonce)

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.clock_offset_s)

    def _subscribe(self, body: str) -> str:
        with self._changed:
            number = secrets.randbelow(10**6)
            life_s = min(self.max_life_s, _duration_s(_text(body, "InitialTerminationTime") or "PT60S"))
            self._subscriptions[number] = Subscription(
                number, time.monotonic() + life_s, list(self._properties.values())
            )
        return (
            "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
            f"<wsa5:Address>{self.address}/onvif/subscription/{number}</wsa5:Address></tev:SubscriptionReference>"
            f"{self._times(life_s)}</tev:CreatePullPointSubscriptionResponse>"
        )

    def _renew(self, subscription: Subscription, body: str) -> str:
        life_s = min(self.max_life_s, _duration_s(_text(body, "TerminationTime") or "PT60S"))
        subscription.ends_s = time.monotonic() + life_s
        termination, current = self._instant(life_s), self._instant(0)
        return (
            f"<wsnt:RenewResponse><wsnt:TerminationTime>{termination}</wsnt:TerminationTime>"
            f"<wsnt:CurrentTime>{current}</wsnt:CurrentTime></wsnt:RenewResponse>"
        )

    def _unsubscribe(self, subscription: Subscription) -> str:
        with self._changed:
            self._subscriptions.pop(subscription.number, None)
            self._changed.notify_all()
        return "<wsnt:UnsubscribeResponse/>"

    def _pull(self, subscription: Subscription, body: str) -> str:
        limit_s, most = _duration_s(_text(body, "Timeout")), int(_text(body, "MessageLimit"))
        with self._changed:
            self._changed.wait_for(
                lambda: subscription.waiting or subscription.number not in self._subscriptions, limit_s
            )
            if subscription.number not in self._subscriptions:
                raise Fault("no such subscription")
            taken, subscription.waiting = subscription.waiting[:most], subscription.waiting[most:]
        life_s = subscription.ends_s - time.monotonic()
        return (
            f"<tev:PullMessagesResponse><tev:CurrentTime>{self._instant(0)}</tev:CurrentTime>"
            f"<tev:TerminationTime>{self._instant(life_s)}</tev:TerminationTime>{''.join(taken)}</tev:PullMessagesResponse>"
        )

    def _subscription(self, path: str) -> Subscription:
        with self._changed:
            self._subscriptions = {each.number: each for each in self._live()}
            found = self._subscriptions.get(int(path.rpartition("/")[2]))
        if found is None:
            raise Fault("no such subscription")
        return found

    def _live(self) -> list[Subscription]:
        return [each for each in self._subscriptions.values() if each.ends_s > time.monotonic()]

    def _times(self, life_s: float) -> str:
        return (
            f"<wsnt:CurrentTime>{self._instant(0)}</wsnt:CurrentTime>"
            f"<wsnt:TerminationTime>{self._instant(life_s)}</wsnt:TerminationTime>"
        )

    def _instant(self, later_s: float) -> str:
        return (self._now() + timedelta(seconds=later_s)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _notice(self, topic: str, operation: str, source: Mapping[str, str], data: Mapping[str, str]) -> str:
        said = f' PropertyOperation="{operation}"' if operation else ""
        dialect = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
        return (
            f'<wsnt:NotificationMessage><wsnt:Topic Dialect="{dialect}">{escape(topic)}</wsnt:Topic><wsnt:Message>'
            f'<tt:Message UtcTime="{self._instant(0)}"{said}><tt:Source>{_items(source)}</tt:Source>'
            f"<tt:Data>{_items(data)}</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>"
        )


def _items(values: Mapping[str, str]) -> str:
    return "".join(f"<tt:SimpleItem Name={quoteattr(n)} Value={quoteattr(v)}/>" for n, v in values.items())


def _action(body: str) -> str:
    """The name of the body's first element."""
    envelope = ET.fromstring(body)  # noqa: S314  from the test's own client
    found = envelope.find("{*}Body")
    return found[0].tag.partition("}")[2] if found is not None else ""


def _text(body: str, name: str) -> str:
    found = re.search(rf"<(?:[\w-]+:)?{name}\b[^>]*>([^<]*)<", body)
    return found[1] if found else ""


def _duration_s(text: str) -> float:
    """`PT1M30S`, or an absolute time."""
    found = re.fullmatch(r"PT(?:(\d+)M)?(?:(\d+)S)?", text)
    if found:
        return int(found[1] or 0) * 60 + int(found[2] or 0)
    return (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()


def envelope(body: str) -> bytes:
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return f'<?xml version="1.0"?><s:Envelope {spaces}><s:Body>{body}</s:Body></s:Envelope>'.encode()


def _date_and_time(now: datetime) -> str:
    return (
        "<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
        f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second></tt:Time>"
        f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
        "</tt:UTCDateTime></tds:SystemDateAndTime>"
    )


def _services(address: str) -> str:
    found = {"device": "tds", "media": "trt", "events": "tev"}
    return "".join(
        f"<tds:Service><tds:Namespace>{NAMESPACES[prefix]}</tds:Namespace>"
        # The address of another network, as cameras behind a router give it.
        f"<tds:XAddr>{address.replace('127.0.0.1', '192.0.2.7')}/onvif/{name}_service</tds:XAddr><tds:Version>"
        "<tt:Major>2</tt:Major><tt:Minor>5</tt:Minor></tds:Version></tds:Service>"
        for name, prefix in found.items()
    )


def _profile(token: str, width: int, height: int, rate: int, encoding: str) -> str:
    return (
        f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name>'
        f'<tt:VideoEncoderConfiguration token="e-{token}"><tt:Name>e</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{encoding}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height>"
        f"</tt:Resolution><tt:Quality>5</tt:Quality><tt:RateControl><tt:FrameRateLimit>{rate}</tt:FrameRateLimit>"
        "<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl>"
        "</tt:VideoEncoderConfiguration></trt:Profiles>"
    )
