"""`docs/metrics.md` lists every metric, as the code has it, and none that the code does not have."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.core import metrics as of_aggregator
from edge_agent.core import metrics as of_agent

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(atalaya_[a-z_]+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


def listed() -> dict[str, tuple[str, str, str]]:
    """Each metric that the document has a row of, with its kind, its labels and what it tells."""
    return {name: (kind, labels, about) for name, kind, labels, about in ROW.findall(DOCUMENT.read_text())}


def made() -> Iterator[tuple[str, tuple[str, str, str]]]:
    """What the code has, in the document's words."""
    for each in (*of_aggregator.METRICS, *of_agent.METRICS):
        labels = ", ".join(f"`{label}`" for label in each.labels)
        yield each.name, ("counter" if each.is_counter else "gauge", labels, each.about)


def test_the_document_lists_every_metric_as_the_code_has_it() -> None:
    assert listed() == dict(made())


def test_labels_are_few_and_none_names_a_box_a_plate_or_a_person() -> None:
    """Each has few values: workers, cities, webhooks, a box's own cameras, and words of closed lists."""
    of_fleet = {label for each in of_aggregator.METRICS for label in each.labels}
    of_box = {label for each in of_agent.METRICS for label in each.labels}
    assert of_fleet == {"version", "worker", "reason", "kind", "folder", "resource", "city", "state", "line", "webhook"}
    assert of_box == {"version", "camera", "condition", "stage", "way", "reason"}


@pytest.mark.parametrize("name", [name for name, _ in made()])
def test_names_are_of_one_program_and_end_in_a_base_unit_or_count_things(name: str) -> None:
    assert re.fullmatch(r"atalaya(_[a-z]+)+", name)
    assert not re.search(r"_(ms|mb|kb|percent|minutes|hours|days|permille)(_|$)", name), "not a base unit"
