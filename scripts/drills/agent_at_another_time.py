"""`edge-agent`, under a wall clock that is wrong by as many seconds as a file says: `... FILE run --config ...`.

The agent takes its wall clock as an option of its composition; the command line has no option for it, because no box
in a street may. So the drill composes it here. The file is read at each look at the clock, so that the clock can jump
while the agent runs. Monotonic time, and what TLS itself takes for the date, are left alone.
"""

import sys
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import edge_agent.cli.run as command
from edge_agent.cli import main
from edge_agent.service.assembly import Options
from edge_agent.service.timekeeper import WallClock, utc_now


def wrong_by(file: Path) -> WallClock:
    """A wall clock that is wrong by the seconds in a file."""

    def now() -> datetime:
        return utc_now() + timedelta(seconds=float(file.read_text()))

    return now


if __name__ == "__main__":
    command.Options = partial(Options, wall_clock=wrong_by(Path(sys.argv[1])))  # type: ignore[attr-defined, assignment]
    sys.argv[1:] = sys.argv[2:]
    main()
