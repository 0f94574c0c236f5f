"""The documentation points at things that are there: links, anchors, make targets, decision records."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
MAKE = re.compile(r"`make ([a-z-]+)")
ADR_SECTIONS = ["Context", "Options", "Decision", "Cost"]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as forges build them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(prose(page)) if "://" not in target]
    assert [target for target in targets if not leads_somewhere(page, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    """Whether a relative link, with its anchor if it has one, is there."""
    name, _, anchor = target.partition("#")
    goal = (page.parent / name).resolve() if name else page
    return goal.exists() and (not anchor or anchor in anchors(goal))


def test_every_picture_is_there() -> None:
    shown = [(page, target) for page in PAGES for target in PICTURE.findall(prose(page))]
    assert [target for page, target in shown if not leads_somewhere(page, target)] == []


def make_targets() -> set[str]:
    """The targets that `make help` lists."""
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in listed.splitlines()}


def test_every_make_target_that_the_pages_name_exists() -> None:
    named = {target for page in PAGES for target in MAKE.findall(page.read_text())}
    assert named <= make_targets()


def test_contributing_explains_every_make_target() -> None:
    explained = set(MAKE.findall((ROOT / "CONTRIBUTING.md").read_text()))
    assert make_targets() - explained == {"help"}


def test_every_public_make_target_is_listed_in_help() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == make_targets()


def test_decision_records_are_numbered_without_gaps_and_indexed() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    assert [record.name for record in records if f"({record.name})" not in index] == []


def test_decision_records_have_their_sections() -> None:
    for record in (ROOT / "docs" / "adr").glob("[0-9]*.md"):
        assert re.findall(r"^## (.*)$", record.read_text(), re.MULTILINE) == ADR_SECTIONS, record.name
