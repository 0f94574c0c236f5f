"""A box of the drill: its folder, its token, and a technician who runs the same command until it has worked.

The enrolment is the agent's own (`edge_agent.service.enroll`), many boxes in one process; a few run as the real command
in a process of their own, which is killed with -9. Each box dials from a loopback address of its own, since the
command centre counts attempts by address.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge_agent.core.enrolment import Stage
from edge_agent.errors import EnrolmentFailed
from edge_agent.service.enroll import Enrolled, Setting, enroll
from edge_agent.service.timekeeper import WallClock
from protocol.enrolment import Token, token_text
from protocol.steps import Step, no_step

PATIENCE_S = 600.0
_PAUSES_S = (0.2, 0.4)
_AGAIN_S = 0.5
_COMMAND = Path(sys.executable).parent / "edge-agent"


class Cut(BaseException):
    """The box lost its power. No `Exception`: nothing in the agent may catch it."""


def utc_now() -> datetime:
    """The box's clock, when it is right."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Box:
    """One box and what became of its enrolment. `told` counts what its technician was told, by the message's word."""

    device: str
    folder: Path
    token: Token = field(repr=False)
    source: str
    attempts: int = 0
    told: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    wrong_clock_told: bool = False
    last_words: str = ""

    @property
    def identity(self) -> Path:
        """Its identity folder."""
        return self.folder / "identity"

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.folder / "agent.toml"

    def unpack(self) -> None:
        """Put the box on the table: a settings file, nothing else."""
        self.folder.mkdir(parents=True)
        self.config.write_text('identity_dir = "identity"\ndata_dir = "data"\n')

    def through(self, port: int) -> "Box":
        """The same box with a token that leads elsewhere first."""
        self.token = msgspec.structs.replace(self.token, port=port)
        return self

    def setting(self, *, step: Step = no_step, wall_clock: WallClock = utc_now, say: "Say | None" = None) -> Setting:
        """How its enrolment runs."""
        return Setting(
            folder=self.identity,
            config=self.config,
            keystore="file",
            source=self.source,
            say=say or _silent,
            step=step,
            wall_clock=wall_clock,
            pauses_s=_PAUSES_S,
        )

    async def attempt(self, setting: Setting) -> Enrolled | None:
        """The command once; None if it was stopped, by what is in `told`."""
        self.attempts += 1
        try:
            enrolled = await enroll(self.token, setting)
        except EnrolmentFailed as exc:
            self.told[exc.problem] += 1
            return None
        except Cut:
            self.told["(cut)"] += 1
            return None
        self.wrong_clock_told = self.wrong_clock_told or enrolled.clock.is_wrong
        return enrolled

    async def persist(self, setting: Setting | None = None) -> None:
        """The same command until it has worked; the technician gives up after `PATIENCE_S`."""
        ends_s = time.monotonic() + PATIENCE_S
        while await self.attempt(setting or self.setting()) is None and time.monotonic() < ends_s:  # noqa: ASYNC110
            await asyncio.sleep(_AGAIN_S)

    async def persist_as_command(self) -> None:
        """The same in processes of their own."""
        ends_s = time.monotonic() + PATIENCE_S
        while await self.command() != 0 and time.monotonic() < ends_s:  # noqa: ASYNC110  people wait and try again
            await asyncio.sleep(_AGAIN_S)

    async def command(self, *, crash_at: str = "") -> int:
        """The real command in a process of its own; its exit code."""
        self.attempts += 1
        file = self.folder / "token"
        file.write_text(token_text(self.token))
        process = await asyncio.create_subprocess_exec(
            *(str(_COMMAND), "enroll", "--token-file", str(file), "--config", str(self.config), "--keystore", "file"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "ATALAYA_CRASH_AT": crash_at, "LC_ALL": "en_US.UTF-8"},
        )
        _, said = await process.communicate()
        if process.returncode == -9:
            self.told["(killed)"] += 1
        elif process.returncode:
            self.told[f"(exit {process.returncode})"] += 1
            self.last_words = said.decode(errors="replace").strip()
        return process.returncode or 0


Say = Callable[..., None]


def _silent(stage: Stage, **values: str | float) -> None:
    """Nobody watches."""
