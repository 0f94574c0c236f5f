"""The control socket: a Unix socket in the data folder, for its owner only, that answers one question with one line.

A client sends a word, or a word, a space and a JSON object of arguments, and a newline; it gets a JSON object and a
newline. What the agent would not do is an object with the one key `error`. A question has to come quickly; an answer
may take its time.
"""

import asyncio
import inspect
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import BadSettings, EdgeError, NotRunning

NAME: Final = "control.sock"
TIMEOUT_S: Final = 5.0
PATIENCE_S: Final = 15.0
"""For an answer that takes no time: the agent shares its cores with its models, and its disk with others."""
MAX_ANSWER_S: Final = 120.0
MAX_LINE_BYTES: Final = 64 * 1024
_MAX_PATH_BYTES: Final = 107  # sun_path of unix(7)

# `Any`: what arguments and answers are made of is JSON.
Answer = Callable[..., Awaitable[dict[str, Any]]]
"""What answers a word; the arguments come by name. It may raise an `EdgeError`, whose text becomes the answer."""


@asynccontextmanager
async def serving(path: Path, answers: Mapping[str, Answer]) -> AsyncIterator[None]:
    """Answer on the socket while the context lasts. A socket that a killed agent left behind is replaced."""

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                line = await reader.readline()
            async with asyncio.timeout(MAX_ANSWER_S):
                found = await _answer(line, answers)
                writer.write(json.dumps(found, separators=(",", ":")).encode() + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            pass  # a client that says nothing, too much, or leaves is its own loss
        finally:
            writer.close()

    with _listening(path) as listener:
        server = await asyncio.start_unix_server(on_client, sock=listener, limit=MAX_LINE_BYTES)
        try:
            yield
        finally:
            server.close()


def ask(path: Path, word: str, *, timeout_s: float = PATIENCE_S, **arguments: Any) -> dict[str, Any]:  # `Any`: JSON
    """Ask a running agent; raises `NotRunning`."""
    question = f"{word} {json.dumps(arguments)}" if arguments else word
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout_s)
            client.connect(str(path))
            client.sendall(question.encode("ascii") + b"\n")
            with client.makefile("rb") as answers:
                line = answers.readline()
    except OSError as exc:
        raise NotRunning(f"{path}: no agent answers; start it with `edge-agent run`") from exc
    if not line:
        raise NotRunning(f"{path}: the agent hung up; it may be stopping, ask again")
    return dict(json.loads(line))


async def _answer(line: bytes, answers: Mapping[str, Answer]) -> dict[str, Any]:
    """What a question gets, also one that makes no sense."""
    word, _, given = line.decode("ascii", "replace").strip().partition(" ")
    answer = answers.get(word)
    if answer is None:
        return {"error": f"unknown word; known: {', '.join(answers)}"}
    try:
        arguments = json.loads(given or "{}")
        inspect.signature(answer).bind(**arguments)
    except (ValueError, TypeError):
        return {"error": f"{word}: not the arguments that this agent takes; is it of another release?"}
    try:
        return await answer(**arguments)
    except EdgeError as exc:
        return {"error": str(exc)}


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """A bound socket that only its owner may use from the first moment on; its name goes with it."""
    if len(bytes(path)) > _MAX_PATH_BYTES:
        raise BadSettings(f"{path}: too long for a socket's name; choose a data_dir of at most 90 characters")
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(8)
        listener.setblocking(False)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
