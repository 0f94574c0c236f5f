"""docs/analyst.md lists what may be asked as the catalogue has it."""

import re
from pathlib import Path

from aggregator.core.asking.catalogue import CATALOGUE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "analyst.md").read_text(encoding="utf-8")


def test_the_page_lists_every_resource_with_what_it_is() -> None:
    part = PAGE.split("\n## What may be asked\n", 1)[1].split("\n## ", 1)[0]
    listed = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+) \|$", part, re.MULTILINE)
    assert [(name, about) for name, about, _ in listed] == [(each.name, each.about) for each in CATALOGUE.values()]
    for name, _, sums in listed:
        measures = {measure.name for measure in CATALOGUE[name].measures}
        assert set(re.findall(r"`(\w+)`", sums)) <= measures, name
        assert (sums == "never") == (not measures), name
