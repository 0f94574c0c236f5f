"""`aggregator run`: the service, until SIGTERM or Ctrl-C."""

import asyncio
import os
import resource
import signal
from typing import Final

from aggregator.cli import journal
from aggregator.cli.console import Config, settings_of
from aggregator.errors import AggregatorError, BadInput
from aggregator.service import run as service
from aggregator.service.garbage import look_seldom
from aggregator.settings import Settings
from protocol.steps import Step, no_step, stop_at

CRASH_AT: Final = "ATALAYA_CRASH_AT"
DEMO: Final = "ATALAYA_DEMO"


def run(*, config: Config = None) -> None:
    """Take in, store, receipt and audit, until told to stop."""
    settings, step = settings_of(config), crash_step(os.environ.get(CRASH_AT))
    journal.configure()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # memory holds plates, and must not reach the disk
    look_seldom()
    with asyncio.Runner() as runner:
        try:
            runner.run(_serve(settings, step, is_demo=os.environ.get(DEMO) == "1"))
        except* AggregatorError as group:  # what else the group holds goes on up, with its traceback
            raise _first(group) from None


async def _serve(settings: Settings, step: Step, *, is_demo: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await service.run(settings, stop, step=step, is_demo=is_demo)


def crash_step(spec: str | None) -> Step:
    """The step that a drill asks for: a kill -9 of this process at a named place. Raises `BadInput`."""
    if not spec:
        return no_step
    name, _, nth = spec.partition(":")
    if name not in service.STEPS or (nth and not nth.isdecimal()):
        raise BadInput(f"{CRASH_AT}={spec}: want NAME or NAME:N, NAME one of {', '.join(service.STEPS)}")
    return stop_at(spec, lambda: os.kill(os.getpid(), signal.SIGKILL))


def _first(group: BaseExceptionGroup[AggregatorError]) -> AggregatorError:
    """The first of a group, however deep: the others are its echoes."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
