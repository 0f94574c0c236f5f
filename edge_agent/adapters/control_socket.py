"""The control socket: a Unix socket in the data folder, for its owner only, that answers one question with one line.

A client sends a word and a newline and gets a JSON object and a newline. There is one word so far: `status`.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import BadSettings, NotRunning

NAME: Final = "control.sock"
TIMEOUT_S: Final = 5.0
MAX_LINE_BYTES: Final = 64
_MAX_PATH_BYTES: Final = 107  # sun_path of unix(7)

# `Any`: what answers are made of is JSON.
Answer = Callable[[], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def serving(path: Path, answers: dict[str, Answer]) -> AsyncIterator[None]:
    """Answer on the socket while the context lasts. A socket that a killed agent left behind is replaced."""

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                word = (await reader.readline()).decode("ascii", "replace").strip()
                answer = answers.get(word)
                found = await answer() if answer else {"error": f"unknown word; known: {', '.join(answers)}"}
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


def ask(path: Path, word: str) -> dict[str, Any]:
    """Ask a running agent; raises `NotRunning`."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(str(path))
            client.sendall(word.encode("ascii") + b"\n")
            with client.makefile("rb") as answers:
                line = answers.readline()
    except OSError as exc:
        raise NotRunning(f"{path}: no agent answers; start it with `edge-agent run`") from exc
    if not line:
        raise NotRunning(f"{path}: the agent hung up; it may be stopping, ask again")
    return dict(json.loads(line))


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
