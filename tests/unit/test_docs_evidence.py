"""docs/evidence.md and docs/audit.md say what the code does: every file of an export, every command and option."""

import re
from pathlib import Path

import pytest
from cyclopts import App

from aggregator.cli import audit, evidence
from aggregator.core import export_manifest as form
from aggregator.core.audit import next_row
from aggregator.core.checkpoint import Checkpoint
from aggregator.core.export_damage import CHUNK_BYTES, MOST_HEALED
from protocol.clock import from_ms
from protocol.envelope import Context
from protocol.wire import WireStruct

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("evidence", "audit")}
NUMBERS = {4: "four"}


@pytest.mark.parametrize("app", [evidence.app, audit.app], ids=lambda app: str(app.name[0]))
def test_every_command_is_shown(app: App) -> None:
    commands = [name for name in app if not name.startswith("-")]
    assert commands
    page = PAGES[app.name[0]]
    assert [name for name in commands if f"aggregator {app.name[0]} {name}" not in page] == []


def test_every_file_of_an_export_is_told() -> None:
    named = [form.MANIFEST, form.SEAL, form.CHUNKS, form.HIT, form.EVIDENCE, form.UNAVAILABLE, form.RECEIPT]
    named += [form.CHECKPOINT, form.CUSTODY, form.ROOT_KEY, form.TRUST, form.TRUST_THEN, form.REDACTED, form.SEALED]
    assert [name for name in named if f"`{name}`" not in PAGES["evidence"]] == []


@pytest.mark.parametrize(
    ("page", "name", "struct"), [("evidence", "export-seal", form.Seal), ("audit", "audit-checkpoint", Checkpoint)]
)
def test_the_cddl_has_the_fields_of_what_is_signed(page: str, name: str, struct: type[WireStruct]) -> None:
    (rule,) = re.findall(rf"^{name} = \{{(.*?)^\}}", PAGES[page], re.MULTILINE | re.DOTALL)
    assert re.findall(r"^  (\d+):", rule, re.MULTILINE) == list(struct.__struct_encode_fields__)


def test_bounds_and_contexts_are_the_codes() -> None:
    page = PAGES["evidence"]
    assert f"every {CHUNK_BYTES:,} bytes of every file" in page
    assert f"more than {NUMBERS[MOST_HEALED]} kilobytes" in page
    assert Context.EXPORT.value.decode() in page
    assert Context.CHECKPOINT.value.decode() in PAGES["audit"]


def test_a_rows_hash_is_made_as_the_page_says() -> None:
    assert (
        '["atalaya/v1/audit", number, microseconds since 1970, actor, action, subject, reason, hash of the row before]'
        in (PAGES["audit"])
    )
    row = next_row(None, at=from_ms(1), actor="a", action="b", subject="c", reason="d")
    assert (row.number, row.previous_hash) == (1, bytes(32))
