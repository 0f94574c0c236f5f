"""Signature checks, off the event loop: in a thread, or in N processes of their own.

Threads share one interpreter lock, and with it one core; processes do not. A process is this very module, run as a
program: it reads batches on stdin, writes answers on stdout, and ends when its stdin does, so that none outlives a
killed aggregator. One that dies is started again, and its part of the batch is checked by the next.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Final, Protocol, TypeAlias

import msgspec

from aggregator.core.ingest import Header, PastPlace, Payload, RegisteredKey, Spoken, read_header, verify
from protocol.keys import Algorithm, PublicKey
from protocol.messages import Message, body_of
from protocol.presence import Presence
from protocol.refusals import Refusal

Work: TypeAlias = Sequence[tuple[Header, RegisteredKey]]
Verdicts: TypeAlias = list[Payload | Refusal]

_LENGTH_BYTES: Final = 4
_ANSWER_TIMEOUT_S: Final = 60.0
_TRIES: Final = 3


class Verifier(Protocol):
    """Something that checks a batch."""

    async def verify(self, work: Work) -> Verdicts:
        """A verdict for each delivery, in their order."""
        ...


@asynccontextmanager
async def verifier(processes: int) -> AsyncIterator[Verifier]:
    """A verifier with N processes, or with a thread for 0."""
    if processes == 0:
        yield ThreadVerifier()
        return
    async with AsyncExitStack() as stack:
        checkers = [_Checker() for _ in range(processes)]
        for checker in checkers:
            stack.push_async_callback(checker.close)
        yield ProcessVerifier(checkers)


class ThreadVerifier:
    """Checks in a thread of this process."""

    async def verify(self, work: Work) -> Verdicts:
        """A verdict for each delivery, in their order."""
        return await asyncio.to_thread(lambda: [verify(header, key) for header, key in work])


class _Question(msgspec.Struct, frozen=True, array_like=True):
    topic: str
    raw: bytes
    spki: bytes
    algorithm: int
    place: tuple[str, str, str]
    past: tuple[PastPlace, ...]


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    refusal: int = 0
    message: Message | None = None
    presence: Presence | None = None


_ENCODER: Final = msgspec.msgpack.Encoder()
_QUESTIONS: Final = msgspec.msgpack.Decoder(list[_Question])
_ANSWERS: Final = msgspec.msgpack.Decoder(list[_Answer])


class CheckerDied(Exception):
    """A checking process ended before it answered."""


@dataclass(slots=True)
class _Checker:
    """One process, started at its first batch and again after a death. One batch at a time."""

    _process: Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def verify(self, work: Work) -> Verdicts:
        async with self._turn:
            for _ in range(_TRIES):
                with suppress(CheckerDied):
                    return await self._ask(work)
            raise CheckerDied(f"a checking process died {_TRIES} times in a row")

    async def _ask(self, work: Work) -> Verdicts:
        process = await self._started()
        assert process.stdin is not None  # noqa: S101  both are pipes
        assert process.stdout is not None  # noqa: S101
        question = _ENCODER.encode([_question(header, key) for header, key in work])
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                process.stdin.write(len(question).to_bytes(_LENGTH_BYTES, "big") + question)
                await process.stdin.drain()
                length = int.from_bytes(await process.stdout.readexactly(_LENGTH_BYTES), "big")
                answers = _ANSWERS.decode(await process.stdout.readexactly(length))
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError) as exc:
            await self.close()
            raise CheckerDied from exc
        except asyncio.CancelledError:
            await self.close()  # its answer would be taken for the next batch's
            raise
        return [_verdict(answer) for answer in answers]

    async def _started(self) -> Process:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE, start_new_session=True
            )
        return self._process

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


@dataclass(frozen=True, slots=True)
class ProcessVerifier:
    """Checks in processes of their own, an equal share of the batch in each."""

    _checkers: Sequence[_Checker]

    async def verify(self, work: Work) -> Verdicts:
        """A verdict for each delivery, in their order."""
        share = -(-len(work) // len(self._checkers))
        parts = [work[at : at + share] for at in range(0, len(work), max(share, 1))]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(checker.verify(part), name="verify")
                for checker, part in zip(self._checkers, parts, strict=False)
            ]
        return [verdict for task in tasks for verdict in task.result()]


def _question(header: Header, key: RegisteredKey) -> _Question:
    place = (key.device, key.city, key.point)
    return _Question(str(header.topic), header.envelope.raw, key.key.spki, int(key.key.algorithm), place, key.past)


def _verdict(answer: _Answer) -> Payload | Refusal:
    if answer.message is not None:
        return Spoken(answer.message, body_of(answer.message))
    return answer.presence or Refusal(answer.refusal)


def _answer(question: _Question) -> _Answer:
    header = read_header(question.topic, question.raw)
    if isinstance(header, Refusal):
        return _Answer(int(header))
    key = RegisteredKey(PublicKey(Algorithm(question.algorithm), question.spki), *question.place, past=question.past)
    match verify(header, key):
        case Spoken(message=message):
            return _Answer(message=message)
        case Presence() as presence:
            return _Answer(presence=presence)
        case Refusal() as refusal:
            return _Answer(int(refusal))


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer batches until there are no more."""
    while head := questions.read(_LENGTH_BYTES):
        batch = _QUESTIONS.decode(questions.read(int.from_bytes(head, "big")))
        said = _ENCODER.encode([_answer(question) for question in batch])
        answers.write(len(said).to_bytes(_LENGTH_BYTES, "big") + said)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
