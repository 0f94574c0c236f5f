"""The command `aggregator`: its sub-commands, and the one place where an error becomes a line on stderr.

Each noun has a module of its own beside this one, imported when it is called: a command answers in the time it takes
to import what it needs.
"""

import sys
from collections.abc import Sequence

from cyclopts import App

from aggregator.cli.console import release
from aggregator.errors import AggregatorError
from protocol.errors import ProtocolError

INTERRUPTED = 130

app = App(name="aggregator", help="The command centre: verifies, keeps, alerts, federates.", version=release)
for _command, _place in {
    "init": "init:init",
    "config": "config:app",
    "city": "registry:city",
    "partner": "registry:partner",
    "point": "registry:point",
    "camera": "registry:camera",
    "device": "registry:device",
    "broker": "broker:app",
    "ca": "ca:app",
    "trust": "trust:app",
    "officer": "officer:app",
    "hotlist": "hotlist:app",
    "rollout": "rollout:app",
    "federation": "federation:app",
    "run": "run:run",
    "events": "queries:events",
    "hits": "queries:hits",
    "devices": "queries:devices",
    "counts": "queries:counts",
    "query": "query:query",
    "analyst": "analyst:app",
    "export": "export:export",
    "alerts": "alerts:app",
    "notices": "notices:app",
    "webhooks": "webhooks:app",
    "token": "token:app",
    "acceptances": "acceptances:app",
    "evidence": "evidence:app",
    "audit": "audit:app",
    "retention": "retention:app",
    "database": "database:app",
}.items():
    app.command(f"aggregator.cli.{_place}", name=_command)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run a command: 0 when it did what it says, else an exit code after one line on stderr."""
    try:
        command, bound, _ = app.parse_args(list(argv))
        if "structlog" in sys.modules:  # what the command imports may log, and stdout is for its result alone
            from aggregator.cli import journal  # noqa: PLC0415  # a fifth of a second that most commands can do without

            journal.warn_only()
        code = command(*bound.args, **bound.kwargs)
    except AggregatorError as exc:
        return _fail(str(exc), exc.exit_code)
    except ProtocolError as exc:
        return _fail(str(exc), AggregatorError.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"aggregator: {text}\n")
    return code
