"""What is done to a box while it is being enrolled. Each fault ends with the box enrolled, or the box gives up."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TypeAlias

from aggregator.adapters import invitation_desk
from aggregator.adapters.database import Pool
from aggregator.errors import AggregatorError
from edge_agent.adapters.enroll_files import csr_of, own_key
from edge_agent.adapters.enroll_line import EnrollLine
from edge_agent.core.enrolment import Stage
from edge_agent.errors import EnrolmentFailed
from edge_agent.service.enroll import STEPS
from enrolling.box import PATIENCE_S, Box, Cut
from enrolling.cutter import Cutter
from protocol.enrolment import sign_request
from protocol.steps import stop_at

_COPIES = 4
_LONGEST_ALLOWANCE = 9_000  # about what the two connections of an enrolment carry


@dataclass(frozen=True, slots=True)
class Around:
    """What a fault has to hand: chance, the enrolment port, the command centre's desk."""

    rng: Random
    enrol_port: int
    pool: Pool


Fault: TypeAlias = Callable[[Box, Around], Awaitable[None]]


async def none(box: Box, _around: Around) -> None:
    """Nothing happens."""
    await box.persist()


def cut_at(step: str) -> Fault:
    """The box loses its power at a step, the first time it gets there."""

    async def fault(box: Box, _around: Around) -> None:
        await box.attempt(box.setting(step=stop_at(step, _cut)))
        await box.persist()

    return fault


def killed_at(step: str) -> Fault:
    """The real command is killed with -9 at a step, then run again."""

    async def fault(box: Box, _around: Around) -> None:
        await box.command(crash_at=step)
        await box.persist_as_command()

    return fault


async def bad_line(box: Box, around: Around) -> None:
    """The line is cut several times, after any number of bytes."""
    allowances = [around.rng.randrange(_LONGEST_ALLOWANCE) for _ in range(3)]
    async with Cutter(around.enrol_port, allowances).listening() as line:
        await box.through(line.port).persist()
        box.told["(line cut)"] += line.cuts


async def doubled(box: Box, around: Around) -> None:
    """The command runs twice at once, and its request arrives several times over."""
    signer = own_key(box.identity, box.device, "file")
    raw = sign_request(csr_of(box.device, signer), box.token.signer)

    async def send() -> None:
        line = EnrollLine(box.token, source=box.source)
        with suppress(EnrolmentFailed):
            await line.request(raw, await line.pin(), check_dates=True)

    async with asyncio.TaskGroup() as group:
        for _ in range(_COPIES):
            group.create_task(send(), name="copy")
        for _ in range(2):
            group.create_task(_once(box), name="command")
    await box.persist()


async def stolen_token(box: Box, around: Around) -> None:
    """Somebody else uses the same token at the same time; one of the two gets in. The winner is the box."""
    thief = Box(box.device, box.folder.with_name(f"{box.folder.name}-thief"), box.token, box.source)
    thief.unpack()
    async with asyncio.TaskGroup() as group:
        for each in around.rng.sample((box, thief), 2):
            group.create_task(_once(each), name="rival")
    if "used" in box.told:
        box.folder, box.attempts = thief.folder, box.attempts + thief.attempts
        box.told["(the other was faster)"] += 1
    await box.persist()


async def clock_in_1970(box: Box, _around: Around) -> None:
    """The box's clock stands at 1970; it is enrolled all the same, and told so."""
    await box.persist(box.setting(wall_clock=lambda: datetime(1970, 1, 1, tzinfo=UTC)))
    if not box.wrong_clock_told:
        box.told["(nobody told of the clock)"] += 1


async def guarded(box: Box, around: Around) -> None:
    """A person has to approve the box, and does as soon as it waits."""
    waits = asyncio.Event()

    def say(stage: Stage, **_values: str | float) -> None:
        if stage is Stage.APPROVAL:
            waits.set()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(box.persist(box.setting(say=say)), name="enroll")
        await waits.wait()
        with suppress(AggregatorError):
            await invitation_desk.approve(around.pool, box.device, key=None, actor="os:drill", now=datetime.now(UTC))


FAULTS: dict[str, Fault] = {
    "none": none,
    **{f"cut at {step}": cut_at(step) for step in STEPS},
    "killed at enroll.answered": killed_at("enroll.answered"),
    "killed at enroll.facts_written": killed_at("enroll.facts_written"),
    "bad line": bad_line,
    "doubled requests": doubled,
    "token used twice": stolen_token,
    "clock in 1970": clock_in_1970,
    "needs approval": guarded,
}
GUARDED = "needs approval"


async def _once(box: Box) -> None:
    await box.attempt(box.setting())


def _cut() -> None:
    raise Cut
