"""Command line of the agent."""

import sys


def main() -> None:
    """Entry point `edge-agent`: an expected failure is one line on stderr and exit code 1."""
    from edge_agent.cli.app import app  # noqa: PLC0415  # so that importing a command's module loads only it
    from edge_agent.errors import EdgeError  # noqa: PLC0415

    try:
        app(sys.argv[1:])
    except EdgeError as exc:
        print(f"edge-agent: {exc}", file=sys.stderr)
        sys.exit(1)
