"""Command line of the aggregator."""

from aggregator.cli.app import main

__all__ = ["main"]
