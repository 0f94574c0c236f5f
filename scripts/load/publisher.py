"""The publisher: a process of its own that speaks for every box, and notes what is answered.

A box has at most a window of messages on their way, as the agent's outbox has. What frees a place is the signed
receipt, or, where nobody sends receipts (`Answer.BROKER`), the broker's own acknowledgement. Given a rate, messages
leave evenly spaced. Receipts are counted on the way and kept whole: who started this verifies them afterwards.
"""

import multiprocessing
import resource
import selectors
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain
from multiprocessing.connection import Connection
from typing import Final

import cbor2

from aggregator.adapters.mosquitto import tls_context
from aggregator.settings import Settings
from load.fleet import LoadBox, Said
from load.mqtt import PUBACK, PUBLISH, LoadError, LoadLine, delivered, publish_frame
from protocol.topics import RECEIPT, device_topic

SILENCE_S: Final = 60.0
_READY_TIMEOUT_S: Final = 120.0
_POLL_S: Final = 0.01


class Answer(Enum):
    """What ends a message's way."""

    RECEIPT = auto()
    BROKER = auto()


@dataclass(frozen=True, slots=True)
class Plan:
    """How to publish: places on the way for each box, messages a second (None: as fast as answers allow)."""

    answer: Answer
    window: int
    rate: float | None = None


@dataclass(slots=True)
class Published:
    """How it went. Times are of the monotonic clock, which all processes of a machine share."""

    first_s: float = 0.0
    last_s: float = 0.0
    cpu_s: float = 0.0
    sent_s: list[float] = field(default_factory=list)  # of each message in the order of sending, if at a rate
    receipts: list[tuple[float, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class _Load:
    """A box at work: its line, its frames, how far it is."""

    line: LoadLine
    frames: list[bytes]
    sent: int = 0
    answered: int = 0


class Publisher:
    """A publisher process: connected at once, published when told. `with` ends it however things go."""

    def __init__(
        self, settings: Settings, boxes: Sequence[LoadBox], said: Sequence[Sequence[Said]], plan: Plan
    ) -> None:
        """Start the process; it holds what is said before it is told to begin."""
        fork = multiprocessing.get_context("fork")
        self._pipe, other = fork.Pipe()
        self._process = fork.Process(target=_serve, args=(other, settings, boxes, said, plan), daemon=True)
        self._process.start()
        other.close()

    def __enter__(self) -> "Publisher":
        """Wait until every box is connected."""
        self._take(_READY_TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def begin(self) -> None:
        """Publish."""
        self._pipe.send(None)

    def progress(self, timeout_s: float = SILENCE_S) -> "int | Published":
        """How many are answered so far; in the end what came of it. Raises `LoadError`."""
        news: int | Published = self._take(timeout_s)
        return news

    def _take(self, timeout_s: float) -> "int | Published":
        if not self._pipe.poll(timeout_s):
            raise LoadError(f"no answer for {timeout_s:.0f} s; see the logs of broker and aggregator")
        try:
            news = self._pipe.recv()
        except EOFError:
            raise LoadError("the publisher ended; what it said stands above") from None
        if isinstance(news, LoadError):
            raise news
        assert isinstance(news, int | Published)  # noqa: S101  for mypy: a pipe carries anything
        return news


def _serve(
    pipe: Connection, settings: Settings, boxes: Sequence[LoadBox], said: Sequence[Sequence[Said]], plan: Plan
) -> None:
    with suppress(BrokenPipeError, EOFError, KeyboardInterrupt):
        try:
            loads = [_connected(settings, box, each) for box, each in zip(boxes, said, strict=True)]
            pipe.send(0)
            pipe.recv()
            pipe.send(_Run(loads, plan, pipe).go())
        except LoadError as exc:
            pipe.send(exc)


def _connected(settings: Settings, box: LoadBox, said: Sequence[Said]) -> _Load:
    context = tls_context(settings.broker.ca, box.certificate, box.key)
    topic = str(device_topic(box.who, RECEIPT))
    line = LoadLine(box.who.device, (settings.broker.host, settings.broker.port), context, topic)
    frames = [publish_frame(each.topic, number % 65_535 + 1, each.raw) for number, each in enumerate(said)]
    return _Load(line, frames)


class _Run:
    """One publishing, from the first message to the last answer."""

    def __init__(self, loads: list[_Load], plan: Plan, pipe: Connection) -> None:
        self._loads, self._plan, self._pipe = loads, plan, pipe
        self._total = sum(len(load.frames) for load in loads)
        self._answered = self._told = 0
        self._published = Published()
        self._selector = selectors.DefaultSelector()
        for load in loads:
            self._selector.register(load.line.socket, selectors.EVENT_READ, load)

    def go(self) -> Published:
        cpu_s, self._published.first_s = _cpu_s(), time.monotonic()
        heard_s = self._published.first_s
        while self._answered < self._total:
            self._send()
            if self._hear():
                heard_s = time.monotonic()
                self._tell()
            elif time.monotonic() - heard_s > SILENCE_S:
                raise LoadError(f"{self._total - self._answered} of {self._total} messages were never answered")
        self._published.last_s, self._published.cpu_s = time.monotonic(), _cpu_s() - cpu_s
        return self._published

    def _tell(self) -> None:
        if self._answered - self._told >= self._total // 100:
            self._told = self._answered
            self._pipe.send(self._answered)

    def _send(self) -> None:
        if self._plan.rate is not None:
            self._send_at(self._plan.rate)
            return
        for load in self._loads:
            end = min(load.answered + self._plan.window, len(load.frames))
            if end > load.sent or load.line.unsent:
                load.line.send(b"".join(load.frames[load.sent : end]))
                load.sent = end

    def _send_at(self, rate: float) -> None:
        """What is due by now, box after box; times are noted."""
        sent_s = self._published.sent_s
        due = int((time.monotonic() - self._published.first_s) * rate) + 1
        while len(sent_s) < min(due, self._total):
            load = self._loads[len(sent_s) % len(self._loads)]
            sent_s.append(time.monotonic())
            load.line.send(load.frames[load.sent])
            load.sent += 1

    def _hear(self) -> bool:
        wait_s = 0.002 if self._plan.rate is not None else _POLL_S
        ready = self._selector.select(wait_s)
        before = self._answered
        for key, _ in ready:
            load: _Load = key.data
            answers = sum(self._answers(load, kind, content) for kind, content in load.line.frames())
            load.answered += answers
            self._answered += answers
        return self._answered > before

    def _answers(self, load: _Load, kind: int, content: bytes) -> int:
        """How many messages a frame answers."""
        if kind & 0xF0 == PUBLISH:
            raw, acknowledgement = delivered(content, kind)
            if acknowledgement is not None:
                load.line.send(acknowledgement)
            self._published.receipts.append((time.monotonic(), raw))
            return items_of(raw) if self._plan.answer is Answer.RECEIPT else 0
        if kind == PUBACK and len(content) > 2 and content[2] >= 0x80:
            raise LoadError(f"the broker refused a message (reason {content[2]:#x}); see its access list")
        return int(kind == PUBACK and self._plan.answer is Answer.BROKER)


def items_of(raw: bytes) -> int:
    """How many envelopes a receipt answers, unverified."""
    return len(cbor2.loads(cbor2.loads(raw).value[2])[3])


def in_order_of_sending(said: Sequence[Sequence[Said]]) -> list[Said]:
    """Messages as a publisher with a rate sends them: one of each box by turns."""
    return list(chain.from_iterable(zip(*said, strict=True)))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
