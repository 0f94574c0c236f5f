"""How the aggregator logs: lines for a terminal, JSON for the journal; to stderr, and never the locals of a frame."""

import logging
import sys

import structlog


def configure(least: int = logging.INFO, *, is_final: bool = True) -> None:
    """Set logging up, once, at the start of the program; what is not final may be set up once more."""
    to_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # A traceback's lines, and no values: locals may hold a plate.
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if to_terminal
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=is_final,
    )


def warn_only() -> None:
    """Logging for a command that is typed: warnings, on stderr, beside what it says itself."""
    if not structlog.is_configured():
        configure(logging.WARNING, is_final=False)
