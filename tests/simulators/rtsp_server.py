"""A camera: GStreamer's RTSP server on a loopback port, playing a clip over and over in real time.

GStreamer comes with Debian (`gir1.2-gst-rtsp-server-1.0`, `python3-gi`, `gstreamer1.0-plugins-{good,bad}`) and speaks
only to the system's Python, so this file is two things: `RtspServer` here, which runs the file as a program there. A
process of its own can be killed, stopped and started again on the same port, as a camera's power can. With a user
and a password it wants them, by digest; with a prefix it runs elsewhere, as in a network namespace.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SYSTEM_PYTHON = "/usr/bin/python3"
MOUNT = "/cam"
USER_KEY, PASSWORD_KEY = "RTSP_SERVER_USER", "RTSP_SERVER_PASSWORD"
_STOP_S = 30.0


class RtspServer:
    """A context manager; `url` is the same after every restart."""

    def __init__(
        self,
        clip: Path,
        *,
        user: str = "",
        password: str = "",
        address: str = "127.0.0.1",
        mount: str = MOUNT,
        prefix: Sequence[str] = (),
    ) -> None:
        self._clip, self._user, self._password = clip, user, password
        self._address, self._mount, self._prefix = address, mount, prefix
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where to read the stream."""
        return f"rtsp://{self._address}:{self.port}{self._mount}"

    def __enter__(self) -> Self:
        """Start serving."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """End the process."""
        self.kill()

    def start(self) -> None:
        """Start the server, on the port it had before if it had one."""
        from stack.ports import free_ports  # noqa: PLC0415  the system's Python, which runs this file too, lacks it

        self.port = self.port or free_ports(1)[0]
        argv = [*self._prefix, SYSTEM_PYTHON, "-W", "ignore", __file__]
        argv += [str(self._clip), str(self.port), self._address, self._mount]
        environment = {**os.environ, USER_KEY: self._user, PASSWORD_KEY: self._password}
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdecimal():
            self.kill()
            raise RuntimeError("the RTSP server did not start; install gir1.2-gst-rtsp-server-1.0 and python3-gi")
        self.port = int(line)

    def kill(self) -> None:
        """End the process at once, as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_S)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """Stop the process without closing its connections: the network stands, nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def _serve(clip: str, port: str, address: str, mount: str) -> None:
    """Run the server for ever; prints the port it listens on. Runs under the system's Python."""
    import gi  # noqa: PLC0415  only the system's Python has it

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # noqa: PLC0415

    Gst.init(None)
    caps, units = _access_units(Gst, clip)
    server = GstRtspServer.RTSPServer()
    server.set_address(address)
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( appsrc name=clip format=time is-live=false ! h264parse ! rtph264pay name=pay0 pt=96 )")
    factory.set_shared(True)
    factory.connect("media-configure", lambda _, media: _play(Gst, media, caps, units))
    if os.environ.get(USER_KEY):
        _guard(GstRtspServer, server, factory)
    server.get_mount_points().add_factory(mount, factory)
    if not server.attach(None):
        sys.exit(f"cannot listen on port {port}")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def _guard(rtsp: Any, server: Any, factory: Any) -> None:  # Any: GStreamer has no types
    """Want user and password, by digest."""
    from gi.repository import GstRtsp  # noqa: PLC0415  only the system's Python has it

    token = rtsp.RTSPToken()
    token.set_string(rtsp.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth = rtsp.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(os.environ[USER_KEY], os.environ[PASSWORD_KEY], token)
    server.set_auth(auth)
    permissions = rtsp.RTSPPermissions()
    permissions.add_permission_for_role("viewer", rtsp.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role("viewer", rtsp.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    factory.set_permissions(permissions)


def _access_units(gst: Any, clip: str) -> tuple[Any, list[tuple[bytes, int]]]:  # Any: GStreamer has no types
    """Read a clip's H.264 access units with their durations in nanoseconds."""
    pipeline = gst.parse_launch(
        f'filesrc location="{clip}" ! qtdemux ! h264parse config-interval=-1 '
        "! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=out sync=false"
    )
    sink = pipeline.get_by_name("out")
    pipeline.set_state(gst.State.PLAYING)
    units, caps = [], None
    while (sample := sink.emit("pull-sample")) is not None:
        buffer = sample.get_buffer()
        caps = sample.get_caps()
        units.append((buffer.extract_dup(0, buffer.get_size()), buffer.duration))
    pipeline.set_state(gst.State.NULL)
    if caps is None:
        sys.exit(f"{clip}: no H.264 in it")
    return caps, units


def _play(gst: Any, media: Any, caps: Any, units: list[tuple[bytes, int]]) -> None:  # Any: GStreamer has no types
    """Feed the units to a new stream for ever, each when it is asked for, with times that go on."""
    source = media.get_element().get_by_name("clip")
    source.set_property("caps", caps)
    position = {"unit": 0, "at_ns": 0}

    def feed(_source: Any, _wanted: int) -> None:
        data, duration_ns = units[position["unit"] % len(units)]
        buffer = gst.Buffer.new_wrapped(data)
        buffer.pts = buffer.dts = position["at_ns"]
        buffer.duration = duration_ns
        position["unit"] += 1
        position["at_ns"] += duration_ns
        source.emit("push-buffer", buffer)

    source.set_property("max-bytes", 1)
    source.connect("need-data", feed)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
