"""What cities and their region say to each other: transit records, rosters, the log down, notices.

Every city keeps its own root, and so does the region. Joining (`protocol.joining`) has each hold the other's root; from
then on each believes of the other what that root has granted, and nothing more.

1. Up, on the link's topic: a **transit record**, which names envelopes that the city has received and passed on, when,
   and by which rule. The envelopes themselves travel on the device's own topic, byte for byte.
2. Up, over HTTPS: items by kind and SHA-256, each signed by whoever stands behind it: batches and withdrawals by
   officers, revocations by the city's server, trust bundles by its root, and the **roster** (points, cameras, devices
   and their keys), which the city's server signs and numbers.
3. Both are answered by a **link receipt**: a receipt whose `device` is the city, in a context of its own.
4. Down there is one **log** for each city: numbered from 1 without a gap, each number bound to all before it by a hash.
   The **head** says how far it goes, signed. What is behind the last number taken, or another hash under it, is a
   rollback. A **page** holds the items after a number and the head at its end: it is taken whole or not at all.
   A log has an id; a city follows the one that it joined. A region that lost its log starts another, and its cities
   join again: nothing is taken back in silence.
5. The log proves what was said and that nothing was left out, not that it is true. Each body is believed on its own
   signatures only, so no region can forge an entry, a revocation or another city's bundle.
6. A **notice** tells a city of a hit in another, until a time. It is signed by the region and names the city it is for.
   It carries the device's own envelope only where the region's policy lets that city see it.

Items of a kind that is not known here keep their place in the chain and are passed over.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum, unique
from typing import Annotated, Final

import msgspec

from protocol.envelope import MAX_ENVELOPE_BYTES, OVERHEAD_BYTES, Context, Envelope, parse, sign
from protocol.errors import BadEnvelope, DecodeError
from protocol.fields import Count, Hash, Id, Label, Number, Ordinal, TimeMs, Word
from protocol.hotlist import MAX_SNAPSHOT_BYTES
from protocol.keys import Signer
from protocol.messages import VERSION
from protocol.receipts import MAX_RECEIPT_BYTES, Receipt, ReceiptItem, decode_receipt
from protocol.refusals import Refusal
from protocol.revocations import MAX_LIST_BYTES
from protocol.roster import MAX_ROSTER_BYTES
from protocol.settings import MAX_SETTINGS_BYTES
from protocol.trust import MAX_TRUST_BYTES, Role, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

ITEMS_PATH: Final = "/federation/items"
LOG_PATH: Final = "/federation/log"
MAX_TRANSIT_BYTES: Final = 64 * 1024
MAX_TRANSIT_ITEMS: Final = 500
MAX_HEAD_BYTES: Final = 1024
MAX_NOTICE_BYTES: Final = MAX_ENVELOPE_BYTES + 8 * 1024
MAX_INLINE_BYTES: Final = 64 * 1024
MAX_ITEM_BYTES: Final = MAX_INLINE_BYTES + 1024
MAX_PAGE_ITEMS: Final = 200
MAX_PAGE_BYTES: Final = 16 * 1024 * 1024
LONGEST_NOTICE_MS: Final = 7 * 24 * 3600 * 1000
NOTHING_YET: Final = bytes(32)
"""The hash before the first item of a log."""

LogId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


@unique
class ItemKind(IntEnum):
    """What an item of the link is. Numbers are wire values."""

    BATCH = 1  # as two officers signed it
    WITHDRAWAL = 2
    REVOCATIONS = 3  # a city's revoked keys
    TRUST = 4  # a city's trust bundle
    ROSTER = 5  # a city's points, cameras and devices
    NOTICE = 6  # of a hit elsewhere
    SETTINGS = 7  # a settings document for one of the city's boxes

    @property
    def slug(self) -> str:
        """The kind's word in addresses and on command lines."""
        return self.name.lower()


KIND_OF_SLUG: Final = {kind.slug: kind for kind in ItemKind}
UPWARD: Final = frozenset({ItemKind.BATCH, ItemKind.WITHDRAWAL, ItemKind.REVOCATIONS, ItemKind.TRUST, ItemKind.ROSTER})
"""What a city brings to its region; the log brings down all kinds."""
MAX_BODY_BYTES: Final[dict[ItemKind, int]] = {
    ItemKind.BATCH: MAX_SNAPSHOT_BYTES,
    ItemKind.WITHDRAWAL: MAX_SNAPSHOT_BYTES,
    ItemKind.REVOCATIONS: MAX_LIST_BYTES + 1024,
    ItemKind.TRUST: MAX_TRUST_BYTES,
    ItemKind.ROSTER: MAX_ROSTER_BYTES,
    ItemKind.NOTICE: MAX_NOTICE_BYTES,
    ItemKind.SETTINGS: MAX_SETTINGS_BYTES,
}


# --- up: transit records, and the answers to everything that goes up ----------------------------------------


class TransitItem(WireStruct, frozen=True, kw_only=True):
    """One envelope that a city passed on: when it received it, and the rule by which it let it pass."""

    hash: Hash = msgspec.field(name="0")
    received_ms: TimeMs = msgspec.field(name="1")
    rule: Word = msgspec.field(name="2")


class Transit(WireStruct, frozen=True, kw_only=True):
    """A city's own word on envelopes that it passed on."""

    version: Number = msgspec.field(name="0")
    city: Id = msgspec.field(name="1")
    created_ms: TimeMs = msgspec.field(name="2")
    items: Annotated[tuple[TransitItem, ...], msgspec.Meta(min_length=1, max_length=MAX_TRANSIT_ITEMS)] = msgspec.field(
        name="3"
    )


def sign_transit(city: str, items: Iterable[TransitItem], signer: Signer, *, created_ms: int) -> bytes:
    """A transit record under the key of a city's server (granted RECEIPT there)."""
    transit = Transit(version=VERSION, city=city, created_ms=created_ms, items=tuple(items))
    return sign(to_bytes(transit, max_bytes=MAX_TRANSIT_BYTES - OVERHEAD_BYTES), signer, Context.TRANSIT)


def decode_transit(envelope: Envelope) -> Transit:
    """Read a transit record whose envelope was verified; raises `DecodeError`."""
    return from_versioned(envelope.payload, Transit, max_bytes=MAX_TRANSIT_BYTES)


def accept_transit(raw: bytes, trust: TrustStore, *, city: str) -> Transit | Refusal:
    """A record that a server of this city made when it might, or why not. `trust` is the city's."""
    found = trust.read_signed(
        raw, Context.TRANSIT, Role.RECEIPT, decode_transit, city=city, max_bytes=MAX_TRANSIT_BYTES
    )
    if isinstance(found, Refusal):
        return found
    transit, grants = found
    if transit.city != city:
        return Refusal.NOT_YOUR_PLACE
    return transit if any(grant.is_current(transit.created_ms) for grant in grants) else Refusal.UNKNOWN_KEY


def sign_link_receipt(city: str, items: Iterable[ReceiptItem], signer: Signer, *, time_ms: int) -> bytes:
    """The region's answer to what came over a city's link, by hash."""
    receipt = Receipt(version=VERSION, device=city, time_ms=time_ms, items=tuple(items))
    return sign(to_bytes(receipt, max_bytes=MAX_RECEIPT_BYTES - OVERHEAD_BYTES), signer, Context.LINK_RECEIPT)


def accept_link_receipt(raw: bytes, trust: TrustStore, *, city: str) -> Receipt | Refusal:
    """An answer that a server of the region gave this city when it might, or why not. `trust` is the region's."""
    found = trust.read_signed(
        raw, Context.LINK_RECEIPT, Role.RECEIPT, decode_receipt, city=city, max_bytes=MAX_RECEIPT_BYTES
    )
    if isinstance(found, Refusal):
        return found
    receipt, grants = found
    if receipt.device != city:
        return Refusal.NOT_YOUR_PLACE
    return receipt if any(grant.is_current(receipt.time_ms) for grant in grants) else Refusal.UNKNOWN_KEY


# --- down: the log ------------------------------------------------------------------------------------------


class LogItem(WireStruct, frozen=True, kw_only=True):
    """One line of a city's log: what it is, whose, and the body's hash. A short body is there, a long one is fetched.

    `origin` is the city whose root stands behind the body, or the region. `kind` may be none of `ItemKind`.
    """

    version: Number = msgspec.field(name="0")
    number: Ordinal = msgspec.field(name="1")
    kind: Number = msgspec.field(name="2")
    origin: Id = msgspec.field(name="3")
    created_ms: TimeMs = msgspec.field(name="4")
    sha256: Hash = msgspec.field(name="5")
    size_bytes: Ordinal = msgspec.field(name="6")
    body: Annotated[bytes, msgspec.Meta(max_length=MAX_INLINE_BYTES)] = msgspec.field(name="7", default=b"")

    def __post_init__(self) -> None:
        """Hold a body that is there to its hash."""
        if self.body and not self.holds(self.body):
            raise ValueError("a body of another hash or size than the item says")

    def holds(self, body: bytes) -> bool:
        """Whether bytes, fetched from somewhere, are this item's body."""
        return len(body) == self.size_bytes and hashlib.sha256(body).digest() == self.sha256


class Head(WireStruct, frozen=True, kw_only=True):
    """How far a city's log goes: its last number, and the hash that binds everything up to it."""

    version: Number = msgspec.field(name="0")
    city: Id = msgspec.field(name="1")
    log: LogId = msgspec.field(name="2")
    number: Count = msgspec.field(name="3")
    hash: Hash = msgspec.field(name="4")
    created_ms: TimeMs = msgspec.field(name="5")


class Page(WireStruct, frozen=True, kw_only=True):
    """Items after a number, encoded, and the signed head of the log where this page ends."""

    version: Number = msgspec.field(name="0")
    head: Annotated[bytes, msgspec.Meta(max_length=MAX_HEAD_BYTES)] = msgspec.field(name="1")
    items: Annotated[tuple[bytes, ...], msgspec.Meta(max_length=MAX_PAGE_ITEMS)] = msgspec.field(name="2", default=())


@dataclass(frozen=True, slots=True)
class Followed:
    """What a city has taken of its log: of which, up to which number, and the hash there."""

    log: bytes = b""
    number: int = 0
    hash: bytes = NOTHING_YET


@dataclass(frozen=True, slots=True)
class TakenPage:
    """Items whose chain holds, and where the city stands once they are done with."""

    items: tuple[LogItem, ...]
    followed: Followed


@unique
class HeadRefusal(Enum):
    """Why a head or a page was not taken; counted under these words."""

    BAD_FORM = "bad_form"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    OTHER_CITY = "other_city"
    OTHER_LOG = "other_log"
    ROLLED_BACK = "rolled_back"
    BROKEN_CHAIN = "broken_chain"


def make_item(number: int, kind: ItemKind, origin: str, body: bytes, *, created_ms: int) -> LogItem:
    """The line for a body, which travels in it if it is short."""
    return LogItem(
        version=VERSION,
        number=number,
        kind=int(kind),
        origin=origin,
        created_ms=created_ms,
        sha256=hashlib.sha256(body).digest(),
        size_bytes=len(body),
        body=body if len(body) <= MAX_INLINE_BYTES else b"",
    )


def encode_item(item: LogItem) -> bytes:
    """A line as it is chained, kept and sent."""
    return to_bytes(item, max_bytes=MAX_ITEM_BYTES)


def chained(previous: bytes, encoded: bytes) -> bytes:
    """The hash at a line, from the hash before it (`NOTHING_YET` before the first)."""
    return hashlib.sha256(previous + encoded).digest()


def sign_head(head: Head, signer: Signer) -> bytes:
    """A head under the key of the region's server (granted MANIFEST)."""
    return sign(to_bytes(head, max_bytes=MAX_HEAD_BYTES - OVERHEAD_BYTES), signer, Context.LOG_HEAD)


def encode_page(head: bytes, items: Iterable[bytes]) -> bytes:
    """A page of encoded lines, and the signed head at the last of them."""
    return to_bytes(Page(version=VERSION, head=head, items=tuple(items)), max_bytes=MAX_PAGE_BYTES)


def accept_head(raw: bytes, trust: TrustStore, *, city: str, followed: Followed, at_ms: int) -> Head | HeadRefusal:
    """A head to follow, or why not. The one that was followed last is taken again. `trust` is the region's."""
    try:
        envelope = parse(raw, max_bytes=MAX_HEAD_BYTES)
        refusal = trust.check(envelope, Context.LOG_HEAD, Role.MANIFEST, city=city, at_ms=at_ms)
        if refusal is not None:
            return HeadRefusal.UNKNOWN_KEY if refusal is Refusal.UNKNOWN_KEY else HeadRefusal.BAD_SIGNATURE
        head = from_versioned(envelope.payload, Head, max_bytes=MAX_HEAD_BYTES)
    except (BadEnvelope, DecodeError) as exc:
        return _refusal_of(exc)
    return _judge_head(head, city, followed) or head


def accept_page(raw: bytes, trust: TrustStore, *, city: str, followed: Followed, at_ms: int) -> TakenPage | HeadRefusal:
    """The items of a page that goes on exactly where the city stands and ends at a head that may be followed."""
    try:
        page = from_versioned(raw, Page, max_bytes=MAX_PAGE_BYTES)
        items = tuple(from_versioned(each, LogItem, max_bytes=MAX_ITEM_BYTES) for each in page.items)
    except DecodeError as exc:
        return _refusal_of(exc)
    head = accept_head(page.head, trust, city=city, followed=followed, at_ms=at_ms)
    if isinstance(head, HeadRefusal):
        return head
    at = followed.hash
    for encoded in page.items:
        at = chained(at, encoded)
    numbers = [item.number for item in items]
    is_whole = numbers == list(range(followed.number + 1, head.number + 1)) and at == head.hash
    return TakenPage(items, Followed(head.log, head.number, head.hash)) if is_whole else HeadRefusal.BROKEN_CHAIN


def _judge_head(head: Head, city: str, followed: Followed) -> HeadRefusal | None:
    if head.city != city:
        return HeadRefusal.OTHER_CITY
    if followed.log not in (b"", head.log):
        return HeadRefusal.OTHER_LOG
    is_other = head.number == followed.number and head.hash != followed.hash
    return HeadRefusal.ROLLED_BACK if head.number < followed.number or is_other else None


def _refusal_of(exc: BadEnvelope | DecodeError) -> HeadRefusal:
    is_version = exc.refusal is Refusal.UNKNOWN_VERSION
    return HeadRefusal.UNKNOWN_VERSION if is_version else HeadRefusal.BAD_FORM


# --- notices ------------------------------------------------------------------------------------------------


class Notice(WireStruct, frozen=True, kw_only=True):
    """Of a hit that city `city` saw, to city `to`. `why`: `asked` (its own entry), `neighbour` or `corridor`."""

    version: Number = msgspec.field(name="0")
    to: Id = msgspec.field(name="1")
    hit: Hash = msgspec.field(name="2")
    city: Id = msgspec.field(name="3")
    point: Id = msgspec.field(name="4")
    camera: Id = msgspec.field(name="5")
    why: Word = msgspec.field(name="6")
    reason: Word = msgspec.field(name="7")
    entries: Annotated[tuple[Id, ...], msgspec.Meta(max_length=8)] = msgspec.field(name="8")
    captured_ms: TimeMs = msgspec.field(name="9")
    created_ms: TimeMs = msgspec.field(name="10")
    until_ms: TimeMs = msgspec.field(name="11")
    envelope: Annotated[bytes, msgspec.Meta(max_length=MAX_ENVELOPE_BYTES)] = msgspec.field(name="12", default=b"")
    corridor: Label = msgspec.field(name="13", default="")

    def __post_init__(self) -> None:
        """Hold it to a bounded time, and an envelope to the hit's hash."""
        if not 0 < self.until_ms - self.created_ms <= LONGEST_NOTICE_MS:
            raise ValueError("a notice that ends before it is made, or too long after")
        if self.envelope and hashlib.sha256(self.envelope).digest() != self.hit:
            raise ValueError("an envelope that is not the hit's")


def sign_notice(notice: Notice, signer: Signer) -> bytes:
    """A notice under the key of the region's server (granted RECEIPT)."""
    return sign(to_bytes(notice, max_bytes=MAX_NOTICE_BYTES - OVERHEAD_BYTES), signer, Context.NOTICE)


def accept_notice(raw: bytes, trust: TrustStore, *, city: str, at_ms: int) -> Notice | Refusal:
    """A notice to this city by a server of the region, or why not. One whose time is over is still read."""
    try:
        envelope = parse(raw, max_bytes=MAX_NOTICE_BYTES)
        refusal = trust.check(envelope, Context.NOTICE, Role.RECEIPT, city=city, at_ms=at_ms)
        if refusal is not None:
            return refusal
        notice = from_versioned(envelope.payload, Notice, max_bytes=MAX_NOTICE_BYTES)
    except (BadEnvelope, DecodeError) as exc:
        return exc.refusal
    return notice if notice.to == city else Refusal.NOT_YOUR_PLACE
