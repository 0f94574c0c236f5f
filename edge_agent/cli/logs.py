"""Logging: for people on a terminal, JSON lines elsewhere. Tracebacks never show local variables, which hold plates."""

import logging
import sys

import structlog


def set_up_logs(least: int = logging.INFO) -> None:
    """Configure structlog for the process; everything goes to stderr."""
    is_terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor
    if is_terminal:
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if is_terminal else "iso", utc=not is_terminal),
            *([] if is_terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def warn_only() -> None:
    """Logging for a command that is typed: warnings, on stderr, beside what it says itself."""
    if not structlog.is_configured():
        set_up_logs(logging.WARNING)
