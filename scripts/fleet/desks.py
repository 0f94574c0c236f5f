"""The desks of all cities' officers, in a process of their own: what they spend is no box's, and is counted apart.

    async with desks_of(state.cities) as desks:
        batches = await desks.propose("FAB123C")
        committed_s = await desks.approve(batches)

The process is told its cities as arguments. It answers each line that it reads with a line, both JSON, and ends when it
is told no more, so it does not outlive whoever started it.
"""

import asyncio
import json
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from federating.officers import OWN_CITY, Officers, officers_of
from stack.city import LocalCity
from stack.process import StackError
from stack.state import LocalState

_SCRIPTS: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Desks:
    """The other process, as it is seen from here. Use `desks_of`."""

    _process: Process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def propose(self, plate: str) -> dict[str, str]:
        """Import a plate in every city, under the first officer's signature; the batch of each city."""
        batches: dict[str, str] = await self._answer({"propose": plate})
        return batches

    async def approve(self, batches: Mapping[str, str]) -> dict[str, float]:
        """The second officer's signature in every city, at once; when (`time.time`) each was committed."""
        committed_s: dict[str, float] = await self._answer({"approve": dict(batches)})
        return committed_s

    async def _answer(self, request: Mapping[str, object]) -> Any:  # what the request asks for
        reading, writing = self._process.stdout, self._process.stdin
        assert reading is not None  # noqa: S101  for mypy: both are pipes
        assert writing is not None  # noqa: S101
        with suppress(ConnectionError):  # then there is no answer either
            writing.write(json.dumps(request).encode() + b"\n")
            await writing.drain()
        answer = await reading.readline()
        if not answer:
            raise StackError("the officers' desks closed; what they said of it stands above")
        return json.loads(answer)


@asynccontextmanager
async def desks_of(cities: Mapping[str, LocalCity]) -> AsyncIterator[Desks]:
    """The desks of a state's cities, which must be running."""
    folder = next(iter(cities.values())).folder.resolve().parent
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fleet.desks", str(folder), *cities, stdin=PIPE, stdout=PIPE, cwd=_SCRIPTS
    )
    try:
        yield Desks(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _serve(folder: Path, cities: Sequence[str]) -> None:
    """Do what is asked for, until nobody asks any more."""
    state = LocalState(folder, cities, is_linked=False)
    async with AsyncExitStack() as stack:
        officers = [await stack.enter_async_context(officers_of(city)) for city in state.cities.values()]
        while request := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await _done(json.loads(request), officers)), flush=True)


async def _done(request: dict[str, Any], officers: Sequence[Officers]) -> dict[str, str] | dict[str, float]:
    if "propose" in request:
        return {each.city: await each.propose(request["propose"], scope=OWN_CITY) for each in officers}
    batches = request["approve"]
    async with asyncio.TaskGroup() as group:
        signing = [group.create_task(_approved(each, batches[each.city]), name=each.city) for each in officers]
    return dict(task.result() for task in signing)


async def _approved(officers: Officers, batch: str) -> tuple[str, float]:
    await officers.approve(batch)
    return officers.city, time.time()


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2:]))
