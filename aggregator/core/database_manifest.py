"""What a backup of the database says of itself, and what must be true of it before a row is loaded.

1. The manifest is the archive's last member: a backup without one was cut off. It names every part with its length and
   SHA-256; a part that is missing, more or different is refused by name, before anything is written.
2. It names the migrations that the database had. A restore makes exactly that schema by the same texts, loads, and lets
   later migrations run on what was loaded. A backup of a newer release, or of other texts, is refused.
3. Of each table it has the number of rows and a fingerprint over all of them, in no order (the sum of a hash of each
   row). What was loaded must have the same.
4. Tables stand in an order in which every foreign key finds what it points to; a key of a table to itself is checked at
   the end of its own load.

A fingerprint finds damage. That nobody changed the backup on purpose rests on its encryption.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Final

import msgspec

from aggregator.errors import BadBackup

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member of the archive: how long it is there, and its SHA-256 in hexadecimal."""

    name: str
    bytes: int
    sha256: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table's rows: `name` with its schema, columns in the order of the copy."""

    name: str
    columns: tuple[str, ...]
    rows: int
    fingerprint: str
    parts: tuple[Part, ...] = ()


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """A migration that the database had, with the SHA-256 of its text."""

    number: int
    name: str
    sha256: str


class Sequence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where numbers go on."""

    name: str
    last_value: int
    is_called: bool


class Partition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of a table that is split by time: which, of what, from where to where (PostgreSQL's own words)."""

    name: str
    parent: str
    bounds: str


class Pictures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pictures that the database names: how many, how long together, how many of them were not in their store."""

    count: int = 0
    bytes: int = 0
    missing: int = 0
    is_included: bool = False
    lists: tuple[Part, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole backup."""

    format: int = FORMAT
    backup_id: str
    made_at: datetime
    release: str
    city: str
    server: str
    steps: tuple[Step, ...]
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...]
    partitions: tuple[Partition, ...]
    readers: tuple[str, ...]
    pictures: Pictures = Pictures()

    @property
    def rows(self) -> int:
        """All rows together."""
        return sum(table.rows for table in self.tables)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every member but pictures and this one, in the archive's order."""
        return (*(part for table in self.tables for part in table.parts), *self.pictures.lists)


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode(data: bytes) -> Manifest:
    """A manifest from its JSON; raises `BadBackup`."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as exc:
        raise BadBackup(f"{MANIFEST} is not what a backup of this release's form holds: {exc}") from exc
    if manifest.format != FORMAT:
        raise BadBackup(f"the backup's form is {manifest.format}, this release reads {FORMAT}")
    return manifest


def hold_to(manifest: Manifest, found: Mapping[str, Part]) -> None:
    """Hold what an archive had in it to its manifest; raises `BadBackup` with the part's name."""
    named = {part.name: part for part in manifest.parts}
    for name, part in named.items():
        if name not in found:
            raise BadBackup(f"part {name} is missing")
        if found[name] != part:
            raise BadBackup(f"part {name} was altered")
    for name in found:
        if name not in named:
            raise BadBackup(f"part {name} does not belong there")


def wanted_steps(manifest: Manifest, known: Iterable[Step]) -> frozenset[int]:
    """The numbers of the migrations that make the backup's schema, out of those known here; raises `BadBackup`."""
    ours = {step.number: step for step in known}
    for step in manifest.steps:
        if step.number not in ours:
            raise BadBackup(
                f"the backup was made with migration {step.number:04d}_{step.name}, which this release does not have; "
                f"install the release that made it ({manifest.release}) or a later one"
            )
        if ours[step.number].sha256 != step.sha256:
            raise BadBackup(f"migration {step.number:04d}_{step.name} is not the one that the backup was made with")
    return frozenset(step.number for step in manifest.steps)


def load_order(tables: Iterable[str], references: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Tables, each after those that its foreign keys (from, to) point to; otherwise by name."""
    graph: dict[str, set[str]] = {table: set() for table in sorted(tables)}
    for table, other in references:
        if table != other and table in graph and other in graph:
            graph[table].add(other)
    sorter = TopologicalSorter({table: sorted(others) for table, others in graph.items()})
    try:
        return tuple(sorter.static_order())
    except CycleError as exc:
        raise BadBackup(f"foreign keys run in a circle: {', '.join(exc.args[1])}") from exc
