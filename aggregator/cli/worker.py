"""The program of an ingest worker beside the first: `python -m aggregator.cli.worker`, started by `aggregator run`.

Settings come as a line of JSON on stdin; the worker ends when stdin does. News go to stdout, logs to stderr.
"""

import asyncio
import os
import resource
import sys

import msgspec

from aggregator.cli import journal
from aggregator.core.workers import News
from aggregator.service.garbage import look_seldom
from aggregator.service.intake import run_alone
from aggregator.settings import from_json


def main() -> None:
    """Work until stdin ends."""
    journal.configure()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # memory holds plates, and must not reach the disk
    look_seldom()
    line = sys.stdin.buffer.readline()
    if line:
        asyncio.run(_work(line))


async def _work(line: bytes) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stop.set)  # nothing more comes: readable means closed
    await run_alone(from_json(line), stop, _tell)


def _tell(news: News) -> None:
    os.write(sys.stdout.fileno(), msgspec.json.encode(news) + b"\n")


if __name__ == "__main__":
    main()
