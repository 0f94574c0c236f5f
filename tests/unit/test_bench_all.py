"""The page of benchmarks is brought up to date entry by entry."""

from datetime import UTC, datetime

import pytest
from bench_all import BEGIN, DATA, END, PAGE, commands, entry, main, updated

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)


def make_entry(line: str) -> str:
    return entry(line, now=NOW, machine="2 cores (some)", commit="abc")


def test_a_new_line_replaces_its_own_and_keeps_the_others() -> None:
    page = updated(f"before\n{BEGIN}\n{END}\nafter\n", {"scripts/bench_a.py": make_entry('{"a": 1}')})
    page = updated(page, {"scripts/bench_b.py --more": make_entry('{"b": 1}')})
    page = updated(page, {"scripts/bench_a.py": make_entry('{"a": 2}')})
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert '{"a": 1}' not in page
    assert page.index('{"a": 2}') < page.index("`scripts/bench_b.py --more`") < page.index('{"b": 1}')
    assert page.count("2026-11-22 15:00 UTC, 2 cores (some), commit abc") == 2


def test_a_page_without_the_block_is_left_alone() -> None:
    with pytest.raises(SystemExit, match="no generated block"):
        updated("only prose", {})


def test_the_page_holds_the_block() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page, {}) == page


def test_a_benchmark_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="no benchmark nonsense"):
        commands(["nonsense"])
    assert "scripts/bench_ingest.py --backlog sample" in commands(["ingest"])


def test_what_needs_photographs_is_left_out_with_a_word_where_there_are_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = [f"scripts/bench_{name}.py {DATA}" for name in ("accuracy", "redaction")]
    assert commands(["accuracy", "redaction"]) == asked
    before = PAGE.read_bytes()
    assert main(["accuracy", "redaction"]) == 0
    told = capsys.readouterr().err
    assert all(f"left out: {command} (no photographs" in told for command in asked)
    assert PAGE.read_bytes() == before
