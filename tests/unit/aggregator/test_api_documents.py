"""What is written of the API: openapi.json, the page for people, docs/api.md, each held to the code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from write_openapi import OPENAPI, text

from aggregator.core.api_tokens import Scope
from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.http.api.docs_page import FILES, HEADERS, page_of
from aggregator.http.api.openapi import SCOPES, document
from aggregator.http.api.problems import KINDS

MANUAL = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
PAGE = page_of(document())


def test_the_committed_document_is_what_the_code_says() -> None:
    assert OPENAPI.read_text(encoding="utf-8") == text(), "run scripts/write_openapi.py"


def test_every_resource_of_the_catalogue_is_served_under_a_scope() -> None:
    assert set(SCOPES) == set(CATALOGUE)


def test_no_plate_is_a_column_of_anything_but_plates() -> None:
    schemas: dict[str, Any] = document()["components"]["schemas"]  # any JSON
    with_plates = {name for name, schema in schemas.items() if {"plate", "observed"} & set(schema["properties"])}
    assert with_plates == {"PlatesRow"}


def test_no_plate_is_a_parameter_of_an_address() -> None:
    for item in document()["paths"].values():
        named = {each["name"] for each in item["get"].get("parameters", ()) if each["in"] == "query"}
        assert not {name for name in named if name.partition(".")[0] in ("plate", "observed")}


def test_the_manual_names_every_path_scope_and_problem() -> None:
    paths = [path.removeprefix("/api/v1") for path in document()["paths"]]
    named = MANUAL.replace("{n}", "{alert}")
    assert [path for path in paths if path not in named and path.strip("/") not in named] == []
    assert set(re.findall(r"^\| `([a-z]+)` \| `/", MANUAL, re.MULTILINE)) == set(Scope)
    rows = re.findall(r"^\| (.*) \| ([0-9, ]+) \|", MANUAL.partition("## When something is wrong")[2], re.MULTILINE)
    told = {word: status for names, status in rows for word in re.findall(r"`([a-z-]+)`", names)}
    assert set(told) == set(KINDS)
    assert [word for word, status in told.items() if str(KINDS[word].status) not in status] == []


@pytest.mark.parametrize("word", KINDS)
def test_a_problems_type_leads_to_its_line_of_the_page(word: str) -> None:
    assert f'<tr id="{word}">' in PAGE


def test_the_page_has_every_operation_and_loads_nothing_but_its_own_files() -> None:
    operations = [item["get"]["operationId"] for item in document()["paths"].values()]
    assert [name for name in operations if f'<details id="{name}">' not in PAGE] == []
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', PAGE)
    assert set(loaded) == {*FILES, "openapi.json"}
    assert "{{" not in PAGE
    assert not re.search(r"<script(?! src=)|style=|\son[a-z]+=", PAGE)
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")


def test_texts_of_the_document_are_no_markup_of_the_page() -> None:
    told = json.loads(json.dumps(document()).replace("Street points", "<script>alert(1)</script>"))
    assert "<script>alert" not in page_of(told)
    assert "&lt;script&gt;alert" in page_of(told)
