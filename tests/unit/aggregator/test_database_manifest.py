"""A backup's manifest: what is missing, altered or out of place is told by name; tables load in an order that works."""

from datetime import UTC, datetime

import msgspec
import pytest

from aggregator.core.database_manifest import (
    Manifest,
    Part,
    Step,
    Table,
    decode,
    encode,
    hold_to,
    load_order,
    wanted_steps,
)
from aggregator.errors import BadBackup

PARTS = (Part("tables/public.hit/000001.copy.gz", 7, "aa"), Part("tables/public.hit/000002.copy.gz", 9, "bb"))
STEPS = (Step(1, "registry", "11"), Step(2, "ingest", "22"))
MANIFEST = Manifest(
    backup_id="0123456789abcdef",
    made_at=datetime(2026, 11, 23, tzinfo=UTC),
    release="0.1.0",
    city="saltillo",
    server="18.6",
    steps=STEPS,
    tables=(Table("public.hit", ("envelope_hash",), 2, "-5", PARTS),),
    sequences=(),
    partitions=(),
    readers=(),
)


def found(*parts: Part) -> dict[str, Part]:
    return {part.name: part for part in parts}


def test_a_manifest_comes_back_as_it_was() -> None:
    assert decode(encode(MANIFEST)) == MANIFEST
    assert (MANIFEST.rows, MANIFEST.parts) == (2, PARTS)


@pytest.mark.parametrize("data", [b"", b"{}", encode(MANIFEST)[:-2], encode(MANIFEST).replace(b'"city"', b'"town"')])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(BadBackup, match="manifest"):
        decode(data)


def test_another_form_is_refused() -> None:
    with pytest.raises(BadBackup, match="form is 2"):
        decode(encode(msgspec.structs.replace(MANIFEST, format=2)))


def test_parts_are_held_to_their_names() -> None:
    hold_to(MANIFEST, found(*PARTS))
    with pytest.raises(BadBackup, match=r"000002\.copy\.gz is missing"):
        hold_to(MANIFEST, found(PARTS[0]))
    with pytest.raises(BadBackup, match=r"000002\.copy\.gz was altered"):
        hold_to(MANIFEST, found(PARTS[0], msgspec.structs.replace(PARTS[1], sha256="cc")))
    with pytest.raises(BadBackup, match="stranger does not belong"):
        hold_to(MANIFEST, found(*PARTS, Part("stranger", 1, "dd")))


def test_a_backup_takes_the_migrations_that_it_names_and_no_other() -> None:
    later = Step(3, "hotlist", "33")
    assert wanted_steps(MANIFEST, (*STEPS, later)) == {1, 2}
    with pytest.raises(BadBackup, match=r"0002_ingest.*does not have"):
        wanted_steps(MANIFEST, STEPS[:1])
    with pytest.raises(BadBackup, match="0002_ingest is not the one"):
        wanted_steps(MANIFEST, (STEPS[0], Step(2, "ingest", "changed")))


def test_tables_come_after_those_that_they_refer_to() -> None:
    order = load_order(["a", "b", "c", "d"], [("a", "c"), ("c", "d"), ("d", "d"), ("b", "elsewhere")])
    assert order.index("d") < order.index("c") < order.index("a")
    assert set(order) == {"a", "b", "c", "d"}
    with pytest.raises(BadBackup, match="circle"):
        load_order(["a", "b"], [("a", "b"), ("b", "a")])
