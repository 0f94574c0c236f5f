"""The people of a page of commands: each types at a prompt of his own, in a folder and an environment of his own.

An invitation's token that one of them is shown is what the next one pastes where a token is asked for. Commands that
judge a box end with code 1 where they find something to mend: on a machine that is no box that is their verdict, not a
failure.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.manual import Step

COMMAND_S = 600.0
TOKEN = re.compile(r"ATALAYA:[A-Z2-7]+")
ASKS_FOR_A_TOKEN = "edge-agent enroll"
# What changes by itself is looked at again, as people do.
LOOKS = ("edge-agent status", "aggregator devices", "aggregator acceptances list", "aggregator rollout list")
LOOKS_S = 60.0
JUDGES = ("edge-agent doctor", "edge-agent network test", "edge-agent cameras test")


@dataclass(slots=True)
class Pocket:
    """What people carry from one to another."""

    token: str = ""

    def look_at(self, output: str) -> None:
        """Take a token along, if one is shown."""
        found = TOKEN.findall(output.replace("\n", ""))
        self.token = found[-1] if found else self.token


@dataclass(frozen=True, slots=True)
class Person:
    """Who types where. `stands_for` has what the page writes and what it is on this machine."""

    folder: Path
    environment: Mapping[str, str]
    pocket: Pocket
    stands_for: Mapping[str, str] = field(default_factory=dict)

    def does(self, step: Step) -> None:
        """Type a command; it must succeed and say what the page promises."""
        limit = time.monotonic() + LOOKS_S
        output = self._watch(step) if step.is_watched else self._run(step)
        while step.missing(output) and step.command.startswith(LOOKS) and time.monotonic() < limit:
            time.sleep(1.0)
            output = self._run(step)
        assert not (missing := step.missing(output)), f"line {step.line}: {missing} not in:\n{output}"

    def _run(self, step: Step) -> str:
        done = subprocess.run(
            self._argv(step), cwd=self.folder, env={**os.environ, **self.environment},
            input=f"{self.pocket.token}\n" if step.command == ASKS_FOR_A_TOKEN else "",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=COMMAND_S, check=False,
        )  # fmt: skip
        good = (0, 1) if step.command.startswith(JUDGES) else (0,)
        assert done.returncode in good, f"line {step.line}: {step.command}: exit {done.returncode}\n{done.stdout}"
        self.pocket.look_at(done.stdout)
        return done.stdout

    def _watch(self, step: Step) -> str:
        """Run a command until it has said all that is promised, then press Ctrl-C."""
        log = self.folder / f"line-{step.line}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                self._argv(step), cwd=self.folder, env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        limit = time.monotonic() + COMMAND_S
        try:
            while step.missing(log.read_text()) and process.poll() is None and time.monotonic() < limit:
                time.sleep(0.2)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            code = process.wait(COMMAND_S)
        assert code in (0, 130), f"line {step.line}: {step.command}: exit {code}\n{log.read_text()}"
        return log.read_text()

    def _argv(self, step: Step) -> list[str]:
        command = step.command
        for written, meant in self.stands_for.items():
            command = command.replace(written, meant)
        return ["bash", "-euo", "pipefail", "-c", command]
