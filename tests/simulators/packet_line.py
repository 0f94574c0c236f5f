"""A line of IP packets between two network namespaces: real TCP on both ends, and what weather a test wants between.

    with PacketLine() as line:
        with line.inside(FAR):          # sockets and programs made here are at 10.77.0.1
            server.start()
        with line.inside(NEAR):         # and here at 10.77.0.2
            client.start()
        line.becomes(Weather(delay_s=0.2, loss=0.05))
        line.becomes(CUT)               # packets vanish; nobody is told, nothing is refused

Each end is a tun device; what goes into one is read here, waits, is lost or goes on into the other. So a partition is
one: no end gets a reset, and TCP's own timers find out. It needs no kernel module but tun; many kernels lack netem.

Packets have a direction, and each may have its own weather: where answers alone are lost, a sender must not believe
that nothing arrived. TCP's acknowledgements are lost with them, and once it misses one it says the same over and over,
nothing new: so answers can be lost from a given packet on, which is then certain to arrive. Weather is a function of
time, so that a line can flap by itself.
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import selectors
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Final, Self, TypeAlias

NEAR: Final = "10.77.0.2"
FAR: Final = "10.77.0.1"
CAN_RUN: Final = os.geteuid() == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK)
_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET
_TUNSETIFF: Final = 0x400454CA
_TUN_WITHOUT_HEADER: Final = 0x1001  # IFF_TUN, IFF_NO_PI
_DEVICE: Final = "line0"
_PACKET_BYTES: Final = 65536
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Weather:
    """What becomes of packets one way."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    is_cut: bool = False


CLEAR: Final = Weather()
CUT: Final = Weather(is_cut=True)
Forecast: TypeAlias = Callable[[float], Weather]


def flapping(up_s: float, down_s: float, weather: Weather = CLEAR) -> Forecast:
    """A line that is there and gone by turns, beginning now."""
    began = time.monotonic()
    return lambda now: weather if (now - began) % (up_s + down_s) < up_s else CUT


class PacketLine:
    """The line and its two ends. Use as a context."""

    def __init__(self, seed: int = 1) -> None:
        """Nothing is there yet."""
        self.carried, self.lost = 0, 0
        self._rng, self._stack = Random(seed), contextlib.ExitStack()
        self._up: Forecast = lambda _now: CLEAR
        self._down: Forecast = lambda _now: CLEAR
        self._is_meant: Callable[[bytes], bool] = _never
        self._spaces: dict[str, int] = {}
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        """Make both namespaces and begin to carry."""
        with contextlib.ExitStack() as stack:
            home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            stack.callback(os.close, home)
            self._spaces[""] = home
            near, far = self._end(stack, NEAR, FAR), self._end(stack, FAR, NEAR)
            carrier = threading.Thread(target=self._carry, args=(near, far), name="packet-line")
            carrier.start()
            stack.callback(carrier.join)
            stack.callback(self._is_over.set)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """End the line; the namespaces go with the last program in them."""
        self._stack.close()

    def becomes(self, up: Weather | Forecast, down: Weather | Forecast | None = None) -> None:
        """The weather from now on: from near to far, and (else the same) from far to near."""
        self._is_meant = _never
        self._up = _forecast(up)
        self._down = self._up if down is None else _forecast(down)

    def loses_answers_to(self, is_meant: Callable[[bytes], bool]) -> None:
        """Clear until a packet is meant, which arrives; from then on nothing goes from far to near."""
        self.becomes(CLEAR)
        self._is_meant = is_meant

    @contextlib.contextmanager
    def inside(self, end: str) -> Iterator[None]:
        """This thread, and what it starts, at one end of the line. Open sockets stay where they were made."""
        _enter(self._spaces[end])
        try:
            yield
        finally:
            _enter(self._spaces[""])

    def _end(self, stack: contextlib.ExitStack, own: str, other: str) -> int:
        """A namespace with the device of this address in it; the device's descriptor."""
        made: list[int] = []
        failed: list[Exception] = []

        def make() -> None:
            try:
                made.extend(_make_end(own, other))
            except (OSError, subprocess.CalledProcessError) as exc:
                failed.append(exc)

        maker = threading.Thread(target=make, name="packet-line-end")  # its namespace ends with it, so it needs its own
        maker.start()
        maker.join()
        if failed:
            raise failed[0]
        space, device = made
        stack.callback(os.close, space)
        stack.callback(os.close, device)
        self._spaces[own] = space
        return device

    def _carry(self, near: int, far: int) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        ways: dict[int, tuple[int, Callable[[], Forecast]]] = {
            near: (far, lambda: self._up),
            far: (near, lambda: self._down),
        }
        with selectors.DefaultSelector() as ready:
            for device in ways:
                ready.register(device, selectors.EVENT_READ)
            while not self._is_over.is_set():
                pause = waiting[0][0] - time.monotonic() if waiting else _LOOK_S
                for key, _ in ready.select(min(max(pause, 0.0), _LOOK_S)):
                    to, forecast = ways[key.fd]
                    self._take(key.fd, to, forecast()(time.monotonic()), waiting)
                while waiting and waiting[0][0] <= time.monotonic():
                    _, _, to, packet = heapq.heappop(waiting)
                    with contextlib.suppress(OSError):  # a full device loses packets, as devices do
                        os.write(to, packet)

    def _take(self, device: int, to: int, weather: Weather, waiting: list[tuple[float, int, int, bytes]]) -> None:
        """Everything that a device has to send, on its way or lost."""
        while True:
            try:
                packet = os.read(device, _PACKET_BYTES)
            except BlockingIOError:
                return
            if weather.is_cut or self._rng.random() < weather.loss:
                self.lost += 1
                continue
            self.carried += 1
            if self._is_meant(packet):
                self.becomes(CLEAR, CUT)
            due = time.monotonic() + weather.delay_s + self._rng.uniform(0.0, weather.jitter_s)
            heapq.heappush(waiting, (due, self.carried, to, packet))


def _never(_packet: bytes) -> bool:
    return False


def _forecast(weather: Weather | Forecast) -> Forecast:
    return (lambda _now: weather) if isinstance(weather, Weather) else weather


def _make_end(own: str, other: str) -> tuple[int, int]:
    """For a thread that ends after it: descriptors of a new namespace and of the device in it."""
    _check(ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK))
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", _DEVICE.encode(), _TUN_WITHOUT_HEADER))
    for command in (
        ("link", "set", "lo", "up"),
        ("address", "add", own, "peer", other, "dev", _DEVICE),
        ("link", "set", _DEVICE, "up"),
    ):
        subprocess.run(["ip", *command], check=True)
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC), device


def _enter(space: int) -> None:
    _check(ctypes.CDLL(None, use_errno=True).setns(space, _NEW_NETWORK))


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
