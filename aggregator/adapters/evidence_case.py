"""A hit with everything that belongs to it, out of the database and the evidence store, as it lies there.

Nothing is judged here and nothing audited: `evidence_desk` does both, before anything is shown. Envelopes come byte for
byte as they were received.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import asyncpg

from aggregator.adapters import hotlist_store
from aggregator.adapters.database import Connection
from aggregator.adapters.foreign_lists import batch_in
from aggregator.adapters.statements import statements
from aggregator.core.export_manifest import Chain, Delivered, DeviceKey, Neighbour
from aggregator.errors import BadInput, NotThere
from protocol.envelope import parse
from protocol.messages import (
    Body,
    Evidence,
    EvidenceUnavailable,
    Hit,
    HitAmended,
    Kind,
    Message,
    body_of,
    decode_message,
)

LEAST_DIGITS: Final = 8
_DIGITS: Final = 64


@dataclass(frozen=True, slots=True)
class Stored:
    """An envelope as it was received, what it says, and how it was delivered."""

    file: str
    raw: bytes = field(repr=False)
    message: Message = field(repr=False)
    body: Body = field(repr=False)
    delivered: Delivered


@dataclass(frozen=True, slots=True)
class Listed:
    """A matched entry's batch as the officers signed it, and its case; none of another city's, which keeps it."""

    entry: str
    batch: str
    signed: bytes = field(repr=False)
    approved_at: datetime
    withdrawn_at: datetime | None
    case_number: str | None = field(default=None, repr=False)
    salt: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Certified:
    """The key under which the box signed the hit, and its certificate."""

    spki: bytes
    certificate_pem: str
    registry: DeviceKey


@dataclass(frozen=True, slots=True)
class Found:
    """A hit and what belongs to it. `pictures` says in which state each picture is, by its hash."""

    hash: bytes
    envelopes: tuple[Stored, ...]
    key: Certified
    chain: Chain
    pictures: dict[bytes, str]
    batches: tuple[Listed, ...]
    trust_number_then: int | None

    @property
    def hit(self) -> Hit:
        """The hit."""
        body = self.envelopes[0].body
        assert isinstance(body, Hit)  # noqa: S101  the query gives the hit first
        return body

    @property
    def evidence(self) -> Evidence | None:
        """The message that names the picture's hashes."""
        return next((one.body for one in self.envelopes if isinstance(one.body, Evidence)), None)

    @property
    def unavailable(self) -> str | None:
        """Why there is no picture, if the box said so."""
        return next((one.body.reason for one in self.envelopes if isinstance(one.body, EvidenceUnavailable)), None)

    @property
    def entries(self) -> frozenset[str]:
        """Every entry that the hit or an amendment of it matched."""
        return entries_of(self.envelopes)


async def find_hit(connection: Connection, text: str) -> bytes:
    """The hash of the one hit whose hash begins so; raises `BadInput` or `NotThere`."""
    digits = text.lower()
    if not LEAST_DIGITS <= len(digits) <= _DIGITS or set(digits) - set("0123456789abcdef"):
        raise BadInput(f"name the hit by its hash, {LEAST_DIGITS} to {_DIGITS} hexadecimal digits of it")
    low, high = (bytes.fromhex(digits.ljust(_DIGITS, end)) for end in "0f")
    found = await connection.fetch(_sql("find"), low, high)
    if not found:
        raise NotThere(f"no hit {digits}; see `aggregator evidence list`")
    if len(found) > 1:
        raise BadInput(f"several hits begin with {digits}; give more digits")
    return bytes(found[0]["envelope_hash"])


async def gather(connection: Connection, hit: bytes) -> Found:
    """A hit and all that belongs to it."""
    device = await connection.fetchval(_sql("device_of"), hit)
    rows = await connection.fetch(_sql("envelopes"), hit, device)
    names = _file_names([row["kind"] for row in rows])
    envelopes = tuple([await _stored(connection, row, name) for row, name in zip(rows, names, strict=True)])
    first = envelopes[0]
    evidence = next((one.body for one in envelopes if isinstance(one.body, Evidence)), None)
    wanted = [evidence.redacted_sha256, evidence.sealed_sha256] if evidence else []
    body = first.body
    version = body.hotlist_version if isinstance(body, Hit) else 0
    return Found(
        hash=hit,
        envelopes=envelopes,
        key=await _key(connection, device, first.raw),
        chain=await _chain(connection, device, first.message.outbox),
        pictures={sha256: await _picture_state(connection, device, sha256) for sha256 in wanted},
        batches=await _batches(connection, entries_of(envelopes)),
        trust_number_then=await connection.fetchval(_sql("trust_number_of_list"), first.message.city, version),
    )


def entries_of(envelopes: Iterable[Stored]) -> frozenset[str]:
    """The entries that a hit or its amendments matched."""
    bodies = [one.body for one in envelopes if isinstance(one.body, Hit | HitAmended)]
    return frozenset(match.entry for body in bodies for match in body.matches)


def _file_names(kinds: Sequence[str]) -> list[str]:
    names, amendments = [], 0
    for kind in kinds:
        amendments += kind == "amendment"
        names.append(f"envelopes/{kind}{f'-{amendments:03}' if kind == 'amendment' else ''}.cose")
    return names


async def _stored(connection: Connection, row: asyncpg.Record, file: str) -> Stored:
    message = decode_message(parse(row["envelope"]).payload)
    place = (row["device_id"], row["outbox"], row["sequence"])
    near = await connection.fetch(_sql("deliveries"), *place)
    own = next(each for each in near if each["envelope_hash"] == row["envelope_hash"])
    delivered = Delivered(
        file=file,
        sha256=row["envelope_hash"].hex(),
        received_at=own["received_at"],
        redeliveries=own["redeliveries"],
        before=_neighbour(each for each in near if each["envelope_hash"] == own["previous_hash"]),
        after=_neighbour(each for each in near if each["previous_hash"] == own["envelope_hash"]),
    )
    return Stored(file, row["envelope"], message, body_of(message), delivered)


def _neighbour(rows: Iterable[asyncpg.Record]) -> Neighbour | None:
    row = next(iter(rows), None)
    if row is None:
        return None
    return Neighbour(
        sequence=row["sequence"],
        kind=Kind(row["kind"]).slug,
        sha256=row["envelope_hash"].hex(),
        previous_sha256=row["previous_hash"].hex(),
    )


async def _key(connection: Connection, device: str, envelope: bytes) -> Certified:
    key_id = parse(envelope).key_id
    for row in await connection.fetch(_sql("device_keys"), device):
        if row["key_id"] == key_id and row["certificate_pem"] is None:
            raise NotThere(f"{device} is certified by its own city's command centre: export the evidence there")
        if row["key_id"] == key_id:
            registry = DeviceKey(
                key_id=key_id.hex(),
                registered_at=row["issued_at"],
                revoked_at=row["revoked_at"],
                revoked_reason=row["revoked_reason"],
            )
            return Certified(row["spki"], row["certificate_pem"], registry)
    raise NotThere(f"the registry has lost the key under which {device} signed this hit: restore it from a backup")


async def _chain(connection: Connection, device: str, outbox: bytes) -> Chain:
    row = await connection.fetchrow(_sql("chain"), device, outbox)
    return Chain(
        accounted_for_up_to=row["head"] if row else None,
        highest_sequence=row["highest"] if row else None,
        forks=tuple(row["forks"]) if row else (),
        breaks=tuple(row["breaks"]) if row else (),
        is_cloned=await connection.fetchval(_sql("is_cloned"), device),
    )


async def _picture_state(connection: Connection, device: str, sha256: bytes) -> str:
    state: str | None = await connection.fetchval(_sql("picture_state"), device, sha256)
    return state or "on its way"


async def _batches(connection: Connection, entries: frozenset[str]) -> tuple[Listed, ...]:
    rows = await connection.fetch(_sql("batches"), sorted(entries))
    shared = await connection.fetch(_sql("batches_of_others"), sorted(entries))
    return tuple(
        [
            Listed(
                entry=row["entry_id"],
                batch=row["batch_id"],
                signed=(await hotlist_store.signed_batch(connection, row)).to_bytes(),
                approved_at=row["approved_at"],
                withdrawn_at=row["withdrawn_at"],
                case_number=row["case_number"],
                salt=row["case_salt"],
            )
            for row in rows
        ]
        + [
            Listed(
                entry=row["entry_id"],
                batch=batch_in(row["bytes"]).batch,
                signed=row["bytes"],
                approved_at=row["kept_at"],
                withdrawn_at=row["withdrawn_at"],
            )
            for row in shared
        ]
    )


def _sql(name: str) -> str:
    return statements("case")[name]
