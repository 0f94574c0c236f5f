"""The enrolment drill's choice of faults, and its line that is cut."""

import asyncio
from random import Random

import pytest
from enroll_drill import chosen
from enrolling.cutter import Budget, Cutter
from enrolling.faults import FAULTS

from edge_agent.service.enroll import STEPS


def test_every_fault_comes_before_one_comes_again() -> None:
    names = chosen(2 * len(FAULTS), Random(1))
    assert set(names[: len(FAULTS)]) == set(FAULTS)
    assert sorted(names) == sorted([*FAULTS] * 2)
    assert chosen(5, Random(1)) == chosen(5, Random(1))


def test_every_step_of_an_enrolment_is_cut() -> None:
    assert {f"cut at {step}" for step in STEPS} <= set(FAULTS)


@pytest.mark.parametrize(("left", "passed", "is_spent"), [(None, 9, False), (9, 9, False), (8, 8, True), (0, 0, True)])
def test_a_line_carries_what_it_may_and_no_byte_more(left: int | None, passed: int, is_spent: bool) -> None:
    budget = Budget(left)
    assert (budget.allows(9), budget.is_spent) == (passed, is_spent)


async def test_a_cut_line_holds_once_its_cuts_are_used_up() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Cutter(server.sockets[0].getsockname()[1], [3]).listening() as line:
        heard = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
            writer.write(b"hello")
            try:
                heard.append(await asyncio.wait_for(reader.read(100), 30))
            except ConnectionResetError:
                heard.append(b"(cut)")
            writer.close()
    assert heard[0] != b"hello"
    assert (heard[1], line.cuts) == (b"hello", 1)
