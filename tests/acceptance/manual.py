"""A page of commands, read as a script: what is typed in a page's `console` blocks, and what the page says comes of it.

    admin$ aggregator device list       a command, and at whose prompt it is typed; a trailing backslash goes on below
    box-1  ... active ...               a line that must be in its output: `...` stands for anything, blanks for blanks
    box$ edge-agent aim   # Ctrl-C      a command that runs until it is interrupted: its lines must come, then it is

Nothing else is in such a block, so that what is copied from the page is what was tried.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_BLOCK: Final = re.compile(r"^```console\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT: Final = re.compile(r"^(?P<who>[a-z]+)\$ (?P<command>.+)$")
_WATCHED: Final = re.compile(r"\s+# Ctrl-C$")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page."""

    who: str
    command: str
    says: tuple[str, ...] = ()
    is_watched: bool = False
    line: int = field(default=0, compare=False)

    def missing(self, output: str) -> list[str]:
        """The lines that the page promises and the output does not have, in order."""
        lines = [" ".join(line.split()) for line in output.splitlines()]
        return [said for said in self.says if not any(_pattern(said).search(line) for line in lines)]


def steps(page: str) -> Iterator[Step]:
    """The commands of a page, in order; raises `ValueError` for a block that begins with anything else."""
    for block in _BLOCK.finditer(page):
        line = page.count("\n", 0, block.start("body")) + 1
        yield from _steps_of(block["body"], line)


def _steps_of(body: str, first_line: int) -> Iterator[Step]:
    now: Step | None = None
    for number, text in enumerate(body.replace("\\\n", "").splitlines(), start=first_line):
        if prompt := _PROMPT.match(text):
            if now is not None:
                yield now
            command, watched = _WATCHED.subn("", prompt["command"])
            now = Step(prompt["who"], " ".join(command.split()), is_watched=bool(watched), line=number)
        elif now is None:
            raise ValueError(f"line {number}: a console block begins with a prompt, not with {text!r}")
        elif text.strip():
            now = Step(now.who, now.command, (*now.says, text.strip()), now.is_watched, now.line)
    if now is not None:
        yield now


def _pattern(said: str) -> re.Pattern[str]:
    parts = [re.escape(" ".join(part.split())) for part in said.split("...")]
    return re.compile(r"\s*.*?\s*".join(parts))
