"""The command `aggregator`: its sub-commands, and the one place where an error becomes a line on stderr.

Each noun has a module of its own beside this one and is registered below; the order is the order of `--help`.
"""

import sys
from collections.abc import Sequence

from cyclopts import App

from aggregator.cli import audit, broker, config, hotlist, init, officer, queries, registry, trust
from aggregator.cli.console import release
from aggregator.cli.run import run as run_service
from aggregator.errors import AggregatorError
from protocol.errors import ProtocolError

INTERRUPTED = 130

app = App(name="aggregator", help="The command centre: verifies, keeps, alerts, federates.", version=release)
app.command(init.init)
app.command(config.app)
for noun in registry.APPS:
    app.command(noun)
app.command(broker.app)
app.command(trust.app)
app.command(officer.app)
app.command(hotlist.app)
app.command(run_service, name="run")
for query in (queries.events, queries.hits, queries.devices, queries.counts):
    app.command(query)
app.command(audit.app)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run a command: 0 when it did what it says, else an exit code after one line on stderr."""
    try:
        code = app(list(argv), result_action="return_int_as_exit_code_else_zero")
    except AggregatorError as exc:
        return _fail(str(exc), exc.exit_code)
    except ProtocolError as exc:
        return _fail(str(exc), AggregatorError.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    return int(code)


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"aggregator: {text}\n")
    return code
