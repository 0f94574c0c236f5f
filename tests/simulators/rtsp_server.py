"""A camera: GStreamer's RTSP server on a loopback port, playing a clip over and over in real time.

GStreamer comes with Debian (`gir1.2-gst-rtsp-server-1.0`, `python3-gi`, `gstreamer1.0-plugins-{good,bad}`) and speaks
only to the system's Python, so this file is two things: `RtspServer` here, which runs the file as a program there. A
process of its own can be killed, stopped and started again on the same port, as a camera's power can.
"""

import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SYSTEM_PYTHON = "/usr/bin/python3"
MOUNT = "/cam"
_STOP_S = 5.0


class RtspServer:
    """A context manager; `url` is the same after every restart."""

    def __init__(self, clip: Path) -> None:
        self._clip = clip
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where to read the stream."""
        return f"rtsp://127.0.0.1:{self.port}{MOUNT}"

    def __enter__(self) -> Self:
        """Start serving."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """End the process."""
        self.kill()

    def start(self) -> None:
        """Start the server, on the port it had before if it had one."""
        argv = [SYSTEM_PYTHON, "-W", "ignore", __file__, str(self._clip), str(self.port)]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
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


def _serve(clip: str, port: str) -> None:
    """Run the server for ever; prints the port it listens on. Runs under the system's Python."""
    import gi  # noqa: PLC0415  only the system's Python has it

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # noqa: PLC0415

    Gst.init(None)
    caps, units = _access_units(Gst, clip)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( appsrc name=clip format=time is-live=false ! h264parse ! rtph264pay name=pay0 pt=96 )")
    factory.set_shared(True)
    factory.connect("media-configure", lambda _, media: _play(Gst, media, caps, units))
    server.get_mount_points().add_factory(MOUNT, factory)
    if not server.attach(None):
        sys.exit(f"cannot listen on port {port}")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


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
