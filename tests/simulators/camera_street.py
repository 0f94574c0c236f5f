"""Two network namespaces joined by a cable, a box's and a camera's; in the camera's runs `ipycam`, a virtual camera.

ipycam listens on every address it has, so it gets a network of its own. It answers WS-Discovery, ONVIF device and media
calls with WS-UsernameToken, and streams H.264 over RTSP. This file is also the program that runs there.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

BOX_ADDRESS, CAMERA_ADDRESS = "10.213.77.1", "10.213.77.2"
ONVIF_PORT, RTSP_PORT = 8080, 8554
START_S = 30


@dataclass(frozen=True)
class CameraStreet:
    """`interface` is the box's end of the cable."""

    box: str
    interface: str

    def run(self, *argv: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a program in the box's network."""
        return subprocess.run(
            ["ip", "netns", "exec", self.box, *argv],
            capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environment},
        )  # fmt: skip


def why_not() -> str:
    """Why no namespace can be made here; empty if one can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and iproute2"
    name = f"try-{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return "" if made.returncode == 0 else f"this machine makes no network namespace: {made.stderr.strip()}"


@contextmanager
def camera_street(folder: Path, user: str, password: str) -> Iterator[CameraStreet]:
    """Lay the cable, plug the camera in, and wait until it answers."""
    tag = secrets.token_hex(3)
    box, camera = f"box-{tag}", f"cam-{tag}"
    with ExitStack() as stack:
        for name in (box, camera):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
            _ip("-n", name, "link", "set", "lo", "up")
        ours, theirs = f"b{tag}", f"c{tag}"
        _ip("link", "add", ours, "netns", box, "type", "veth", "peer", "name", theirs, "netns", camera)
        for name, end, address in ((box, ours, BOX_ADDRESS), (camera, theirs, CAMERA_ADDRESS)):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", end)
            _ip("-n", name, "link", "set", end, "up")
        # What ipycam says is to be found in a file, not mixed with a test's own output.
        log = stack.enter_context((folder / "ipycam.log").open("wb"))
        argv = [
            "ip",
            "netns",
            "exec",
            camera,
            sys.executable,
            __file__,
            json.dumps({"user": user, "password": password}),
        ]
        running = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        stack.callback(_end, running)
        street = CameraStreet(box, ours)
        _await_camera(street, running, folder / "ipycam.log")
        yield street


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _end(running: "subprocess.Popen[bytes]") -> None:
    """The camera with the ffmpeg processes that it started: they are a session of their own."""
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def _await_camera(street: CameraStreet, running: "subprocess.Popen[bytes]", log: Path) -> None:
    code = "import socket,sys; [socket.create_connection((sys.argv[1], int(p)), 1).close() for p in sys.argv[2:]]"
    deadline = time.monotonic() + START_S
    while street.run(sys.executable, "-c", code, CAMERA_ADDRESS, str(ONVIF_PORT), str(RTSP_PORT)).returncode != 0:
        is_hopeful = running.poll() is None and time.monotonic() < deadline
        assert is_hopeful, log.read_text()[-2000:]
        time.sleep(0.2)


def _be_camera(user: str, password: str) -> None:
    """Run ipycam for ever, with a picture that moves."""
    import logging  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415
    from ipycam import CameraConfig, IPCamera  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO)
    config = CameraConfig(
        name="Street", manufacturer="PythonCam", model="VirtualCam-1", serial_number="PY-777", local_ip=CAMERA_ADDRESS,
        onvif_port=ONVIF_PORT, rtsp_port=RTSP_PORT, username=user, password=password, hw_accel="cpu",
        main_width=320, main_height=180, main_fps=10, main_bitrate="500K",
        sub_width=160, sub_height=90, sub_fps=10, sub_bitrate="200K",
    )  # fmt: skip
    camera = IPCamera(config)
    camera.start()
    frame, n = np.zeros((180, 320, 3), np.uint8), 0
    while True:
        n += 1
        frame[:] = (n * 7) % 255
        frame[:, (n * 11) % 300 : (n * 11) % 300 + 20] = 255
        camera.stream(frame)


if __name__ == "__main__":
    _be_camera(**json.loads(sys.argv[1]))
