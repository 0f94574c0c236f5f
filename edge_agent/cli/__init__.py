"""Command line of the agent."""

import sys


def main() -> None:
    """Entry point `edge-agent`: an expected failure is one line on stderr and exit code 1."""
    from edge_agent.cli.app import app  # noqa: PLC0415  # so that importing a command's module loads only it
    from edge_agent.errors import EdgeError  # noqa: PLC0415

    try:
        command, bound, _ = app.parse_args(sys.argv[1:])
        if "structlog" in sys.modules:  # what the command imports may log, and stdout is for its result alone
            from edge_agent.cli.logs import warn_only  # noqa: PLC0415  # a fifth of a second, where nothing logs

            warn_only()
        code = command(*bound.args, **bound.kwargs)
    except EdgeError as exc:
        print(f"edge-agent: {exc}", file=sys.stderr)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
