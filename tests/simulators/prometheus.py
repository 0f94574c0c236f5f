"""What an expression of Prometheus asks for, and what our programs tell."""

import re
from collections.abc import Iterator

from aggregator.core import metrics as of_aggregator
from edge_agent.core import metrics as of_agent

ALWAYS = {"job", "instance"}
# What Prometheus itself and the library's process collector tell.
_GIVEN: dict[str, tuple[str, ...]] = {"up": ("job", "instance"), "process_resident_memory_bytes": ()}
_NAME = re.compile(r"\b(up|(?:atalaya|process)_[a-z_]+)\b(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def known() -> dict[str, tuple[str, ...]]:
    """Each metric with its labels."""
    return {**_GIVEN, **{each.name: each.labels for each in (*of_aggregator.METRICS, *of_agent.METRICS)}}


def uses(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that an expression names, with the labels that it selects by."""
    for name, selector in _NAME.findall(expression):
        yield name, set(_LABEL.findall(selector))
